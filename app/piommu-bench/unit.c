/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated machine, with its registers behind a door: what the simulated unit does when a register of its is written is
 * hardware's work, and must not be counted as the library's. Any thread.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "piommu_driver.h"

/* The platform's own ops, but for a few. */
struct door {
	struct piommu_platform_ops ops;
	const struct piommu_platform_ops *real;
};

static uint64_t read_through(struct piommu_window *window, unsigned off, unsigned width)
{
	struct piommu_window *real = window->ctx;
	uint64_t value;

	count_pause();
	value = real->ops->read(real, off, width);
	count_resume();
	return value;
}

static void write_through(struct piommu_window *window, unsigned off, unsigned width, uint64_t value)
{
	struct piommu_window *real = window->ctx;

	count_pause();
	real->ops->write(real, off, width, value);
	count_resume();
}

static const struct piommu_window_ops through = { read_through, write_through };

static const struct piommu_platform_ops *real_ops(const struct piommu_platform *plat)
{
	return ((const struct door *)(const void *)plat->ops)->real;
}

static int window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		      struct piommu_window *out)
{
	struct piommu_window *real = malloc(sizeof(*real));
	int err = real ? real_ops(plat)->window_map(plat, unit, access, real) : -ENOMEM;

	if (err) {
		free(real);
		return err;
	}
	*out = *real;
	out->ops = &through;
	out->ctx = real;
	return 0;
}

static void window_unmap(struct piommu_platform *plat, struct piommu_window *window)
{
	struct piommu_window *real = window->ctx;

	if (real)
		real_ops(plat)->window_unmap(plat, real);
	free(real);
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

int unit_open(const char *platform, struct piommu_platform **out)
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
	*door = (struct door){ *(*out)->ops, (*out)->ops };
	door->ops.window_map = window_map;
	door->ops.window_unmap = window_unmap;
	door->ops.relax = relax;
	door->ops.close = close_all;
	(*out)->ops = &door->ops;
	return 0;
}
