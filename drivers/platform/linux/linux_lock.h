/* SPDX-License-Identifier: BSD-3-Clause */
/* One manager a unit, whichever way it reaches the registers. */
#ifndef LINUX_LOCK_H
#define LINUX_LOCK_H

#include "linux.h"

/*
 * Takes the lock of the unit whose registers are at `base`. It goes with the process, however that ends.
 * @return a descriptor for linux_lock_release(); -EBUSY: another manager has it (logged with its pid); -EACCES, ... (logged)
 */
int linux_lock_take(const struct linux_platform *lp, const char *unit, uint64_t base);
void linux_lock_release(int fd);

#endif
