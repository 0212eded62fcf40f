/* SPDX-License-Identifier: BSD-3-Clause */
/* What is kept of a queue that stopped until the next poll, and when it is given up. */
#include <errno.h>
#include <string.h>

#include "piommu_repair.h"
#include "suite.h"

static void one_repairs_at_a_time(void)
{
	struct piommu_repair repair = { 0 };

	CU_ASSERT(piommu_repair_begin(&repair));
	CU_ASSERT_FALSE(piommu_repair_begin(&repair));
	piommu_repair_end(&repair);
	CU_ASSERT(piommu_repair_begin(&repair));
}

static void a_poll_is_told_each_report_once(void)
{
	struct piommu_repair repair = { 0 };
	struct piommu_report reports[PIOMMU_REPORTS];
	struct piommu_report *report;

	CU_ASSERT_FALSE(piommu_repair_has_news(&repair));
	report = piommu_repair_report(&repair, 0x10, 77);
	CU_ASSERT_PTR_NOT_NULL_FATAL(report);
	report->code = 5;
	piommu_repair_report(&repair, 0x20, 78);
	CU_ASSERT(piommu_repair_has_news(&repair));
	CHECK_EQ(piommu_repair_reports(&repair, reports), 2);
	CHECK_HEX(reports[0].error, 0x10);
	CHECK_EQ(reports[0].code, 5);
	CHECK_EQ(reports[0].when_ns, 77);
	CHECK_HEX(reports[1].error, 0x20);
	CHECK_EQ(reports[1].code, 0);
	CU_ASSERT_FALSE(piommu_repair_has_news(&repair));
	CHECK_EQ(piommu_repair_reports(&repair, reports), 0);
}

static void what_is_being_repaired_is_told_by_the_next_poll(void)
{
	struct piommu_repair repair = { 0 };
	struct piommu_report reports[PIOMMU_REPORTS];

	CU_ASSERT(piommu_repair_begin(&repair));
	piommu_repair_report(&repair, 1, 0);
	CHECK_EQ(piommu_repair_reports(&repair, reports), 0);
	piommu_repair_end(&repair);
	CHECK_EQ(piommu_repair_reports(&repair, reports), 1);
	CU_ASSERT(piommu_repair_begin(&repair)); /* the poll has let go of it */
}

static void beyond_the_room_the_last_report_speaks_for_the_rest(void)
{
	struct piommu_repair repair = { 0 };
	struct piommu_report reports[PIOMMU_REPORTS];

	for (unsigned i = 0; i < PIOMMU_REPORTS; i++)
		CU_ASSERT_PTR_NOT_NULL(piommu_repair_report(&repair, 1, i));
	CU_ASSERT_PTR_NULL(piommu_repair_report(&repair, 4, 100));
	CHECK_EQ(piommu_repair_reports(&repair, reports), PIOMMU_REPORTS);
	CHECK_HEX(reports[PIOMMU_REPORTS - 1].error, 5);
	CHECK_HEX(reports[PIOMMU_REPORTS - 2].error, 1);
}

static void a_queue_is_given_up_where_it_stops_again_and_again(void)
{
	struct piommu_repair repair = { 0 };

	for (unsigned at = 1; at < 100; at++)
		CU_ASSERT(piommu_repair_gets_further(&repair, at));
	for (unsigned i = 0; i < 7; i++)
		CU_ASSERT(piommu_repair_gets_further(&repair, 99));
	CU_ASSERT_FALSE(piommu_repair_gets_further(&repair, 99));
}

static void what_was_late_is_told_once(void)
{
	struct piommu_repair repair = { 0 };

	CU_ASSERT_FALSE(piommu_repair_was_late(&repair));
	piommu_repair_late(&repair);
	CU_ASSERT(piommu_repair_has_news(&repair));
	CU_ASSERT(piommu_repair_was_late(&repair));
	CU_ASSERT_FALSE(piommu_repair_was_late(&repair));
	CU_ASSERT_FALSE(piommu_repair_has_news(&repair));
}

/* A unit that answers so many times with an error. */
struct flush {
	unsigned calls, fails;
	int err;
};

static int invalidate_all(void *ctx)
{
	struct flush *flush = ctx;

	return flush->calls++ < flush->fails ? flush->err : 0;
}

static void what_is_unclean_is_flushed_until_that_succeeds_or_is_hopeless(void)
{
	struct piommu_repair repair = { 0 };
	struct flush flush = { .fails = 0 };

	CHECK_EQ(piommu_repair_clean(&repair, invalidate_all, &flush), 0);
	CHECK_EQ(flush.calls, 0);
	piommu_repair_unclean(&repair);
	flush = (struct flush){ .fails = 3, .err = -EIO };
	CHECK_EQ(piommu_repair_clean(&repair, invalidate_all, &flush), 0);
	CHECK_EQ(flush.calls, 4);
	CHECK_EQ(piommu_repair_clean(&repair, invalidate_all, &flush), 0);
	CHECK_EQ(flush.calls, 4);
	piommu_repair_unclean(&repair);
	flush = (struct flush){ .fails = 100, .err = -EIO };
	CHECK_EQ(piommu_repair_clean(&repair, invalidate_all, &flush), -EIO);
	CHECK_EQ(flush.calls, 8);
	piommu_repair_unclean(&repair);
	flush = (struct flush){ .fails = 100, .err = -ETIMEDOUT };
	CHECK_EQ(piommu_repair_clean(&repair, invalidate_all, &flush), -ETIMEDOUT);
	CHECK_EQ(flush.calls, 1); /* whoever waited once waits no more */
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(one_repairs_at_a_time),
		SUITE_TEST(a_poll_is_told_each_report_once),
		SUITE_TEST(what_is_being_repaired_is_told_by_the_next_poll),
		SUITE_TEST(beyond_the_room_the_last_report_speaks_for_the_rest),
		SUITE_TEST(a_queue_is_given_up_where_it_stops_again_and_again),
		SUITE_TEST(what_was_late_is_told_once),
		SUITE_TEST(what_is_unclean_is_flushed_until_that_succeeds_or_is_hopeless),
	};

	return suite_run(argc, argv, "driver_repair", tests, sizeof(tests) / sizeof(tests[0]));
}
