/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"
#include "suite.h"
#include "tool.h"

#define ARGS_MAX 32u

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

static FILE *memory_file(void)
{
	int fd = memfd_create("piommu-ctl", MFD_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!file) {
		fprintf(stderr, "no file for the output of piommu-ctl: %s\n", strerror(errno));
		exit(1);
	}
	return file;
}

static void keep(struct tool *tool, int code, FILE *out, FILE *err)
{
	tool->code = code;
	tool->out = read_all(out);
	tool->err = read_all(err);
	tool->nerr = 0;
	for (const char *c = tool->err; *c; c++)
		tool->nerr += *c == '\n';
}

/* `n` are there already. */
static unsigned add_args(const char **argv, unsigned n, const char *const *args)
{
	while (*args && n + 1 < ARGS_MAX)
		argv[n++] = *args++;
	argv[n] = NULL;
	return n;
}

/* Into files, not pipes: nothing can fill up, whatever the tool prints. */
void tool_run(struct tool *tool, const char *const *args)
{
	posix_spawn_file_actions_t actions;
	const char *argv[ARGS_MAX];
	FILE *out = memory_file();
	FILE *err = memory_file();
	int status = 0;
	pid_t pid;
	unsigned n = suite_wrapper(argv, 8);

	argv[n++] = CTL_PATH;
	add_args(argv, n, args);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(out), 1);
	posix_spawn_file_actions_adddup2(&actions, fileno(err), 2);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) != 0 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "%s cannot be run\n", CTL_PATH);
		exit(1);
	}
	posix_spawn_file_actions_destroy(&actions);
	keep(tool, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out, err);
}

/* What is written to `from` goes to `to` from here on. @return what it was */
static int redirect(FILE *from, FILE *to)
{
	int was = dup(fileno(from));

	fflush(from);
	dup2(fileno(to), fileno(from));
	return was;
}

static void restore(FILE *from, int was)
{
	fflush(from);
	dup2(was, fileno(from));
	close(was);
}

void tool_call(struct tool *tool, const char *const *args)
{
	const char *argv[ARGS_MAX] = { "piommu-ctl" };
	unsigned n = add_args(argv, 1, args);
	FILE *out = memory_file();
	FILE *err = memory_file();
	int out_was = redirect(stdout, out);
	int err_was = redirect(stderr, err);
	int code = ctl_main((int)n, (char **)argv);

	restore(stdout, out_was);
	restore(stderr, err_was);
	keep(tool, code, out, err);
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
