/* SPDX-License-Identifier: BSD-3-Clause */
/* IORT nodes: golden bytes (tables.c), written by hand from Arm DEN0049E.f; and frames that are broken. */
#include <errno.h>
#include <string.h>

#include "iort_make.h"
#include "suite.h"
#include "tables.h"

static struct piommu_fw fw;
static struct piommu_fw_error err;

static int parse_made(struct iort_make *make)
{
	memset(&fw, 0, sizeof(fw));
	memset(&err, 0, sizeof(err));
	return piommu_fw_parse_iort(make->bytes, make->len, &fw, &err);
}

static void parse_all_kinds(void)
{
	struct table table = table_make("kinds", table_iort_kinds, table_iort_kinds_len);
	int rc;

	memset(&fw, 0, sizeof(fw));
	rc = piommu_fw_parse_iort(table.bytes, table.len, &fw, &err);
	if (rc)
		CU_ASSERT_STRING_EQUAL(err.text, "");
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	table_free(&table);
}

static void check_irq(const struct piommu_fw_irq *irq, enum piommu_fw_irq_kind kind, uint32_t number, bool edge)
{
	CHECK_EQ(irq->kind, kind);
	CHECK_HEX(irq->number, number);
	CHECK_EQ(irq->edge, edge);
	CHECK_EQ(irq->wired, true);
}

static void smmu_v3_carries_its_facts(void)
{
	parse_all_kinds();
	CU_ASSERT_EQUAL_FATAL(fw.nunits, 3);
	CU_ASSERT_STRING_EQUAL(fw.units[0].name, "smmu0");
	CHECK_EQ(fw.units[0].family, PIOMMU_FAMILY_SMMUV3);
	CHECK_EQ(fw.units[0].version, 3);
	CHECK_EQ(fw.units[0].model, PIOMMU_FW_MODEL_GENERIC);
	CHECK_HEX(fw.units[0].base, 0x2b400000);
	CHECK_HEX(fw.units[0].len, 0x20000);
	CHECK_HEX(fw.units[0].flags, PIOMMU_FW_UNIT_COHERENT);
	CHECK_EQ(fw.units[0].httu, 2);
	CHECK_EQ(fw.units[0].numa_node, 1);
	CU_ASSERT_EQUAL_FATAL(fw.units[0].nirqs, 3); /* PRI has none */
	check_irq(&fw.units[0].irqs[0], PIOMMU_FW_IRQ_EVENT, 0x6a, true);
	check_irq(&fw.units[0].irqs[1], PIOMMU_FW_IRQ_ERROR, 0x6d, true);
	check_irq(&fw.units[0].irqs[2], PIOMMU_FW_IRQ_SYNC, 0x6c, true);
	CHECK_EQ(fw.units[0].msi.known, true);
	CHECK_EQ(fw.units[0].msi.controller, 0);
	CHECK_HEX(fw.units[0].msi.id, 0xbeef);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void smmu_v2_carries_its_facts(void)
{
	parse_all_kinds();
	CHECK_EQ(fw.units[1].family, PIOMMU_FAMILY_SMMUV2);
	CHECK_EQ(fw.units[1].version, 2);
	CHECK_EQ(fw.units[1].model, PIOMMU_FW_MODEL_MMU_500);
	CHECK_HEX(fw.units[1].base, 0xa00000000);
	CHECK_HEX(fw.units[1].len, 0x200000);
	CHECK_HEX(fw.units[1].flags, PIOMMU_FW_UNIT_COHERENT | PIOMMU_FW_UNIT_BROADCAST);
	CHECK_EQ(fw.units[1].numa_node, -1);
	CU_ASSERT_EQUAL_FATAL(fw.units[1].nirqs, 5);
	check_irq(&fw.units[1].irqs[0], PIOMMU_FW_IRQ_GLOBAL, 0x21, false);
	check_irq(&fw.units[1].irqs[1], PIOMMU_FW_IRQ_CONFIG, 0x22, true);
	check_irq(&fw.units[1].irqs[2], PIOMMU_FW_IRQ_CONTEXT, 0x30, false);
	check_irq(&fw.units[1].irqs[3], PIOMMU_FW_IRQ_CONTEXT, 0x31, true);
	check_irq(&fw.units[1].irqs[4], PIOMMU_FW_IRQ_PMU, 0x40, false);
	piommu_fw_free(&fw);
}

static void oldest_smmu_v3_has_neither_node_nor_msi(void)
{
	parse_all_kinds();
	CHECK_HEX(fw.units[2].base, 0x402300000);
	CHECK_EQ(fw.units[2].model, PIOMMU_FW_MODEL_CAVIUM_CN99XX);
	CHECK_HEX(fw.units[2].flags, PIOMMU_FW_UNIT_ONE_PAGE);
	CHECK_HEX(fw.units[2].len, 0x10000);
	CHECK_EQ(fw.units[2].numa_node, -1);
	CHECK_EQ(fw.units[2].msi.known, false);
	CHECK_EQ(fw.units[2].nirqs, 4);
	piommu_fw_free(&fw);
}

static void root_complex_is_a_source_of_a_segment(void)
{
	const struct piommu_fw_source *source;

	parse_all_kinds();
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 2);
	source = &fw.sources[0];
	CHECK_EQ(source->is_pci, true);
	CHECK_EQ(source->segment, 2);
	CHECK_EQ(source->start_bus, 0);
	CHECK_EQ(source->last_bus, 0xff);
	CHECK_HEX(source->flags, PIOMMU_FW_SOURCE_COHERENT | PIOMMU_FW_SOURCE_ATS);
	CHECK_EQ(source->address_bits, 48);
	CHECK_EQ(source->pasid_bits, 20);
	CU_ASSERT_PTR_EQUAL(piommu_fw_source_of_pci(&fw, (struct piommu_sbdf){ 2, 0x80, 8 }), source);
	CU_ASSERT_PTR_NULL(piommu_fw_source_of_pci(&fw, (struct piommu_sbdf){ 0, 0x80, 8 }));
	piommu_fw_free(&fw);
}

static void named_component_is_a_source_with_a_name(void)
{
	const struct piommu_fw_source *source;

	parse_all_kinds();
	source = &fw.sources[1];
	CHECK_EQ(source->is_pci, false);
	CU_ASSERT_STRING_EQUAL(source->name, "\\_SB.GPU0");
	CHECK_HEX(source->flags, PIOMMU_FW_SOURCE_STALL);
	CHECK_EQ(source->pasid_bits, 5);
	CHECK_EQ(source->address_bits, 40);
	CU_ASSERT_EQUAL_FATAL(source->to_units.n, 2);
	CHECK_HEX(source->to_units.at[0].to, 0x42);
	CHECK_HEX(source->to_units.at[1].to, 0x43);
	CHECK_EQ(source->to_units.at[1].target, 1);
	piommu_fw_free(&fw);
}

static void counters_belong_to_their_unit(void)
{
	parse_all_kinds();
	CU_ASSERT_EQUAL_FATAL(fw.ncounters, 1);
	CHECK_HEX(fw.counters[0].base, 0x2b420000);
	CHECK_HEX(fw.counters[0].base1, 0x2b430000);
	CHECK_EQ(fw.counters[0].irq, 0);
	CHECK_EQ(fw.counters[0].unit, 0);
	CHECK_EQ(fw.counters[0].msi.known, true);
	CHECK_HEX(fw.counters[0].msi.id, 0xcafe);
	piommu_fw_free(&fw);
}

static void rmr_is_reserved_for_the_ids_it_names(void)
{
	parse_all_kinds();
	CU_ASSERT_EQUAL_FATAL(fw.nreserved, 2);
	CHECK_EQ(fw.reserved[0].kind, PIOMMU_FW_RESERVED_RMR);
	CHECK_HEX(fw.reserved[0].span.start, 0x80000000);
	CHECK_HEX(fw.reserved[0].span.last, 0x8000ffff);
	CHECK_HEX(fw.reserved[1].span.start, 0xfd0000000);
	CHECK_HEX(fw.reserved[1].span.last, 0xfd001ffff);
	CHECK_HEX(fw.reserved[1].flags, PIOMMU_FW_RESERVED_REMAP | 5u << PIOMMU_FW_RESERVED_ATTR_SHIFT);
	CHECK_EQ(piommu_fw_ids_have(&fw.reserved[1].ids, &(struct piommu_fw_route){ 1, 0x43, 0 }), true);
	CHECK_EQ(piommu_fw_ids_have(&fw.reserved[1].ids, &(struct piommu_fw_route){ 1, 0x44, 0 }), false);
	CHECK_EQ(piommu_fw_ids_have(&fw.reserved[1].ids, &(struct piommu_fw_route){ 0, 0x43, 0 }), false);
	CHECK_EQ(piommu_fw_ids_have(&fw.reserved[1].ids, &(struct piommu_fw_route){ 1, 0x44, 0x3 }), false);
	CHECK_EQ(piommu_fw_ids_have(&fw.reserved[1].ids, &(struct piommu_fw_route){ 1, 0x44, 0x7 }), true);
	piommu_fw_free(&fw);
}

static void msi_controllers_are_groups_of_ids(void)
{
	parse_all_kinds();
	CU_ASSERT_EQUAL_FATAL(fw.nmsis, 1);
	CU_ASSERT_EQUAL_FATAL(fw.msis[0].nids, 2);
	CHECK_EQ(fw.msis[0].ids[0], 3);
	CHECK_EQ(fw.msis[0].ids[1], 4);
	piommu_fw_free(&fw);
}

static void a_second_table_counts_on(void)
{
	struct table table = table_make("kinds", table_iort_kinds, table_iort_kinds_len);

	parse_all_kinds();
	CHECK_EQ(piommu_fw_parse_iort(table.bytes, table.len, &fw, &err), 0);
	CU_ASSERT_STRING_EQUAL(fw.units[3].name, "smmu3");
	CHECK_EQ(fw.sources[3].to_units.at[0].target, 4);
	CHECK_EQ(fw.units[3].msi.controller, 1);
	piommu_fw_free(&fw);
	table_free(&table);
}

/* ---- Frames ------------------------------------------------------------------------------------------------------------ */

static void refused(struct iort_make *make, const char *why)
{
	CHECK_EQ(parse_made(make), -EINVAL);
	CHECK_HAS(err.text, why);
	CHECK_EQ(fw.nunits + fw.nsources + fw.nmsis + fw.nwarnings, 0);
}

static void warned(struct iort_make *make, const char *why)
{
	CHECK_EQ(parse_made(make), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], why);
}

static struct iort_make one_root(void)
{
	struct iort_make make;
	uint32_t its;

	iort_make_start(&make, "PIOMMUTESTTABL");
	its = iort_make_its(&make, 0);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0, 0xffff, 0, its, 0);
	iort_make_seal(&make);
	return make;
}

static void reseal(struct iort_make *make, size_t at, unsigned width, uint64_t value)
{
	uint32_t nodes = make->nnodes;

	if (at == 36)
		make->nnodes = (uint32_t)value;
	else
		iort_make_set(make, at, width, value);
	iort_make_seal(make);
	if (at == 40) {
		iort_make_set(make, at, width, value);
		table_seal(make->bytes, make->len);
	}
	make->nnodes = nodes;
}

static void a_table_of_no_nodes_describes_nothing(void)
{
	struct iort_make make;

	iort_make_start(&make, "PIOMMUTESTTABL");
	iort_make_seal(&make);
	CHECK_EQ(parse_made(&make), 0);
	CHECK_EQ(fw.nunits + fw.nsources + fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void too_many_or_too_few_nodes_are_a_warning(void)
{
	struct iort_make make = one_root();

	reseal(&make, 36, 4, 5);
	warned(&make, "states 5 nodes, the table holds 2");
	CHECK_EQ(fw.nsources, 1);
	piommu_fw_free(&fw);
	reseal(&make, 36, 4, 1);
	warned(&make, "behind the last of the 1 nodes");
	CHECK_EQ(fw.nsources, 0);
	piommu_fw_free(&fw);
}

static void nodes_may_begin_later(void)
{
	struct iort_make make;

	iort_make_start(&make, "PIOMMUTESTTABL");
	iort_make_put(&make, 4, 0);
	iort_make_its(&make, 7);
	reseal(&make, 40, 4, 52);
	CHECK_EQ(parse_made(&make), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nmsis, 1);
	CHECK_EQ(fw.msis[0].ids[0], 7);
	piommu_fw_free(&fw);
	reseal(&make, 40, 4, 40);
	refused(&make, "nodes from byte 40 on");
	reseal(&make, 40, 4, 0xfffffff0);
	refused(&make, "byte 0x28");
}

static void only_a_last_length_that_hides_nothing_may_be_wrong(void)
{
	struct iort_make make = one_root();

	reseal(&make, make.node + 1, 2, 60);
	warned(&make, "runs past the table");
	CHECK_EQ(fw.sources[0].to_units.n, 1);
	piommu_fw_free(&fw);
	iort_make_put(&make, 4, 0); /* now the mappings end before the table does */
	reseal(&make, make.node + 1, 2, 60);
	refused(&make, "the table ends after 56");
	reseal(&make, make.node + 1, 2, 31);
	refused(&make, "length 31");
}

static void mappings_outside_their_node_are_refused(void)
{
	struct iort_make make = one_root();

	reseal(&make, make.node + 8, 4, 2);
	refused(&make, "2 mappings from its byte 32");
	reseal(&make, make.node + 8, 4, 0xffffffff);
	refused(&make, "mappings from its byte 32");
	reseal(&make, make.node + 8, 4, 1);
	reseal(&make, make.node + 12, 4, 16);
	refused(&make, "1 mappings from its byte 16");
	reseal(&make, make.node + 12, 4, 0xfffffff0);
	refused(&make, "1 mappings from its byte 4294967280");
}

static void arrays_outside_their_node_are_refused(void)
{
	struct iort_make make;
	uint32_t at;

	iort_make_start(&make, "PIOMMUTESTTABL");
	at = iort_make_its(&make, 0);
	reseal(&make, at + 16, 4, 2);
	refused(&make, "says it has 2 ITSs");
	iort_make_start(&make, "PIOMMUTESTTABL");
	at = iort_make_smmu(&make, 0x10000);
	reseal(&make, at + 44, 4, 2);
	refused(&make, "2 context interrupts from its byte 76");
	reseal(&make, at + 44, 4, 1);
	reseal(&make, at + 40, 4, 0xfffffffc);
	refused(&make, "2 global interrupts");
}

static void units_that_cannot_be_driven_are_a_warning(void)
{
	struct iort_make make;

	iort_make_start(&make, "PIOMMUTESTTABL");
	iort_make_smmu_v3(&make, 0, 0, 60);
	iort_make_seal(&make);
	warned(&make, "register base 0x0");
	piommu_fw_free(&fw);
	iort_make_start(&make, "PIOMMUTESTTABL");
	iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_smmu(&make, 0x10000);
	iort_make_seal(&make);
	warned(&make, "smmu0 and smmu1 have the same register base 0x10000");
	piommu_fw_free(&fw);
	reseal(&make, make.node + 16, 8, 0x20000);
	reseal(&make, make.node + 32, 4, 77);
	warned(&make, "model 77");
	CHECK_EQ(fw.units[1].version, 0);
	piommu_fw_free(&fw);
}

static void rmr_spans_are_checked(void)
{
	struct iort_make make;
	uint32_t smmu, rmr;

	iort_make_start(&make, "PIOMMUTESTTABL");
	smmu = iort_make_smmu_v3(&make, 5, 0x10000, 68);
	rmr = iort_make_rmr(&make, 0, 0x80000000, 0x1000);
	iort_make_map(&make, 0, 0, 9, smmu, 1);
	iort_make_seal(&make);
	warned(&make, "not whole pages");
	CHECK_HEX(fw.reserved[0].span.last, 0x80000fff);
	piommu_fw_free(&fw);
	reseal(&make, rmr + 36, 8, 0);
	warned(&make, "length 0");
	CHECK_EQ(fw.nreserved, 0);
	piommu_fw_free(&fw);
	reseal(&make, rmr + 36, 8, UINT64_MAX);
	refused(&make, "runs past the address space");
	reseal(&make, rmr + 36, 8, 0x10000);
	reseal(&make, rmr + 20, 4, 3);
	refused(&make, "3 spans");
	reseal(&make, rmr + 20, 4, 1);
	reseal(&make, rmr + 8, 4, 0);
	warned(&make, "names no device");
	piommu_fw_free(&fw);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(smmu_v3_carries_its_facts),
		SUITE_TEST(smmu_v2_carries_its_facts),
		SUITE_TEST(oldest_smmu_v3_has_neither_node_nor_msi),
		SUITE_TEST(root_complex_is_a_source_of_a_segment),
		SUITE_TEST(named_component_is_a_source_with_a_name),
		SUITE_TEST(counters_belong_to_their_unit),
		SUITE_TEST(rmr_is_reserved_for_the_ids_it_names),
		SUITE_TEST(msi_controllers_are_groups_of_ids),
		SUITE_TEST(a_second_table_counts_on),
		SUITE_TEST(a_table_of_no_nodes_describes_nothing),
		SUITE_TEST(too_many_or_too_few_nodes_are_a_warning),
		SUITE_TEST(nodes_may_begin_later),
		SUITE_TEST(only_a_last_length_that_hides_nothing_may_be_wrong),
		SUITE_TEST(mappings_outside_their_node_are_refused),
		SUITE_TEST(arrays_outside_their_node_are_refused),
		SUITE_TEST(units_that_cannot_be_driven_are_a_warning),
		SUITE_TEST(rmr_spans_are_checked),
	};

	return suite_run(argc, argv, "iort", tests, sizeof(tests) / sizeof(tests[0]));
}
