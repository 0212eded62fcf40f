/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's machine. Its edu devices move bytes between memory and a buffer that nobody else can see, so a read takes two DMAs
 * (memory to buffer, buffer to mailbox), and so does a write (mailbox to buffer, buffer to memory). They do not report a
 * blocked access either: the unit's fault status does (VT-d specification 10.4.9).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "qtest.h"
#include "suite.h"

#define NDEVICES 8u
#define CHUNK 2048u /* of one DMA; not more than QTEST_EDU_BUFFER */

struct qemu_machine {
	struct machine m; /* first */
	struct qtest *qt;
	struct {
		struct piommu_sbdf sbdf;
		uint64_t iova;
	} mailbox[NDEVICES];
	unsigned nmailboxes;
};

/* Where no test said otherwise, a device is on identity. */
static uint64_t mailbox_of(const struct qemu_machine *q, struct piommu_sbdf sbdf)
{
	for (unsigned i = 0; i < q->nmailboxes; i++)
		if (!piommu_sbdf_compare(q->mailbox[i].sbdf, sbdf))
			return q->mailbox[i].iova;
	return q->m.mailbox.pa;
}

static void set_mailbox(struct machine *m, struct piommu_sbdf sbdf, uint64_t iova)
{
	struct qemu_machine *q = (struct qemu_machine *)m;
	unsigned i = 0;

	while (i < q->nmailboxes && piommu_sbdf_compare(q->mailbox[i].sbdf, sbdf))
		i++;
	if (i == NDEVICES)
		return;
	if (i == q->nmailboxes)
		q->nmailboxes++;
	q->mailbox[i].sbdf = sbdf;
	q->mailbox[i].iova = iova;
}

static int write_chunk(struct qemu_machine *q, struct piommu_sbdf sbdf, uint64_t iova, const uint8_t *buf, size_t len)
{
	uint64_t mailbox = mailbox_of(q, sbdf);
	int rc;

	if (mailbox != MACHINE_NO_MAILBOX) {
		memcpy(q->m.mailbox.va, buf, len);
		if ((rc = qtest_edu_dma(q->qt, sbdf, mailbox, 0, len, false)))
			return rc;
	}
	if ((rc = qtest_edu_dma(q->qt, sbdf, iova, 0, len, true)))
		return rc;
	return qtest_blocked(q->qt) ? -EFAULT : 0;
}

static int read_chunk(struct qemu_machine *q, struct piommu_sbdf sbdf, uint64_t iova, uint8_t *buf, size_t len)
{
	uint64_t mailbox = mailbox_of(q, sbdf);
	int rc = qtest_edu_dma(q->qt, sbdf, iova, 0, len, false);

	if (rc)
		return rc;
	if (qtest_blocked(q->qt))
		return -EFAULT;
	memset(buf, 0, len);
	if (mailbox == MACHINE_NO_MAILBOX)
		return 0;
	if ((rc = qtest_edu_dma(q->qt, sbdf, mailbox, 0, len, true)))
		return rc;
	memcpy(buf, q->m.mailbox.va, len);
	return 0;
}

static int dma(struct machine *m, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len, bool is_write)
{
	struct qemu_machine *q = (struct qemu_machine *)m;

	for (size_t done = 0; done < len;) {
		size_t chunk = len - done < CHUNK ? len - done : CHUNK;
		uint8_t *at = (uint8_t *)buf + done;
		int rc = is_write ? write_chunk(q, sbdf, iova + done, at, chunk) : read_chunk(q, sbdf, iova + done, at, chunk);

		if (rc)
			return rc;
		done += chunk;
	}
	return 0;
}

static void close_machine(struct machine *m)
{
	qtest_close(((struct qemu_machine *)m)->qt);
	free(m);
}

static const struct machine_ops ops = {
	.dma = dma,
	.set_mailbox = set_mailbox,
	.close = close_machine,
};

/* One "key=value" of a variant. */
static int parse_key(const char *key, size_t len, struct qtest_options *o)
{
	const struct {
		const char *name;
		bool *option;
		bool when_set;
	} flags[] = {
		{ "cm=", &o->caching_mode, true },
		{ "ir=", &o->no_intremap, false },
		{ "pt=", &o->no_passthrough, false },
		{ "rmrr=", &o->rmrr, true },
	};

	if (len == 5 && (!strncmp(key, "aw=39", len) || !strncmp(key, "aw=48", len))) {
		o->aw_bits = key[3] == '3' ? 39 : 48;
		return 0;
	}
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		size_t name_len = strlen(flags[i].name);

		if (len != name_len + 1 || strncmp(key, flags[i].name, name_len) ||
		    (key[len - 1] != '0' && key[len - 1] != '1'))
			continue;
		*flags[i].option = (key[len - 1] == '1') == flags[i].when_set;
		return 0;
	}
	return -ENOTSUP;
}

static int parse_variant(const char *variant, const struct piommu_log *log, struct qtest_options *o)
{
	while (*variant) {
		size_t len = strcspn(variant, ",");

		if (parse_key(variant, len, o)) {
			log_err(log, "qemu: no \"%.*s\" here; it has aw=39|48, cm, ir, pt and rmrr", (int)len, variant);
			return -ENOTSUP;
		}
		variant += len + (variant[len] == ',');
	}
	return 0;
}

int machine_qemu_open(const char *family, const char *variant, const struct piommu_log *log, struct machine **out)
{
	struct qtest_options options = { .family = PIOMMU_FAMILY_VTD, .log = log };
	struct qemu_machine *q;
	int rc = strcmp(family, "vtd") ? -ENOTSUP : parse_variant(variant, log, &options);

	if (rc)
		return rc;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->m = (struct machine){ .ops = &ops, .kind = "qemu", .goes_on = true, .silent_on_cached = true };
	if (qtest_absent(options.family))
		suite_skip("%s", qtest_absent(options.family));
	rc = qtest_open(&options, &q->qt);
	if (rc)
		goto free_machine;
	q->m.plat = qtest_platform(q->qt);
	rc = q->m.plat->ops->mem_alloc(q->m.plat, CHUNK, 0, -1, &q->m.mailbox);
	if (rc)
		goto close_qtest;
	*out = &q->m;
	return 0;
close_qtest:
	qtest_close(q->qt);
free_machine:
	free(q);
	return rc;
}
