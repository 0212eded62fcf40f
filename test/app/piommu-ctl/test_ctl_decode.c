/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `decode`: lines of a kernel's log and the words of records, of our own making and, where it is there, of the corpus, each with the decode
 * to expect.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "tool.h"

/* The faults of a text, of which there are so many; the caller's to drop. */
static json_t *decode(const char *text, size_t n)
{
	json_t *document, *faults;
	struct tool tool;

	TOOL_RUN(&tool, "decode", text, "-j");
	CHECK_EQ(tool.code, 0);
	document = tool_json(&tool);
	CU_ASSERT_PTR_NOT_NULL_FATAL(document);
	faults = json_incref(json_object_get(document, "faults"));
	CHECK_EQ(json_array_size(faults), n);
	json_decref(document);
	tool_free(&tool);
	return faults;
}

static const char *member(const json_t *fault, const char *key)
{
	const char *text = json_string_value(json_object_get(fault, key));

	return text ? text : "(null)";
}

static void check_write(const json_t *fault, const char *unit, const char *family, const char *id, const char *iova)
{
	CU_ASSERT_STRING_EQUAL(member(fault, "unit"), unit);
	CU_ASSERT_STRING_EQUAL(member(fault, "family"), family);
	CU_ASSERT_STRING_EQUAL(member(fault, "id"), id);
	CU_ASSERT_STRING_EQUAL(member(fault, "access"), "write");
	CU_ASSERT_STRING_EQUAL(member(fault, "iova"), iova);
}

static void words_of_a_record_are_a_fault(void)
{
	json_t *faults = decode("0x76406000 0xc000000600000028", 1);

	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 0), "family"), "vtd");
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 0), "bdf"), "0000:00:05.0");
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 0), "access"), "read");
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 0), "iova"), "0x76406000");
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 0), "reason"), "0x6");
	json_decref(faults);
}

/* As piommu's own events have them. */
static void words_are_of_the_family_that_has_such_records(void)
{
	static const struct {
		const char *words, *family;
	} records[] = {
		{ "0x76406000 0xc000000600000028", "vtd" },
		{ "0x0000082000000010 0x0 0x123456789000 0x0", "smmuv3" },
		{ "0x1000000402 0x7000 0x100 0x534d4d3200000002", "smmuv2" },
	};

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		json_t *faults = decode(records[i].words, 1);

		CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 0), "family"), records[i].family);
		json_decref(faults);
	}
}

static void each_report_of_a_log_is_one_and_other_lines_are_none(void)
{
	json_t *faults = decode(
		"[    1.0] usb 1-1: new device\n"
		"[    1.1] DMAR: DRHD: handling fault status reg 3\r\n"
		"[    1.2] DMAR: [DMA Write NO_PASID] Request device [03:00.1] fault addr 0xfffc0000 [fault reason 0x02] x\n"
		"\n"
		"[    1.3] DMAR:[DMA Read] Request device [00:02.0] fault addr 8900a000 [fault reason 06] x\n",
		2);

	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 0), "id"), "0x301");
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 0), "access"), "write");
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 1), "iova"), "0x8900a000");
	json_decref(faults);
}

/* F_TRANSLATION (type 0x10) of stream 0x42: RnW is bit 35 of the second word; one whose last word never came (SMMUv3 7.3). */
static void event_words_below_their_line_are_one_report(void)
{
	json_t *faults = decode("[ 2.0] arm-smmu-v3 9050000.iommu: event 0x10 received:\n"
				"[ 2.0] arm-smmu-v3 9050000.iommu: \t0x0000004200000010\n"
				"[ 2.0] arm-smmu-v3 9050000.iommu: \t0x0000020000000000\n"
				"[ 2.0] arm-smmu-v3 9050000.iommu: \t0x0000000000005040\n"
				"[ 2.0] arm-smmu-v3 9050000.iommu: \t0x0000000000000000\n"
				"[ 2.1] arm-smmu-v3 9050000.iommu: event 0x10 received:\n"
				"0x0000004300000010\n0x0000020800000000\n0x0000000000006000\nsoft lockup\n",
				2);
	const json_t *first = json_array_get(faults, 0);

	check_write(first, "9050000.iommu", "smmuv3", "0x42", "0x5040");
	CU_ASSERT_STRING_EQUAL(member(first, "reason"), "0x10");
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 1), "id"), "0x43");
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 1), "access"), "read");
	json_decref(faults);
}

#define SMMU "[ 2.0] arm-smmu-v3 9050000.iommu: "

/* Kernels of 2025 and later say it in words below the words: once is enough. */
static void an_event_and_its_summary_are_one_report(void)
{
	json_t *faults =
		decode(SMMU "event 0x10 received:\n" SMMU "\t0x0000004200000010\n" SMMU "\t0x0000020000000000\n" SMMU
			    "\t0x0000000000005040\n" SMMU "\t0x0000000000000000\n" SMMU
			    "event: F_TRANSLATION client: 0000:01:00.0 sid: 0x42 ssid: 0x0 iova: 0x5040 ipa: 0x0\n" SMMU
			    "unpriv data write s1 \"Input address caused fault\" stag: 0x0\n",
		       1);

	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 0), "access"), "write");
	json_decref(faults);
}

static void check_raw(const json_t *fault, uint64_t first, uint64_t second, uint64_t third, uint64_t fourth)
{
	const json_t *raw = json_object_get(fault, "raw");
	const uint64_t want[] = { first, second, third, fourth };

	CHECK_EQ(json_array_size(raw), 4);
	for (size_t i = 0; i < 4; i++) {
		const char *text = json_string_value(json_array_get(raw, i));

		CHECK_HEX(text ? strtoull(text, NULL, 16) : 0, want[i]);
	}
}

/* SMMUv3 7.3: SSV is bit 11, the substream from bit 12 on; RnW bit 35, InD 34, PnU 33, Stall 31, S2 39, CLASS 41:40. */
static void a_summary_alone_is_a_report(void)
{
	json_t *faults = decode(
		SMMU "event: F_PERMISSION client: 0000:01:00.0 sid: 0x108 ssid: 0x7 iova: 0xffff0040 ipa: 0x80001000\n" SMMU
		     "priv inst read s2 \"Stage 1 translation table fetch\" ttd_read stall stag: 0x12\n" SMMU
		     "event: F_TRANSLATION client: (unassigned sid) sid: 0x43 ssid: 0x0 iova: 0x6000 ipa: 0x0\n" SMMU
		     "unpriv data write s1 \"Input address caused fault\" stag: 0x0\n" SMMU
		     "event: F_CD_FETCH client: (unassigned sid) sid: 0x44 ssid: 0x0 fetch_addr: 0x1000\n" SMMU
		     "event: C_BAD_STE client: (unassigned sid) sid: 0x45 ssid: 0x0\n",
		4);
	const json_t *first = json_array_get(faults, 0);

	CU_ASSERT_STRING_EQUAL(member(first, "unit"), "9050000.iommu");
	CU_ASSERT_STRING_EQUAL(member(first, "id"), "0x108");
	CU_ASSERT_STRING_EQUAL(member(first, "pasid"), "0x7");
	CU_ASSERT_STRING_EQUAL(member(first, "access"), "execute");
	CU_ASSERT_STRING_EQUAL(member(first, "iova"), "0xffff0040");
	CU_ASSERT_STRING_EQUAL(member(first, "name"), "F_PERMISSION");
	check_raw(first, 0x0000010800007813, 0x0000018e80000012, 0xffff0040, 0x80001000);
	check_raw(json_array_get(faults, 1), 0x0000004300000010, 0x0000020000000000, 0x6000, 0);
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 1), "access"), "write");
	check_raw(json_array_get(faults, 2), 0x0000004400000009, 0, 0, 0x1000);
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 3), "name"), "C_BAD_STE");
	json_decref(faults);
}

/* Whether it read or wrote is in the second line. */
static void half_a_summary_is_not_complete(void)
{
	TOOL_CHECK(3, "not complete", "decode",
		   SMMU "event: F_TRANSLATION client: x sid: 0x1 ssid: 0x0 iova: 0x0 ipa: 0x0\nhello");
	TOOL_CHECK(3, "not complete", "decode", SMMU "event: F_TRANSLATION client: x sid: 0x1 ssid: 0x0");
	TOOL_CHECK(3, "no fault in it", "decode", SMMU "event: F_NOTHING client: x sid: 0x1 ssid: 0x0 iova: 0x0 ipa: 0x0");
	TOOL_CHECK(3, "no fault in it", "decode", "unpriv data write s1 \"Input address caused fault\" stag: 0x0");
}

/* FSR.TF is bit 1, FSYNR0.WNR bit 4 (SMMUv2 16.5); GFSR.USF is bit 1, the stream in GFSYNR1 (9.6). */
static void registers_by_name_are_one_report(void)
{
	json_t *faults =
		decode("arm-smmu 12000000.iommu: Unhandled context fault: fsr=0x402, iova=0x7000, fsynr=0x11, "
		       "cbfrsynra=0x880, cb=3\n"
		       "arm-smmu 12000000.iommu: \tGFSR 0x80000002, GFSYNR0 0x00000000, GFSYNR1 0x00001409, GFSYNR2 0x0\n",
		       2);
	const json_t *first = json_array_get(faults, 0);

	check_write(first, "12000000.iommu", "smmuv2", "0x880", "0x7000");
	CHECK_HAS(member(first, "name"), "translation");
	CU_ASSERT_STRING_EQUAL(member(json_array_get(faults, 1), "id"), "0x1409");
	json_decref(faults);
}

/* What is around them in newer kernels' logs: registers again, in words, and what a global fault may mean. */
static void lines_around_registers_are_no_reports(void)
{
	json_t *faults = decode(
		"arm-smmu 12000000.iommu: Unhandled context fault: fsr=0x402, iova=0x7000, fsynr=0x11, cbfrsynra=0x880, cb=3\n"
		"arm-smmu 12000000.iommu: FSR    = 00000402 [Format=2 TF], SID=0x880\n"
		"arm-smmu 12000000.iommu: FSYNR0 = 00000011 [S1CBNDX=0 WNR PLVL=1]\n"
		"arm-smmu 12000000.iommu: Unexpected global fault, this could be serious\n"
		"arm-smmu 12000000.iommu: \tGFSR 0x80000002, GFSYNR0 0x00000000, GFSYNR1 0x00001409, GFSYNR2 0x00000000\n"
		"arm-smmu 12000000.iommu: Blocked unknown Stream ID 0x1409; boot with \"arm-smmu.disable_bypass=0\" to "
		"allow\n",
		2);

	json_decref(faults);
}

static void what_is_no_report_is_refused_in_one_line(void)
{
	TOOL_CHECK(3, "no fault in it", "decode", "hello");
	TOOL_CHECK(3, "no fault in it", "decode", "");
	TOOL_CHECK(3, "no fault in it", "decode", "0x1");
	TOOL_CHECK(3, "no fault in it", "decode", "0x0 0x0");
	TOOL_CHECK(3, "no fault in it", "decode", "0x123456789012345678901234567890 0x0");
	TOOL_CHECK(3, "", "decode", "Request device [zz:00.0] fault addr 0 [fault reason 1]");
	TOOL_CHECK(3, "", "decode", "Request device [00:00.0] fault addr [fault reason 1]");
	TOOL_CHECK(3, "", "decode", "GFSR 0x GFSYNR0");
	TOOL_CHECK(3, "", "decode", "event 0x10 received:");
	TOOL_CHECK(2, "usage", "decode");
}

static void a_unit_that_answered_all_ones_is_said_to_be_gone(void)
{
	TOOL_CHECK(0, "does not answer", "decode", "0xffffffffffffffff 0xffffffffffffffff");
}

/* ---- The corpus --------------------------------------------------------------------------------------------------------------- */

static bool is_ours(const char *kind)
{
	return !strcmp(kind, "vtd") || !strcmp(kind, "smmuv3") || !strcmp(kind, "smmuv2");
}

static void check_hex(const json_t *expect, const char *key, const json_t *fault, const char *ours)
{
	const char *want = json_string_value(json_object_get(expect, key));

	if (want)
		CHECK_HEX(strtoull(member(fault, ours), NULL, 16), strtoull(want, NULL, 16));
}

static void check_row(const json_t *row, const json_t *fault)
{
	const json_t *expect = json_object_get(row, "expect");
	const char *type = json_string_value(json_object_get(expect, "type"));
	const char *name = json_string_value(json_object_get(expect, "name"));
	const json_t *write = json_object_get(expect, "write"), *rnw = json_object_get(expect, "rnw");

	CU_ASSERT_STRING_EQUAL(member(fault, "family"), json_string_value(json_object_get(row, "kind")));
	check_hex(expect, "sid", fault, "id");
	check_hex(expect, "reason", fault, "reason");
	check_hex(expect, "event", fault, "reason");
	check_hex(expect, "index", fault, "iova");
	check_hex(expect, "addr", fault, "iova");
	if (type)
		CU_ASSERT_STRING_EQUAL(member(fault, "access"), strcmp(type, "intr-remap") ? type : "interrupt");
	if (name)
		CHECK_HAS(member(fault, "name"), name);
	if (write)
		CHECK_EQ(!strcmp(member(fault, "access"), "write"), json_integer_value(write));
	if (rnw)
		CHECK_EQ(!strcmp(member(fault, "access"), "write"), !json_integer_value(rnw));
}

static void try_row(const json_t *row)
{
	const json_t *line;
	json_t *faults;
	char text[2048] = "";
	size_t used = 0, i;

	json_array_foreach(json_object_get(row, "lines"), i, line) used +=
		(size_t)snprintf(text + used, sizeof(text) - used, "%s\n", json_string_value(line));
	faults = decode(text, 1);
	check_row(row, json_array_get(faults, 0));
	json_decref(faults);
}

static void every_report_of_the_corpus_says_what_is_expected(void)
{
	FILE *file = fopen(CORPUS_DIR "/faults/faults.jsonl", "r");
	unsigned n = 0;
	char line[8192];

	if (!file)
		return; /* said by the tests of the tables */
	while (fgets(line, sizeof(line), file)) {
		json_t *row = json_loads(line, 0, NULL);
		const char *kind = json_string_value(json_object_get(row, "kind"));

		if (kind && is_ours(kind)) {
			try_row(row);
			n++;
		}
		json_decref(row);
	}
	fclose(file);
	printf("     %u reports\n", n);
	CU_ASSERT(n > 0);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(words_of_a_record_are_a_fault),
		SUITE_TEST(words_are_of_the_family_that_has_such_records),
		SUITE_TEST(each_report_of_a_log_is_one_and_other_lines_are_none),
		SUITE_TEST(event_words_below_their_line_are_one_report),
		SUITE_TEST(an_event_and_its_summary_are_one_report),
		SUITE_TEST(a_summary_alone_is_a_report),
		SUITE_TEST(half_a_summary_is_not_complete),
		SUITE_TEST(registers_by_name_are_one_report),
		SUITE_TEST(lines_around_registers_are_no_reports),
		SUITE_TEST(what_is_no_report_is_refused_in_one_line),
		SUITE_TEST(a_unit_that_answered_all_ones_is_said_to_be_gone),
		SUITE_TEST(every_report_of_the_corpus_says_what_is_expected),
	};

	return suite_run(argc, argv, "ctl-decode", tests, sizeof(tests) / sizeof(tests[0]));
}
