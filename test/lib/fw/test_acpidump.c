/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of acpidump, as its versions print it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "tables.h"

static struct piommu_fw_acpidump dump;
static struct piommu_fw_error err;
static char sig[5];
static uint8_t *bytes;
static size_t len;

static void open_text(const char *text)
{
	dump = (struct piommu_fw_acpidump){ text, strlen(text), 0 };
	memset(&err, 0, sizeof(err));
}

static int next(void)
{
	void *out = NULL;
	int rc = piommu_fw_acpidump_next(&dump, sig, &out, &len, &err);

	bytes = out;
	return rc;
}

static void two_tables_come_one_after_the_other(void)
{
	open_text("DMAR @ 0x0000000079E4B000\n"
		  "    0000: 44 4D 41 52 A0 00 00 00 02 16 49 4E 54 45 4C 20  DMAR......INTEL \n"
		  "    0010: 45 44 4B                                         EDK\n"
		  "\n"
		  "MCFG @ 0x0000000000000000\n"
		  "    0000: 4d 43 46 47                                      MCFG\n");
	CHECK_EQ(next(), 0);
	CU_ASSERT_STRING_EQUAL(sig, "DMAR");
	CHECK_EQ(len, 19);
	CHECK_HEX(bytes[0], 0x44);
	CHECK_HEX(bytes[15], 0x20);
	CHECK_HEX(bytes[18], 0x4b);
	free(bytes);
	CHECK_EQ(next(), 0);
	CU_ASSERT_STRING_EQUAL(sig, "MCFG");
	CHECK_EQ(len, 4);
	CHECK_HEX(bytes[3], 0x47);
	free(bytes);
	CHECK_EQ(next(), -ENOENT);
	CHECK_EQ(next(), -ENOENT);
}

static void letters_that_look_like_bytes_are_not_taken(void)
{
	open_text("SSDT @ 0x1\n"
		  "  0000: 61 62 20 63 64 20 65 66 20 30 31 20 32 33 20 34  ab cd ef 01 23 4\n"
		  "  0010: 61 62                                            ab\n");
	CHECK_EQ(next(), 0);
	CHECK_EQ(len, 18);
	CHECK_HEX(bytes[16], 0x61);
	free(bytes);
}

static void other_lines_windows_line_ends_and_a_missing_last_newline_do_not_matter(void)
{
	open_text("# acpidump of some machine\r\n\r\nDMAR @ 0x1\r\n  0000: 01 02 03\r\nnoise\r\nMCFG @ 0x2\r\n  0000: 04");
	CHECK_EQ(next(), 0);
	CHECK_EQ(len, 3);
	free(bytes);
	CHECK_EQ(next(), 0);
	CHECK_EQ(len, 1);
	free(bytes);
}

static void no_table_is_no_error(void)
{
	open_text("");
	CHECK_EQ(next(), -ENOENT);
	open_text("nothing to see\n");
	CHECK_EQ(next(), -ENOENT);
}

static void check_malformed(const char *text, const char *line)
{
	open_text(text);
	CHECK_EQ(next(), -EINVAL);
	CHECK_HAS(err.text, line);
	CHECK_HAS(err.text, "DMAR");
	/* A caller that goes on comes to the end. */
	CHECK_EQ(next(), -ENOENT);
}

static void malformed_text_says_the_line(void)
{
	check_malformed("DMAR @ 0x1\n  0000: 01 0G\n", "line 2");
	check_malformed("DMAR @ 0x1\n  0000: 01 0\n", "line 2");
	check_malformed("DMAR @ 0x1\n  0000: 01 023\n", "line 2");
	check_malformed("DMAR @ 0x1\n  0000:\n", "line 2");
	check_malformed("DMAR @ 0x1\n  0010: 01\n", "line 2");
	check_malformed("DMAR @ 0x1\n  0000: 01\n  0001: 02\n", "line 3");
	check_malformed("x\nDMAR @ 0x1\n\n", "DMAR has no bytes");
}

/* Every cut of a text is a table, or the end, or a line of complaint. */
static void every_truncation_is_clean(void)
{
	static const char text[] = "DMAR @ 0x0000000079E4B000\n"
				   "    0000: 44 4D 41 52 A0 00 00 00 02 16 49 4E 54 45 4C 20  DMAR......INTEL \n"
				   "    0010: 45 44 4B                                         EDK\n\n";

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		char *copy = malloc(cut);
		int rc;

		memcpy(copy, text, cut);
		dump = (struct piommu_fw_acpidump){ copy, cut, 0 };
		memset(&err, 0, sizeof(err));
		rc = next();
		CU_ASSERT(rc == 0 || rc == -ENOENT || (rc == -EINVAL && err.text[0]));
		free(bytes);
		free(copy);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(two_tables_come_one_after_the_other),
		SUITE_TEST(letters_that_look_like_bytes_are_not_taken),
		SUITE_TEST(other_lines_windows_line_ends_and_a_missing_last_newline_do_not_matter),
		SUITE_TEST(no_table_is_no_error),
		SUITE_TEST(malformed_text_says_the_line),
		SUITE_TEST(every_truncation_is_clean),
	};

	return suite_run(argc, argv, "acpidump", tests, sizeof(tests) / sizeof(tests[0]));
}
