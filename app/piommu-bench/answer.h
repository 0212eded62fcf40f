/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hardware that only answers: takes what is in a unit's queue of commands, does nothing for it, and writes what a command asks for
 * that waits for those before it, a set time after it came upon it; several of these times run side by side. It has a thread. What it knows
 * of a family's queue is a table in answer.c.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "piommu_driver.h"

struct answer;

/* @return 0; -ENOTSUP: of this family nothing is known; another negative errno */
int answer_create(enum piommu_family family, double latency_ns, struct answer **out);
void answer_destroy(struct answer *answer);
/* Whether a register is one of the queue's head and tail. `va_off`: pointers minus bus addresses. Any thread. */
bool answer_write(struct answer *answer, uintptr_t va_off, unsigned off, uint64_t value);
bool answer_read(struct answer *answer, unsigned off, uint64_t *value);

#endif
