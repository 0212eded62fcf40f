/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of real machines: the records that their kernels' logs came from, and what the logs say they were. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "suite.h"
#include "vtd.h"

#define FAULTS CORPUS_DIR "/faults/faults.jsonl"

static uint64_t hex_of(const json_t *json)
{
	return strtoull(json_string_value(json), NULL, 16);
}

static void check_real(const json_t *expect)
{
	const json_t *words = json_object_get(expect, "derived_frcd");
	const char *type = json_string_value(json_object_get(expect, "type"));
	struct vtd_fault fault =
		vtd_fault_decode((struct vtd_pair){ hex_of(json_array_get(words, 0)), hex_of(json_array_get(words, 1)) });
	bool is_interrupt = strcmp(type, "intr-remap") == 0;

	CHECK_HEX(fault.sid, hex_of(json_object_get(expect, "sid")));
	CHECK_HEX(fault.reason, hex_of(json_object_get(expect, "reason")));
	CHECK_EQ(fault.is_interrupt, is_interrupt);
	CHECK_HEX(fault.iova, hex_of(json_object_get(expect, is_interrupt ? "index" : "addr")));
	CHECK_EQ(fault.is_write, strcmp(type, "write") == 0);
	CU_ASSERT(strcmp(vtd_fault_name(fault.reason), "unknown reason") != 0);
}

static void real_faults_decode_as_expected(void)
{
	FILE *file = fopen(FAULTS, "r");
	char *line = NULL;
	size_t size = 0;
	unsigned n = 0;

	CU_ASSERT_FATAL(file != NULL);
	while (getline(&line, &size, file) > 0) {
		json_t *fault = json_loads(line, 0, NULL);
		const char *kind = json_string_value(json_object_get(fault, "kind"));

		if (kind && strcmp(kind, "vtd") == 0) {
			check_real(json_object_get(fault, "expect"));
			n++;
		}
		json_decref(fault);
	}
	CU_ASSERT(n > 0);
	free(line);
	fclose(file);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(real_faults_decode_as_expected),
	};

	if (access(FAULTS, R_OK))
		suite_skip("no corpus at %s", CORPUS_DIR);
	return suite_run(argc, argv, "vtd_corpus", tests, sizeof(tests) / sizeof(tests[0]));
}
