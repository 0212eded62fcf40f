/* SPDX-License-Identifier: BSD-3-Clause */
/* The tool as a user's scripts see it: exit codes, one line of complaint, JSON; on sim and on a dump made here. */
#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "tables.h"
#include "tempdir.h"
#include "tool.h"

static struct tempdir dir;
static char dump[300];

/* A root port that has ACS, but not turned on, and what is below it; and a lonely function. */
static const char functions[] =
	"# bdf\tgroup\tclass\tvid:did\thdr\tpcie_type\tbus\tacscap\tacsctl\tari\tdesc\n"
	"0000:00:02.0\t77\t030000\t-\t0\t-\t-\t-\t-\t-\tgraphics \xae\n"
	"0000:00:1c.0\t77\t060400\t1234:a338\t1\tRoot Port\t01-01\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+\t"
	"SrcValid- TransBlk- ReqRedir- CmpltRedir- UpstreamFwd-\t-\tport\n"
	"0000:01:00.0\t77\t010802\t144d:a808\t0\tEndpoint\t-\t-\t-\t-\tdisk\n";

static void make_dump(void)
{
	static const uint8_t dmar[] = {
		DMAR_HEADER(38, 0),
		0,
		0,
		16,
		0,
		1,
		0,
		0,
		0,
		0,
		0,
		0xd9,
		0xfe,
		0,
		0,
		0,
		0, /**/
		1,
		0,
		32,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		0x80,
		0x7b,
		0,
		0,
		0,
		0,
		0xff,
		0xff,
		0xff,
		0x7f,
		0,
		0,
		0,
		0, /**/
		1,
		8,
		0,
		0,
		0,
		0,
		2,
		0,
	};
	struct table table = table_make("DMAR", dmar, sizeof(dmar));

	tempdir_create(&dir);
	tempdir_write(&dir, "DMAR.bin", table.bytes, table.len);
	tempdir_text(&dir, "pci.tsv", functions);
	snprintf(dump, sizeof(dump), "dump:%s", dir.dir);
	table_free(&table);
}

static void wrong_usage_is_exit_2(void)
{
	TOOL_CHECK(2, "no command", "--json");
	TOOL_CHECK(2, "unrecognized option", "--bogus");
	TOOL_CHECK(2, "\"bogus\" is no command", "bogus");
	TOOL_CHECK(2, "no such platform", "--platform", "bogus", "units");
	TOOL_CHECK(2, "sim:", "--platform", "sim:bogus", "units");
	TOOL_CHECK(2, "sim:", "--platform", "sim:vtd,bogus=1", "units");
	TOOL_CHECK(2, "usage: piommu-ctl walk", "--platform", "sim", "walk", "00:02.0");
	TOOL_CHECK(2, "usage: piommu-ctl units", "--platform", "sim", "units", "x");
	TOOL_CHECK(2, "no PCI address", "--platform", "sim", "walk", "00:2.0", "0x1000");
	TOOL_CHECK(2, "no I/O address", "--platform", "sim", "walk", "00:02.0", "here");
	TOOL_CHECK(2, "neither a group", "--platform", "sim", "groups", "x7");
	TOOL_CHECK(2, "--map is for walk", "--platform", "sim", "units", "--map", "0:4096");
	TOOL_CHECK(2, "sim only", "--platform", dump, "walk", "00:02.0", "0", "--map", "0:4096");
	TOOL_CHECK(2, "IOVA:LEN", "--platform", "sim", "walk", "00:02.0", "0", "--map", "0:4096:x");
}

static void what_is_not_there_is_exit_3(void)
{
	TOOL_CHECK(3, "no group 1000", "--platform", "sim", "groups", "1000");
	TOOL_CHECK(3, "no device 0000:7f:1f.7", "--platform", "sim", "groups", "0000:7f:1f.7");
	TOOL_CHECK(3, "no device 0000:7f:1f.7", "--platform", "sim", "walk", "7f:1f.7", "0");
	TOOL_CHECK(3, "/nonexistent", "--platform", "dump:/nonexistent", "units");
}

static void a_unit_that_somebody_drives_is_exit_4(void)
{
	TOOL_CHECK(4, "dmar0", "--platform", "sim:vtd,state=on", "walk", "00:02.0", "0", "--map", "0x100000:4096");
}

static void commands_of_later_versions_say_so(void)
{
	static const char *const later[] = { "why", "what-if", "faults", "domains", "stats", "top" };

	for (unsigned i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		TOOL_CHECK(2, "not in this version", "--platform", "sim", later[i], "00:02.0", "-SV");
}

static void help_lists_what_works(void)
{
	struct tool tool;

	TOOL_RUN(&tool, "--help");
	CHECK_EQ(tool.code, 0);
	CHECK_HAS(tool.out, "  groups");
	CU_ASSERT_PTR_NULL(strstr(tool.out, "  faults"));
	tool_free(&tool);
	TOOL_CHECK(0, "piommu-ctl 0.", "--version");
}

static void refused_table_is_exit_1_and_no_json(void)
{
	struct tempdir bad;
	char platform[300];

	tempdir_create(&bad);
	tempdir_write(&bad, "DMAR.bin", "DMAR", 4);
	snprintf(platform, sizeof(platform), "dump:%s", bad.dir);
	TOOL_CHECK(1, "DMAR: 4 bytes", "--platform", platform, "units", "-j");
	TOOL_CHECK(1, "DMAR: 4 bytes", "--platform", platform, "groups");
	TOOL_CHECK(1, "DMAR: 4 bytes", "--platform", platform, "doctor");
	tempdir_remove(&bad);
}

static json_t *run_json(int code, const char *platform, const char *command, const char *arg)
{
	struct tool tool;
	json_t *document;

	TOOL_RUN(&tool, "--platform", platform, "--json", command, arg);
	CHECK_EQ(tool.code, code);
	CHECK_EQ(tool.nerr, 0);
	document = tool_json(&tool);
	CU_ASSERT_PTR_NOT_NULL_FATAL(document);
	CHECK_EQ(json_integer_value(json_object_get(document, "schema")), 1);
	tool_free(&tool);
	return document;
}

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "(none)";
}

static void units_of_a_dump_have_addresses_where_functions_are_known(void)
{
	json_t *document = run_json(0, dump, "units", NULL);
	const json_t *unit = json_array_get(json_object_get(document, "units"), 0);
	const json_t *reserved = json_array_get(json_object_get(document, "reserved"), 0);

	CU_ASSERT_STRING_EQUAL(text_at(unit, "name"), "dmar0");
	CU_ASSERT_STRING_EQUAL(text_at(unit, "family"), "vtd");
	CU_ASSERT_STRING_EQUAL(text_at(unit, "base"), "0xfed90000");
	CHECK_EQ(json_is_true(json_object_get(unit, "include_all")), 1);
	CU_ASSERT_STRING_EQUAL(text_at(reserved, "kind"), "rmrr");
	CU_ASSERT_STRING_EQUAL(text_at(reserved, "last"), "0x7fffffff");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(json_object_get(reserved, "devices"), 0)), "0000:00:02.0");
	CHECK_EQ(json_array_size(json_object_get(document, "warnings")), 0);
	json_decref(document);
}

static void groups_of_a_dump_never_read_its_group_column(void)
{
	json_t *document = run_json(0, dump, "groups", NULL);
	const json_t *groups = json_object_get(document, "groups");
	const json_t *disk;

	CHECK_EQ(json_array_size(groups), 2);
	CHECK_EQ(json_array_size(json_object_get(json_array_get(groups, 0), "devices")), 1);
	/* A byte that is no UTF-8 costs itself, not the device. */
	disk = json_array_get(json_object_get(json_array_get(groups, 0), "devices"), 0);
	CU_ASSERT_STRING_EQUAL(text_at(disk, "name"), "graphics ?");
	CHECK_EQ(json_array_size(json_object_get(json_array_get(groups, 1), "devices")), 2);
	CHECK_EQ(json_array_size(json_object_get(json_array_get(groups, 1), "reasons")) > 0, 1);
	CU_ASSERT_STRING_EQUAL(text_at(json_array_get(groups, 1), "unit"), "dmar0");
	disk = json_array_get(json_object_get(json_array_get(groups, 1), "devices"), 1);
	CU_ASSERT_STRING_EQUAL(text_at(disk, "bdf"), "0000:01:00.0");
	CU_ASSERT_STRING_EQUAL(text_at(disk, "id"), "144d:a808");
	CU_ASSERT_STRING_EQUAL(text_at(disk, "class"), "0108");
	json_decref(document);
}

static void one_group_is_found_by_number_and_by_device(void)
{
	json_t *by_number = run_json(0, dump, "groups", "1");
	json_t *by_device = run_json(0, dump, "groups", "01:00.0");

	CHECK_EQ(json_array_size(json_object_get(by_number, "groups")), 1);
	CHECK_EQ(json_equal(by_number, by_device), 1);
	json_decref(by_number);
	json_decref(by_device);
}

static void sim_shows_as_many_units_as_asked_for(void)
{
	json_t *document = run_json(0, "sim:vtd,units=3", "units", NULL);
	const json_t *units = json_object_get(document, "units");

	CHECK_EQ(json_array_size(units), 3);
	CHECK_EQ(json_array_size(json_object_get(json_array_get(units, 0), "capabilities")) > 0, 1);
	json_decref(document);
	document = run_json(0, "sim:vtd,units=3", "groups", NULL);
	CHECK_EQ(json_array_size(json_object_get(document, "groups")) > 3, 1);
	json_decref(document);
}

/* The device called `name` of the only group of a document, NULL if it is another one. */
static const json_t *lonely_device(const json_t *document, const char *name)
{
	const json_t *groups = json_object_get(document, "groups");
	const json_t *devices = json_object_get(json_array_get(groups, 0), "devices");
	const json_t *device = json_array_get(devices, 0);

	CHECK_EQ(json_array_size(groups), 1);
	CHECK_EQ(json_array_size(devices), 1);
	return device && !strcmp(text_at(device, "name"), name) ? device : NULL;
}

static void platform_nodes_have_groups_and_go_by_name(void)
{
	json_t *document = run_json(0, "sim:vtd,nodes=1,units=2", "groups", "\\_SB.UART0");
	const json_t *node = lonely_device(document, "\\_SB.UART0");

	CU_ASSERT_PTR_NOT_NULL(node);
	CHECK_EQ(json_is_null(json_object_get(node, "bdf")), 1);
	CHECK_EQ(json_is_null(json_object_get(node, "id")), 1);
	CHECK_EQ(json_is_null(json_object_get(node, "class")), 1);
	CU_ASSERT_STRING_EQUAL(text_at(json_array_get(json_object_get(document, "groups"), 0), "unit"), "dmar1");
	json_decref(document);
	TOOL_CHECK(0, "dmar0   \\_SB.I2C0     -          -     -            platform device", "--platform", "sim:vtd,nodes=1",
		   "groups");
	TOOL_CHECK(0, "\\_SB.UART0", "--platform", "sim:vtd,nodes=1", "groups");
	TOOL_CHECK(3, "no device \\_SB.I2C1", "--platform", "sim:vtd,nodes=1", "groups", "\\_SB.I2C1");
	TOOL_CHECK(3, "no device \\_SB.I2C0", "--platform", "sim", "groups", "\\_SB.I2C0");
}

static void text_is_for_people(void)
{
	TOOL_CHECK(0, "dmar1", "--platform", "sim:vtd,units=2", "units");
	TOOL_CHECK(0, "queued invalidation", "units", "--platform", "sim");
	TOOL_CHECK(0, "0000:01:00.0", "--platform", dump, "groups");
	TOOL_CHECK(0, "why: ", "--platform", dump, "groups", "01:00.0");
}

static void walk_shows_a_fresh_machine_as_it_is(void)
{
	TOOL_CHECK(0, "nothing is translated", "--platform", "sim", "walk", "00:04.0", "0x5000");
	TOOL_CHECK(3, "no device", "--platform", dump, "walk", "00:03.0", "0");
	TOOL_CHECK(1, "registers", "--platform", dump, "walk", "00:02.0", "0");
}

/* Of the Arm families those that this build drives. */
static void walk_shows_what_arm_units_would_do(void)
{
	static const char *const families[] = { "smmuv3", "smmuv2" };
	static const char *const nodes[] = { "\\_SB.I2C0", "/i2c@9080000" };

	for (unsigned i = 0; i < 2; i++) {
		char platform[64];
		struct tool tool;

		snprintf(platform, sizeof(platform), "sim:%s,nodes=1", families[i]);
		TOOL_CHECK(0, families[i], "--platform", platform, "units");
		TOOL_RUN(&tool, "--platform", platform, "walk", "smmu0:0x20", "0x5000");
		if (tool.code == 0) {
			TOOL_CHECK(0, "reads and writes reach", "--platform", platform, "walk", "00:04.0", "0x105000", "--map",
				   "0x100000:32k");
			TOOL_CHECK(0, "reads and writes reach", "--platform", platform, "walk", nodes[i], "0x105000", "--map",
				   "0x100000:32k");
			TOOL_CHECK(0, "block", "--platform", platform, "walk", "00:04.0", "0x205000", "--map", "0x100000:32k");
		} else {
			CHECK_HAS(tool.err, "cannot walk the tables of its family");
		}
		tool_free(&tool);
	}
}

static void walk_takes_a_node_or_an_id_of_a_unit(void)
{
	TOOL_CHECK(0, "\\_SB.I2C0, iova 0x5000", "--platform", "sim:vtd,nodes=1", "walk", "\\_SB.I2C0", "0x5000");
	TOOL_CHECK(0, "result", "--platform", "sim:vtd,nodes=1", "walk", "\\_SB.I2C0", "0x100000", "--map", "0x100000:4k");
	TOOL_CHECK(3, "no device \\_SB.NONE", "--platform", "sim", "walk", "\\_SB.NONE", "0");
	TOOL_CHECK(0, "dmar0:0x20, iova 0x5000", "--platform", "sim", "walk", "dmar0:0x20", "0x5000");
	TOOL_CHECK(3, "no unit dmar7", "--platform", "sim", "walk", "dmar7:0x20", "0");
	TOOL_CHECK(1, "registers of dmar0", "--platform", dump, "walk", "dmar0:0x20", "0");
	TOOL_CHECK(2, "needs a device", "--platform", "sim", "walk", "dmar0:0x20", "0", "--map", "0:4k");
	TOOL_CHECK(2, "no PCI address", "--platform", "sim", "walk", "dmar0:0x100000000", "0");
}

/* From the context entry to the page; and past the map, to where it ends. */
static void walk_follows_a_map(void)
{
	struct tool tool;
	json_t *document;
	const json_t *steps;

	TOOL_RUN(&tool, "--platform", "sim", "-j", "walk", "00:04.0", "0x105000", "--map", "0x100000:32k:r");
	CHECK_EQ(tool.code, 0);
	CHECK_EQ(tool.nerr, 0);
	document = tool_json(&tool);
	steps = json_object_get(document, "steps");
	/* Registers, root, context, four levels, the result. */
	CHECK_EQ(json_array_size(steps), 8);
	CHECK_HAS(text_at(json_array_get(steps, 1), "what"), "root");
	CHECK_HAS(text_at(json_array_get(steps, 7), "text"), "reads reach");
	CHECK_HAS(text_at(json_array_get(steps, 7), "text"), "writes are blocked");
	json_decref(document);
	tool_free(&tool);
	TOOL_CHECK(0, "blocked", "--platform", "sim", "walk", "00:04.0", "0x108000", "--map", "0x100000:32k");
}

static void a_map_that_cannot_be_made_says_why(void)
{
	TOOL_CHECK(1, "multiple of 4096", "--platform", "sim", "walk", "00:04.0", "0", "--map", "0x10:4096");
	TOOL_CHECK(1, "--map 0x1000:0", "--platform", "sim", "walk", "00:04.0", "0", "--map", "0x1000:0");
	TOOL_CHECK(1, "is mapped", "--platform", "sim", "walk", "00:04.0", "0", "--map", "0x1000:4k", "--map", "0x1000:4k");
}

static void doctor_answers_in_lines_and_in_json(void)
{
	json_t *document = run_json(0, "sim", "doctor", NULL);
	const json_t *checks = json_object_get(document, "checks");
	const json_t *check;
	size_t i;

	CHECK_EQ(json_array_size(checks) > 2, 1);
	json_array_foreach(checks, i, check)
	{
		CU_ASSERT_STRING_EQUAL(text_at(check, "status"), "ok");
		CHECK_EQ(json_object_get(check, "remedy") != NULL, 1);
	}
	json_decref(document);
	TOOL_CHECK(0, "ok    firmware", "--platform", dump, "doctor");
}

static size_t count_status(const json_t *document, const char *check, const char *status)
{
	const json_t *entry;
	size_t n = 0, i;

	json_array_foreach(json_object_get(document, "checks"), i, entry) n +=
		strcmp(text_at(entry, "check"), check) == 0 && strcmp(text_at(entry, "status"), status) == 0;
	return n;
}

/* A made-up Linux: its firmware first whole, then damaged. doctor goes on to the end in both, and says what to do. */
static void doctor_looks_below_the_root_of_a_made_up_linux(void)
{
	struct table table = table_make("DMAR", table_all_kinds, table_all_kinds_len);
	struct tempdir machine;
	char platform[300];
	json_t *document;

	tempdir_create(&machine);
	snprintf(platform, sizeof(platform), "linux:root=%s", machine.dir);
	tempdir_text(&machine, "proc/cmdline", "intel_iommu=on\n");
	tempdir_mkdir(&machine, "sys/bus/pci/devices");
	tempdir_write(&machine, "sys/firmware/acpi/tables/DMAR", table.bytes, table.len);
	document = run_json(1, platform, "doctor", NULL);
	CHECK_EQ(count_status(document, "command-line", "fail"), 1);
	CHECK_EQ(count_status(document, "firmware", "ok"), 1);
	CHECK_EQ(count_status(document, "unit", "fail"), 3);
	CHECK_EQ(count_status(document, "reserved", "ok"), 1);
	json_decref(document);
	tempdir_write(&machine, "sys/firmware/acpi/tables/DMAR", table.bytes, table.len - 1);
	document = run_json(1, platform, "doctor", NULL);
	CHECK_EQ(count_status(document, "firmware", "fail"), 1);
	CHECK_EQ(count_status(document, "unit", "fail"), 0);
	json_decref(document);
	tempdir_remove(&machine);
	table_free(&table);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(wrong_usage_is_exit_2),
		SUITE_TEST(what_is_not_there_is_exit_3),
		SUITE_TEST(a_unit_that_somebody_drives_is_exit_4),
		SUITE_TEST(commands_of_later_versions_say_so),
		SUITE_TEST(help_lists_what_works),
		SUITE_TEST(refused_table_is_exit_1_and_no_json),
		SUITE_TEST(units_of_a_dump_have_addresses_where_functions_are_known),
		SUITE_TEST(groups_of_a_dump_never_read_its_group_column),
		SUITE_TEST(platform_nodes_have_groups_and_go_by_name),
		SUITE_TEST(one_group_is_found_by_number_and_by_device),
		SUITE_TEST(sim_shows_as_many_units_as_asked_for),
		SUITE_TEST(text_is_for_people),
		SUITE_TEST(walk_shows_a_fresh_machine_as_it_is),
		SUITE_TEST(walk_shows_what_arm_units_would_do),
		SUITE_TEST(walk_takes_a_node_or_an_id_of_a_unit),
		SUITE_TEST(walk_follows_a_map),
		SUITE_TEST(a_map_that_cannot_be_made_says_why),
		SUITE_TEST(doctor_answers_in_lines_and_in_json),
		SUITE_TEST(doctor_looks_below_the_root_of_a_made_up_linux),
	};
	int rc;

	make_dump();
	rc = suite_run(argc, argv, "piommu-ctl", tests, sizeof(tests) / sizeof(tests[0]));
	tempdir_remove(&dir);
	return rc;
}
