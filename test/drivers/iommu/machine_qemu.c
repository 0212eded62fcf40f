/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's machine. Its edu devices move bytes between memory and a buffer that nobody else can see, so a read takes two DMAs
 * (memory to buffer, buffer to mailbox), and so does a write (mailbox to buffer, buffer to memory). They do not report a
 * blocked access either: the unit does.
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
static int parse_vtd_key(const char *key, size_t len, struct qtest_options *o)
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

static int parse_smmuv3_key(const char *key, size_t len, struct qtest_options *o)
{
	static const struct {
		const char *text;
		unsigned stages;
	} stages[] = {
		{ "stage=1", QTEST_STAGE_1 },
		{ "stage=2", QTEST_STAGE_2 },
		{ "stage=both", QTEST_STAGE_1 | QTEST_STAGE_2 },
	};

	for (unsigned i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		if (len != strlen(stages[i].text) || strncmp(key, stages[i].text, len))
			continue;
		o->stages = stages[i].stages;
		return 0;
	}
	return -ENOTSUP;
}

struct qemu_family {
	const char *name;
	enum piommu_family family;
	int (*parse_key)(const char *key, size_t len, struct qtest_options *o);
	const char *keys;                                   /* for a refusal */
	bool silent_on_cached, sees_blocked, silent_beyond; /* as in struct machine */
};

static const struct qemu_family families[] = {
	{ "vtd", PIOMMU_FAMILY_VTD, parse_vtd_key, "aw=39|48, cm, ir, pt and rmrr", .silent_on_cached = true },
	{ "smmuv3", PIOMMU_FAMILY_SMMUV3, parse_smmuv3_key, "stage=1|2|both", .sees_blocked = true, .silent_beyond = true },
};

static const struct qemu_family *family_named(const char *name)
{
	for (unsigned i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (!strcmp(families[i].name, name))
			return &families[i];
	return NULL;
}

static int parse_variant(const struct qemu_family *family, const char *variant, struct qtest_options *o)
{
	while (*variant) {
		size_t len = strcspn(variant, ",");

		if (family->parse_key(variant, len, o)) {
			log_err(o->log, "qemu:%s: no \"%.*s\" here; it has %s", family->name, (int)len, variant, family->keys);
			return -ENOTSUP;
		}
		variant += len + (variant[len] == ',');
	}
	return 0;
}

/* What is not on this machine is no failure of the driver's. */
static int open_or_skip(const struct qtest_options *options, struct qtest **out)
{
	const char *absent = qtest_absent(options->family);
	int rc;

	if (absent)
		suite_skip("%s", absent);
	rc = qtest_open(options, out);
	if (rc == -ENOTSUP)
		suite_skip("this QEMU is too old for stage 2 of an SMMUv3");
	return rc;
}

int machine_qemu_open(const char *family, const char *variant, const struct piommu_log *log, struct machine **out)
{
	const struct qemu_family *which = family_named(family);
	struct qtest_options options = { .log = log };
	struct qemu_machine *q;
	int rc;

	if (!which)
		return -ENOTSUP;
	options.family = which->family;
	if ((rc = parse_variant(which, variant, &options)))
		return rc;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->m = (struct machine){ .ops = &ops,
				 .kind = "qemu",
				 .goes_on = true,
				 .silent_on_cached = which->silent_on_cached,
				 .sees_blocked = which->sees_blocked,
				 .silent_beyond = which->silent_beyond };
	/* What a cached entry forbids is taken for a fault of stage 1, which is then not there to say that it be recorded. */
	q->m.silent_on_cached |= options.stages == QTEST_STAGE_2;
	rc = open_or_skip(&options, &q->qt);
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
