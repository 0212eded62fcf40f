/* SPDX-License-Identifier: BSD-3-Clause */
/* The decode of the corpus' tables that others made: decoded.jsonl, one JSON object a line. */
#ifndef TEST_FW_DECODES_H
#define TEST_FW_DECODES_H

#include <jansson.h>

/* An object of the decodes of that signature by the file's name; empty when the corpus is not there. The caller's to release. */
json_t *decodes_of_corpus(const char *corpus_dir, const char *sig);

#endif
