/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every DMAR of the corpus against a decode that others made (decoded.jsonl: one JSON object a line).
 * A scope there is [type, byte 2, byte 3, enumeration id, start bus, [[device, function], ...]].
 */
#include <stdio.h>
#include <string.h>

#include "decodes.h"
#include "suite.h"
#include "tables.h"

/* How far each list of the description has been compared. */
struct at {
	unsigned units, reserved, atsr, satc, sidp, names;
};

static struct tables all;
static json_t *decodes; /* file name -> object */

static long long number(const json_t *item, const char *key)
{
	return json_integer_value(json_object_get(item, key));
}

static long long element(const json_t *array, size_t n)
{
	return json_integer_value(json_array_get(array, n));
}

static void compare_scopes(const struct piommu_fw_scopes *scopes, const json_t *item)
{
	const json_t *wants = json_object_get(item, "sc");

	CU_ASSERT_EQUAL_FATAL(scopes->n, json_array_size(wants));
	for (unsigned i = 0; i < scopes->n; i++) {
		const struct piommu_fw_scope *scope = &scopes->at[i];
		const json_t *want = json_array_get(wants, i);
		const json_t *path = json_array_get(want, 5);

		CHECK_EQ(scope->type, element(want, 0));
		CHECK_EQ(scope->flags, element(want, 1));
		CHECK_EQ(scope->id, element(want, 3));
		CHECK_EQ(scope->start_bus, element(want, 4));
		CHECK_EQ(scope->segment, number(item, "seg"));
		CU_ASSERT_EQUAL_FATAL(scope->npath, json_array_size(path));
		for (unsigned hop = 0; hop < scope->npath; hop++) {
			CHECK_EQ(scope->path[hop].device, element(json_array_get(path, hop), 0));
			CHECK_EQ(scope->path[hop].function, element(json_array_get(path, hop), 1));
		}
	}
}

static void compare_unit(const struct piommu_fw_unit *unit, const json_t *item)
{
	CHECK_HEX(unit->base, number(item, "base"));
	CHECK_HEX(unit->len, 4096ull << number(item, "size"));
	CHECK_EQ(unit->segment, number(item, "seg"));
	CHECK_EQ(unit->include_all, number(item, "flags") & 1);
	compare_scopes(&unit->scopes, item);
}

static void compare_devices(const struct piommu_fw_devices *devices, const json_t *item)
{
	CHECK_EQ(devices->segment, number(item, "seg"));
	if (json_object_get(item, "flags"))
		CHECK_EQ(devices->flags, number(item, "flags"));
	compare_scopes(&devices->scopes, item);
}

static void compare_node(const struct piommu_fw *fw, const json_t *item)
{
	for (unsigned i = 0; i < fw->nunits; i++) {
		if (fw->units[i].base == (uint64_t)number(item, "base"))
			CHECK_EQ(fw->units[i].numa_node, number(item, "pxm"));
	}
}

static void compare_item(const struct piommu_fw *fw, const json_t *item, struct at *at)
{
	const char *kind = json_string_value(json_object_get(item, "k"));

	if (strcmp(kind, "DRHD") == 0 && at->units < fw->nunits) {
		compare_unit(&fw->units[at->units++], item);
	} else if (strcmp(kind, "RMRR") == 0 && at->reserved < fw->nreserved) {
		const struct piommu_fw_reserved *reserved = &fw->reserved[at->reserved++];

		CHECK_HEX(reserved->span.start, number(item, "base"));
		CHECK_HEX(reserved->span.last, number(item, "end"));
		compare_scopes(&reserved->scopes, item);
	} else if (strcmp(kind, "ATSR") == 0 && at->atsr < fw->natsr) {
		compare_devices(&fw->atsr[at->atsr++], item);
	} else if (strcmp(kind, "SATC") == 0 && at->satc < fw->nsatc) {
		compare_devices(&fw->satc[at->satc++], item);
	} else if (strcmp(kind, "SIDP") == 0 && at->sidp < fw->nsidp) {
		compare_devices(&fw->sidp[at->sidp++], item);
	} else if (strcmp(kind, "ANDD") == 0 && at->names < fw->nnames) {
		CHECK_EQ(fw->names[at->names].id, number(item, "num"));
		CU_ASSERT_STRING_EQUAL(fw->names[at->names++].name, json_string_value(json_object_get(item, "name")));
	} else if (strcmp(kind, "RHSA") == 0) {
		compare_node(fw, item);
	} else {
		CU_FAIL("the decode has a structure that the description lacks");
	}
}

static void compare_table(const struct table *table, const json_t *decode)
{
	const json_t *header = json_object_get(decode, "hdr");
	struct piommu_fw_error err = { "" };
	struct piommu_fw fw = { 0 };
	struct at at = { 0 };
	json_t *item;
	size_t i;
	int rc = piommu_fw_parse_dmar(table->bytes, table->len, &fw, &err);

	if (rc < 0)
		printf("%s: %s\n", table->name, err.text);
	CHECK_EQ(rc, 0);
	CHECK_EQ(fw.host_address_width, number(header, "haw"));
	CHECK_HEX(fw.dmar_flags, number(header, "flags"));
	json_array_foreach(json_object_get(decode, "items"), i, item) compare_item(&fw, item, &at);
	CHECK_EQ(fw.nunits, at.units);
	CHECK_EQ(fw.nreserved, at.reserved);
	CHECK_EQ(fw.natsr, at.atsr);
	CHECK_EQ(fw.nsatc, at.satc);
	CHECK_EQ(fw.nsidp, at.sidp);
	CHECK_EQ(fw.nnames, at.names);
	piommu_fw_free(&fw);
}

static void every_table_equals_its_independent_decode(void)
{
	for (unsigned i = 0; i < all.n; i++) {
		const json_t *decode = json_object_get(decodes, all.at[i].name);

		CU_ASSERT_PTR_NOT_NULL(decode);
		if (decode)
			compare_table(&all.at[i], decode);
	}
	CHECK_EQ(all.n, json_object_size(decodes));
}

/* The counts that the corpus' index states: oddities, and nothing else, make warnings. */
static void only_the_known_oddities_warn(void)
{
	static const struct {
		const char *part; /* of the file's name */
		unsigned nwarnings;
	} odd[] = {
		{ "IdeaPadFlex-15", 1 },     /* unit at 0 */
		{ "ThinkPad-E15-Gen-2", 1 }, /* unit at 0 */
		{ "Compaq-6730b", 1 },       /* RMRR 0-0 */
		{ "misc-7c959aaa", 2 },      /* two RHSA of units that are not there */
	};

	for (unsigned i = 0; i < all.n; i++) {
		struct piommu_fw fw = { 0 };
		unsigned want = 0;

		for (unsigned j = 0; j < sizeof(odd) / sizeof(odd[0]); j++) {
			if (strstr(all.at[i].name, odd[j].part))
				want = odd[j].nwarnings;
		}
		CHECK_EQ(piommu_fw_parse_dmar(all.at[i].bytes, all.at[i].len, &fw, NULL), 0);
		CHECK_EQ(fw.nwarnings, want);
		for (unsigned w = want; w < fw.nwarnings; w++)
			printf("%s: %s\n", all.at[i].name, fw.warnings[w]);
		piommu_fw_free(&fw);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(every_table_equals_its_independent_decode),
		SUITE_TEST(only_the_known_oddities_warn),
	};

	return corpus_run(argc, argv, "dmar-corpus", "DMAR", &all, &decodes, tests, sizeof(tests) / sizeof(tests[0]));
}
