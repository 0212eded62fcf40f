/* SPDX-License-Identifier: BSD-3-Clause */
/* Encoders against words worked out from the specification's figures (6.5.2, 9.1, 9.3, 11.4). */
#include "suite.h"
#include "vtd_regs.h"

static void check_pair(struct vtd_pair pair, uint64_t lo, uint64_t hi)
{
	CHECK_HEX(pair.lo, lo);
	CHECK_HEX(pair.hi, hi);
}

static void a_root_entry_is_the_context_table_and_the_present_bit(void)
{
	check_pair(vtd_root_entry(0x7ffff000), 0x7ffff001, 0);
}

static void a_context_entry_holds_table_width_and_domain(void)
{
	check_pair(vtd_context_translate(0x123456000, 4, 0x5a5a), 0x123456001, 0x5a5a02);
	check_pair(vtd_context_translate(0x1000, 3, 1), 0x1001, 0x101);
	check_pair(vtd_context_translate(0x1000, 5, 0xffff), 0x1001, 0xffff03);
}

static void a_passthrough_entry_has_type_two_and_no_table(void)
{
	check_pair(vtd_context_passthrough(4, 1), 0x9, 0x102);
	check_pair(vtd_context_passthrough(3, 1), 0x9, 0x101);
}

static void a_blocked_entry_is_not_present(void)
{
	CHECK_HEX(vtd_context_blocked().lo & 1, 0);
}

static void context_descriptors(void)
{
	check_pair(vtd_desc_context_global(), 0x11, 0);
	check_pair(vtd_desc_context_device(0x1234, 0x0820), UINT64_C(0x082012340031), 0);
}

static void iotlb_descriptors(void)
{
	check_pair(vtd_desc_iotlb_global(0), 0x12, 0);
	check_pair(vtd_desc_iotlb_global(VTD_DESC_DR | VTD_DESC_DW), 0xd2, 0);
	check_pair(vtd_desc_iotlb_domain(7, 0), 0x70022, 0);
	check_pair(vtd_desc_iotlb_pages(7, 0x40000000, 9, false, VTD_DESC_DR | VTD_DESC_DW), 0x700f2, 0x40000009);
	check_pair(vtd_desc_iotlb_pages(0xffff, 0x1000, 0, true, 0), 0xffff0032, 0x1040);
}

static void a_wait_writes_its_status_and_raises_no_interrupt(void)
{
	struct vtd_pair wait = vtd_desc_wait(0x12345000, 0xcafe);

	check_pair(wait, UINT64_C(0x0000cafe00000025), 0x12345000);
	CHECK_HEX(wait.lo & 0x10, 0);
}

static void the_same_commands_for_registers(void)
{
	CHECK_HEX(vtd_ccmd(vtd_desc_context_global()), UINT64_C(0xa000000000000000));
	CHECK_HEX(vtd_ccmd(vtd_desc_context_device(0x1234, 0x0820)), UINT64_C(0xe000000008201234));
	CHECK_HEX(vtd_iotlb(vtd_desc_iotlb_global(0)), UINT64_C(0x9000000000000000));
	CHECK_HEX(vtd_iotlb(vtd_desc_iotlb_domain(7, VTD_DESC_DR | VTD_DESC_DW)), UINT64_C(0xa003000700000000));
	CHECK_HEX(vtd_iotlb(vtd_desc_iotlb_pages(7, 0x1000, 0, true, 0)), UINT64_C(0xb000000700000000));
}

static void one_shot_commands_are_root_log_buffers_and_interrupt_table(void)
{
	CHECK_HEX((uint32_t)~VTD_GSTS_ONE_SHOT, 0x96ffffff);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_root_entry_is_the_context_table_and_the_present_bit),
		SUITE_TEST(a_context_entry_holds_table_width_and_domain),
		SUITE_TEST(a_passthrough_entry_has_type_two_and_no_table),
		SUITE_TEST(a_blocked_entry_is_not_present),
		SUITE_TEST(context_descriptors),
		SUITE_TEST(iotlb_descriptors),
		SUITE_TEST(a_wait_writes_its_status_and_raises_no_interrupt),
		SUITE_TEST(the_same_commands_for_registers),
		SUITE_TEST(one_shot_commands_are_root_log_buffers_and_interrupt_table),
	};

	return suite_run(argc, argv, "vtd_regs", tests, sizeof(tests) / sizeof(tests[0]));
}
