/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's SMMUv3 translates what tables written here by hand say. No driver of ours is involved. Arm IHI 0070: 5.2 (stream table
 * entry), 5.4 (context descriptor), 6.3 (registers), 7.3 (events); Arm DDI 0487, D8 (descriptors).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "test_qtest.h"

#define IDR0 0x00
#define CR0 0x20
#define CR0ACK 0x24
#define STRTAB_BASE 0x80
#define STRTAB_BASE_CFG 0x88
#define EVENTQ_BASE 0xa0
#define EVENTQ_PROD 0x100a8

#define STREAMS_LG2 10u /* up to 03:1f.7 */
#define STE_PAGES 16u
#define EVENTS_LG2 5u
#define SID_BEHIND_BRIDGE 0x100u
#define SID_BEHIND_PORT 0x200u
#define SID_PLAIN 0x10u

#define EVENT_TRANSLATION 0x10u
#define EVENT_PERMISSION 0x13u

/* Descriptors of both stages: a table; a page, accessed, inner shareable. */
#define TABLE(pa) ((pa) | 3)
#define S1_PAGE(pa) ((pa) | 1 << 10 | 3 << 8 | 1 << 6 | 3) /* AP: unprivileged, too */
#define S1_READ_ONLY (1 << 7)
#define S2_PAGE(pa) ((pa) | 1 << 10 | 3 << 8 | 3 << 6 | 0xf << 2 | 3)

struct smmu {
	struct qtest *qt;
	uint64_t *stream, *event;
};

static struct piommu_mem page(struct smmu *s)
{
	return pages(s->qt, 1);
}

static struct smmu start_smmu(unsigned stages)
{
	struct smmu s = { .qt = start(&(struct qtest_options){ .family = PIOMMU_FAMILY_SMMUV3, .stages = stages }) };

	return s;
}

/* A linear stream table in which no stream is valid, and an event queue; then translation on. */
static void enable(struct smmu *s)
{
	struct piommu_mem streams = pages(s->qt, STE_PAGES), events = page(s);

	s->stream = streams.va;
	s->event = events.va;
	qtest_unit_write64(s->qt, STRTAB_BASE, streams.pa);
	qtest_unit_write32(s->qt, STRTAB_BASE_CFG, STREAMS_LG2);
	qtest_unit_write64(s->qt, EVENTQ_BASE, events.pa | EVENTS_LG2);
	qtest_unit_write32(s->qt, CR0, 1 << 2 | 1);
	for (unsigned n = 0; n < 1000; n++)
		if (qtest_unit_read32(s->qt, CR0ACK) == (1 << 2 | 1))
			return;
	CU_FAIL_FATAL("CR0 was never acknowledged");
}

/* Tables with one 4 KiB page at 0x5000; `nlevels` of them. Returns where they begin. */
static uint64_t table_of(struct smmu *s, unsigned nlevels, uint64_t page_descriptor)
{
	struct piommu_mem level[4];

	for (unsigned i = 0; i < nlevels; i++)
		level[i] = page(s);
	for (unsigned i = 0; i + 1 < nlevels; i++)
		((uint64_t *)level[i].va)[0] = TABLE(level[i + 1].pa);
	((uint64_t *)level[nlevels - 1].va)[5] = page_descriptor;
	return level[0].pa;
}

/* Stage 1: 48 bits of 4 KiB pages, 44 bits out, AArch64, faults recorded, the access flag not needed to be set by hardware. */
static uint64_t context_of(struct smmu *s, uint64_t ttb)
{
	struct piommu_mem cd = page(s);
	uint64_t *word = cd.va;

	word[0] = 16 | BIT64(30) | BIT64(31) | UINT64_C(4) << 32 | BIT64(41) | BIT64(45) | BIT64(46) | UINT64_C(7) << 48;
	word[1] = ttb;
	word[3] = 0xff;
	return cd.pa;
}

/* Stage 2: 39 bits of 4 KiB pages from level 1 on, 44 bits out, AArch64, faults recorded. */
static void set_stage2(uint64_t *ste, uint64_t ttb)
{
	ste[2] = 9 | UINT64_C(25) << 32 | UINT64_C(1) << 38 | UINT64_C(4) << 48 | BIT64(51) | BIT64(58);
	ste[3] = ttb;
}

static void set_stream(struct smmu *s, unsigned sid, uint64_t config, uint64_t context)
{
	s->stream[8 * sid + 1] = UINT64_C(1) << 44; /* SHCFG: as it comes */
	s->stream[8 * sid] = context | config << 1 | 1;
}

static void check_reaches(struct smmu *s, struct piommu_sbdf sbdf, const struct piommu_mem *target)
{
	memset(target->va, 0x5a, 16);
	memset((char *)target->va + 0x100, 0, 16);
	CHECK_EQ(qtest_edu_dma(s->qt, sbdf, 0x5000, 0, 16, false), 0);
	CHECK_EQ(qtest_edu_dma(s->qt, sbdf, 0x5100, 0, 16, true), 0);
	CHECK_EQ(memcmp(target->va, (char *)target->va + 0x100, 16), 0);
	CU_ASSERT_FALSE(qtest_blocked(s->qt));
	CHECK_EQ(qtest_unit_read32(s->qt, EVENTQ_PROD), 0);
}

static void tables_describe_the_unit(void)
{
	struct smmu s = start_smmu(0);
	struct piommu_platform *plat = qtest_platform(s.qt);
	struct piommu_fw acpi = { 0 }, tree = { 0 };
	struct piommu_fw_error err = { "" };
	struct piommu_fw_route route;
	const void *bytes;
	size_t len;

	CU_ASSERT_EQUAL_FATAL(plat->ops->fw_table(plat, "IORT", 0, &bytes, &len), 0);
	CHECK_EQ(piommu_fw_parse_iort(bytes, len, &acpi, &err), 0);
	CU_ASSERT_EQUAL_FATAL(plat->ops->fw_table(plat, "MCFG", 0, &bytes, &len), 0);
	CHECK_EQ(piommu_fw_parse_mcfg(bytes, len, &acpi, &err), 0);
	CHECK_EQ(piommu_fw_parse_fdt(plat->ops->mem_at(plat, 0x40000000, 1 << 20), 1 << 20, &tree, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_EQUAL_FATAL(acpi.necam, 1);
	CHECK_HEX(acpi.ecam[0].base, 0x4010000000);
	for (const struct piommu_fw *fw = &acpi; fw; fw = fw == &acpi ? &tree : NULL) {
		CU_ASSERT_EQUAL_FATAL(fw->nunits, 1);
		CHECK_HEX(fw->units[0].base, 0x09050000);
		CHECK_HEX(fw->units[0].len, 0x20000);
		CHECK_EQ(fw->units[0].family, PIOMMU_FAMILY_SMMUV3);
		CU_ASSERT_TRUE(fw->units[0].flags & PIOMMU_FW_UNIT_COHERENT);
		CU_ASSERT_EQUAL_FATAL(fw->nsources, 1);
		CHECK_EQ(piommu_fw_source_route(&fw->sources[0], SID_BEHIND_PORT, &route), 0);
		CHECK_HEX(route.id, SID_BEHIND_PORT);
	}
	piommu_fw_free(&acpi);
	piommu_fw_free(&tree);
	qtest_close(s.qt);
}

static bool too_old(int rc)
{
	if (rc == -ENOTSUP)
		printf("skipped: stage 2 of an SMMUv3: this QEMU is too old for it\n");
	return rc == -ENOTSUP;
}

/* IDR0: bit 1 is stage 1, bit 0 stage 2. Both stages only where this QEMU has them. */
static void options_show_in_the_capabilities(void)
{
	static const struct {
		unsigned stages, want;
	} cases[] = { { QTEST_STAGE_1, 2 }, { QTEST_STAGE_2, 1 }, { QTEST_STAGE_1 | QTEST_STAGE_2, 3 } };

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qtest *qt = NULL;
		int rc = qtest_open(&(struct qtest_options){ .family = PIOMMU_FAMILY_SMMUV3, .stages = cases[i].stages }, &qt);

		if (cases[i].stages != QTEST_STAGE_1 && too_old(rc))
			continue;
		CU_ASSERT_EQUAL_FATAL(rc, 0);
		CHECK_EQ(qtest_unit_read32(qt, IDR0) & 3, cases[i].want);
		qtest_close(qt);
	}
}

static void stage_1_translates_by_hand_written_tables(void)
{
	struct smmu s = start_smmu(QTEST_STAGE_1);
	struct piommu_mem target = page(&s);

	enable(&s);
	set_stream(&s, SID_BEHIND_PORT, 5, context_of(&s, table_of(&s, 4, S1_PAGE(target.pa))));
	check_reaches(&s, edu_behind_port, &target);
	qtest_close(s.qt);
}

static void stage_2_translates_by_hand_written_tables(void)
{
	struct smmu s = { 0 };
	struct piommu_mem target;
	int rc = qtest_open(&(struct qtest_options){ .family = PIOMMU_FAMILY_SMMUV3, .stages = QTEST_STAGE_2 }, &s.qt);

	if (too_old(rc))
		return;
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	target = page(&s);
	enable(&s);
	set_stage2(s.stream + 8 * SID_BEHIND_PORT, table_of(&s, 3, S2_PAGE(target.pa)));
	set_stream(&s, SID_BEHIND_PORT, 6, 0);
	check_reaches(&s, edu_behind_port, &target);
	/* Past 44 bits: a stage 1 address size fault although stage 1 is bypassed (3.4), which QEMU does not record. */
	CHECK_EQ(qtest_edu_dma(s.qt, edu_behind_port, UINT64_C(1) << 44, 0, 4, false), 0);
	CU_ASSERT_TRUE(qtest_blocked(s.qt));
	CHECK_EQ(qtest_unit_read32(s.qt, EVENTQ_PROD), 0);
	qtest_close(s.qt);
}

/* F_PERMISSION and F_TRANSLATION (7.3.12, 7.3.15): who, which way, where. */
static void smmuv3_records_what_it_blocks(void)
{
	struct smmu s = start_smmu(0);
	struct piommu_mem target = page(&s);
	uint64_t context;

	enable(&s);
	context = context_of(&s, table_of(&s, 4, S1_PAGE(target.pa) | S1_READ_ONLY));
	set_stream(&s, SID_BEHIND_BRIDGE, 5, context); /* the bridge's id in place of 01:01.0 */
	CHECK_EQ(qtest_edu_dma(s.qt, edu_behind_bridge, 0x5000, 0, 4, true), 0);
	CU_ASSERT_TRUE(qtest_blocked(s.qt));
	CHECK_EQ(qtest_edu_dma(s.qt, edu_behind_bridge, 0x5000, 0, 4, false), 0);
	CU_ASSERT_FALSE(qtest_blocked(s.qt));
	CHECK_EQ(qtest_edu_dma(s.qt, edu_behind_bridge, 0x6000, 0, 4, false), 0);
	CU_ASSERT_TRUE(qtest_blocked(s.qt));
	CHECK_EQ(qtest_unit_read32(s.qt, EVENTQ_PROD), 2);
	CHECK_EQ(s.event[0] & 0xff, EVENT_PERMISSION);
	CHECK_HEX(s.event[0] >> 32, SID_BEHIND_BRIDGE);
	CHECK_EQ(s.event[1] >> 35 & 1, 0); /* RnW */
	CHECK_HEX(s.event[2], 0x5000);
	CHECK_EQ(s.event[4] & 0xff, EVENT_TRANSLATION);
	CHECK_EQ(s.event[5] >> 35 & 1, 1);
	CHECK_HEX(s.event[6], 0x6000);
	qtest_close(s.qt);
}

/* STE.Config 0b000: an abort "and no event is recorded". */
static void an_aborted_stream_is_blocked_without_a_record(void)
{
	struct smmu s = start_smmu(0);
	struct piommu_mem target = page(&s);

	enable(&s);
	memset(target.va, 0x11, 4);
	set_stream(&s, SID_PLAIN, 0, 0);
	CHECK_EQ(qtest_edu_dma(s.qt, edu_plain, target.pa, 0, 4, true), 0);
	CU_ASSERT_TRUE(qtest_blocked(s.qt));
	CHECK_EQ(qtest_unit_read32(s.qt, EVENTQ_PROD), 0);
	CHECK_HEX(*(uint32_t *)target.va, 0x11111111);
	qtest_close(s.qt);
}

const struct suite_test smmuv3_tests[] = {
	SUITE_TEST(tables_describe_the_unit),
	SUITE_TEST(options_show_in_the_capabilities),
	SUITE_TEST(stage_1_translates_by_hand_written_tables),
	SUITE_TEST(stage_2_translates_by_hand_written_tables),
	SUITE_TEST(smmuv3_records_what_it_blocks),
	SUITE_TEST(an_aborted_stream_is_blocked_without_a_record),
};
const unsigned smmuv3_ntests = sizeof(smmuv3_tests) / sizeof(smmuv3_tests[0]);
