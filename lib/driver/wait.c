/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for hardware: a predicate, one step of relaxing, a deadline. The waiting thread is RCU-offline, so that a slow
 * unit does not hold up every grace period. Slow path: probe, enable, attach, shutdown.
 */
#include <errno.h>

#include "piommu_driver.h"
#include "rcu.h"

uint64_t piommu_plat_now_ns(struct piommu_platform *plat)
{
	return plat->ops->now_ns ? plat->ops->now_ns(plat) : piommu_env_now_ns();
}

void piommu_plat_relax(struct piommu_platform *plat)
{
	if (plat->ops->relax)
		plat->ops->relax(plat);
	else
		cpu_relax();
}

void piommu_plat_writeback_begin(struct piommu_platform *plat, const void *va, size_t len)
{
	if (plat->ops->writeback)
		plat->ops->writeback(plat, va, len);
	else
		piommu_cache_writeback_begin(va, len);
}

void piommu_plat_writeback_wait(struct piommu_platform *plat)
{
	if (!plat->ops->writeback)
		piommu_cache_writeback_wait();
}

void piommu_plat_writeback(struct piommu_platform *plat, const void *va, size_t len)
{
	piommu_plat_writeback_begin(plat, va, len);
	piommu_plat_writeback_wait(plat);
}

struct wanted {
	unsigned off;
	unsigned width;
	uint64_t mask;
	uint64_t want;
};

static int wait_until(struct piommu_unit *unit, struct piommu_window *window, struct wanted wanted)
{
	uint64_t ones = wanted.width == 4 ? UINT32_MAX : UINT64_MAX;
	uint64_t deadline = piommu_plat_now_ns(unit->plat) + unit->timeout_ns;
	bool late = false;

	for (;;) {
		uint64_t value = wanted.width == 4 ? piommu_read32(window, wanted.off) : piommu_read64(window, wanted.off);

		if (value == ones)
			return -EIO;
		if ((value & wanted.mask) == wanted.want)
			return 0;
		/* One more look after the deadline: this thread may have been off the processor meanwhile. */
		if (late)
			return -ETIMEDOUT;
		late = piommu_plat_now_ns(unit->plat) >= deadline;
		piommu_plat_relax(unit->plat);
	}
}

static int wait_offline(struct piommu_unit *unit, struct piommu_window *window, struct wanted wanted)
{
	bool online = rcu_thread_registered() && rcu_thread_is_online();
	int err;

	if (online)
		rcu_thread_offline();
	err = wait_until(unit, window, wanted);
	if (online)
		rcu_thread_online();
	return err;
}

int piommu_wait32(struct piommu_unit *unit, struct piommu_window *window, unsigned off, uint32_t mask, uint32_t want)
{
	return wait_offline(unit, window, (struct wanted){ off, 4, mask, want });
}

int piommu_wait64(struct piommu_unit *unit, struct piommu_window *window, unsigned off, uint64_t mask, uint64_t want)
{
	return wait_offline(unit, window, (struct wanted){ off, 8, mask, want });
}
