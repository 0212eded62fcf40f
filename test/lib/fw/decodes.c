/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decodes.h"

static json_t *decodes_of_corpus(const char *corpus_dir, const char *wanted)
{
	json_t *found = json_object();
	char path[4000];
	char *line = NULL;
	size_t cap = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tables/decoded.jsonl", corpus_dir);
	file = fopen(path, "r");
	while (file && getline(&line, &cap, file) > 0) {
		json_t *decode = json_loads(line, 0, NULL);
		const char *name = json_string_value(json_object_get(decode, "file"));
		const char *sig = json_string_value(json_object_get(decode, "sig"));

		if (name && sig && strcmp(sig, wanted) == 0)
			json_object_set(found, strrchr(name, '/') + 1, decode);
		json_decref(decode);
	}
	if (file)
		fclose(file);
	free(line);
	return found;
}

int corpus_run(int argc, char **argv, const char *name, const char *sig, struct tables *all, json_t **decodes,
	       const struct suite_test *tests, unsigned n)
{
	int rc;

	*all = tables_of_corpus(CORPUS_DIR, sig);
	if (!all->n) {
		tables_free(all);
		suite_skip("no corpus of real tables at %s", CORPUS_DIR);
	}
	*decodes = decodes_of_corpus(CORPUS_DIR, sig);
	rc = suite_run(argc, argv, name, tests, n);
	json_decref(*decodes);
	tables_free(all);
	return rc;
}
