/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What drivers share that give a unit commands through registers, which take one at a time: threads take turns, and wait for a command
 * without leaving the read section. On the fast path of units without a queue, so folded in; any thread. Installed; compiles alone as C
 * and C++.
 */
#ifndef PIOMMU_TURN_H
#define PIOMMU_TURN_H

#include <errno.h>

#include "piommu_driver.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PIOMMU_TURN_INLINE static inline __attribute__((always_inline))

/** Takes the registers that `busy` is for, zero at first. Who has them is bounded, and so is this. @return 0; -ETIMEDOUT */
PIOMMU_TURN_INLINE int piommu_turn_begin(const struct piommu_unit *unit, bool *busy)
{
	uint64_t deadline = 0;

	while (__atomic_exchange_n(busy, true, __ATOMIC_ACQUIRE)) {
		uint64_t now = piommu_plat_now_ns(unit->plat);

		if (!deadline)
			deadline = now + 2 * unit->timeout_ns;
		else if (now > deadline)
			return -ETIMEDOUT;
		piommu_plat_relax(unit->plat);
	}
	return 0;
}

/** Whoever is next. */
PIOMMU_TURN_INLINE void piommu_turn_end(bool *busy)
{
	__atomic_store_n(busy, false, __ATOMIC_RELEASE);
}

/**
 * As piommu_wait32() and piommu_wait64() until the bits of `mask` are clear, but the thread stays RCU-online: it may be walking a domain's
 * list of units. `*last` gets what was read last. @return 0; -ETIMEDOUT; -EIO: the register reads all ones
 */
PIOMMU_TURN_INLINE int piommu_turn_wait(const struct piommu_unit *unit, struct piommu_window *window, unsigned off,
					unsigned width, uint64_t mask, uint64_t *last)
{
	uint64_t deadline = 0;

	for (;;) {
		uint64_t now = deadline ? piommu_plat_now_ns(unit->plat) : 0; /* before the read: who slept looks once more */

		*last = width == 8 ? piommu_read64(window, off) : piommu_read32(window, off);
		if (*last == (width == 8 ? UINT64_MAX : UINT32_MAX))
			return -EIO;
		if (!(*last & mask)) {
			io_rmb(); /* what memory holds after the command, not before */
			return 0;
		}
		if (!deadline)
			deadline = piommu_plat_now_ns(unit->plat) + unit->timeout_ns;
		else if (now > deadline)
			return -ETIMEDOUT;
		piommu_plat_relax(unit->plat);
	}
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
