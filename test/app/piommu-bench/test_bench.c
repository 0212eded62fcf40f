/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piommu-bench as a program: its JSON, its refusals, and the counts it finds on the fast path. No time is asserted. The
 * program is named by the environment variable PIOMMU_BENCH.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <jansson.h>

#include "suite.h"

#define QUICK "--seconds 0.01 --json - 2>/dev/null"

static char output[65536];

/* Runs the bench under a shell; its standard output goes to `output`. Returns its exit status. */
static int run(const char *args)
{
	const char *wrapper = getenv("MESON_EXE_WRAPPER"); /* an emulator, where the build is for another machine */
	char command[1024];
	size_t len;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "%s '%s' %s", wrapper ? wrapper : "", getenv("PIOMMU_BENCH"), args);
	pipe = popen(command, "r");
	len = fread(output, 1, sizeof(output) - 1, pipe);
	output[len] = 0;
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs it quickly and returns its rows, of which there are so many; the caller's to free. */
static json_t *rows_of(const char *args, size_t n)
{
	char all[512];
	json_t *rows;

	snprintf(all, sizeof(all), "%s " QUICK, args);
	CHECK_EQ(run(all), 0);
	rows = json_loads(output, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rows);
	CHECK_EQ(json_array_size(rows), n);
	return rows;
}

static double number(const json_t *row, const char *name)
{
	return json_number_value(json_object_get(row, name));
}

static void every_name_of_the_interface_is_in_every_row(void)
{
	static const char *const texts[] = { "workload", "mode", "floor" };
	static const char *const integers[] = { "pages", "burst", "threads", "inflight", "sample", "preempted" };
	static const char *const numbers[] = {
		"ns_mean",     "ns_p50", "ns_p99",    "ns_p999",  "ns_p9999", "ops_per_s",
		"descriptors", "waits",  "doorbells", "floor_ns", "ratio",
	};
	json_t *rows = rows_of(
		"--workload map,map-64m,lookup,iova,iova-frag,iova-shared,ring,ring-work,dma,strict,strict-contig,attach "
		"--pages 1,3",
		8 * 2 + 4); /* pages mean nothing to four of them */
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++)
			CU_ASSERT_TRUE(json_is_string(json_object_get(row, texts[j])));
		for (size_t j = 0; j < sizeof(integers) / sizeof(integers[0]); j++)
			CU_ASSERT_TRUE(json_is_integer(json_object_get(row, integers[j])));
		for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++)
			CU_ASSERT_TRUE(json_is_number(json_object_get(row, numbers[j])));
		CU_ASSERT_PTR_NOT_NULL(json_object_get(row, "locked"));
		CU_ASSERT_TRUE(json_is_object(json_object_get(row, "floors")));
		CHECK_EQ(strcmp(json_string_value(json_object_get(row, "mode")), "strict"), 0);
	}
	json_decref(rows);
}

static void the_numbers_of_a_row_agree_with_each_other(void)
{
	json_t *rows = rows_of("--workload map --pages 1", 1);
	const json_t *row = json_array_get(rows, 0);

	CU_ASSERT(number(row, "ns_mean") > 0);
	CU_ASSERT(number(row, "ns_p50") <= number(row, "ns_p99"));
	CU_ASSERT(number(row, "ns_p99") <= number(row, "ns_p999"));
	CU_ASSERT(fabs(number(row, "ratio") * number(row, "floor_ns") / number(row, "ns_mean") - 1) < 0.001);
	CU_ASSERT(fabs(number(row, "ops_per_s") * number(row, "ns_mean") / 1e9 - 1) < 0.001);
	json_decref(rows);
}

static void map_takes_one_indirect_call_no_lock_and_no_descriptor(void)
{
	json_t *rows = rows_of("--workload map,lookup --pages 1,16,512", 6);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
#if defined(__x86_64__) && defined(PLAIN_BUILD) /* a sanitizer adds calls of its own */
		CHECK_EQ(number(row, "indirect"), strcmp(json_string_value(json_object_get(row, "workload")), "map") ? 1 : 2);
		CHECK_EQ(number(row, "allocations"), 0);
		CU_ASSERT_TRUE(json_is_real(json_object_get(row, "locked")));
		CU_ASSERT(number(row, "instructions") > 1);
		CHECK_EQ(number(row, "locked") * 1000, 0);
#endif
		CHECK_EQ(number(row, "descriptors") * 1000, 0);
		CHECK_EQ(number(row, "waits") * 1000, 0);
		CHECK_EQ(number(row, "doorbells") * 1000, 0);
		CHECK_EQ(number(row, "table_bytes") * 1000, 0);
	}
	json_decref(rows);
}

/* Exactly `wanted` for each burst, but for what a decimal fraction loses. */
static void check_per_burst(const json_t *row, const char *name, double wanted)
{
	CHECK_EQ(number(row, name) * number(row, "burst") * 1000 + 0.5, wanted * 1000 + 0.5);
}

/* Descriptors, and how often the hardware is told and answers. */
static void check_queue_per_burst(const json_t *row, double descriptors, double times)
{
	check_per_burst(row, "descriptors", descriptors);
	check_per_burst(row, "waits", times);
	check_per_burst(row, "doorbells", times);
}

/* In the processor, for each burst; nothing where a sanitizer adds some of its own, or cannot count. */
static void check_instructions_per_burst(const json_t *row, double locked, double indirect)
{
#if defined(__x86_64__) && defined(PLAIN_BUILD)
	check_per_burst(row, "locked", locked);
	check_per_burst(row, "indirect", indirect);
	check_per_burst(row, "allocations", 0);
#else
	(void)row;
	(void)locked;
	(void)indirect;
#endif
}

#define BURSTS "--pages 1 --burst 1,8,32 --platform sim:vtd "

/* Locked is the ring's reservation, which is the barrier between page table and unit list, too. */
static void a_strict_burst_takes_one_wait_one_doorbell_and_one_locked_instruction(void)
{
	json_t *rows = rows_of(BURSTS "--workload strict,strict-contig --inflight 1,4", 12);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		bool scattered = !strcmp(json_string_value(json_object_get(row, "workload")), "strict");

		check_queue_per_burst(row, scattered ? number(row, "burst") : 1, 1);
		check_per_burst(row, "table_bytes", 0);
		check_instructions_per_burst(row, 1, number(row, "inflight") > 1 ? 6 : 7);
	}
	json_decref(rows);
}

static void hardware_that_only_answers_is_sent_the_same(void)
{
	json_t *rows = rows_of("--pages 1 --burst 8 --workload strict-contig,strict --inflight 1,4 --hardware answer", 4);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		check_queue_per_burst(row, i < 2 ? 1 : 8, 1);
	}
	json_decref(rows);
}

/* A unit that writes no status word tells by its index. */
static void a_burst_of_an_smmuv3_takes_one_wait_and_one_doorbell(void)
{
	static const char *const machines[] = { "sim:smmuv3", "sim:smmuv3,msi=0", "sim:smmuv3 --hardware answer",
						"sim:smmuv3,msi=0 --hardware answer" };
	char args[128];
	json_t *row;
	size_t i;

	for (size_t m = 0; m < sizeof(machines) / sizeof(machines[0]); m++) {
		json_t *rows;

		snprintf(args, sizeof(args), "--pages 1 --burst 8 --workload strict-contig,strict --inflight 4 --platform %s",
			 machines[m]);
		rows = rows_of(args, 2);
		json_array_foreach(rows, i, row)
		{
			check_queue_per_burst(row, i ? 8 : 1, 1);
		}
		json_decref(rows);
	}
}

/* Registers, no queue: an invalidation a page, and one synchronisation for all of them. */
static void a_burst_of_an_smmuv2_takes_one_wait(void)
{
	json_t *rows = rows_of("--platform sim:smmuv2 --pages 1 --burst 8 --workload strict,strict-contig", 2);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		check_per_burst(row, "descriptors", 8);
		check_per_burst(row, "waits", 1);
		check_per_burst(row, "doorbells", 0);
	}
	json_decref(rows);
}

static void rows_that_need_a_queue_say_why_they_are_absent(void)
{
	json_t *rows = rows_of("--platform sim:smmuv2 --hardware answer --pages 1 --workload strict,map", 2);
	const char *why = json_string_value(json_object_get(json_array_get(rows, 0), "absent"));

	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	CHECK_HAS(why, "no queue");
	CU_ASSERT_PTR_NULL(json_object_get(json_array_get(rows, 0), "ns_mean"));
	CU_ASSERT_PTR_NULL(json_object_get(json_array_get(rows, 1), "absent"));
	json_decref(rows);
}

static void a_burst_of_static_mode_sends_nothing_and_locks_nothing(void)
{
	json_t *rows = rows_of(BURSTS "--workload strict,strict-contig --mode static", 6);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		check_queue_per_burst(row, 0, 0);
		check_instructions_per_burst(row, 0, 0);
	}
	json_decref(rows);
}

/*
 * A quarter above what gcc 12 makes of it in a release build, the bench's own loop included: what is far above has lost its fast way.
 * Nothing where the library is not optimized, or instrumented.
 */
static void a_page_takes_no_more_instructions_than_it_did(void)
{
#if defined(__x86_64__) && defined(PLAIN_BUILD) && defined(NDEBUG) /* as release builds are */
	static const struct {
		const char *arguments;
		double most;
	} rows[] = {
		{ "--workload map --pages 1", 225 },
		{ "--workload map --pages 512", 3800 }, /* a processor that stores 16 bytes at once, and not more */
		{ "--workload iova --pages 1 --burst 32", 135 },
		{ "--workload strict --pages 1 --burst 32 --inflight 8", 290 },
		{ "--workload strict-contig --pages 1 --burst 32 --inflight 8", 165 },
		{ "--workload strict-contig --pages 1 --burst 32 --mode static", 70 },
		{ "--workload strict-contig --pages 1 --burst 1 --mode static", 125 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *row = rows_of(rows[i].arguments, 1);
		double n = number(json_array_get(row, 0), "instructions");

		if (!(n > 10 && n <= rows[i].most))
			printf("     %s: %.0f instructions, at most %.0f\n", rows[i].arguments, n, rows[i].most);
		CU_ASSERT(n > 10 && n <= rows[i].most);
		json_decref(row);
	}
#endif
}

/* How many share a wait is a matter of time. */
static void bursts_of_bounded_mode_share_waits_and_doorbells(void)
{
	json_t *rows = rows_of("--pages 1 --burst 1,8 --platform sim:vtd --workload strict-contig --mode bounded", 2);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		CU_ASSERT(number(row, "waits") * number(row, "burst") < 0.5);
		CU_ASSERT(number(row, "doorbells") * number(row, "burst") < 0.5);
		CU_ASSERT(number(row, "descriptors") * number(row, "burst") < 0.5);
		CU_ASSERT_TRUE(json_is_integer(json_object_get(row, "worst_us")));
		CU_ASSERT_TRUE(json_is_integer(json_object_get(row, "worst_bytes")));
	}
	json_decref(rows);
}

static void a_burst_without_a_device_sends_nothing(void)
{
	json_t *rows = rows_of(BURSTS "--workload dma,iova", 6);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		check_queue_per_burst(row, 0, 0);
#if defined(__x86_64__) && defined(PLAIN_BUILD)
		check_per_burst(row, "allocations", 0);
#endif
	}
	json_decref(rows);
}

static void lists_multiply(void)
{
	json_t *rows = rows_of("--workload map,strict --pages 1,2 --threads 1,2", 8);
	const json_t *last;

	last = json_array_get(rows, 7);
	CHECK_EQ(strcmp(json_string_value(json_object_get(last, "workload")), "strict"), 0);
	CHECK_EQ(number(last, "pages"), 2);
	CHECK_EQ(number(last, "threads"), 2);
	json_decref(rows);
}

/* A list that means nothing to a workload gives no rows of its own. */
static void bursts_multiply_where_there_are_any(void)
{
	json_t *rows = rows_of("--workload lookup,ring --pages 1 --burst 1,4 --inflight 1,2", 1 + 4);
	const json_t *last;

	last = json_array_get(rows, 4);
	CHECK_EQ(number(last, "burst"), 4);
	CHECK_EQ(number(last, "inflight"), 2);
	json_decref(rows);
}

static void a_burst_of_the_ring_takes_one_wait_and_one_doorbell(void)
{
	static const unsigned bursts[] = { 1, 8, 32 };
	json_t *rows = rows_of("--workload ring,ring-work --burst 1,8,32 --inflight 1,4", 12);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		CHECK_EQ(number(row, "descriptors") * 1000, 1000);
		CHECK_EQ(number(row, "waits") * bursts[i % 3] * 1000, 1000);
		CHECK_EQ(number(row, "doorbells") * bursts[i % 3] * 1000, 1000);
#if defined(__x86_64__) && defined(PLAIN_BUILD)
		CHECK_EQ(number(row, "allocations") * 1000, 0);
		CHECK_EQ(number(row, "locked") * bursts[i % 3] * 1000, 1000);
		CHECK_EQ(number(row, "indirect") * bursts[i % 3] * 1000, 2000);
#endif
	}
	json_decref(rows);
}

/* All are on one ring, whose hardware is nobody's thread. */
static void producers_of_a_ring_share_it(void)
{
	json_t *rows = rows_of("--workload ring --burst 8 --threads 4 --inflight 64", 1);

	check_queue_per_burst(json_array_get(rows, 0), 8, 1);
	json_decref(rows);
}

static unsigned occurrences(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t len;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	len = fread(output, 1, sizeof(output) - 1, file);
	output[len] = 0;
	fclose(file);
}

/* A dot for each row in each of the two pictures it belongs to, a label for each line, and what is opened is closed. */
static void a_plot_has_a_dot_for_each_row_and_a_label_for_each_line(void)
{
	static const char path[] = "bench_rows.svg";
	char args[256];

	snprintf(args, sizeof(args), "--workload ring,lookup --burst 1,2,4 --threads 1,2 --pages 1 --seconds 0.01 --plot %s",
		 path);
	CHECK_EQ(run(args), 0);
	read_file(path);
	CHECK_EQ(strncmp(output, "<?xml", 5), 0);
	CHECK_HAS(output, "</svg>");
	CHECK_HAS(output, ">ring</text>");
	CHECK_HAS(output, ">lookup</text>");
	CHECK_EQ(occurrences(output, "<circle"), (3 + 1) + (2 + 2) + 1); /* over bursts, over threads, and the legend's */
	CHECK_EQ(occurrences(output, "<circle"), occurrences(output, "</circle>"));
	CHECK_EQ(occurrences(output, "<text"), occurrences(output, "</text>"));
	CHECK_EQ(occurrences(output, "nan"), 0);
	remove(path);
}

static void large_ranges_run_in_a_small_machine(void)
{
	json_t *rows = rows_of("--workload map --pages 4096 --platform sim:vtd,mem=64m", 1);

	json_decref(rows);
}

static void bad_usage_is_refused_with_the_reason(void)
{
	static const struct {
		const char *args;
		int code;
		const char *says;
	} bad[] = {
		{ "--workload nonsense", 2, "known are map" },
		{ "--pages 0", 2, "from 1" },
		{ "--pages 1,", 2, "separated by commas" },
		{ "--pages -1", 2, "from 1" },
		{ "--burst 0", 2, "from 1 to 1024" },
		{ "--mode lazy", 2, "strict, bounded, static" },
		{ "--mode strict,", 2, "strict, bounded, static" },
		{ "--hardware none", 2, "model or answer" },
		{ "--inflight 65", 2, "from 1 to 64" },
		{ "--plot rows.png", 2, ".svg" },
		{ "--workload strict --pages 1 --burst 257", 2, "256 at most" },
		{ "--workload iova --pages 513", 2, "512 pages" },
		{ "--seconds nan", 2, "more than 0" },
		{ "--nonsense", 2, "usage" },
		{ "nonsense", 2, "options only" },
		{ "--platform nonsense", 2, "nonsense" },
		{ "--platform sim:vtd,nonsense=1", 2, "nonsense" },
		{ "--platform sim:smmuv3,granule=64k --workload map", 1, "its smallest have 65536" },
		{ "--device 00:77", 2, "00:77" },
		{ "--device 0000:77:00.0", 3, "0000:77:00.0" },
		{ "--platform linux --workload strict", 4, "--device" },
		{ "--plot /nowhere/rows.svg --seconds 0.01 --workload map --pages 1", 1, "/nowhere/rows.svg" },
		{ "--json /nowhere/rows.json --seconds 0.01 --workload map --pages 1", 1, "/nowhere/rows.json" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char all[256];

		snprintf(all, sizeof(all), "%s 2>&1", bad[i].args);
		CHECK_EQ(run(all), bad[i].code);
		CHECK_HAS(output, bad[i].says);
	}
}

static void help_names_the_workloads(void)
{
	CHECK_EQ(run("--help"), 0);
	CHECK_HAS(output, "strict");
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(every_name_of_the_interface_is_in_every_row),
		SUITE_TEST(the_numbers_of_a_row_agree_with_each_other),
		SUITE_TEST(map_takes_one_indirect_call_no_lock_and_no_descriptor),
		SUITE_TEST(a_strict_burst_takes_one_wait_one_doorbell_and_one_locked_instruction),
		SUITE_TEST(hardware_that_only_answers_is_sent_the_same),
		SUITE_TEST(a_burst_of_an_smmuv3_takes_one_wait_and_one_doorbell),
		SUITE_TEST(a_burst_of_an_smmuv2_takes_one_wait),
		SUITE_TEST(rows_that_need_a_queue_say_why_they_are_absent),
		SUITE_TEST(a_burst_of_static_mode_sends_nothing_and_locks_nothing),
		SUITE_TEST(a_page_takes_no_more_instructions_than_it_did),
		SUITE_TEST(bursts_of_bounded_mode_share_waits_and_doorbells),
		SUITE_TEST(a_burst_without_a_device_sends_nothing),
		SUITE_TEST(lists_multiply),
		SUITE_TEST(bursts_multiply_where_there_are_any),
		SUITE_TEST(a_burst_of_the_ring_takes_one_wait_and_one_doorbell),
		SUITE_TEST(producers_of_a_ring_share_it),
		SUITE_TEST(a_plot_has_a_dot_for_each_row_and_a_label_for_each_line),
		SUITE_TEST(large_ranges_run_in_a_small_machine),
		SUITE_TEST(bad_usage_is_refused_with_the_reason),
		SUITE_TEST(help_names_the_workloads),
	};

	if (!getenv("PIOMMU_BENCH"))
		suite_skip("PIOMMU_BENCH names no program");
	return suite_run(argc, argv, "bench", tests, sizeof(tests) / sizeof(tests[0]));
}
