/* SPDX-License-Identifier: BSD-3-Clause */
/* The wire: see qtest_proto.h. One thread at a time uses a link. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "qtest_proto.h"

#define POSTED_MAX 64u

static void lost(struct qtest_link *link, const char *why)
{
	link->lost(link->lost_ctx, why);
	abort(); /* lost() does not return */
}

static void put(struct qtest_link *link, const char *line, size_t len)
{
	while (len) {
		ssize_t n = send(link->fd, line, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			lost(link, "it no longer takes commands");
		line += n;
		len -= (size_t)n;
	}
}

static void refill(struct qtest_link *link)
{
	ssize_t n;

	if (link->end == sizeof(link->in)) {
		memmove(link->in, link->in + link->start, link->end - link->start);
		link->end -= link->start;
		link->start = 0;
	}
	if (link->end == sizeof(link->in))
		lost(link, "it sent a line without end");
	do {
		n = recv(link->fd, link->in + link->end, sizeof(link->in) - link->end, 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		lost(link, "it closed the connection");
	if (n < 0)
		lost(link, errno == EAGAIN ? "it did not answer in time" : strerror(errno));
	link->end += (size_t)n;
}

/* The next line, ended with NUL in place; valid until the next call. */
static char *get_line(struct qtest_link *link)
{
	for (;;) {
		char *line = link->in + link->start;
		char *end = memchr(line, '\n', link->end - link->start);

		if (end) {
			*end = 0;
			link->start = (size_t)(end + 1 - link->in);
			return line;
		}
		if (link->start == link->end)
			link->start = link->end = 0;
		refill(link);
	}
}

/* The reply to one command: what follows "OK". Interrupt notices may stand between. */
static char *get_reply(struct qtest_link *link)
{
	char *line = get_line(link);

	while (!strncmp(line, "IRQ ", 4))
		line = get_line(link);
	if (strncmp(line, "OK", 2))
		lost(link, line);
	return line + 2;
}

void qtest_drain(struct qtest_link *link)
{
	for (; link->posted; link->posted--)
		get_reply(link);
}

static void post(struct qtest_link *link, const char *line, size_t len)
{
	put(link, line, len);
	if (++link->posted >= POSTED_MAX)
		qtest_drain(link);
}

static char letter(unsigned width)
{
	return width == 1 ? 'b' : width == 2 ? 'w' : width == 4 ? 'l' : 'q';
}

static uint64_t ask(struct qtest_link *link, const char *line, size_t len)
{
	put(link, line, len);
	qtest_drain(link);
	return strtoull(get_reply(link), NULL, 0);
}

uint64_t qtest_mmio_read(struct qtest_link *link, uint64_t addr, unsigned width)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "read%c 0x%" PRIx64 "\n", letter(width), addr);

	return ask(link, line, (size_t)n);
}

void qtest_mmio_write(struct qtest_link *link, uint64_t addr, unsigned width, uint64_t value)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", letter(width), addr, value);

	post(link, line, (size_t)n);
}

uint32_t qtest_pio_read(struct qtest_link *link, uint16_t port, unsigned width)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "in%c 0x%x\n", letter(width), (unsigned)port);

	return (uint32_t)ask(link, line, (size_t)n);
}

void qtest_pio_write(struct qtest_link *link, uint16_t port, unsigned width, uint32_t value)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "out%c 0x%x 0x%" PRIx32 "\n", letter(width), (unsigned)port, value);

	post(link, line, (size_t)n);
}
