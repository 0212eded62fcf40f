/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iort_make.h"

enum {
	TABLE_LENGTH = 4,
	TABLE_CHECKSUM = 9,
	TABLE_OEM = 10,
	TABLE_NODES = 36,
	TABLE_OFFSET = 40,
	TABLE_LEN = 48,

	NODE_LENGTH = 1,
	NODE_NMAPS = 8,
	NODE_MAPS = 12,
};

void iort_make_set(struct iort_make *make, size_t at, unsigned width, uint64_t value)
{
	if (at + width > sizeof(make->bytes)) {
		fprintf(stderr, "iort_make: more than %u bytes\n", IORT_MAKE_MAX);
		abort();
	}
	for (unsigned i = 0; i < width; i++)
		make->bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get(const struct iort_make *make, size_t at)
{
	uint32_t value = 0;

	for (unsigned i = 4; i-- > 0;)
		value = value << 8 | make->bytes[at + i];
	return value;
}

void iort_make_start(struct iort_make *make, const char *oem)
{
	memset(make, 0, sizeof(*make));
	memcpy(make->bytes, "IORT", 4);
	memcpy(make->bytes + TABLE_OEM, oem, strlen(oem));
	make->len = TABLE_LEN;
}

void iort_make_put(struct iort_make *make, unsigned width, uint64_t value)
{
	iort_make_set(make, make->len, width, value);
	make->len += width;
	if (make->node)
		iort_make_set(make, make->node + NODE_LENGTH, 2, make->len - make->node);
}

void iort_make_text(struct iort_make *make, const char *text)
{
	for (; *text; text++)
		iort_make_put(make, 1, (uint8_t)*text);
	iort_make_put(make, 1, 0);
}

uint32_t iort_make_node(struct iort_make *make, unsigned type, unsigned revision)
{
	make->node = make->len;
	make->nnodes++;
	iort_make_put(make, 1, type);
	iort_make_put(make, 2, 0);
	iort_make_put(make, 1, revision);
	iort_make_put(make, 4, make->nnodes - 1);
	iort_make_put(make, 4, 0);
	iort_make_put(make, 4, 0);
	return (uint32_t)make->node;
}

void iort_make_map(struct iort_make *make, uint32_t first, uint32_t n, uint32_t to, uint32_t reference, uint32_t flags)
{
	uint32_t nmaps = get(make, make->node + NODE_NMAPS);

	if (!nmaps)
		iort_make_set(make, make->node + NODE_MAPS, 4, make->len - make->node);
	iort_make_set(make, make->node + NODE_NMAPS, 4, nmaps + 1);
	iort_make_put(make, 4, first);
	iort_make_put(make, 4, n);
	iort_make_put(make, 4, to);
	iort_make_put(make, 4, reference);
	iort_make_put(make, 4, flags);
}

void iort_make_seal(struct iort_make *make)
{
	uint8_t sum = 0;

	iort_make_set(make, TABLE_LENGTH, 4, make->len);
	iort_make_set(make, TABLE_NODES, 4, make->nnodes);
	iort_make_set(make, TABLE_OFFSET, 4, TABLE_LEN);
	make->bytes[TABLE_CHECKSUM] = 0;
	for (size_t i = 0; i < make->len; i++)
		sum = (uint8_t)(sum + make->bytes[i]);
	make->bytes[TABLE_CHECKSUM] = (uint8_t)-sum;
}

uint32_t iort_make_its(struct iort_make *make, uint32_t id)
{
	uint32_t at = iort_make_node(make, 0, 0);

	iort_make_put(make, 4, 1);
	iort_make_put(make, 4, id);
	return at;
}

uint32_t iort_make_smmu(struct iort_make *make, uint64_t base)
{
	uint32_t at = iort_make_node(make, 3, 0);

	iort_make_put(make, 8, base);
	iort_make_put(make, 8, 0x10000); /* span */
	iort_make_put(make, 4, 1);       /* model: SMMUv2 */
	iort_make_put(make, 4, 0);       /* flags */
	iort_make_put(make, 4, 60);      /* global interrupts: where */
	iort_make_put(make, 4, 1);       /* context interrupts */
	iort_make_put(make, 4, 76);
	iort_make_put(make, 4, 0); /* counters' interrupts */
	iort_make_put(make, 4, 0);
	iort_make_put(make, 8, 0x60); /* global faults */
	iort_make_put(make, 8, 0);
	iort_make_put(make, 8, 0x61); /* context 0 */
	return at;
}

uint32_t iort_make_smmu_v3(struct iort_make *make, unsigned revision, uint64_t base, size_t len)
{
	uint32_t at = iort_make_node(make, 4, revision);

	iort_make_put(make, 8, base);
	iort_make_put(make, 4, 1); /* flags: coherent */
	iort_make_put(make, 4, 0);
	iort_make_put(make, 8, 0); /* VATOS */
	iort_make_put(make, 4, 0); /* model */
	for (unsigned irq = 0; irq < 4; irq++)
		iort_make_put(make, 4, 0x70 + irq);
	while (make->len < at + len)
		iort_make_put(make, 4, 0);
	return at;
}

uint32_t iort_make_root(struct iort_make *make, uint32_t segment)
{
	uint32_t at = iort_make_node(make, 2, 0);

	iort_make_put(make, 8, 1); /* coherent */
	iort_make_put(make, 4, 0); /* ATS */
	iort_make_put(make, 4, segment);
	return at;
}

uint32_t iort_make_named(struct iort_make *make, const char *name)
{
	uint32_t at = iort_make_node(make, 1, 0);

	iort_make_put(make, 4, 0); /* flags */
	iort_make_put(make, 8, 0); /* memory access properties */
	iort_make_put(make, 1, 0); /* address width */
	iort_make_text(make, name);
	return at;
}

uint32_t iort_make_rmr(struct iort_make *make, uint32_t flags, uint64_t base, uint64_t len)
{
	uint32_t at = iort_make_node(make, 6, 3);

	iort_make_put(make, 4, flags);
	iort_make_put(make, 4, 1);  /* spans */
	iort_make_put(make, 4, 28); /* where */
	iort_make_put(make, 8, base);
	iort_make_put(make, 8, len);
	iort_make_put(make, 4, 0);
	return at;
}
