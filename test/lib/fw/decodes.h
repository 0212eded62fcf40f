/* SPDX-License-Identifier: BSD-3-Clause */
/* The corpus' tables of one signature beside the decode of them that others made: decoded.jsonl, one JSON object a line. */
#ifndef TEST_FW_DECODES_H
#define TEST_FW_DECODES_H

#include <jansson.h>

#include "suite.h"
#include "tables.h"

/**
 * A test's main(): gets the tables and their decodes (an object by the file's name), runs the tests, and releases both. Skips where
 * there is no corpus.
 */
int corpus_run(int argc, char **argv, const char *name, const char *sig, struct tables *all, json_t **decodes,
	       const struct suite_test *tests, unsigned n);

#endif
