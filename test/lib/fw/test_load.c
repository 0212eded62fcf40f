/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of a whole machine: absent, unreadable, refused, and one too many. */
#include <errno.h>
#include <string.h>

#include "suite.h"
#include "tables.h"

struct machine {
	struct table dmar;
	unsigned ndmar; /* how often it is handed out */
	int mcfg;       /* what reading MCFG gives */
};

static int read_table(void *ctx, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	const struct machine *machine = ctx;

	if (memcmp(sig, "MCFG", 4) == 0)
		return machine->mcfg;
	if (memcmp(sig, "DMAR", 4) != 0 || nth >= machine->ndmar)
		return -ENOENT;
	*bytes = machine->dmar.bytes;
	*len = machine->dmar.len;
	return 0;
}

static struct machine start(void)
{
	return (struct machine){
		.dmar = table_make("all kinds", table_all_kinds, table_all_kinds_len),
		.ndmar = 1,
		.mcfg = -ENOENT,
	};
}

static void absent_tables_are_no_error(void)
{
	struct machine machine = { .mcfg = -ENOENT };
	struct piommu_fw fw = { 0 };
	struct piommu_fw_error err = { "" };

	CHECK_EQ(piommu_fw_load(&fw, read_table, &machine, &err), 0);
	CHECK_EQ(fw.nunits, 0);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void a_second_table_is_passed_over_with_a_warning(void)
{
	struct machine machine = start();
	struct piommu_fw fw = { 0 };
	struct piommu_fw_error err = { "" };
	unsigned nunits, nwarnings;

	CHECK_EQ(piommu_fw_load(&fw, read_table, &machine, &err), 0);
	nunits = fw.nunits;
	nwarnings = fw.nwarnings;
	CU_ASSERT(nunits > 0);
	machine.ndmar = 2;
	CHECK_EQ(piommu_fw_load(&fw, read_table, &machine, &err), 0); /* replaces what was there */
	CHECK_EQ(fw.nunits, nunits);
	CHECK_EQ(fw.nwarnings, nwarnings + 1);
	CHECK_HAS(fw.warnings[nwarnings], "more than one");
	piommu_fw_free(&fw);
	table_free(&machine.dmar);
}

static void what_cannot_be_read_or_is_refused_changes_nothing(void)
{
	struct machine machine = start();
	struct piommu_fw fw = { .host_address_width = 39 };
	struct piommu_fw_error err = { "" };

	machine.mcfg = -EACCES;
	CHECK_EQ(piommu_fw_load(&fw, read_table, &machine, &err), -EACCES);
	CHECK_HAS(err.text, "MCFG");
	CHECK_HAS(err.text, "root");
	machine.dmar.bytes[9]++; /* the checksum */
	CHECK_EQ(piommu_fw_load(&fw, read_table, &machine, &err), -EINVAL);
	CHECK_HAS(err.text, "DMAR");
	CHECK_EQ(fw.nunits, 0);
	CHECK_EQ(fw.host_address_width, 39);
	piommu_fw_free(&fw);
	table_free(&machine.dmar);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(absent_tables_are_no_error),
		SUITE_TEST(a_second_table_is_passed_over_with_a_warning),
		SUITE_TEST(what_cannot_be_read_or_is_refused_changes_nothing),
	};

	return suite_run(argc, argv, "fw load", tests, sizeof(tests) / sizeof(tests[0]));
}
