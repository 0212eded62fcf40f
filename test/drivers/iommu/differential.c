/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * differential [SEED [STEPS [both|sim|qemu [FAMILY [VARIANT [drop]]]]]]: random steps on our model, on QEMU's, and on a plain array of
 * pages; all must agree after every step. The same seed gives the same steps, for as long as this program does not change.
 * `drop` leaves the invalidation out of every flush, and then they must disagree: test_check_can_fail.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "diff_run.h"

static struct {
	uint64_t seed;
	unsigned steps;
	struct rig_target targets[DIFF_MACHINES];
	unsigned ntargets;
} plan;

static void machines_and_model_agree(void)
{
	struct diff_run *run = calloc(1, sizeof(*run));

	CU_ASSERT_PTR_NOT_NULL_FATAL(run);
	run->log.random = plan.seed * 2 + 1; /* never 0 */
	diff_open(run, plan.targets, plan.ntargets);
	for (; run->log.step < plan.steps && !run->log.failed; run->log.step++)
		diff_step(run);
	if (!run->log.failed)
		diff_check_memory(run, 0, DIFF_ARENA_PAGES);
	printf("     seed %llu: %u steps: %u DMAs (%u blocked, %u in limbo), %u maps, %u unmaps, %u moves\n",
	       (unsigned long long)plan.seed, run->log.step, run->ndma, run->nblocked, run->neither, run->nmaps, run->nunmaps,
	       run->nmoves);
	diff_close(run);
	free(run);
}

static const struct suite_test tests[] = {
	SUITE_TEST(machines_and_model_agree),
};

int main(int argc, char **argv)
{
	const char *which = argc > 3 ? argv[3] : "both";
	const char *family = argc > 4 ? argv[4] : "vtd", *variant = argc > 5 ? argv[5] : "";
	bool drop = argc > 6 && !strcmp(argv[6], "drop");

	plan.seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	plan.steps = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 20000;
	if (strcmp(which, "qemu"))
		plan.targets[plan.ntargets++] = (struct rig_target){ "sim", family, variant, drop };
	if (strcmp(which, "sim"))
		plan.targets[plan.ntargets++] = (struct rig_target){ "qemu", family, variant, drop };
	return suite_run(1, argv, "differential", tests, 1);
}
