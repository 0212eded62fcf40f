/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs piommu-ctl and keeps what it said. */
#ifndef TOOL_H
#define TOOL_H

#include <jansson.h>

struct tool {
	int code; /* exit code; 128 + n: killed by signal n */
	char *out;
	char *err;
	unsigned nerr; /* lines of err */
};

/* The built program. Arguments, NULL-terminated, without its name. */
void tool_run(struct tool *tool, const char *const *args);
#define TOOL_RUN(tool, ...) tool_run((tool), (const char *const[]){ __VA_ARGS__, NULL })
/*
 * The same without a process: for what is tried by the thousand. A crash ends the test, too. One thread; nothing else may
 * write to stdout or stderr meanwhile.
 */
void tool_call(struct tool *tool, const char *const *args);
#define TOOL_CALL(tool, ...) tool_call((tool), (const char *const[]){ __VA_ARGS__, NULL })
/* stdout as JSON, or NULL; the caller's to drop. */
json_t *tool_json(const struct tool *tool);
void tool_free(struct tool *tool);

/* tool_run() and the checks that hold of any run: the exit code, and that a failure says one line and nothing on stdout. */
void tool_check(int code, const char *says, const char *const *args);
#define TOOL_CHECK(code, says, ...) tool_check((code), (says), (const char *const[]){ __VA_ARGS__, NULL })

#endif
