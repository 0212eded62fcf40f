/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages reach their receiver: formatted, filtered, cut. */
#include <stdio.h>
#include <string.h>

#include "piommu_log.h"
#include "suite.h"

struct receiver {
	unsigned n;
	enum piommu_log_level level;
	char line[1024];
};

static void receive(void *ctx, enum piommu_log_level level, const char *line)
{
	struct receiver *receiver = ctx;

	receiver->n++;
	receiver->level = level;
	snprintf(receiver->line, sizeof(receiver->line), "%s", line);
}

static void a_line_arrives_formatted(void)
{
	struct receiver receiver = { 0 };
	struct piommu_log log = { receive, &receiver, PIOMMU_LOG_DEBUG };

	log_warn(&log, "%s: %d faults", "dmar0", 3);
	CHECK_EQ(receiver.n, 1);
	CHECK_EQ(receiver.level, PIOMMU_LOG_WARN);
	CHECK_EQ(strcmp(receiver.line, "dmar0: 3 faults"), 0);
}

static void lines_above_the_level_are_dropped(void)
{
	struct receiver receiver = { 0 };
	struct piommu_log log = { receive, &receiver, PIOMMU_LOG_WARN };

	log_info(&log, "no");
	log_debug(&log, "no");
	CHECK_EQ(receiver.n, 0);
	log_err(&log, "yes");
	CHECK_EQ(receiver.n, 1);
}

static void nobody_listening_is_fine(void)
{
	struct piommu_log silent = { 0 };

	log_err(NULL, "nothing %d", 1);
	log_err(&silent, "nothing %d", 1);
}

static void a_long_line_is_cut(void)
{
	struct receiver receiver = { 0 };
	struct piommu_log log = { receive, &receiver, PIOMMU_LOG_DEBUG };
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	log_err(&log, "%s", text);
	CHECK_EQ(strlen(receiver.line), 511);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_line_arrives_formatted),
		SUITE_TEST(lines_above_the_level_are_dropped),
		SUITE_TEST(nobody_listening_is_fine),
		SUITE_TEST(a_long_line_is_cut),
	};

	return suite_run(argc, argv, "base_log", tests, sizeof(tests) / sizeof(tests[0]));
}
