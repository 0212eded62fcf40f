/* SPDX-License-Identifier: BSD-3-Clause */
/* Dumps of other machines: what each kind of file gives, and that a file that makes no sense names itself and its line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "tempdir.h"
#include "suite.h"

static void keep_line(void *ctx, enum piommu_log_level level, const char *line)
{
	(void)level;
	snprintf(ctx, 512, "%s", line);
}

struct dump {
	struct tempdir files;
	char said[512];
	struct piommu_log log;
	struct piommu_platform *plat;
	struct piommu_pci_function *fns;
	size_t n;
};

static void dump_init(struct dump *d)
{
	memset(d, 0, sizeof(*d));
	tempdir_create(&d->files);
	d->log = (struct piommu_log){ keep_line, d->said, PIOMMU_LOG_WARN };
}

static int dump_open(struct dump *d)
{
	return dump_platform.open(d->files.dir, &d->log, &d->plat);
}

static void dump_fini(struct dump *d)
{
	if (d->plat)
		d->plat->ops->close(d->plat);
	free(d->fns);
	tempdir_remove(&d->files);
}

/* Opens and lists; the test goes on only if both work. */
static void dump_list(struct dump *d)
{
	CU_ASSERT_EQUAL_FATAL(dump_open(d), 0);
	CU_ASSERT_EQUAL_FATAL(d->plat->ops->pci_functions(d->plat, &d->fns, &d->n), 0);
}

static void missing_directory_is_named(void)
{
	struct dump d;

	dump_init(&d);
	CHECK_EQ(dump_platform.open("/nonexistent/dump", &d.log, &d.plat), -ENOENT);
	CHECK_HAS(d.said, "/nonexistent/dump");
	CHECK_EQ(dump_platform.open("", &d.log, &d.plat), -EINVAL);
	CHECK_HAS(d.said, "dump:DIR");
	CU_ASSERT_PTR_NULL(d.plat);
	dump_fini(&d);
}

static void empty_directory_is_a_machine_with_nothing(void)
{
	struct dump d;
	const void *bytes;
	size_t len;
	uint32_t value;
	struct piommu_sbdf sbdf = { 0, 0, 0 };

	dump_init(&d);
	dump_list(&d);
	CHECK_EQ(d.n, 0);
	CHECK_EQ(d.plat->ops->fw_table(d.plat, "DMAR", 0, &bytes, &len), -ENOENT);
	CHECK_EQ(d.plat->ops->cfg_read(d.plat, sbdf, 0, 4, &value), -ENOENT);
	CU_ASSERT(d.plat->ops->window_map == NULL);
	CU_ASSERT(d.plat->ops->mem_start == NULL);
	dump_fini(&d);
}

static void tables_go_by_their_names_in_any_case(void)
{
	static const char *const names[] = { "DMAR.bin", "dmar.dat", "Dmar.AML" };
	struct dump d;
	const void *bytes;
	size_t len;

	for (unsigned i = 0; i < 3; i++) {
		dump_init(&d);
		tempdir_text(&d.files, names[i], "XXXXtable");
		CU_ASSERT_EQUAL_FATAL(dump_open(&d), 0);
		CHECK_EQ(d.plat->ops->fw_table(d.plat, "DMAR", 0, &bytes, &len), 0);
		CHECK_EQ(len, 9);
		CHECK_EQ(d.plat->ops->fw_table(d.plat, "DMAR", 1, &bytes, &len), -ENOENT);
		CHECK_EQ(d.plat->ops->fw_table(d.plat, "MCFG", 0, &bytes, &len), -ENOENT);
		dump_fini(&d);
	}
}

static void table_with_another_name_goes_by_its_first_bytes(void)
{
	struct dump d;
	const void *bytes;
	size_t len;

	dump_init(&d);
	tempdir_text(&d.files, "some-machine.bin", "DMARtable");
	tempdir_text(&d.files, "empty.bin", "");
	tempdir_text(&d.files, "notes.txt", "DMAR is not here");
	CU_ASSERT_EQUAL_FATAL(dump_open(&d), 0);
	CHECK_EQ(d.plat->ops->fw_table(d.plat, "DMAR", 0, &bytes, &len), 0);
	CHECK_EQ(d.plat->ops->fw_table(d.plat, "DMAR", 1, &bytes, &len), -ENOENT);
	dump_fini(&d);
}

static void empty_table_is_still_a_table(void)
{
	struct dump d;
	const void *bytes;
	size_t len;

	dump_init(&d);
	tempdir_text(&d.files, "DMAR.bin", "");
	CU_ASSERT_EQUAL_FATAL(dump_open(&d), 0);
	CHECK_EQ(d.plat->ops->fw_table(d.plat, "DMAR", 0, &bytes, &len), 0);
	CHECK_EQ(len, 0);
	dump_fini(&d);
}

static const char acpidump[] = "DMAR @ 0x00000000BFED0000\n"
			       "    0000: 44 4D 41 52 30 00 00 00 01 00 54 45 53 54 20 20  DMAR0.....TEST  \n"
			       "    0010: 54 45 53 54 20 20 20 20 01 00 00 00 54 45 53 54  TEST    ....TEST\n"
			       "    0020: 01 00 00 00 26 00 00 00 00 00 00 00 00 00 00 00  ....&...........\n"
			       "\n";

static void acpidump_gives_its_tables_once(void)
{
	struct dump d;
	const void *bytes;
	size_t len;

	dump_init(&d);
	tempdir_text(&d.files, "acpidump.txt", acpidump);
	tempdir_write(&d.files, "DMAR.bin", "DMAR\x30\0\0\0\1\0TEST  TEST    \1\0\0\0TEST\1\0\0\0\x26\0\0\0\0\0\0\0\0\0\0\0",
		      48);
	CU_ASSERT_EQUAL_FATAL(dump_open(&d), 0);
	CU_ASSERT_EQUAL_FATAL(d.plat->ops->fw_table(d.plat, "DMAR", 0, &bytes, &len), 0);
	CHECK_EQ(len, 48);
	CHECK_HEX(((const uint8_t *)bytes)[0x24], 0x26);
	CHECK_EQ(d.plat->ops->fw_table(d.plat, "DMAR", 1, &bytes, &len), -ENOENT);
	dump_fini(&d);
}

static void malformed_acpidump_names_the_file(void)
{
	struct dump d;

	dump_init(&d);
	tempdir_text(&d.files, "acpidump.txt", "DMAR @ 0x0\n    0000: 44 4D ZZ 52\n");
	CHECK_EQ(dump_open(&d), -EBADMSG);
	CHECK_HAS(d.said, "acpidump.txt");
	dump_fini(&d);
}

/* An endpoint 8086:10d3 with a PCI Express capability at 40, a root port 8086:3420 above it; 64 bytes and 256 bytes. */
static const char lspci[] = "0000:00:1c.0 PCI bridge: Intel Corporation 5520/5500/X58 I/O Hub PCI Express Root Port 0\n"
			    "00: 86 80 20 34 07 00 10 00 02 00 04 06 10 00 81 00\n"
			    "10: 00 00 00 00 00 00 00 00 00 01 01 00 f0 00 00 00\n"
			    "20: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
			    "30: 00 00 00 00 40 00 00 00 00 00 00 00 0b 01 00 00\n"
			    "40: 10 00 42 01 00 00 00 00 00 00 00 00 00 00 00 00\n"
			    "\n"
			    "0000:01:00.0 Ethernet controller: Intel Corporation 82574L Gigabit Network Connection\n"
			    "00: 86 80 d3 10 07 00 10 00 00 00 00 02 10 00 00 00\n"
			    "10: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
			    "20: 00 00 00 00 00 00 00 00 00 00 00 00 86 80 00 00\n"
			    "30: 00 00 00 00 40 00 00 00 00 00 00 00 0b 01 00 00\n"
			    "\n";

static void lspci_dump_gives_functions_as_far_as_it_goes(void)
{
	struct dump d;
	struct piommu_sbdf nic = { 0, 1, 0 };
	struct piommu_sbdf nobody = { 0, 2, 0 };
	uint32_t value;

	dump_init(&d);
	tempdir_text(&d.files, "lspci.txt", lspci);
	dump_list(&d);
	CU_ASSERT_EQUAL_FATAL(d.n, 2);
	CHECK_HEX(d.fns[0].device, 0x3420);
	CHECK_EQ(d.fns[0].pcie_type, PIOMMU_PCIE_ROOT_PORT);
	CHECK_EQ(d.fns[0].acs, PIOMMU_UNKNOWN);
	CHECK_EQ(d.fns[0].secondary, 1);
	CU_ASSERT(d.fns[0].multifunction);
	CHECK_EQ(d.fns[1].pcie_type, PIOMMU_PCIE_UNKNOWN);
	CHECK_HEX(d.fns[1].class_code, 0x020000);
	CHECK_EQ(d.plat->ops->cfg_read(d.plat, nic, 2, 2, &value), 0);
	CHECK_HEX(value, 0x10d3);
	CHECK_EQ(d.plat->ops->cfg_read(d.plat, nic, 64, 4, &value), -EACCES);
	CHECK_EQ(d.plat->ops->cfg_read(d.plat, nic, 4094, 4, &value), -EINVAL);
	CHECK_EQ(d.plat->ops->cfg_read(d.plat, nobody, 0, 4, &value), -ENOENT);
	dump_fini(&d);
}

/* A physical function 01:00.0 with two virtual ones, 10 apart, from 01:02.0 on; their ids read as all ones. */
static const char sriov[] = "0000:01:00.0 Ethernet controller\n"
			    "00: 86 80 72 15 07 00 10 00 02 00 00 02 10 00 80 00\n"
			    "30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00\n"
			    "40: 10 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
			    "100: 10 00 01 00 00 00 00 00 01 00 00 00 02 00 02 00\n"
			    "110: 02 00 00 00 10 00 50 00 00 00 4c 15 00 00 00 00\n"
			    "\n"
			    "0000:01:02.0 Ethernet controller\n"
			    "00: ff ff ff ff 04 00 10 00 02 00 00 02 00 00 00 00\n"
			    "30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00\n"
			    "40: 10 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
			    "\n"
			    "0000:01:0c.0 Ethernet controller\n"
			    "00: ff ff ff ff 04 00 10 00 02 00 00 02 00 00 00 00\n"
			    "30: 00 00 00 00 40 00 00 00 00 00 00 00 00 00 00 00\n"
			    "40: 10 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
			    "\n"
			    "0000:01:16.0 Third of two\n"
			    "00: ff ff ff ff 04 00 10 00 02 00 00 02 00 00 00 00\n"
			    "\n"
			    "0001:01:02.0 In another segment\n"
			    "00: ff ff ff ff 04 00 10 00 02 00 00 02 00 00 00 00\n"
			    "\n"
			    "0000:01:0c.1 Gone\n"
			    "00: ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff\n"
			    "\n"
			    "10000:e0:06.0 System peripheral\n"
			    "00: 86 80 4d a7 00 00 00 00 00 00 80 08 00 00 00 00\n"
			    "30: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n";

static void lspci_dump_finds_virtual_functions_and_long_segments(void)
{
	struct dump d;

	dump_init(&d);
	tempdir_text(&d.files, "lspci.txt", sriov);
	dump_list(&d);
	CU_ASSERT_EQUAL_FATAL(d.n, 4);
	CU_ASSERT(!d.fns[0].is_virtfn);
	for (unsigned i = 1; i < 3; i++) {
		CU_ASSERT(d.fns[i].is_virtfn);
		CHECK_HEX(d.fns[i].vendor, 0x8086);
		CHECK_HEX(d.fns[i].device, 0x154c);
		CHECK_HEX(d.fns[i].physfn.bus, 1);
		CHECK_HEX(d.fns[i].physfn.devfn, 0);
		CHECK_EQ(d.fns[i].pcie_type, PIOMMU_PCIE_ENDPOINT);
	}
	CHECK_HEX(d.fns[3].sbdf.segment, 0x10000);
	dump_fini(&d);
}

static void malformed_lspci_names_its_line(void)
{
	static const struct {
		const char *text;
		const char *where;
	} bad[] = {
		{ "0000:00:02.0 VGA\n00: 86 80 zz\n", "lspci.txt:2" },
		{ "0000:00:02.0 VGA\n00: 86 8\n", "lspci.txt:2" },
		{ "\nhello\n", "lspci.txt:2" },
		{ "00: 86 80\n", "lspci.txt:1" },
		{ "0000:00:02.0 VGA\nff8: 00 00 00 00 00 00 00 00 00\n", "lspci.txt:2" },
		{ "0000:00:02.0 VGA\n", "no bytes" },
	};
	struct dump d;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		dump_init(&d);
		tempdir_text(&d.files, "lspci.txt", bad[i].text);
		CHECK_EQ(dump_open(&d), -EBADMSG);
		CHECK_HAS(d.said, bad[i].where);
		dump_fini(&d);
	}
}

#define ACS_ALL "SrcValid+TransBlk+ReqRedir+CmpltRedir+UpstreamFwd+EgressCtrl-DirectTrans-"
#define ACS_ON "SrcValid+TransBlk-ReqRedir+CmpltRedir+UpstreamFwd+EgressCtrl-DirectTrans-"
#define ACS_NONE "SrcValid-TransBlk-ReqRedir-CmpltRedir-UpstreamFwd-EgressCtrl-DirectTrans-"

static void tsv_gives_what_its_columns_say(void)
{
	struct dump d;

	dump_init(&d);
	tempdir_text(&d.files, "pci.tsv",
		     "# a comment\n"
		     "0000:00:1c.0\t0\t0604\t8086:7a38\t1\tRoot Port\t05-2d\t" ACS_ALL "\t" ACS_ON "\t-\tPCI bridge\n"
		     "10000:05:00.0\t0\t010802\t-:-\t-\tEndpoint\t-\t" ACS_NONE "\t-\t1\tsome disk\n"
		     "0000:00:1f.0\t-\t-\t-:-\t-\t-\t-\t" ACS_ALL "\t-\t-\t-\n"
		     "0000:00:1f.3\t-\t-\t-:-\t-\tconventional\t-\t-\t-\t0\t-\n");
	dump_list(&d);
	CU_ASSERT_EQUAL_FATAL(d.n, 4);
	CHECK_HEX(d.fns[0].class_code, 0x060400);
	CHECK_HEX(d.fns[0].device, 0x7a38);
	CHECK_EQ(d.fns[0].header_type, 1);
	CHECK_EQ(d.fns[0].pcie_type, PIOMMU_PCIE_ROOT_PORT);
	CHECK_HEX(d.fns[0].secondary, 0x05);
	CHECK_HEX(d.fns[0].subordinate, 0x2d);
	CHECK_EQ(d.fns[0].acs, PIOMMU_PRESENT);
	CHECK_HEX(d.fns[0].acs_cap, 0x1f);
	CHECK_HEX(d.fns[0].acs_ctl, 0x1d);
	CU_ASSERT(!d.fns[0].multifunction);
	CHECK_HEX(d.fns[1].sbdf.segment, 0x10000);
	CHECK_EQ(d.fns[1].acs, PIOMMU_PRESENT);
	CHECK_EQ(d.fns[1].ari, PIOMMU_PRESENT);
	CHECK_HEX(d.fns[1].class_code, 0x010802);
	CU_ASSERT_STRING_EQUAL(d.fns[1].name, "some disk");
	CHECK_EQ(d.fns[2].pcie_type, PIOMMU_PCIE_UNKNOWN);
	CHECK_EQ(d.fns[2].acs, PIOMMU_UNKNOWN);
	CU_ASSERT(d.fns[2].multifunction);
	CU_ASSERT(d.fns[3].multifunction);
	CHECK_EQ(d.fns[3].pcie_type, PIOMMU_PCIE_NONE);
	CHECK_EQ(d.fns[3].ari, PIOMMU_ABSENT);
	dump_fini(&d);
}

static void malformed_tsv_is_refused_whole_with_its_line(void)
{
#define GOOD "0000:00:1c.0\t0\t0604\t8086:7a38\t1\tRoot Port\t05-05\t-\t-\t-\tport\n"
	static const struct {
		const char *text;
		const char *what;
	} bad[] = {
		{ GOOD "0000:00:1d.0\t0\t0604\n", "pci.tsv:2: fewer than 11 columns" },
		{ GOOD "0000:00:1d.9\t0\t-\t-:-\t-\t-\t-\t-\t-\t-\t-\n", "pci.tsv:2: the address" },
		{ "0000:00:1d.0\t0\t06x4\t-:-\t-\t-\t-\t-\t-\t-\t-\n", "pci.tsv:1: the class" },
		{ "0000:00:1d.0\t0\t-\t8086\t-\t-\t-\t-\t-\t-\t-\n", "pci.tsv:1: vendor" },
		{ "0000:00:1d.0\t0\t-\t-:-\t7\t-\t-\t-\t-\t-\t-\n", "pci.tsv:1: the header" },
		{ "0000:00:1d.0\t0\t-\t-:-\t1\t-\t5-6\t-\t-\t-\t-\n", "pci.tsv:1: the bus range" },
		{ "0000:00:1d.0\t0\t-\t-:-\t1\t-\t-\tSrcValid+Nonsense-\t-\t-\t-\n", "pci.tsv:1: ACS" },
		{ "0000:00:1d.0\t0\t-\t-:-\t1\t-\t-\tSrcValid\t-\t-\t-\n", "pci.tsv:1: ACS" },
		{ "0000:00:1d.0\t0\t-\t-:-\t1\t-\t-\t-\t-\tyes\t-\n", "pci.tsv:1: ARI" },
	};
	struct dump d;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		dump_init(&d);
		tempdir_text(&d.files, "pci.tsv", bad[i].text);
		CHECK_EQ(dump_open(&d), -EBADMSG);
		CHECK_HAS(d.said, bad[i].what);
		CU_ASSERT_PTR_NULL(d.plat);
		dump_fini(&d);
	}
}

static void tsv_group_column_changes_nothing(void)
{
	struct dump d;

	dump_init(&d);
	tempdir_text(&d.files, "pci.tsv", "0000:00:02.0\tanything at all\t-\t-:-\t-\t-\t-\t-\t-\t-\t-\n");
	dump_list(&d);
	CHECK_EQ(d.n, 1);
	dump_fini(&d);
}

static void tsv_vendor_facts_come_from_ids_or_names(void)
{
	struct dump d;

	dump_init(&d);
	tempdir_text(&d.files, "pci.tsv",
		     "0000:00:1c.0\t0\t-\t8086:a110\t1\tRoot Port\t01-01\t" ACS_ALL "\t" ACS_NONE "\t-\t-\n"
		     "0000:00:1c.1\t0\t-\t-:-\t1\tRoot Port\t02-02\t" ACS_ALL "\t" ACS_NONE
		     "\t-\tPCI bridge: Intel Corporation Sunrise Point-LP PCI Express Root Port #5\n"
		     "0000:00:1c.2\t0\t-\t8086:a110\t1\tRoot Port\t03-03\t-\t-\t-\t-\n"
		     "0000:00:1b.0\t0\t-\t-:-\t1\tRoot Port\t06-06\t" ACS_ALL "\t" ACS_NONE
		     "\t-\tPCI bridge: Intel Corporation Device a2e8 (rev f0)\n"
		     "0000:00:1b.4\t0\t-\t-:-\t1\tRoot Port\t07-07\t" ACS_ALL "\t" ACS_NONE
		     "\t-\tPCI bridge: Intel Corporation Device 02bf (rev f0)\n"
		     "0000:00:1c.3\t0\t-\t8086:7a38\t1\tRoot Port\t04-04\t" ACS_ALL "\t" ACS_NONE "\t-\t-\n"
		     "0000:00:14.3\t0\t-\t-:-\t-\tRoot Complex Integrated Endpoint\t-\t-\t-\t-\t"
		     "Network controller: Intel Corporation Wi-Fi\n"
		     "0000:00:01.1\t0\t-\t-:-\t-\tRoot Complex Integrated Endpoint\t-\t-\t-\t-\t"
		     "Audio device: Advanced Micro Devices, Inc. [AMD/ATI] Kabini\n"
		     "0000:05:00.2\t0\t-\t-:-\t-\tEndpoint\t-\t-\t-\t-\tEthernet controller: X Virtual Function\n");
	dump_list(&d);
	CU_ASSERT_EQUAL_FATAL(d.n, 9);
	CU_ASSERT(d.fns[0].known_isolated);
	CU_ASSERT(d.fns[1].known_isolated);
	CU_ASSERT(!d.fns[2].known_isolated); /* ACS unknown: nothing to make up */
	CU_ASSERT(d.fns[3].known_isolated);
	CU_ASSERT(!d.fns[4].known_isolated);
	CU_ASSERT(!d.fns[5].known_isolated);
	CU_ASSERT(d.fns[6].known_isolated);
	CU_ASSERT(!d.fns[7].known_isolated);
	CU_ASSERT(d.fns[8].is_virtfn);
	dump_fini(&d);
}

static void lspci_is_believed_before_tsv(void)
{
	struct dump d;

	dump_init(&d);
	tempdir_text(&d.files, "lspci.txt", lspci);
	tempdir_text(&d.files, "pci.tsv",
		     "0000:01:00.0\t0\t-\t1234:5678\t-\t-\t-\t-\t-\t-\t-\n"
		     "0000:02:00.0\t0\t-\t1234:5678\t-\t-\t-\t-\t-\t-\t-\n");
	dump_list(&d);
	CU_ASSERT_EQUAL_FATAL(d.n, 3);
	CHECK_HEX(d.fns[1].vendor, 0x8086);
	CHECK_HEX(d.fns[2].vendor, 0x1234);
	dump_fini(&d);
}

static const struct suite_test tests[] = {
	SUITE_TEST(missing_directory_is_named),
	SUITE_TEST(empty_directory_is_a_machine_with_nothing),
	SUITE_TEST(tables_go_by_their_names_in_any_case),
	SUITE_TEST(table_with_another_name_goes_by_its_first_bytes),
	SUITE_TEST(empty_table_is_still_a_table),
	SUITE_TEST(acpidump_gives_its_tables_once),
	SUITE_TEST(malformed_acpidump_names_the_file),
	SUITE_TEST(lspci_dump_gives_functions_as_far_as_it_goes),
	SUITE_TEST(lspci_dump_finds_virtual_functions_and_long_segments),
	SUITE_TEST(malformed_lspci_names_its_line),
	SUITE_TEST(tsv_gives_what_its_columns_say),
	SUITE_TEST(malformed_tsv_is_refused_whole_with_its_line),
	SUITE_TEST(tsv_group_column_changes_nothing),
	SUITE_TEST(tsv_vendor_facts_come_from_ids_or_names),
	SUITE_TEST(lspci_is_believed_before_tsv),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "dump", tests, sizeof(tests) / sizeof(tests[0]));
}
