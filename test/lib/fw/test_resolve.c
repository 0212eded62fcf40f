/* SPDX-License-Identifier: BSD-3-Clause */
/* Scopes through bridges. The machine: 00:02.0; bridge 00:1c.0 to bus 1; 01:00.0; bridge 01:01.0 to bus 7; 07:03.1. */
#include <errno.h>
#include <string.h>

#include "suite.h"
#include "tables.h"

static const struct function {
	struct piommu_sbdf sbdf;
	int secondary; /* -1: no bridge */
} machine[] = {
	{ { 0, 0x00, 0x02 << 3 }, -1 }, { { 0, 0x00, 0x1c << 3 }, 1 },      { { 0, 0x01, 0x00 << 3 }, -1 },
	{ { 0, 0x01, 0x01 << 3 }, 7 },  { { 0, 0x07, 0x03 << 3 | 1 }, -1 },
};

static const struct function *find(struct piommu_sbdf sbdf)
{
	for (unsigned i = 0; i < sizeof(machine) / sizeof(machine[0]); i++) {
		if (piommu_sbdf_compare(machine[i].sbdf, sbdf) == 0)
			return &machine[i];
	}
	return NULL;
}

static int secondary_bus(void *ctx, struct piommu_sbdf bridge)
{
	const struct function *function = find(bridge);

	(void)ctx;
	if (!function)
		return -ENOENT;
	return function->secondary < 0 ? -ENOTDIR : function->secondary;
}

static bool exists(void *ctx, struct piommu_sbdf sbdf)
{
	(void)ctx;
	return find(sbdf) != NULL;
}

static struct piommu_fw fw;

/* One unit with these scopes, parsed and resolved. */
static void resolve(const uint8_t *scopes, size_t len)
{
	static const struct piommu_fw_pci_reader reader = { secondary_bus, exists, NULL };
	uint8_t bytes[512] = { DMAR_HEADER(38, 0), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xd9, 0xfe, 0, 0, 0, 0 };

	memset(&fw, 0, sizeof(fw));
	bytes[50] = (uint8_t)(16 + len);
	bytes[51] = (uint8_t)((16 + len) >> 8);
	memcpy(bytes + 64, scopes, len);
	table_seal(bytes, 64 + len);
	CHECK_EQ(piommu_fw_parse_dmar(bytes, 64 + len, &fw, NULL), 0);
	CHECK_EQ(piommu_fw_resolve(&fw, &reader), 0);
	CU_ASSERT_FATAL(fw.nunits == 1 && fw.units[0].scopes.n > 0);
}

#define RESOLVE(...) resolve((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void check_at(const struct piommu_fw_scope *scope, const char *want)
{
	char text[PIOMMU_SBDF_STRLEN] = "";

	CHECK_EQ(scope->resolved, true);
	CU_ASSERT_STRING_EQUAL(piommu_sbdf_format(scope->sbdf, text), want);
}

static void one_hop_is_on_the_start_bus(void)
{
	RESOLVE(1, 8, 0, 0, 0, 0, 0x02, 0, 2, 8, 0, 0, 0, 1, 0x01, 0);
	check_at(&fw.units[0].scopes.at[0], "0000:00:02.0");
	check_at(&fw.units[0].scopes.at[1], "0000:01:01.0");
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void further_hops_go_through_bridges(void)
{
	RESOLVE(1, 12, 0, 0, 0, 0, 0x1c, 0, 0x01, 0, 0x03, 1, 1, 10, 0, 0, 0, 0, 0x1c, 0, 0, 0);
	check_at(&fw.units[0].scopes.at[0], "0000:07:03.1");
	check_at(&fw.units[0].scopes.at[1], "0000:01:00.0");
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void check_nowhere(const char *why)
{
	CHECK_EQ(fw.units[0].scopes.at[0].resolved, false);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], "dmar0");
	CHECK_HAS(fw.warnings[0], why);
	piommu_fw_free(&fw);
}

static void path_that_leads_nowhere_warns(void)
{
	RESOLVE(1, 8, 0, 0, 0, 0, 0x05, 0);
	check_nowhere("no function at 0000:00:05.0");
	RESOLVE(1, 10, 0, 0, 0, 0, 0x02, 0, 0, 0);
	check_nowhere("0000:00:02.0 is no bridge");
	RESOLVE(1, 10, 0, 0, 0, 0, 0x06, 0, 0, 0);
	check_nowhere("0000:00:06.0 does not exist");
	RESOLVE(2, 8, 0, 0, 0, 0, 0x20, 0);
	check_nowhere("no device number 20.0");
	RESOLVE(1, 6, 0, 0, 0, 0);
	check_nowhere("empty");
}

static void interrupt_sources_on_made_up_buses_do_not_warn(void)
{
	RESOLVE(3, 8, 0, 0, 2, 0xf0, 0x1f, 0, 4, 8, 0, 0, 0, 0xff, 0, 0, 5, 8, 0, 0, 1, 0, 0x15, 0, 9, 8, 0, 0, 1, 0, 0x15, 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(fw.units[0].scopes.at[i].resolved, false);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void a_missing_place_is_told_once(void)
{
	RESOLVE(1, 8, 0, 0, 0, 0, 0x05, 0, 1, 8, 0, 0, 0, 0, 0x05, 0, 1, 8, 0, 0, 0, 0, 0x05, 1);
	CHECK_EQ(fw.nwarnings, 2);
	piommu_fw_free(&fw);
}

static void many_missing_places_are_summed_up(void)
{
	uint8_t scopes[40 * 8];

	for (unsigned i = 0; i < 40; i++)
		memcpy(scopes + i * 8, (const uint8_t[]){ 1, 8, 0, 0, 0, 0x40, (uint8_t)(i / 8), (uint8_t)(i % 8) }, 8);
	resolve(scopes, sizeof(scopes));
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 33);
	CHECK_HAS(fw.warnings[32], "8 more");
	piommu_fw_free(&fw);
}

static void types_have_names(void)
{
	CU_ASSERT_STRING_EQUAL(piommu_fw_scope_type_name(1), "pci-endpoint");
	CU_ASSERT_STRING_EQUAL(piommu_fw_scope_type_name(2), "pci-bridge");
	CU_ASSERT_STRING_EQUAL(piommu_fw_scope_type_name(3), "ioapic");
	CU_ASSERT_STRING_EQUAL(piommu_fw_scope_type_name(4), "hpet");
	CU_ASSERT_STRING_EQUAL(piommu_fw_scope_type_name(5), "acpi-namespace");
	CU_ASSERT_STRING_EQUAL(piommu_fw_scope_type_name(0), "unknown");
	CU_ASSERT_STRING_EQUAL(piommu_fw_scope_type_name(255), "unknown");
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(one_hop_is_on_the_start_bus),
		SUITE_TEST(further_hops_go_through_bridges),
		SUITE_TEST(path_that_leads_nowhere_warns),
		SUITE_TEST(interrupt_sources_on_made_up_buses_do_not_warn),
		SUITE_TEST(a_missing_place_is_told_once),
		SUITE_TEST(many_missing_places_are_summed_up),
		SUITE_TEST(types_have_names),
	};

	return suite_run(argc, argv, "fw-resolve", tests, sizeof(tests) / sizeof(tests[0]));
}
