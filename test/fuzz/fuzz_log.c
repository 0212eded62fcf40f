/* SPDX-License-Identifier: BSD-3-Clause */
/* A kernel's log, or what was pasted of one: whatever it says, reports are whole, and no line begins two. */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "fuzz.h"

static void check_report(void *ctx, const struct ctl_report *report)
{
	size_t *n = ctx;

	(*n)++;
	MUST(report->n > 0 && report->n <= CTL_WORDS_MAX);
	MUST(memchr(report->unit, '\0', sizeof(report->unit)));
	for (unsigned i = 0; i < report->n; i++) {
		const char *name = report->words[i].name;

		MUST(!name || (name == report->names[i] && memchr(name, '\0', sizeof(report->names[i]))));
		MUST(name || !report->driver || strcmp(report->driver, "smmuv3") == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	size_t nlines = 1, nreports = 0;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (const char *c = text; *c; c++)
		nlines += *c == '\n' || *c == '\r';
	ctl_log_reports(text, check_report, &nreports);
	MUST(nreports <= nlines);
	free(text);
	return 0;
}
