/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hardware that only answers: takes what is in a VT-d invalidation queue (specification 6.5.2), does nothing for it, and writes
 * the status of each wait descriptor a set time after it came upon it; several of these times run side by side. It has a thread.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stdint.h>

struct answer;

/* @return 0 or a negative errno */
int answer_create(double latency_ns, struct answer **out);
void answer_destroy(struct answer *answer);
/* Whether a register is one of the queue's head and tail. `va_off`: pointers minus bus addresses. Any thread. */
bool answer_write(struct answer *answer, uintptr_t va_off, unsigned off, uint64_t value);
bool answer_read(struct answer *answer, unsigned off, uint64_t *value);

#endif
