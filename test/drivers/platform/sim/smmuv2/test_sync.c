/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Synchronisation of TLB maintenance: what each covers, and what the machine's switches do to it. IHI 0062, SMMU_CBn_TLBSYNC,
 * SMMU_CBn_TLBSTATUS, SMMU_sTLBGSYNC, SMMU_sTLBGSTATUS; the switches in smmuv2_model.h.
 */
#include "scene.h"

static void set(struct scene *s)
{
	struct smmuv2_model_config cfg = rig_config();

	scene_set(s, &cfg);
}

static void global_synchronisation_covers_every_bank(void)
{
	struct scene s;

	set(&s);
	scene_strand(&s);
	w64(&s.rig, cb(&s.rig, 2, 0x600), VA64(5, 0x5000));
	w64(&s.rig, cb(&s.rig, 3, 0x600), VA64(6, 0x6000));
	sync_all(&s.rig);
	CHECK_HEX(scene_left(&s), 0x0110);
	rig_close(&s.rig);
}

static void tlb_is_invalidated_before_its_first_use(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct scene s;

	cfg.tlb_clean = false;
	scene_set(&s, &cfg);
	w32(&s.rig, 0x6c, 0); /* TLBIALLH */
	sync_all(&s.rig);
	w32(&s.rig, 0x68, 0); /* TLBIALLNSNH */
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	rig_check_blamed(&s.rig, "TLBIALLNSNH and a synchronisation");
	sync_all(&s.rig);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	CHECK_EQ(rig_counts(&s.rig).misuse, 1);
	rig_close_blamed(&s.rig);
}

static void synchronisation_of_a_bank_does_not_cover_global_invalidations(void)
{
	struct scene s;

	set(&s);
	scene_strand(&s);
	w32(&s.rig, 0x68, 0); /* TLBIALLNSNH */
	sync_bank(&s.rig, 2);
	sync_bank(&s.rig, 3);
	CHECK_HEX(scene_left(&s), 0x1111);
	sync_all(&s.rig);
	CHECK_HEX(scene_left(&s), 0x0000);
	rig_close(&s.rig);
}

/* SLOW_HANDSHAKE 3: at the third read. What is asked for in between waits for the next one. */
static void slow_synchronisation_covers_what_came_before_it(void)
{
	struct scene s;

	set(&s);
	scene_strand(&s);
	sim_model_set(s.rig.unit, PIOMMU_SIM_SLOW_HANDSHAKE, 3);
	w64(&s.rig, cb(&s.rig, 2, 0x600), VA64(5, 0x5000));
	w32(&s.rig, cb(&s.rig, 2, 0x7f0), 0);
	w64(&s.rig, cb(&s.rig, 2, 0x600), VA64(5, 0x6000));
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 2, 0x7f4)), 1);
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 2, 0x7f4)), 1);
	CHECK_HEX(scene_left(&s), 0x1111);
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 2, 0x7f4)), 0);
	CHECK_HEX(scene_left(&s), 0x0111);
	sim_model_set(s.rig.unit, PIOMMU_SIM_SLOW_HANDSHAKE, 0);
	sync_bank(&s.rig, 2);
	CHECK_HEX(scene_left(&s), 0x0011);
	rig_close(&s.rig);
}

static void stuck_synchronisation_is_never_over(void)
{
	static const enum piommu_sim_switch switches[] = { PIOMMU_SIM_QUEUE_STUCK, PIOMMU_SIM_HANDSHAKE_STUCK };

	for (unsigned i = 0; i < 2; i++) {
		struct scene s;

		set(&s);
		scene_strand(&s);
		sim_model_set(s.rig.unit, switches[i], 1);
		w32(&s.rig, 0x68, 0);
		w32(&s.rig, 0x70, 0);
		for (unsigned reads = 0; reads < 100; reads++)
			CHECK_HEX(r32(&s.rig, 0x74), 1);
		CHECK_HEX(scene_left(&s), 0x1111);
		sim_model_set(s.rig.unit, switches[i], 0);
		CHECK_HEX(r32(&s.rig, 0x74), 0);
		CHECK_HEX(scene_left(&s), 0x0000);
		rig_close(&s.rig);
	}
}

static void lost_synchronisation_is_replaced_by_the_next(void)
{
	struct scene s;

	set(&s);
	scene_strand(&s);
	sim_model_set(s.rig.unit, PIOMMU_SIM_FAIL_HANDSHAKES, 2);
	sync_all(&s.rig);
	w32(&s.rig, 0x68, 0);
	w32(&s.rig, 0x70, 0);
	CHECK_HEX(r32(&s.rig, 0x74), 1);
	CHECK_HEX(r32(&s.rig, 0x74), 1);
	sync_all(&s.rig);
	CHECK_HEX(scene_left(&s), 0x0000);
	rig_close(&s.rig);
}

static void lost_synchronisation_ends_when_the_switch_is_off(void)
{
	struct piommu_sim_counts counts;
	struct scene s;

	set(&s);
	scene_strand(&s);
	sim_model_set(s.rig.unit, PIOMMU_SIM_FAIL_HANDSHAKES, 1);
	w32(&s.rig, 0x68, 0);
	w32(&s.rig, 0x70, 0);
	CHECK_HEX(r32(&s.rig, 0x74), 1);
	sim_model_counts(s.rig.unit, &counts);
	CHECK_EQ(counts.injected, 1);
	sim_model_set(s.rig.unit, PIOMMU_SIM_FAIL_HANDSHAKES, 0);
	CHECK_HEX(r32(&s.rig, 0x74), 0);
	CHECK_HEX(scene_left(&s), 0x0000);
	rig_close(&s.rig);
}

static void lost_invalidation_takes_its_synchronisation_along(void)
{
	struct scene s;

	set(&s);
	scene_strand(&s);
	sim_model_set(s.rig.unit, PIOMMU_SIM_FAIL_INVALIDATIONS, 2);
	w64(&s.rig, cb(&s.rig, 2, 0x600), VA64(5, 0x5000));
	w64(&s.rig, cb(&s.rig, 2, 0x600), VA64(5, 0x6000));
	w32(&s.rig, cb(&s.rig, 2, 0x7f0), 0);
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 2, 0x7f4)), 1);
	sync_bank(&s.rig, 2);
	CHECK_HEX(scene_left(&s), 0x0111); /* the second one was lost for good */
	rig_close(&s.rig);
}

static void synchronisation_takes_its_time(void)
{
	struct scene s;
	uint64_t begin = piommu_env_now_ns();

	set(&s);
	sim_model_set(s.rig.unit, PIOMMU_SIM_LATENCY_NS, 2000000);
	w32(&s.rig, 0x70, 0);
	while (r32(&s.rig, 0x74))
		;
	CHECK_EQ(piommu_env_now_ns() - begin >= 2000000, true);
	rig_close(&s.rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(global_synchronisation_covers_every_bank),
	SUITE_TEST(synchronisation_of_a_bank_does_not_cover_global_invalidations),
	SUITE_TEST(slow_synchronisation_covers_what_came_before_it),
	SUITE_TEST(stuck_synchronisation_is_never_over),
	SUITE_TEST(lost_synchronisation_is_replaced_by_the_next),
	SUITE_TEST(lost_synchronisation_ends_when_the_switch_is_off),
	SUITE_TEST(lost_invalidation_takes_its_synchronisation_along),
	SUITE_TEST(synchronisation_takes_its_time),
	SUITE_TEST(tlb_is_invalidated_before_its_first_use),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv2_sync", tests, sizeof(tests) / sizeof(tests[0]));
}
