/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_check_can_fail sim|qemu FAMILY DRIVER_TESTS DIFFERENTIAL: runs the tests of stale translations, and the differential test, with
 * every invalidation left out, and demands that each of them sees it. A check that cannot fail is none.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

/* All of test_stale.c but the one that unmaps nothing. */
static const char *const must_fail[] = {
	"flush_ends_the_old_translation_of_a_page",
	"flush_ends_the_old_translation_of_a_large_page",
	"flush_covers_both_ends_of_a_range",
	"flush_of_gigabytes_covers_all_of_them",
	"flush_of_many_ranges_covers_each",
	"flush_before_a_remap_leads_to_the_new_memory",
	"unmap_of_everything_leaves_no_way_in",
	"strict_unmap_needs_no_flush",
	"scattered_burst_is_gone_when_its_fence_is_done",
	"contiguous_burst_is_gone_with_one_descriptor",
};

#define NMUST (sizeof(must_fail) / sizeof(must_fail[0]))

/* Starts a program with its standard output in `*output`. */
static pid_t start(const char *const *args, FILE **output)
{
	const char *words[24];
	unsigned n = suite_wrapper(words, 8);
	int ends[2];
	pid_t pid;

	while (*args && n + 1 < sizeof(words) / sizeof(words[0]))
		words[n++] = *args++;
	words[n] = NULL;
	if (pipe(ends))
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		execvp(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	close(ends[1]);
	*output = fdopen(ends[0], "r");
	return pid;
}

/* The test's own verdict must be FAIL, and the program's exit status 1: anything else is trouble of another kind. */
static int demand_failure(const char *name, const char *const *args)
{
	char want[160], line[1024], skip[1024] = "";
	FILE *output = NULL;
	int seen = 0, status = 0;
	pid_t pid = start(args, &output);

	if (pid < 0 || !output)
		return 1;
	snprintf(want, sizeof(want), "FAIL %s\n", name);
	while (fgets(line, sizeof(line), output)) {
		seen |= !strcmp(line, want);
		if (!strncmp(line, "skipped:", 8))
			memcpy(skip, line, sizeof(skip));
	}
	fclose(output);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		printf("%s", skip);
		exit(77);
	}
	if (seen && WIFEXITED(status) && WEXITSTATUS(status) == 1) {
		printf("ok   %s sees that nothing was invalidated\n", name);
		return 0;
	}
	printf("FAIL %s did not notice that nothing was invalidated (status 0x%x)\n", name, (unsigned)status);
	return 1;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc != 5) {
		fprintf(stderr, "usage: %s sim|qemu FAMILY DRIVER_TESTS DIFFERENTIAL\n", argv[0]);
		return 2;
	}
	for (unsigned i = 0; i < NMUST; i++)
		failed |= demand_failure(must_fail[i],
					 (const char *const[]){ argv[3], argv[1], argv[2], "", must_fail[i], "drop", NULL });
	failed |= demand_failure("machines_and_model_agree",
				 (const char *const[]){ argv[4], "1", "100000", argv[1], argv[2], "", "drop", NULL });
	return failed;
}
