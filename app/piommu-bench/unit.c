/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated machine, with its registers behind a door: what the simulated unit does when a register of its is written is
 * hardware's work, and must not be counted as the library's. Any thread.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "bench.h"
#include "piommu_driver.h"

/* The platform's own ops, but for a few. */
struct door {
	struct piommu_platform_ops ops;
	const struct piommu_platform_ops *real;
	bool answers; /* its queues are taken over by hardware that only answers */
	double latency_ns;
};

struct hidden {
	struct piommu_window real;
	struct piommu_platform *plat;
	struct answer *answer; /* NULL: the simulated unit does it all */
};

static uint64_t read_through(struct piommu_window *window, unsigned off, unsigned width)
{
	struct hidden *hidden = window->ctx;
	uint64_t value;

	count_pause();
	if (!hidden->answer || !answer_read(hidden->answer, off, &value))
		value = hidden->real.ops->read(&hidden->real, off, width);
	count_resume();
	return value;
}

static void write_through(struct piommu_window *window, unsigned off, unsigned width, uint64_t value)
{
	struct hidden *hidden = window->ctx;

	count_pause();
	if (!hidden->answer || !answer_write(hidden->answer, hidden->plat->va_off, off, value))
		hidden->real.ops->write(&hidden->real, off, width, value);
	count_resume();
}

static const struct piommu_window_ops through = { read_through, write_through };

static const struct door *door_of(const struct piommu_platform *plat)
{
	return (const struct door *)(const void *)plat->ops;
}

static int window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		      struct piommu_window *out)
{
	const struct door *door = door_of(plat);
	struct hidden *hidden = calloc(1, sizeof(*hidden));
	int err = hidden ? door->real->window_map(plat, unit, access, &hidden->real) : -ENOMEM;

	if (err)
		goto free_hidden;
	if (door->answers && access == PIOMMU_WINDOW_CONTROL)
		err = answer_create(unit->family, door->latency_ns, &hidden->answer);
	if (err)
		goto unmap;
	hidden->plat = plat;
	*out = hidden->real;
	out->ops = &through;
	out->ctx = hidden;
	return 0;

unmap:
	door->real->window_unmap(plat, &hidden->real);
free_hidden:
	free(hidden);
	return err;
}

static void window_unmap(struct piommu_platform *plat, struct piommu_window *window)
{
	struct hidden *hidden = window->ctx;

	if (hidden) {
		answer_destroy(hidden->answer);
		door_of(plat)->real->window_unmap(plat, &hidden->real);
	}
	free(hidden);
	*window = (struct piommu_window){ 0 };
}

/* The unit has a processor of its own, as hardware has; where it has not, it gets ours now and then. */
static void relax(struct piommu_platform *plat)
{
	enum {
		PATIENCE = 256
	};
	static _Thread_local unsigned steps;

	(void)plat;
	if (++steps % PATIENCE)
		cpu_relax();
	else
		sched_yield();
}

static void close_all(struct piommu_platform *plat)
{
	struct door *door = (struct door *)(uintptr_t)plat->ops;

	door->real->close(plat);
	free(door);
}

int unit_open(const char *platform, bool answers, double latency_ns, struct piommu_platform **out)
{
	static const struct piommu_log log = { piommu_log_stderr, NULL, PIOMMU_LOG_WARN };
	const struct piommu_platform_driver *const *driver = piommu_platforms;
	struct door *door;
	int err;

	while (*driver && strcmp((*driver)->name, "sim"))
		driver++;
	if (!*driver)
		return -ENOENT;
	door = malloc(sizeof(*door));
	if (!door)
		return -ENOMEM;
	err = (*driver)->open(platform[3] == ':' ? platform + 4 : "", &log, out);
	if (err) {
		free(door);
		return err;
	}
	*door = (struct door){ *(*out)->ops, (*out)->ops, answers, latency_ns };
	door->ops.window_map = window_map;
	door->ops.window_unmap = window_unmap;
	door->ops.relax = relax;
	door->ops.close = close_all;
	(*out)->ops = &door->ops;
	return 0;
}
