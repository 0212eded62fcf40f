/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel says about this machine's memory, before anything depends on it. No state. */
#ifndef ENV_MACHINE_H
#define ENV_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Hugepages of all sizes that nobody has taken. */
size_t env_hugepages_free(void);
/** Whether this process is shown physical addresses (CAP_SYS_ADMIN, see pagemap in the kernel's documentation). */
bool env_sees_physical(void);
/** One past the highest byte of RAM; 0 where the kernel does not say. */
uint64_t env_ram_end(void);

#endif
