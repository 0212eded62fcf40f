/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's qtest protocol: one text line for each access, one line back. Writes are posted: their replies are collected with
 * the next read, or when too many are out. All accesses of one link are executed in order.
 */
#ifndef QTEST_PROTO_H
#define QTEST_PROTO_H

#include <stddef.h>
#include <stdint.h>

struct qtest_link {
	int fd;
	unsigned posted; /* commands whose "OK" has not been read yet */
	char in[4096];
	size_t start, end; /* unread part of `in` */
	/* QEMU went, or answered what it must not: reports and does not return. */
	void (*lost)(void *ctx, const char *why);
	void *lost_ctx;
};

/* `width` is 1, 2, 4 or 8. */
uint64_t qtest_mmio_read(struct qtest_link *link, uint64_t addr, unsigned width);
void qtest_mmio_write(struct qtest_link *link, uint64_t addr, unsigned width, uint64_t value);

/* `width` is 1, 2 or 4. */
uint32_t qtest_pio_read(struct qtest_link *link, uint16_t port, unsigned width);
void qtest_pio_write(struct qtest_link *link, uint16_t port, unsigned width, uint32_t value);

/* Every posted write has been executed when it returns. */
void qtest_drain(struct qtest_link *link);

#endif
