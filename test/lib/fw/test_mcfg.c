/* SPDX-License-Identifier: BSD-3-Clause */
/* MCFG: golden bytes, from section 4.1.2 of the PCI Firmware Specification. */
#include <errno.h>
#include <string.h>

#include "suite.h"
#include "tables.h"

#define MCFG_HEADER \
	'M', 'C', 'F', 'G', 0, 0, 0, 0, 1, 0, 'P', 'I', 'O', 'M', 'M', 'U', 'T', 'E', 'S', 'T', 'T', 'A', 'B', 'L', 1, 0, 0, \
		0, 'H', 'A', 'N', 'D', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

static struct piommu_fw fw;
static struct piommu_fw_error err;

static int parse(const uint8_t *bytes, size_t len)
{
	struct table table = table_make("test", bytes, len);
	int rc;

	memset(&fw, 0, sizeof(fw));
	rc = piommu_fw_parse_mcfg(table.bytes, table.len, &fw, &err);
	table_free(&table);
	return rc;
}

#define PARSE(...) parse((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void each_entry_is_a_range_of_buses(void)
{
	CHECK_EQ(PARSE(MCFG_HEADER, 0, 0, 0, 0xe0, 0, 0, 0, 0, 0, 0, 0x00, 0xff, 0, 0, 0, 0, /**/
		       0, 0, 0, 0, 0x80, 0, 0, 0, 0x02, 0x01, 0x40, 0x7f, 0, 0, 0, 0),
		 0);
	CU_ASSERT_EQUAL_FATAL(fw.necam, 2);
	CHECK_HEX(fw.ecam[0].base, 0xe0000000);
	CHECK_EQ(fw.ecam[0].segment, 0);
	CHECK_HEX(fw.ecam[0].last_bus, 0xff);
	CHECK_HEX(fw.ecam[1].base, 0x8000000000);
	CHECK_HEX(fw.ecam[1].segment, 0x102);
	CHECK_HEX(fw.ecam[1].start_bus, 0x40);
	CHECK_HEX(fw.ecam[1].last_bus, 0x7f);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void entry_at_zero_warns(void)
{
	CHECK_EQ(PARSE(MCFG_HEADER, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0xff, 0, 0, 0, 0), 0);
	CHECK_EQ(fw.necam, 1);
	CHECK_EQ(fw.nwarnings, 1);
	piommu_fw_free(&fw);
}

static void buses_that_run_backwards_are_refused(void)
{
	CHECK_EQ(PARSE(MCFG_HEADER, 0, 0, 0, 0xe0, 0, 0, 0, 0, 0, 0, 0x10, 0x0f, 0, 0, 0, 0), -EINVAL);
	CHECK_HAS(err.text, "byte 0x2c");
	CHECK_EQ(fw.necam, 0);
}

static void half_an_entry_is_refused(void)
{
	CHECK_EQ(PARSE(MCFG_HEADER, 0, 0, 0, 0xe0, 0, 0, 0, 0, 0, 0, 0x10, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0), -EINVAL);
	CHECK_HAS(err.text, "byte 0x3c: 4 stray bytes");
	CHECK_EQ(fw.necam, 0);
}

static void header_alone_has_no_entries(void)
{
	CHECK_EQ(PARSE(MCFG_HEADER), 0);
	CHECK_EQ(fw.necam, 0);
	piommu_fw_free(&fw);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(each_entry_is_a_range_of_buses),       SUITE_TEST(entry_at_zero_warns),
		SUITE_TEST(buses_that_run_backwards_are_refused), SUITE_TEST(half_an_entry_is_refused),
		SUITE_TEST(header_alone_has_no_entries),
	};

	return suite_run(argc, argv, "mcfg", tests, sizeof(tests) / sizeof(tests[0]));
}
