/* SPDX-License-Identifier: BSD-3-Clause */
/* Between mock.c and mock_driver.c. */
#ifndef MOCK_DRIVER_H
#define MOCK_DRIVER_H

#include "mock.h"

/* mock.c */
/* Counts the call and asks its hook. */
int mock_enter(struct mock_call *call);
void mock_note(struct mock *mock, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* By name, made where there is none; under mock->lock. */
struct mock_slot *mock_slot(struct mock *mock, const char *name);

/* mock_driver.c */
void mock_drivers_init(struct mock *mock);

#endif
