/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `units` of machines whose firmware goes by ids: an IORT and a device tree of our own, and every IORT of the corpus where it is
 * there: a document, or one line and exit code 1.
 */
#include <stdio.h>
#include <string.h>

#include "fdt_make.h"
#include "iort_make.h"
#include "suite.h"
#include "tables.h"
#include "tempdir.h"
#include "tool.h"

static struct tempdir dir;
static char platform[300];

static void start(const char *name, const void *bytes, size_t len)
{
	tempdir_create(&dir);
	tempdir_write(&dir, name, bytes, len);
	snprintf(platform, sizeof(platform), "dump:%s", dir.dir);
}

static json_t *units_json(void)
{
	struct tool tool;
	json_t *document;

	TOOL_RUN(&tool, "--platform", platform, "units", "-j");
	CHECK_EQ(tool.code, 0);
	CHECK_EQ(tool.nerr, 0);
	document = tool_json(&tool);
	CU_ASSERT_PTR_NOT_NULL_FATAL(document);
	tool_free(&tool);
	return document;
}

static void check_text(const json_t *object, const char *key, const char *want)
{
	const char *text = json_string_value(json_object_get(object, key));

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_STRING_EQUAL(text, want);
}

static void start_iort(void)
{
	static struct iort_make make;
	uint32_t smmu;

	iort_make_start(&make, "PIOMMUTESTTABL");
	smmu = iort_make_smmu_v3(&make, 0, 0x2b400000, 60);
	iort_make_root(&make, 1);
	iort_make_map(&make, 0x100, 0xff, 0x8000, smmu, 0);
	iort_make_named(&make, "\\_SB.GPU0");
	iort_make_map(&make, 0, 0, 0x42, smmu, 1);
	iort_make_rmr(&make, 0, 0x80000000, 0x10000);
	iort_make_map(&make, 0, 0, 0x42, smmu, 1);
	iort_make_seal(&make);
	start("IORT.bin", make.bytes, make.len);
}

static void units_list_ids_of_an_iort(void)
{
	const json_t *unit, *source, *reserved;
	json_t *document;

	start_iort();
	document = units_json();
	unit = json_array_get(json_object_get(document, "units"), 0);
	check_text(unit, "name", "smmu0");
	check_text(unit, "family", "smmuv3");
	check_text(unit, "base", "0x2b400000");
	check_text(unit, "model", "generic");
	CHECK_EQ(json_is_null(json_object_get(unit, "path")), 1);
	CHECK_EQ(json_is_array(json_object_get(unit, "scope")), 1);
	source = json_array_get(json_object_get(unit, "sources"), 0);
	CHECK_EQ(json_is_null(json_object_get(source, "name")), 1);
	CHECK_EQ(json_integer_value(json_object_get(source, "segment")), 1);
	check_text(source, "first", "0x100");
	check_text(source, "last", "0x1ff");
	check_text(source, "to", "0x8000");
	check_text(source, "mask", "0x0");
	source = json_array_get(json_object_get(unit, "sources"), 1);
	check_text(source, "name", "\\_SB.GPU0");
	CHECK_EQ(json_is_null(json_object_get(source, "segment")), 1);
	check_text(source, "to", "0x42");
	reserved = json_array_get(json_object_get(document, "reserved"), 0);
	check_text(reserved, "kind", "rmr");
	check_text(json_array_get(json_object_get(reserved, "ids"), 0), "unit", "smmu0");
	check_text(json_array_get(json_object_get(reserved, "ids"), 0), "first", "0x42");
	json_decref(document);
	tempdir_remove(&dir);
}

static void units_say_ids_in_words(void)
{
	struct tool tool;

	start_iort();
	TOOL_RUN(&tool, "--platform", platform, "units");
	CHECK_EQ(tool.code, 0);
	CHECK_HAS(tool.out, "smmu0   smmuv3  registers 0x2b400000 (128 KiB)");
	CHECK_HAS(tool.out, "segment 0001 ids 0x100-0x1ff as 0x8000-0x80ff");
	CHECK_HAS(tool.out, "\\_SB.GPU0 as 0x42");
	CHECK_HAS(tool.out, "smmu0 id 0x42");
	tool_free(&tool);
	TOOL_CHECK(0, "ids  0x42", "--platform", platform, "groups");
	tempdir_remove(&dir);
}

static void units_of_a_device_tree_have_paths_and_masks(void)
{
	static struct fdt_make make;
	const json_t *unit, *source;
	json_t *document;

	fdt_make_start(&make, 1);
	fdt_make_begin(&make, "smmu@50000");
	fdt_make_text(&make, "compatible", "qcom,smmu-500");
	FDT_CELLS(&make, "reg", 0x50000, 0x10000);
	FDT_CELLS(&make, "phandle", 1);
	FDT_CELLS(&make, "#iommu-cells", 2);
	fdt_make_end(&make);
	fdt_make_begin(&make, "display@0");
	FDT_CELLS(&make, "iommus", 1, 0x880, 0x8);
	fdt_make_end(&make);
	fdt_make_finish(&make);
	start("fdt.dtb", make.bytes, make.len);
	document = units_json();
	unit = json_array_get(json_object_get(document, "units"), 0);
	check_text(unit, "path", "/smmu@50000");
	check_text(unit, "model", "qcom-500");
	source = json_array_get(json_object_get(unit, "sources"), 0);
	check_text(source, "name", "/display@0");
	check_text(source, "to", "0x880");
	check_text(source, "mask", "0x8");
	json_decref(document);
	TOOL_CHECK(0, "ids  0x880 (mask 0x8)", "--platform", platform, "groups");
	tempdir_remove(&dir);
}

static void what_is_refused_is_one_line(void)
{
	start("fdt.dtb", "neither fish nor fowl, nor a device tree either", 47);
	TOOL_CHECK(1, "device tree: byte 0x0", "--platform", platform, "units", "-j");
	tempdir_remove(&dir);
	start("IORT.bin", "IORT", 4);
	TOOL_CHECK(1, "IORT: 4 bytes", "--platform", platform, "units", "-j");
	tempdir_remove(&dir);
}

static void real_tables_give_a_document(void)
{
	struct tables all = tables_of_corpus(CORPUS_DIR, "IORT");

	for (unsigned i = 0; i < all.n; i++) {
		start("IORT.bin", all.at[i].bytes, all.at[i].len);
		if (strstr(all.at[i].name, "romulus")) /* its checksum was never filled in */
			TOOL_CHECK(1, "bad checksum", "--platform", platform, "units", "-j");
		else
			json_decref(units_json());
		tempdir_remove(&dir);
	}
	printf("# %u tables of the corpus\n", all.n);
	tables_free(&all);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(units_list_ids_of_an_iort),
		SUITE_TEST(units_say_ids_in_words),
		SUITE_TEST(units_of_a_device_tree_have_paths_and_masks),
		SUITE_TEST(what_is_refused_is_one_line),
		SUITE_TEST(real_tables_give_a_document),
	};

	return suite_run(argc, argv, "ctl-ids", tests, sizeof(tests) / sizeof(tests[0]));
}
