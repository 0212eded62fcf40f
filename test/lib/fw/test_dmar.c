/* SPDX-License-Identifier: BSD-3-Clause */
/* DMAR: golden bytes, written by hand from chapter 8 of the VT-d specification. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "tables.h"

static struct piommu_fw fw;
static struct piommu_fw_error err;

static int parse(const uint8_t *bytes, size_t len)
{
	struct table table = table_make("test", bytes, len);
	int rc;

	memset(&fw, 0, sizeof(fw));
	memset(&err, 0, sizeof(err));
	rc = piommu_fw_parse_dmar(table.bytes, table.len, &fw, &err);
	table_free(&table);
	return rc;
}

#define PARSE(...) parse((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void check_scope(const struct piommu_fw_scope *scope, unsigned type, unsigned flags, unsigned id, unsigned bus,
			uint32_t segment, unsigned npath)
{
	CHECK_EQ(scope->type, type);
	CHECK_HEX(scope->flags, flags);
	CHECK_EQ(scope->id, id);
	CHECK_HEX(scope->start_bus, bus);
	CHECK_HEX(scope->segment, segment);
	CHECK_EQ(scope->npath, npath);
	CHECK_EQ(scope->resolved, false);
}

static void units_carry_base_size_segment_and_flags(void)
{
	CHECK_EQ(parse(table_all_kinds, table_all_kinds_len), 0);
	CHECK_EQ(fw.host_address_width, 47);
	CHECK_HEX(fw.dmar_flags, PIOMMU_FW_DMAR_INTR_REMAP | PIOMMU_FW_DMAR_PLATFORM_OPT_IN);
	CU_ASSERT_EQUAL_FATAL(fw.nunits, 3);
	CU_ASSERT_STRING_EQUAL(fw.units[0].name, "dmar0");
	CU_ASSERT_STRING_EQUAL(fw.units[2].name, "dmar2");
	CHECK_EQ(fw.units[0].family, PIOMMU_FAMILY_VTD);
	CHECK_HEX(fw.units[0].base, 0xfc800000);
	CHECK_HEX(fw.units[0].len, 0x10000);
	CHECK_HEX(fw.units[1].base, 0xabcdef00001000);
	CHECK_HEX(fw.units[1].len, 0x1000);
	CHECK_HEX(fw.units[1].segment, 0x1234);
	CHECK_EQ(fw.units[1].include_all, false);
	CHECK_HEX(fw.units[2].base, 0xfed91000);
	CHECK_EQ(fw.units[2].include_all, true);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void scopes_are_read_where_structures_are_unaligned(void)
{
	CHECK_EQ(parse(table_all_kinds, table_all_kinds_len), 0);
	CU_ASSERT_EQUAL_FATAL(fw.units[1].scopes.n, 2);
	check_scope(&fw.units[1].scopes.at[0], PIOMMU_FW_SCOPE_PCI_BRIDGE, 0, 0, 0x80, 0x1234, 1);
	check_scope(&fw.units[1].scopes.at[1], PIOMMU_FW_SCOPE_PCI_ENDPOINT, 0, 0, 0x80, 0x1234, 2);
	CHECK_HEX(fw.units[1].scopes.at[1].path[0].device, 0x1c);
	CHECK_HEX(fw.units[1].scopes.at[1].path[0].function, 7);
	CHECK_HEX(fw.units[1].scopes.at[1].path[1].device, 3);
	CHECK_HEX(fw.units[1].scopes.at[1].path[1].function, 1);
	CU_ASSERT_EQUAL_FATAL(fw.units[2].scopes.n, 3);
	check_scope(&fw.units[2].scopes.at[0], PIOMMU_FW_SCOPE_IOAPIC, 2, 2, 0xf0, 0, 1);
	check_scope(&fw.units[2].scopes.at[1], PIOMMU_FW_SCOPE_HPET, 0, 0, 0, 0, 1);
	check_scope(&fw.units[2].scopes.at[2], PIOMMU_FW_SCOPE_ACPI_NAMESPACE, 0, 9, 0, 0, 1);
	piommu_fw_free(&fw);
}

static void rmrr_is_an_inclusive_span_with_its_devices(void)
{
	CHECK_EQ(parse(table_all_kinds, table_all_kinds_len), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nreserved, 1);
	CHECK_EQ(fw.reserved[0].kind, PIOMMU_FW_RESERVED_RMRR);
	CHECK_HEX(fw.reserved[0].span.start, 0x7b800000);
	CHECK_HEX(fw.reserved[0].span.last, 0x7fffffff);
	CU_ASSERT_EQUAL_FATAL(fw.reserved[0].scopes.n, 1);
	check_scope(&fw.reserved[0].scopes.at[0], PIOMMU_FW_SCOPE_PCI_ENDPOINT, 0, 0, 0, 0, 1);
	piommu_fw_free(&fw);
}

static void device_lists_and_names_are_kept(void)
{
	CHECK_EQ(parse(table_all_kinds, table_all_kinds_len), 0);
	CU_ASSERT_EQUAL_FATAL(fw.natsr, 1);
	CHECK_EQ(fw.atsr[0].flags, 0);
	check_scope(&fw.atsr[0].scopes.at[0], PIOMMU_FW_SCOPE_PCI_BRIDGE, 0, 0, 0, 0, 1);
	CU_ASSERT_EQUAL_FATAL(fw.nsatc, 1);
	CHECK_EQ(fw.satc[0].flags, 1);
	CU_ASSERT_EQUAL_FATAL(fw.nsidp, 1);
	check_scope(&fw.sidp[0].scopes.at[0], PIOMMU_FW_SCOPE_PCI_ENDPOINT, 0x1f, 0, 0, 0, 1);
	CU_ASSERT_EQUAL_FATAL(fw.nnames, 1);
	CHECK_EQ(fw.names[0].id, 9);
	CU_ASSERT_STRING_EQUAL(fw.names[0].name, "\\_SB.I2C1");
	piommu_fw_free(&fw);
}

static void rhsa_sets_the_node_of_the_unit_with_its_base(void)
{
	CHECK_EQ(parse(table_all_kinds, table_all_kinds_len), 0);
	CHECK_EQ(fw.units[0].numa_node, -1);
	CHECK_EQ(fw.units[2].numa_node, 1);
	piommu_fw_free(&fw);
	/* Before its DRHD. */
	CHECK_EQ(PARSE(DMAR_HEADER(38, 0), 3, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0xd9, 0xfe, 0, 0, 0, 0, 3, 0, 0, 0, /**/
		       0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0xd9, 0xfe, 0, 0, 0, 0),
		 0);
	CHECK_EQ(fw.units[0].numa_node, 3);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void rhsa_of_no_unit_is_one_warning(void)
{
	CHECK_EQ(PARSE(DMAR_HEADER(38, 0), 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0xd9, 0xfe, 0, 0, 0, 0, /**/
		       3, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x9d, 0, 0, 0, 0, 1, 0, 0, 0),
		 0);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], "0x9d800000");
	CHECK_EQ(fw.units[0].numa_node, -1);
	piommu_fw_free(&fw);
}

static void unit_at_address_zero_is_kept_with_a_warning(void)
{
	CHECK_EQ(PARSE(DMAR_HEADER(38, 0), 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0);
	CHECK_EQ(fw.nunits, 1);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], "dmar0");
	CHECK_HAS(fw.warnings[0], "base 0");
	piommu_fw_free(&fw);
}

static void unit_that_owns_nothing_is_no_oddity(void)
{
	CHECK_EQ(PARSE(DMAR_HEADER(38, 0), 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0xd9, 0xfe, 0, 0, 0, 0), 0);
	CHECK_EQ(fw.nunits, 1);
	CHECK_EQ(fw.units[0].scopes.n, 0);
	CHECK_EQ(fw.units[0].include_all, false);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void unit_after_the_catch_all_of_its_segment_warns(void)
{
	CHECK_EQ(PARSE(DMAR_HEADER(38, 0), 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0xd9, 0xfe, 0, 0, 0, 0, /**/
		       0, 0, 16, 0, 1, 0, 1, 0, 0, 0, 0xda, 0xfe, 0, 0, 0, 0,                     /**/
		       0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0xdb, 0xfe, 0, 0, 0, 0),
		 0);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], "dmar2");
	CHECK_HAS(fw.warnings[0], "dmar0");
	piommu_fw_free(&fw);
}

static void rmrr_from_zero_to_zero_is_kept_with_a_warning(void)
{
	CHECK_EQ(PARSE(DMAR_HEADER(38, 0), 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nreserved, 1);
	CHECK_HEX(fw.reserved[0].span.start, 0);
	CHECK_HEX(fw.reserved[0].span.last, 0);
	CHECK_EQ(fw.nwarnings, 1);
	piommu_fw_free(&fw);
}

static void rmrr_of_the_first_page_or_of_gigabytes_is_no_oddity(void)
{
	CHECK_EQ(PARSE(DMAR_HEADER(38, 0), 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, /**/
		       1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x87, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xc7, 0, 0, 0, 0),
		 0);
	CHECK_EQ(fw.nreserved, 2);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void rmrr_beyond_the_address_width_or_of_odd_bytes_warns(void)
{
	CHECK_EQ(PARSE(DMAR_HEADER(38, 0), 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0, 0x80, 0, 0,
		       0, /**/
		       1, 0, 24, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0, 0, 0xff, 0x0f, 1, 0, 0, 0, 0, 0),
		 0);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 2);
	CHECK_HAS(fw.warnings[0], "beyond the 39 address bits");
	CHECK_HAS(fw.warnings[1], "not whole pages");
	CHECK_EQ(fw.nreserved, 2);
	piommu_fw_free(&fw);
}

static void andd_without_end_or_with_control_bytes_is_made_printable(void)
{
	CHECK_EQ(PARSE(DMAR_HEADER(38, 0), 4, 0, 12, 0, 0, 0, 0, 1, 'A', '\n', 0x80, 'B'), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nnames, 1);
	CU_ASSERT_STRING_EQUAL(fw.names[0].name, "A??B");
	piommu_fw_free(&fw);
}

static void a_second_table_is_appended(void)
{
	struct table table = table_make("test", table_all_kinds, table_all_kinds_len);

	memset(&fw, 0, sizeof(fw));
	CHECK_EQ(piommu_fw_parse_dmar(table.bytes, table.len, &fw, &err), 0);
	CHECK_EQ(piommu_fw_parse_dmar(table.bytes, table.len, &fw, NULL), 0);
	CHECK_EQ(fw.nunits, 6);
	CU_ASSERT_STRING_EQUAL(fw.units[3].name, "dmar3");
	CHECK_EQ(fw.nreserved, 2);
	CHECK_EQ(fw.nnames, 2);
	piommu_fw_free(&fw);
	CHECK_EQ(fw.nunits, 0);
	table_free(&table);
}

static void bytes_behind_the_table_are_not_looked_at(void)
{
	struct table table = table_make("test", table_all_kinds, table_all_kinds_len);

	memset(&fw, 0, sizeof(fw));
	table.bytes = realloc(table.bytes, table.len + 100);
	memset(table.bytes + table.len, 0xff, 100);
	CHECK_EQ(piommu_fw_parse_dmar(table.bytes, table.len + 100, &fw, &err), 0);
	CHECK_EQ(fw.nunits, 3);
	piommu_fw_free(&fw);
	table_free(&table);
}

/* Refused, with these words, and nothing kept. */
static void check_refused(int rc, const char *where, const char *what)
{
	CHECK_EQ(rc, -EINVAL);
	CHECK_HAS(err.text, where);
	CHECK_HAS(err.text, what);
	CHECK_EQ(fw.nunits, 0);
	CHECK_EQ(fw.host_address_width, 0);
	piommu_fw_free(&fw);
}

static void refusal_says_where_and_why(void)
{
	const uint8_t short_table[] = { 'D', 'M', 'A', 'R', 48, 0, 0, 0 };
	uint8_t bytes[] = { DMAR_HEADER(38, 0) };

	memset(&fw, 0, sizeof(fw));
	check_refused(piommu_fw_parse_dmar(short_table, sizeof(short_table), &fw, &err), "8 bytes", "read the whole table");
	table_seal(bytes, sizeof(bytes));
	bytes[10]++;
	check_refused(piommu_fw_parse_dmar(bytes, sizeof(bytes), &fw, &err), "byte 0x9", "checksum");
	bytes[10]--;
	CHECK_EQ(piommu_fw_parse_dmar(bytes, sizeof(bytes), &fw, &err), 0);
	piommu_fw_free(&fw);
	bytes[4] = 47;
	check_refused(piommu_fw_parse_dmar(bytes, sizeof(bytes), &fw, &err), "byte 0x4", "length 47");
	bytes[4] = 49;
	check_refused(piommu_fw_parse_dmar(bytes, sizeof(bytes), &fw, &err), "byte 0x4", "only 48 bytes");
	bytes[0] = 'X';
	check_refused(piommu_fw_parse_dmar(bytes, sizeof(bytes), &fw, &err), "byte 0x0", "not \"DMAR\"");
}

static void structure_of_a_wrong_length_is_refused(void)
{
	check_refused(PARSE(DMAR_HEADER(38, 0), 0, 0, 0, 0), "byte 0x30", "DRHD (type 0) has length 0");
	check_refused(PARSE(DMAR_HEADER(38, 0), 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0), "byte 0x30", "length 12 (16 to 12");
	check_refused(PARSE(DMAR_HEADER(38, 0), 9, 0, 3, 0), "byte 0x30", "type 9");
	check_refused(PARSE(DMAR_HEADER(38, 0), 9, 0, 4, 0, 9, 0, 5, 0), "byte 0x34", "length 5 (4 to 4");
	check_refused(PARSE(DMAR_HEADER(38, 0), 9, 0, 4, 0, 9, 0), "byte 0x34", "2 stray bytes");
}

static void scope_of_a_wrong_length_is_refused(void)
{
	check_refused(PARSE(DMAR_HEADER(38, 0), 2, 0, 16, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0), "byte 0x38", "length 0 ");
	check_refused(PARSE(DMAR_HEADER(38, 0), 2, 0, 16, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0), "byte 0x38", "length 7 ");
	check_refused(PARSE(DMAR_HEADER(38, 0), 2, 0, 16, 0, 0, 0, 0, 0, 1, 10, 0, 0, 0, 0, 0, 0), "byte 0x38", "of ATSR");
	check_refused(PARSE(DMAR_HEADER(38, 0), 2, 0, 9, 0, 0, 0, 0, 0, 1), "byte 0x38", "length 0 ");
}

static void rmrr_that_ends_before_it_starts_is_refused(void)
{
	check_refused(
		PARSE(DMAR_HEADER(38, 0), 1, 0, 24, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0xff, 0x0f, 0, 0, 0, 0, 0, 0),
		"byte 0x30", "ends before it starts");
}

static void table_beyond_belief_is_refused(void)
{
	size_t len = (256u << 10) + 4;
	struct table table = { .bytes = calloc(1, len), .len = len };

	memcpy(table.bytes, table_all_kinds, 48);
	table_seal(table.bytes, len);
	memset(&fw, 0, sizeof(fw));
	check_refused(piommu_fw_parse_dmar(table.bytes, table.len, &fw, &err), "byte 0x4", "beyond belief");
	table_free(&table);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(units_carry_base_size_segment_and_flags),
		SUITE_TEST(scopes_are_read_where_structures_are_unaligned),
		SUITE_TEST(rmrr_is_an_inclusive_span_with_its_devices),
		SUITE_TEST(device_lists_and_names_are_kept),
		SUITE_TEST(rhsa_sets_the_node_of_the_unit_with_its_base),
		SUITE_TEST(rhsa_of_no_unit_is_one_warning),
		SUITE_TEST(unit_at_address_zero_is_kept_with_a_warning),
		SUITE_TEST(unit_that_owns_nothing_is_no_oddity),
		SUITE_TEST(unit_after_the_catch_all_of_its_segment_warns),
		SUITE_TEST(rmrr_from_zero_to_zero_is_kept_with_a_warning),
		SUITE_TEST(rmrr_of_the_first_page_or_of_gigabytes_is_no_oddity),
		SUITE_TEST(rmrr_beyond_the_address_width_or_of_odd_bytes_warns),
		SUITE_TEST(andd_without_end_or_with_control_bytes_is_made_printable),
		SUITE_TEST(a_second_table_is_appended),
		SUITE_TEST(bytes_behind_the_table_are_not_looked_at),
		SUITE_TEST(refusal_says_where_and_why),
		SUITE_TEST(structure_of_a_wrong_length_is_refused),
		SUITE_TEST(scope_of_a_wrong_length_is_refused),
		SUITE_TEST(rmrr_that_ends_before_it_starts_is_refused),
		SUITE_TEST(table_beyond_belief_is_refused),
	};

	return suite_run(argc, argv, "dmar", tests, sizeof(tests) / sizeof(tests[0]));
}
