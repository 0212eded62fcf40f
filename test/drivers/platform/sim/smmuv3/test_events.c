/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv3 model's event queue: order, wrap bit, the overflow flag that both sides toggle (specification 7.2, 7.4). What each record
 * says is in test_translate.c.
 */
#include <errno.h>

#include "rig.h"

/* Streams from 100 on are not in the rig's table. */
static void fault(struct rig *rig, unsigned sid)
{
	CHECK_EQ(rig_write(rig, sid, 0x5000), -EFAULT);
}

static void events_come_in_order_and_wrap(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	for (unsigned i = 0; i < 50; i++) {
		fault(&rig, 100 + i);
		fault(&rig, 200 + i);
		CHECK_HEX(r32(&rig, 0x100a8), (2 * i + 2) % 32);
		rig_check_event(&rig, 2 | (uint64_t)(100 + i) << 32, 0, 0, 0);
		rig_check_event(&rig, 2 | (uint64_t)(200 + i) << 32, 0, 0, 0);
	}
	CHECK_EQ(rig_counts(&rig).faults, 100);
	CHECK_EQ(rig_counts(&rig).faults_lost, 0);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void full_queue_toggles_the_overflow_flag_once(void)
{
	struct rig rig;
	uint64_t record[4];

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	for (unsigned i = 0; i < 16; i++)
		fault(&rig, 100 + i);
	CHECK_HEX(r32(&rig, 0x100a8), 0x10);
	fault(&rig, 300);
	fault(&rig, 301);
	CHECK_HEX(r32(&rig, 0x100a8), 0x80000010);
	CHECK_EQ(rig_counts(&rig).faults_lost, 2);
	CHECK_EQ(rig_take_event(&rig, record), true);
	CHECK_HEX(record[0], 2 | UINT64_C(100) << 32);
	fault(&rig, 302); /* there is room, whether or not the overflow was seen */
	CHECK_HEX(r32(&rig, 0x100a8), 0x80000011);
	fault(&rig, 303);
	CHECK_HEX(r32(&rig, 0x100a8), 0x80000011);
	w32(&rig, 0x100ac, 0x80000001);
	fault(&rig, 304); /* acknowledged: the next loss is told again */
	CHECK_HEX(r32(&rig, 0x100a8), 0x11);
	CHECK_EQ(rig_counts(&rig).faults_lost, 4);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void disabled_queue_takes_none(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	w32(&rig, 0x20, 0x9);
	fault(&rig, 100);
	CHECK_HEX(r32(&rig, 0x100a8), 0);
	CHECK_EQ(rig_counts(&rig).faults, 1);
	CHECK_EQ(rig_counts(&rig).faults_lost, 1);
	rig_close(&rig);
}

/* Moved to where there is memory: still nothing before the error is acknowledged. */
static void aborted_queue_takes_none_until_acknowledged(void)
{
	struct rig rig;
	uint64_t good;

	rig_open(&rig, &rig_default);
	good = rig.eventq;
	rig.eventq = UINT64_C(0x10000000000);
	rig_enable(&rig);
	fault(&rig, 100);
	w32(&rig, 0x20, 0x9);
	w64(&rig, 0xa0, good | 4);
	w32(&rig, 0x20, 0xd);
	fault(&rig, 101);
	CHECK_HEX(r32(&rig, 0x100a8), 0);
	w32(&rig, 0x64, 4);
	fault(&rig, 102);
	CHECK_HEX(r32(&rig, 0x100a8), 1);
	CHECK_EQ(rig_counts(&rig).faults_lost, 2);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void index_beyond_what_there_is_is_misuse(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	w32(&rig, 0x100ac, 1); /* ahead of the unit */
	CHECK_HAS(rig_complaint(&rig), "EVENTQ_CONS");
	CHECK_EQ(rig_counts(&rig).misuse, 1);
	w32(&rig, 0x100ac, 0x20);
	CHECK_HAS(rig_complaint(&rig), "no such index");
	rig_close(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(events_come_in_order_and_wrap),
	SUITE_TEST(full_queue_toggles_the_overflow_flag_once),
	SUITE_TEST(disabled_queue_takes_none),
	SUITE_TEST(aborted_queue_takes_none_until_acknowledged),
	SUITE_TEST(index_beyond_what_there_is_is_misuse),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv3_events", tests, sizeof(tests) / sizeof(tests[0]));
}
