/* SPDX-License-Identifier: BSD-3-Clause */
/* How often memory was asked for: the program is linked with --wrap for each function that does. */
#ifndef ALLOCS_H
#define ALLOCS_H

unsigned long allocs(void);

#endif
