/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `units -j` on a dump of each real DMAR against the independent decode, and on damaged ones: one line and exit code 1, or
 * a document and exit code 0. Thousands of them, so that none is a process of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "tables.h"
#include "tempdir.h"
#include "tool.h"

static struct tables all;
static struct tempdir dir;
static char platform[300];

/* ---- Against the decode ---- */

static void check_scope(const json_t *scope, const json_t *want)
{
	static const char *const types[] = { "unknown", "pci-endpoint", "pci-bridge", "ioapic", "hpet", "acpi-namespace" };
	const json_t *path = json_object_get(scope, "path");
	const json_t *hops = json_array_get(want, 5);
	json_int_t type = json_integer_value(json_array_get(want, 0));
	const json_t *hop;
	size_t i;

	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(scope, "type")), type < 6 ? types[type] : types[0]);
	CHECK_EQ(json_integer_value(json_object_get(scope, "id")), json_integer_value(json_array_get(want, 3)));
	CHECK_EQ(json_integer_value(json_object_get(scope, "start_bus")), json_integer_value(json_array_get(want, 4)));
	CHECK_EQ(json_is_null(json_object_get(scope, "bdf")), 1);
	CHECK_EQ(json_array_size(path), json_array_size(hops));
	json_array_foreach(hops, i, hop)
	{
		char text[16];

		snprintf(text, sizeof(text), "%02x.%x", (unsigned)json_integer_value(json_array_get(hop, 0)),
			 (unsigned)json_integer_value(json_array_get(hop, 1)));
		CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(path, i)), text);
	}
}

static void check_scopes(const json_t *scopes, const json_t *item)
{
	const json_t *wants = json_object_get(item, "sc");
	const json_t *want;
	size_t i;

	CHECK_EQ(json_array_size(scopes), json_array_size(wants));
	json_array_foreach(wants, i, want) check_scope(json_array_get(scopes, i), want);
}

static void check_hex(const json_t *object, const char *key, const json_t *item, const char *want)
{
	const char *text = json_string_value(json_object_get(object, key));

	CU_ASSERT(text && strncmp(text, "0x", 2) == 0);
	CHECK_HEX(text ? strtoull(text, NULL, 16) : 0, json_integer_value(json_object_get(item, want)));
}

static void check_document(const json_t *document, const json_t *decode)
{
	const json_t *units = json_object_get(document, "units");
	const json_t *reserved = json_object_get(document, "reserved");
	size_t unit = 0, range = 0, i;
	const json_t *item;

	json_array_foreach(json_object_get(decode, "items"), i, item)
	{
		const char *kind = json_string_value(json_object_get(item, "k"));

		if (strcmp(kind, "DRHD") == 0) {
			const json_t *at = json_array_get(units, unit++);

			check_hex(at, "base", item, "base");
			CHECK_EQ(json_integer_value(json_object_get(at, "segment")),
				 json_integer_value(json_object_get(item, "seg")));
			CHECK_EQ(json_is_true(json_object_get(at, "include_all")),
				 json_integer_value(json_object_get(item, "flags")) & 1);
			check_scopes(json_object_get(at, "scope"), item);
		} else if (strcmp(kind, "RMRR") == 0) {
			const json_t *at = json_array_get(reserved, range++);

			check_hex(at, "start", item, "base");
			check_hex(at, "last", item, "end");
			check_scopes(json_object_get(at, "scope"), item);
		}
	}
	CHECK_EQ(json_array_size(units), unit);
	CHECK_EQ(json_array_size(reserved), range);
}

static const struct table *find_table(const char *path)
{
	for (unsigned i = 0; i < all.n; i++) {
		if (strcmp(all.at[i].name, strrchr(path, '/') + 1) == 0)
			return &all.at[i];
	}
	return NULL;
}

static void check_decode(const json_t *decode)
{
	const struct table *table = find_table(json_string_value(json_object_get(decode, "file")));
	struct tool tool;
	json_t *document;

	CU_ASSERT_PTR_NOT_NULL(table);
	if (!table)
		return;
	tempdir_write(&dir, "DMAR.bin", table->bytes, table->len);
	TOOL_CALL(&tool, "--platform", platform, "units", "-j");
	CHECK_EQ(tool.code, 0);
	CHECK_EQ(tool.nerr, 0);
	document = tool_json(&tool);
	check_document(document, decode);
	json_decref(document);
	tool_free(&tool);
}

static void every_dump_equals_its_independent_decode(void)
{
	FILE *file = fopen(CORPUS_DIR "/tables/decoded.jsonl", "r");
	char *line = NULL;
	size_t cap = 0;
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	while (getline(&line, &cap, file) > 0) {
		json_t *decode = json_loads(line, 0, NULL);

		if (strcmp(json_string_value(json_object_get(decode, "sig")), "DMAR") == 0) {
			check_decode(decode);
			n++;
		}
		json_decref(decode);
	}
	free(line);
	fclose(file);
	CHECK_EQ(n, all.n);
}

/* ---- Damaged ---- */

static void check_damaged(const uint8_t *bytes, size_t len)
{
	struct tool tool;

	tempdir_write(&dir, "DMAR.bin", bytes, len);
	TOOL_CALL(&tool, "--platform", platform, "units", "-j");
	CU_ASSERT(tool.code == 0 || tool.code == 1);
	if (tool.code == 0) {
		json_t *document = tool_json(&tool);

		CU_ASSERT_PTR_NOT_NULL(document);
		CHECK_EQ(tool.nerr, 0);
		json_decref(document);
	} else {
		CHECK_EQ(tool.nerr, 1);
		CHECK_HAS(tool.err, "DMAR");
		CHECK_EQ(strlen(tool.out), 0);
	}
	tool_free(&tool);
}

static void truncations_are_refused_with_one_line(void)
{
	for (unsigned i = 0; i < all.n; i++) {
		for (size_t len = 0; len < all.at[i].len; len++)
			check_damaged(all.at[i].bytes, len);
	}
}

static void try_length(const struct table *table, size_t at, unsigned value)
{
	struct table bad = table_make("bad", table->bytes, table->len);

	bad.bytes[at] = (uint8_t)value;
	bad.bytes[at + 1] = (uint8_t)(value >> 8);
	check_damaged(bad.bytes, bad.len);
	table_seal(bad.bytes, bad.len);
	check_damaged(bad.bytes, bad.len);
	table_free(&bad);
}

static void wrong_lengths_and_checksums_are_one_line(void)
{
	for (unsigned i = 0; i < all.n; i++) {
		const struct table *table = &all.at[i];
		struct table bad = table_make("bad", table->bytes, table->len);

		bad.bytes[9]++;
		check_damaged(bad.bytes, bad.len);
		table_free(&bad);
		for (size_t at = 48; at < table->len; at += table->bytes[at + 2] | (size_t)table->bytes[at + 3] << 8) {
			try_length(table, at + 2, 0);
			try_length(table, at + 2, 1);
			try_length(table, at + 2, (unsigned)(table->len - at + 1));
		}
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(every_dump_equals_its_independent_decode),
		SUITE_TEST(truncations_are_refused_with_one_line),
		SUITE_TEST(wrong_lengths_and_checksums_are_one_line),
	};
	int rc;

	all = tables_of_corpus(CORPUS_DIR, "DMAR");
	if (!all.n) {
		tables_free(&all);
		suite_skip("no corpus of real tables at %s", CORPUS_DIR);
	}
	tempdir_create(&dir);
	snprintf(platform, sizeof(platform), "dump:%s", dir.dir);
	rc = suite_run(argc, argv, "piommu-ctl-corpus", tests, sizeof(tests) / sizeof(tests[0]));
	tempdir_remove(&dir);
	tables_free(&all);
	return rc;
}
