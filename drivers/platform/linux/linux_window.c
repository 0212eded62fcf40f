/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Register windows of this machine: through a UIO device that covers them, else through /dev/mem if that was asked for by
 * name ("linux:devmem"). Here the last refusals are made before a unit is touched: the kernel drives it, or another manager
 * does. Slow path; any thread, several at once.
 */
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux_lock.h"

/* One mapping, kept until window_unmap() or close. */
struct linux_windows {
	struct linux_windows *next;
	void *at; /* what mmap() gave */
	size_t len;
	int lock; /* -1: an inspecting one holds none */
};

/* Where a window's registers are: a file, the offset to map it at, and where in the mapping they start. */
struct source {
	char path[PATH_MAX];
	off_t offset;
	size_t len;
	size_t skip;
	int flags;
};

static size_t unit_len(const struct piommu_fw_unit *unit)
{
	return (size_t)align_up(unit->len ? unit->len : 1, (uint64_t)sysconf(_SC_PAGESIZE));
}

static const char *kernel_words(enum piommu_family family)
{
	switch (family) {
	case PIOMMU_FAMILY_VTD:
		return "intel_iommu=off intremap=off";
	case PIOMMU_FAMILY_AMDVI:
		return "amd_iommu=off";
	case PIOMMU_FAMILY_SMMUV2:
	case PIOMMU_FAMILY_SMMUV3: /* one name in both drivers, which can be unbound from nothing */
		return "initcall_blacklist=arm_smmu_driver_init deferred_probe_timeout=0";
	default:
		return "the option that turns its IOMMU driver off";
	}
}

static int refuse_kernel_driven(struct piommu_platform *plat, const struct piommu_fw_unit *unit)
{
	struct piommu_unit_facts facts = { 0 };
	int err = linux_unit_facts(plat, unit, &facts);

	if (err || !facts.kernel_driven)
		return err;
	log_err(plat->log, "%s: the kernel drives this unit, as %s; put %s on the kernel command line and boot again",
		unit->name, facts.kernel_name, kernel_words(unit->family));
	return -EBUSY;
}

/* @return 0; -ENOENT: no UIO device has the registers; -ERANGE: `uio` has only the first of them */
static int find_uio(const struct linux_platform *lp, const struct piommu_fw_unit *unit, struct linux_uio *uio)
{
	int err = linux_uio_find(lp, unit->base, uio);

	if (!err && unit->base - uio->base + unit_len(unit) > align_up(uio->len, (uint64_t)sysconf(_SC_PAGESIZE)))
		err = -ERANGE;
	return err;
}

static int use_uio(const struct linux_platform *lp, const struct piommu_fw_unit *unit, const struct linux_uio *uio,
		   struct source *source)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	source->offset = (off_t)(uio->map * page);
	source->len = (size_t)align_up(uio->len, page);
	source->skip = (size_t)(unit->base - uio->base);
	source->flags = 0;
	return linux_path(lp, source->path, "/dev/%s", uio->name);
}

static int use_devmem(const struct linux_platform *lp, const struct piommu_fw_unit *unit, struct source *source)
{
	uint64_t start = align_down(unit->base, (uint64_t)sysconf(_SC_PAGESIZE));

	source->offset = (off_t)start;
	source->skip = (size_t)(unit->base - start);
	source->len = (size_t)align_up(source->skip + unit_len(unit), (uint64_t)sysconf(_SC_PAGESIZE));
	source->flags = O_SYNC; /* an uncached mapping */
	return linux_path(lp, source->path, "/dev/mem");
}

static int find_source(const struct linux_platform *lp, const struct piommu_fw_unit *unit, enum piommu_log_level level,
		       struct source *source)
{
	struct linux_uio uio;
	int err = find_uio(lp, unit, &uio);

	if (!err)
		return use_uio(lp, unit, &uio, source);
	if (lp->devmem)
		return use_devmem(lp, unit, source);
	if (err == -ERANGE)
		piommu_log(lp->plat.log, level,
			   "%s: map%u of %s ends before the unit's registers do: it has 0x%" PRIx64 " bytes of 0x%" PRIx64,
			   unit->name, uio.map, uio.name, uio.base + uio.len - unit->base, unit->len);
	else
		piommu_log(lp->plat.log, level,
			   "%s: no way to its registers at 0x%" PRIx64 ": bind a UIO device to them (uio_pdrv_genirq), or "
			   "ask for /dev/mem with platform linux:devmem",
			   unit->name, unit->base);
	return -ENOENT;
}

static int map_source(const struct linux_platform *lp, const char *unit, const struct source *source, bool control,
		      enum piommu_log_level level, void **at)
{
	int fd = open(source->path, (control ? O_RDWR : O_RDONLY) | O_CLOEXEC | source->flags);
	int err;

	if (fd < 0) {
		err = -errno;
		piommu_log(lp->plat.log, level, "%s: cannot open %s: %s; run as root", unit, source->path, strerror(-err));
		return err;
	}
	*at = mmap(NULL, source->len, control ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, source->offset);
	err = *at == MAP_FAILED ? -errno : 0;
	close(fd); /* the mapping keeps the device open */
	if (err)
		piommu_log(lp->plat.log, level, "%s: cannot map its registers from %s: %s%s", unit, source->path,
			   strerror(-err), err == -EPERM ? "; the kernel has claimed them, or is locked down" : "");
	return err;
}

int linux_window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		     struct piommu_window *out)
{
	struct linux_platform *lp = to_linux(plat);
	bool control = access == PIOMMU_WINDOW_CONTROL;
	/* Who only looks is told what cannot be seen by the return value; it is no failure. */
	enum piommu_log_level level = control ? PIOMMU_LOG_ERR : PIOMMU_LOG_INFO;
	struct linux_windows *window;
	struct source source;
	int err;

	if (control) {
		err = refuse_kernel_driven(plat, unit);
		if (err)
			return err;
	}
	err = find_source(lp, unit, level, &source);
	if (err)
		return err;
	window = calloc(1, sizeof(*window));
	if (!window)
		return -ENOMEM;
	window->lock = -1;
	if (control) {
		err = linux_lock_take(lp, unit->name, unit->base);
		if (err < 0)
			goto free_window;
		window->lock = err;
	}
	err = map_source(lp, unit->name, &source, control, level, &window->at);
	if (err)
		goto drop_lock;
	window->len = source.len;
	mutex_lock(&lp->lock);
	window->next = lp->windows;
	lp->windows = window;
	mutex_unlock(&lp->lock);
	*out = (struct piommu_window){
		.base = (volatile uint8_t *)window->at + source.skip,
		.pa = unit->base,
		.len = unit_len(unit),
		.ctx = window,
	};
	return 0;

drop_lock:
	if (window->lock >= 0)
		linux_lock_release(window->lock);
free_window:
	free(window);
	return err;
}

static void window_free(struct linux_windows *window)
{
	munmap(window->at, window->len);
	if (window->lock >= 0)
		linux_lock_release(window->lock);
	free(window);
}

/* @return whether it was in the list */
static bool take_out(struct linux_platform *lp, const struct linux_windows *window)
{
	struct linux_windows **link = &lp->windows;
	bool found;

	mutex_lock(&lp->lock);
	while (*link && *link != window)
		link = &(*link)->next;
	found = *link;
	if (found)
		*link = window->next;
	mutex_unlock(&lp->lock);
	return found;
}

void linux_window_unmap(struct piommu_platform *plat, struct piommu_window *window)
{
	if (!take_out(to_linux(plat), window->ctx))
		return;
	window_free(window->ctx);
	*window = (struct piommu_window){ 0 };
}

void linux_window_fini(struct linux_platform *lp)
{
	mutex_assert_unshared(&lp->lock);
	while (lp->windows) {
		struct linux_windows *window = lp->windows;

		lp->windows = window->next;
		window_free(window);
	}
}
