/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What drivers share where a unit is probed and shut down: what every family refuses, and when a unit keeps its memory, in one wording.
 * Slow path, one thread at a time for a unit. Installed; compiles alone as C and C++.
 */
#ifndef PIOMMU_BRINGUP_H
#define PIOMMU_BRINGUP_H

#include "piommu_driver.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Whether the unit is there, by a register that then is not all ones. @return 0; -ENODEV: it is not, which is said */
int piommu_bringup_alive(const struct piommu_unit *unit, uint32_t value);
/**
 * Whether all its registers, up to `end`, lie in the window: where they are is the unit's to say, how many bytes there are is firmware's.
 * @return 0; -ENOTSUP: they do not, which is said
 */
int piommu_bringup_reaches(const struct piommu_unit *unit, const struct piommu_window *window, uint64_t end);
/**
 * Whether the unit holds nothing of ours any more, after it was switched off with `err`, and unless it keeps its memory already.
 * @return 0: what it had can be freed; -EIO: it may hold something, so that from now on it keeps all of it, which is said
 */
int piommu_bringup_undone(struct piommu_unit *unit, int err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
