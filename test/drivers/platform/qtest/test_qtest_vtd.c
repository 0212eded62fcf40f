/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's VT-d unit translates what tables written here by hand say. No driver of ours is involved. VT-d specification 9.1 (root),
 * 9.3 (context), 9.8 (second stage), 10.4.
 */
#include <errno.h>
#include <string.h>

#include "test_qtest.h"

static void tables_describe_the_unit(void)
{
	struct qtest *qt = start(&(struct qtest_options){ .family = PIOMMU_FAMILY_VTD, .rmrr = true });
	struct piommu_platform *plat = qtest_platform(qt);
	struct piommu_fw fw = { 0 };
	struct piommu_fw_error err = { "" };
	const void *bytes;
	size_t len;

	CU_ASSERT_EQUAL_FATAL(plat->ops->fw_table(plat, "DMAR", 0, &bytes, &len), 0);
	CHECK_EQ(piommu_fw_parse_dmar(bytes, len, &fw, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_EQUAL_FATAL(fw.nunits, 1);
	CHECK_HEX(fw.units[0].base, 0xfed90000);
	CU_ASSERT_EQUAL_FATAL(fw.nreserved, 1);
	CHECK_HEX(fw.reserved[0].span.start, qtest_rmrr(qt).start);
	CHECK_HEX(fw.reserved[0].span.last, qtest_rmrr(qt).last);
	CHECK_EQ(plat->ops->fw_table(plat, "DMAR", 1, &bytes, &len), -ENOENT);
	CU_ASSERT_EQUAL_FATAL(plat->ops->fw_table(plat, "MCFG", 0, &bytes, &len), 0);
	CHECK_EQ(piommu_fw_parse_mcfg(bytes, len, &fw, &err), 0);
	CU_ASSERT_EQUAL_FATAL(fw.necam, 1);
	CHECK_HEX(fw.ecam[0].base, 0xb0000000);
	piommu_fw_free(&fw);
	qtest_close(qt);
}

static void options_show_in_the_capabilities(void)
{
	struct qtest *qt = start(&(struct qtest_options){
		.family = PIOMMU_FAMILY_VTD, .aw_bits = 39, .no_intremap = true, .caching_mode = true });

	CHECK_HEX(qtest_unit_read64(qt, 0x08), 0x00d2008c22260286); /* MGAW 38, SAGAW bit 1, CM */
	CHECK_EQ(qtest_unit_read64(qt, 0x10) & 0x48, 0x40);         /* ECAP: pass-through, no IR */
	qtest_close(qt);
}

static void wait_for(struct qtest *qt, uint32_t bit)
{
	for (unsigned n = 0; n < 1000; n++)
		if (qtest_unit_read32(qt, 0x1c) & bit)
			return;
	CU_FAIL_FATAL("a global command was never acknowledged");
}

/* One 4 KiB page at 0x5000 for every function of a bus; everything else of it, and other buses, blocked. */
static void translate_bus(struct qtest *qt, uint8_t bus, uint64_t pa, uint64_t prot)
{
	struct piommu_mem root = pages(qt, 1), context = pages(qt, 1), level[4];

	for (unsigned i = 0; i < 4; i++)
		level[i] = pages(qt, 1);
	for (unsigned i = 0; i < 3; i++)
		((uint64_t *)level[i].va)[0] = level[i + 1].pa | 3;
	((uint64_t *)level[3].va)[5] = pa | prot;
	((uint64_t *)root.va)[2 * bus] = context.pa | 1;
	for (unsigned devfn = 0; devfn < 256; devfn++) {
		((uint64_t *)context.va)[2 * devfn] = level[0].pa | 1;
		((uint64_t *)context.va)[2 * devfn + 1] = 2 | 7 << 8; /* 48 bits, domain 7 */
	}
	qtest_unit_write64(qt, 0x20, root.pa);
	qtest_unit_write32(qt, 0x18, BIT32(30));
	wait_for(qt, BIT32(30));
	qtest_unit_write32(qt, 0x18, BIT32(31));
	wait_for(qt, BIT32(31));
}

static void vtd_translates_by_hand_written_tables(void)
{
	struct qtest *qt = start(&(struct qtest_options){ .family = PIOMMU_FAMILY_VTD });
	struct piommu_mem target = pages(qt, 1);

	memset(target.va, 0x5a, 16);
	translate_bus(qt, 2, target.pa, 3);
	CHECK_EQ(qtest_edu_dma(qt, edu_behind_port, 0x5000, 0, 16, false), 0);
	CHECK_EQ(qtest_edu_dma(qt, edu_behind_port, 0x5100, 0, 16, true), 0);
	CHECK_EQ(memcmp(target.va, (char *)target.va + 0x100, 16), 0);
	CHECK_EQ(qtest_unit_read32(qt, 0x34) & 2, 0); /* FSTS.PPF */
	qtest_close(qt);
}

static void vtd_records_what_it_blocks(void)
{
	struct qtest *qt = start(&(struct qtest_options){ .family = PIOMMU_FAMILY_VTD });
	struct piommu_mem target = pages(qt, 1);
	uint64_t record;

	translate_bus(qt, 1, target.pa, 1); /* read only */
	CU_ASSERT_FALSE(qtest_blocked(qt));
	CHECK_EQ(qtest_edu_dma(qt, edu_behind_bridge, 0x5000, 0, 4, true), 0);
	CU_ASSERT_TRUE(qtest_blocked(qt));
	CHECK_EQ(qtest_unit_read32(qt, 0x34) & 2, 2);
	CHECK_HEX(qtest_unit_read64(qt, 0x220), 0x5000);
	record = qtest_unit_read64(qt, 0x228);
	CHECK_EQ(record >> 62, 2);         /* F; a write */
	CHECK_EQ(record >> 32 & 0xff, 5);  /* no write permission */
	CHECK_HEX(record & 0xffff, 0x100); /* the bridge's id in place of 01:01.0 */
	qtest_close(qt);
}

const struct suite_test vtd_tests[] = {
	SUITE_TEST(tables_describe_the_unit),
	SUITE_TEST(options_show_in_the_capabilities),
	SUITE_TEST(vtd_translates_by_hand_written_tables),
	SUITE_TEST(vtd_records_what_it_blocks),
};
const unsigned vtd_ntests = sizeof(vtd_tests) / sizeof(vtd_tests[0]);
