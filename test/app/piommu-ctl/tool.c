/* SPDX-License-Identifier: BSD-3-Clause */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "tool.h"

extern char **environ;

static char *read_all(FILE *file)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);
	char buffer[4096];
	size_t n;

	rewind(file);
	while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
		fwrite(buffer, 1, n, memory);
	fclose(memory);
	fclose(file);
	return text;
}

/* Into files, not pipes: nothing can fill up, whatever the tool prints. */
void tool_run(struct tool *tool, const char *const *args)
{
	posix_spawn_file_actions_t actions;
	const char *argv[32];
	FILE *out = tmpfile();
	FILE *err = tmpfile();
	int status = 0;
	pid_t pid;
	unsigned n = suite_wrapper(argv, 8);

	argv[n++] = CTL_PATH;
	while (*args && n + 1 < sizeof(argv) / sizeof(argv[0]))
		argv[n++] = *args++;
	argv[n] = NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(out), 1);
	posix_spawn_file_actions_adddup2(&actions, fileno(err), 2);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) != 0 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "%s cannot be run\n", CTL_PATH);
		exit(1);
	}
	posix_spawn_file_actions_destroy(&actions);
	tool->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	tool->out = read_all(out);
	tool->err = read_all(err);
	tool->nerr = 0;
	for (const char *c = tool->err; *c; c++)
		tool->nerr += *c == '\n';
}

json_t *tool_json(const struct tool *tool)
{
	json_error_t error;
	json_t *document = json_loads(tool->out, 0, &error);

	if (!document)
		printf("no JSON: %s\n%s\n", error.text, tool->out);
	return document;
}

void tool_free(struct tool *tool)
{
	free(tool->out);
	free(tool->err);
}

void tool_check(int code, const char *says, const char *const *args)
{
	struct tool tool;

	tool_run(&tool, args);
	CHECK_EQ(tool.code, code);
	if (code) {
		CHECK_HAS(tool.err, says);
		CHECK_EQ(tool.nerr, 1);
		CHECK_EQ(strlen(tool.out), 0);
	} else {
		CHECK_HAS(tool.out, says);
	}
	tool_free(&tool);
}
