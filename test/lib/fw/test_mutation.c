/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Damaged tables, of the corpus and of our own: always taken or refused cleanly, with one line, and nothing half-applied.
 * Every try is a copy in a block of its exact size, so that AddressSanitizer sees one byte too far.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "tables.h"

static const struct kind {
	const char *sig;
	size_t fixed; /* the shortest there can be */
	int (*parse)(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err);
	const uint8_t *own;
	const size_t *own_len;
} kinds[] = {
	{ "DMAR", 48, piommu_fw_parse_dmar, table_all_kinds, &table_all_kinds_len },
	{ "IORT", 48, piommu_fw_parse_iort, table_iort_kinds, &table_iort_kinds_len },
};

static const struct kind *kind; /* under test, and its tables */
static struct tables all;

static bool one_line(const char *text)
{
	size_t len = strnlen(text, sizeof(((struct piommu_fw_error *)0)->text));

	return len > 0 && len < sizeof(((struct piommu_fw_error *)0)->text) && !strchr(text, '\n');
}

/* @return 0 or -EINVAL, whatever is in the bytes; anything else fails the test */
static int try_parse(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len);
	struct piommu_fw_error err = { "" };
	struct piommu_fw fw = { 0 };
	struct piommu_fw before = fw;
	int rc;

	memcpy(copy, bytes, len);
	rc = kind->parse(copy, len, &fw, &err);
	free(copy);
	if (rc == -EINVAL) {
		CU_ASSERT(one_line(err.text));
		CU_ASSERT(memcmp(&fw, &before, sizeof(fw)) == 0);
	} else {
		CHECK_EQ(rc, 0);
	}
	for (unsigned i = 0; i < fw.nwarnings; i++)
		CU_ASSERT(fw.warnings[i][0] && !strchr(fw.warnings[i], '\n'));
	piommu_fw_free(&fw);
	return rc;
}

/* Calls fn with every length field: its place, its width, and how much is left from its structure on. */
typedef void (*length_fn)(const struct table *table, size_t at, unsigned width, size_t left);

static void scope_lengths(const struct table *table, size_t at, size_t end, length_fn fn)
{
	while (at < end) {
		fn(table, at + 1, 1, end - at);
		at += table->bytes[at + 1];
	}
}

static void each_length(const struct table *table, length_fn fn)
{
	static const size_t scopes_at[] = { 16, 24, 8, 0, 0, 8, 8 };
	size_t at = 48;

	while (at < table->len) {
		size_t len = table->bytes[at + 2] | (size_t)table->bytes[at + 3] << 8;
		unsigned type = table->bytes[at];

		fn(table, at + 2, 2, table->len - at);
		if (type < sizeof(scopes_at) / sizeof(scopes_at[0]) && scopes_at[type])
			scope_lengths(table, at + scopes_at[type], at + len, fn);
		at += len;
	}
}

static void try_length(const struct table *table, size_t at, unsigned width, size_t value)
{
	struct table bad = table_make("bad", table->bytes, table->len);

	bad.bytes[at] = (uint8_t)value;
	if (width == 2)
		bad.bytes[at + 1] = (uint8_t)(value >> 8);
	try_parse(bad.bytes, bad.len);
	table_seal(bad.bytes, bad.len);
	CHECK_EQ(try_parse(bad.bytes, bad.len), -EINVAL);
	table_free(&bad);
}

static void try_lengths(const struct table *table, size_t at, unsigned width, size_t left)
{
	try_length(table, at, width, 0);
	try_length(table, at, width, 1);
	try_length(table, at, width, width == 1 ? 0xff : 0xffff);
	/* A scope's length is refused for being odd, too: one of these two is even. */
	for (size_t value = left + 1; value <= left + 2 && value < (width == 1 ? 0xffu : 0xffffu); value++)
		try_length(table, at, width, value);
}

static void every_wrong_length_is_refused(void)
{
	if (kind != &kinds[0]) /* IORT: test_iort.c; a wrong last length can be right there */
		return;
	for (unsigned i = 0; i < all.n; i++)
		each_length(&all.at[i], try_lengths);
}

static void every_truncation_is_refused(void)
{
	for (unsigned i = 0; i < all.n; i++) {
		for (size_t len = 0; len < all.at[i].len; len++)
			CHECK_EQ(try_parse(all.at[i].bytes, len), -EINVAL);
	}
}

static void every_truncation_with_a_made_up_header_is_clean(void)
{
	for (unsigned i = 0; i < all.n; i++) {
		for (size_t len = 36; len < all.at[i].len; len++) {
			struct table cut = table_make("cut", all.at[i].bytes, len);
			int rc = try_parse(cut.bytes, cut.len);

			if (len < kind->fixed)
				CHECK_EQ(rc, -EINVAL);
			table_free(&cut);
		}
	}
}

static void every_single_changed_byte_is_refused_by_the_checksum(void)
{
	for (unsigned i = 0; i < all.n; i++) {
		struct table bad = table_make("bad", all.at[i].bytes, all.at[i].len);

		for (size_t at = 0; at < bad.len; at++) {
			bad.bytes[at] ^= 0x41;
			CHECK_EQ(try_parse(bad.bytes, bad.len), -EINVAL);
			bad.bytes[at] ^= 0x41;
		}
		table_free(&bad);
	}
}

static void every_changed_byte_with_a_right_checksum_is_clean(void)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	for (unsigned i = 0; i < all.n; i++) {
		/* Each byte of the short ones, some of those that have thousands. */
		for (size_t at = 10; at<all.at[i].len; at += all.at[i].len> 2000 ? 7 : 1) {
			for (unsigned v = 0; v < sizeof(values); v++) {
				struct table bad = table_make("bad", all.at[i].bytes, all.at[i].len);

				bad.bytes[at] = values[v];
				table_seal(bad.bytes, bad.len);
				try_parse(bad.bytes, bad.len);
				table_free(&bad);
			}
		}
	}
}

static void unharmed_tables_are_taken(void)
{
	for (unsigned i = 0; i < all.n; i++)
		CHECK_EQ(try_parse(all.at[i].bytes, all.at[i].len), 0);
}

static int run(const struct kind *which, int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(unharmed_tables_are_taken),
		SUITE_TEST(every_wrong_length_is_refused),
		SUITE_TEST(every_truncation_is_refused),
		SUITE_TEST(every_truncation_with_a_made_up_header_is_clean),
		SUITE_TEST(every_single_changed_byte_is_refused_by_the_checksum),
		SUITE_TEST(every_changed_byte_with_a_right_checksum_is_clean),
	};
	char name[32];
	int rc;

	kind = which;
	all = tables_of_corpus(CORPUS_DIR, kind->sig);
	printf("# %u %s of the corpus and one of our own\n", all.n, kind->sig);
	if (!all.at)
		all.at = calloc(1, sizeof(*all.at));
	for (unsigned i = 0; i < all.n; i++)
		table_seal(all.at[i].bytes, all.at[i].len);
	all.at[all.n++] = table_make("all kinds", kind->own, *kind->own_len);
	snprintf(name, sizeof(name), "mutations of %s", kind->sig);
	rc = suite_run(argc, argv, name, tests, sizeof(tests) / sizeof(tests[0]));
	tables_free(&all);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0;

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && rc == 0; i++)
		rc = run(&kinds[i], argc, argv);
	return rc;
}
