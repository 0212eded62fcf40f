/* SPDX-License-Identifier: BSD-3-Clause */
/* faulty.c and faulty_driver.c share this. */
#ifndef FAULTY_DRIVER_H
#define FAULTY_DRIVER_H

#include "faulty.h"

void faulty_make_drivers(struct faulty *m);
void faulty_broken(struct faulty *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct faulty_unit *faulty_unit(struct faulty *m, const char *name);

#endif
