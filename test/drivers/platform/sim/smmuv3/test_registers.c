/* SPDX-License-Identifier: BSD-3-Clause */
/* The SMMUv3 model's register file: widths, guards, handshakes, GBPA, global errors, switches (specification, chapter 6). */
#include <errno.h>
#include <string.h>

#include "rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Those of QEMU's nested unit; IDR3 without its XNX and BBML. */
static void capabilities_of_the_default(void)
{
	struct piommu_unit_facts facts = { .kernel_driven = true };
	struct rig rig;

	rig_open(&rig, &rig_default);
	CHECK_HEX(r32(&rig, 0x00), 0x0d44101b);
	CHECK_HEX(r32(&rig, 0x04), 0x02730010);
	CHECK_HEX(r32(&rig, 0x0c), 0x404);
	CHECK_HEX(r32(&rig, 0x14), 0x74);
	CHECK_HEX(r32(&rig, 0x1c), 2);
	CHECK_HEX(r32(&rig, 0x44), 0x1000);
	CHECK_EQ(rig.unit->window_len, 0x20000);
	rig.unit->ops->facts(rig.unit, &facts);
	CHECK_EQ(facts.caps_known, true);
	CHECK_EQ(facts.kernel_driven, true);
	CHECK_HEX(facts.cap[0], UINT64_C(0x027300100d44101b));
	CHECK_HEX(facts.cap[1], UINT64_C(0x7400000404));
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void each_capability_has_its_bit(void)
{
	static const struct smmuv3_model_config bare = { .oas = 32 };
	static const struct {
		struct smmuv3_model_config config;
		uint32_t idr0, idr1, idr3, idr5, aidr;
	} golden[] = {
		{ { .oas = 32 }, 0x05400018, 0, 0x4, 0x0, 0 },
		{ { .oas = 36, .s1 = true }, 0x0540001a, 0, 0x4, 0x1, 0 },
		{ { .oas = 40, .s2 = true }, 0x05400019, 0, 0x4, 0x2, 0 },
		{ { .oas = 42, .msi = true }, 0x05402018, 0, 0x4, 0x3, 0 },
		{ { .oas = 48, .hyp = true }, 0x05400218, 0, 0x4, 0x5, 0 },
		{ { .oas = 52, .vmid16 = true }, 0x05440018, 0, 0x4, 0x6, 1 },
		{ { .oas = 48, .asid16 = true, .granule_4k = true }, 0x05401018, 0, 0x4, 0x15, 0 },
		{ { .oas = 48, .two_level = true, .granule_16k = true }, 0x0d400018, 0, 0x4, 0x25, 0 },
		{ { .oas = 52, .vax = true, .granule_64k = true }, 0x05400018, 0, 0x4, 0x446, 1 },
		{ { .oas = 32, .ril = true, .sid_bits = 8 }, 0x05400018, 8, 0x404, 0, 2 },
		{ { .oas = 32, .cmdq_lg2 = 8, .eventq_lg2 = 7 }, 0x05400018, 0x01070000, 0x4, 0, 0 },
	};
	struct rig rig;

	for (unsigned i = 0; i < COUNT(golden); i++) {
		rig_open(&rig, &golden[i].config);
		CHECK_HEX(r32(&rig, 0x00), golden[i].idr0);
		CHECK_HEX(r32(&rig, 0x04), golden[i].idr1);
		CHECK_HEX(r32(&rig, 0x0c), golden[i].idr3);
		CHECK_HEX(r32(&rig, 0x14), golden[i].idr5);
		CHECK_HEX(r32(&rig, 0x1c), golden[i].aidr);
		rig_close(&rig);
	}
	rig_open_noncoherent(&rig, &bare);
	CHECK_HEX(r32(&rig, 0x00), 0x05400008);
	rig_close(&rig);
}

static void wrong_widths_and_places_are_counted(void)
{
	static const struct rig_access accesses[] = {
		{ 0x00, 8, false, "IDR0" },
		{ 0x20, 8, true, "CR0" },
		{ 0x20, 2, false, "CR0" },
		{ 0x98, 8, true, "CMDQ_PROD" },
		{ 0x84, 8, false, "STRTAB_BASE" },
		{ 0x22, 4, false, "CR0" },
		{ 0xa8, 4, false, "no register" },   /* is in page 1 */
		{ 0xc0, 8, false, "no register" },   /* no PRI */
		{ 0x8000, 4, false, "no register" }, /* not secure */
		{ 0x10020, 4, false, "no register" },
		{ 0x20000, 4, false, "no register" },
		{ 0x00, 4, true, "read-only" },
		{ 0x24, 4, true, "read-only" },
		{ 0x60, 4, true, "read-only" },
	};
	struct rig rig;

	rig_open(&rig, &rig_default);
	rig_check_accesses(&rig, accesses, COUNT(accesses));
	CHECK_HEX(r32(&rig, 0x20), 0);
	CHECK_HEX(r32(&rig, 0x98), 0);
	rig_close(&rig);
}

static void wide_registers_can_be_accessed_in_halves(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	w32(&rig, 0x80, 0x12345000);
	w32(&rig, 0x84, 0x1);
	CHECK_HEX(r64(&rig, 0x80), UINT64_C(0x112345000));
	CHECK_HEX(r32(&rig, 0x84), 1);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void reserved_bits_and_values_are_misuse(void)
{
	static const struct {
		unsigned off;
		uint64_t value;
		const char *says;
	} writes[] = {
		{ 0x20, 0x2, "reserved" }, /* PRIQEN: no page requests */
		{ 0x28, 0x1000, "reserved" },
		{ 0x28, 0x410, "shareability" },
		{ 0x2c, 0x1, "reserved" }, /* E2H: no EL2 */
		{ 0x44, 0x80004000, "reserved" },
		{ 0x50, 0x2, "reserved" },
		{ 0x88, 0x20010, "format" },
		{ 0x88, 0x101d0, "SPLIT" },
		{ 0x88, 0x11, "more stream ids" },
		{ 0x90, 0x100000014, "larger than IDR1" },
		{ 0xa0, 0x100000014, "larger than IDR1" },
		{ 0x90, 0x100000108, "not aligned" },
		{ 0x68, 0x1000, "reserved" }, /* no MSI */
	};
	struct rig rig;

	for (unsigned i = 0; i < COUNT(writes); i++) {
		bool is_wide = writes[i].off == 0x90 || writes[i].off == 0xa0 || writes[i].off == 0x68;

		rig_open(&rig, &rig_default);
		sim_model_write(rig.unit, writes[i].off, is_wide ? 8 : 4, writes[i].value);
		CHECK_EQ(rig_counts(&rig).misuse >= 1, true);
		CHECK_HAS(rig_complaint(&rig), writes[i].says);
		rig_close(&rig);
	}
}

static void addresses_are_no_wider_than_the_unit(void)
{
	static const unsigned bases[] = { 0x80, 0x90, 0xa0, 0x68, 0xb0 };
	struct smmuv3_model_config config = rig_default;
	struct rig rig;

	config.msi = true;
	rig_open(&rig, &config);
	for (unsigned i = 0; i < COUNT(bases); i++) {
		w64(&rig, bases[i], UINT64_C(1) << 43);
		CHECK_EQ(rig_counts(&rig).misuse, i);
		w64(&rig, bases[i], UINT64_C(3) << 43);
		CHECK_HAS(rig_complaint(&rig), "reserved bits 0x100000000000");
		CHECK_EQ(rig_counts(&rig).misuse, i + 1);
		CHECK_HEX(r64(&rig, bases[i]), UINT64_C(1) << 43);
	}
	rig_close(&rig);
}

static void stream_table_is_aligned_to_its_size(void)
{
	static const struct {
		uint64_t base;
		uint32_t cfg;
		bool is_aligned;
	} tables[] = {
		{ 0x800, 5, true },        { 0x400, 5, false },
		{ 0x4000, 8, true },       { 0x2000, 8, false },       /* 64 bytes an entry */
		{ 0x2000, 0x10190, true }, { 0x1000, 0x10190, false }, /* two levels, SPLIT 6: 1024 descriptors of 8 bytes */
		{ 0x40, 0x10186, true },                               /* one descriptor, but 64 bytes at least */
	};
	struct rig rig;

	for (unsigned i = 0; i < COUNT(tables); i++) {
		rig_open(&rig, &rig_default);
		rig.strtab = rig_pages(&rig, 0x10000) + tables[i].base;
		rig.strtab_lg2 = tables[i].cfg;
		rig_enable(&rig);
		CHECK_EQ(rig_counts(&rig).misuse, !tables[i].is_aligned);
		CHECK_HAS(rig_complaint(&rig), tables[i].is_aligned ? "" : "not aligned to its size");
		rig_close(&rig);
	}
}

static void caches_are_invalidated_before_the_unit_is_enabled(void)
{
	static const struct {
		uint64_t commands[3];
		uint64_t range;
		const char *says;
	} cases[] = {
		{ { 0x04, 0x30, 0x46 }, 31, "" },
		{ { 0x30, 0x04, 0x46 }, 31, "" },
		{ { 0x30, 0x46 }, 0, "CMD_CFGI_ALL" },
		{ { 0x04, 0x46 }, 31, "CMD_TLBI_NSNH_ALL" },
		{ { 0x04, 0x30, 0x46 }, 30, "CMD_CFGI_ALL" }, /* half of all streams */
		{ { 0x04, 0x30 }, 31, "CMD_SYNC" },
		{ { 0x04, 0x46, 0x30 }, 31, "CMD_TLBI_NSNH_ALL" },
	};
	struct smmuv3_model_config config = rig_default;

	config.inv_all = false;
	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct rig rig;

		rig_open(&rig, &config);
		w32(&rig, 0x28, 0xd75);
		w64(&rig, 0x90, rig.cmdq | rig.cmdq_lg2);
		w32(&rig, 0x20, 0x8);
		for (unsigned n = 0; n < 3 && cases[i].commands[n]; n++)
			rig_command(&rig, cases[i].commands[n], cases[i].commands[n] == 0x04 ? cases[i].range : 0);
		CHECK_EQ(rig_counts(&rig).misuse, 0);
		w64(&rig, 0x80, rig.strtab);
		w32(&rig, 0x88, rig.strtab_lg2);
		w32(&rig, 0x20, 0x9);
		CHECK_EQ(rig_counts(&rig).misuse, cases[i].says[0] != 0);
		CHECK_HAS(rig_complaint(&rig), cases[i].says);
		rig_close(&rig);
	}
}

static void registers_in_use_are_not_changed(void)
{
	static const struct {
		unsigned off;
		bool is_wide;
		uint64_t value;
		uint32_t cr0; /* is on */
	} writes[] = {
		{ 0x80, true, 0, 0x1 },      { 0x88, false, 6, 0x1 }, { 0x2c, false, 0, 0x1 },
		{ 0x28, false, 0x975, 0x1 }, { 0x90, true, 0, 0x8 },  { 0x9c, false, 1, 0x8 },
		{ 0x28, false, 0xd65, 0x8 }, { 0xa0, true, 0, 0x4 },  { 0x100a8, false, 1, 0x4 },
		{ 0x28, false, 0xd65, 0x4 },
	};
	struct rig rig;

	for (unsigned i = 0; i < COUNT(writes); i++) {
		uint64_t old;

		rig_open(&rig, &rig_default);
		rig_enable(&rig);
		w32(&rig, 0x20, writes[i].cr0);
		old = sim_model_read(rig.unit, writes[i].off, writes[i].is_wide ? 8 : 4);
		sim_model_write(rig.unit, writes[i].off, writes[i].is_wide ? 8 : 4, writes[i].value);
		CHECK_HAS(rig_complaint(&rig), "in use");
		CHECK_HEX(sim_model_read(rig.unit, writes[i].off, writes[i].is_wide ? 8 : 4), old);
		CHECK_EQ(rig_counts(&rig).misuse, 1);
		w32(&rig, 0x20, 0);
		sim_model_write(rig.unit, writes[i].off, writes[i].is_wide ? 8 : 4, writes[i].value);
		CHECK_HEX(sim_model_read(rig.unit, writes[i].off, writes[i].is_wide ? 8 : 4), writes[i].value);
		CHECK_EQ(rig_counts(&rig).misuse, 1);
		rig_close(&rig);
	}
}

static void unit_that_snoops_is_not_told_to_go_past_the_caches(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	w32(&rig, 0x28, 0x035); /* queues cached, tables not */
	w32(&rig, 0x20, 0xc);
	rig_check_clean(&rig);
	w32(&rig, 0x20, 0xd);
	CHECK_HAS(rig_complaint(&rig), "stream table past the caches");
	rig_close(&rig);
	rig_open(&rig, &rig_default);
	w32(&rig, 0x20, 0x8);
	CHECK_HAS(rig_complaint(&rig), "past the caches");
	rig_close(&rig);
	rig_open_noncoherent(&rig, &rig_default);
	w32(&rig, 0x20, 0xd);
	rig_check_clean(&rig);
	rig_close(&rig);
}

/* All streams abort in the rig's table; a unit that is off lets them through. */
static void slow_change_takes_effect_when_acknowledged(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	sim_model_set(rig.unit, PIOMMU_SIM_SLOW_HANDSHAKE, 3);
	w32(&rig, 0x20, 0xc);
	CHECK_HEX(r32(&rig, 0x24), 0xd);
	w32(&rig, 0x20, 0xd);
	CHECK_HAS(rig_complaint(&rig), "not acknowledged");
	CHECK_HEX(r32(&rig, 0x24), 0xd);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	CHECK_HEX(r32(&rig, 0x24), 0xc);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), 0);
	rig_close(&rig);
}

static void stuck_change_is_never_acknowledged(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	sim_model_set(rig.unit, PIOMMU_SIM_HANDSHAKE_STUCK, 1);
	w32(&rig, 0x28, 0xd75);
	w32(&rig, 0x20, 0x4);
	w32(&rig, 0x50, 0x1);
	w32(&rig, 0x44, 0x80100000);
	for (unsigned i = 0; i < 100; i++) {
		CHECK_HEX(r32(&rig, 0x24), 0);
		CHECK_HEX(r32(&rig, 0x54), 0);
		CHECK_HEX(r32(&rig, 0x44), 0x80100000);
	}
	sim_model_set(rig.unit, PIOMMU_SIM_HANDSHAKE_STUCK, 0);
	CHECK_HEX(r32(&rig, 0x24), 4);
	CHECK_HEX(r32(&rig, 0x54), 1);
	CHECK_HEX(r32(&rig, 0x44), 0x100000);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void lost_change_has_no_effect_and_the_next_one_has(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	rig_enable(&rig);
	sim_model_set(rig.unit, PIOMMU_SIM_FAIL_HANDSHAKES, 1);
	w32(&rig, 0x20, 0xc);
	for (unsigned i = 0; i < 10; i++)
		CHECK_HEX(r32(&rig, 0x24), 0xd);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	w32(&rig, 0x20, 0xc);
	CHECK_HEX(r32(&rig, 0x24), 0xc);
	sim_model_set(rig.unit, PIOMMU_SIM_FAIL_HANDSHAKES, 1);
	w32(&rig, 0x44, 0x80100000);
	CHECK_HEX(r32(&rig, 0x44), 0x80100000);
	CHECK_EQ(rig_counts(&rig).injected, 2);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), 0);
	w32(&rig, 0x44, 0x80100000);
	CHECK_HEX(r32(&rig, 0x44), 0x100000);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	rig_check_clean(&rig);
	rig_close(&rig);
}

static void gbpa_rules_a_unit_that_is_off(void)
{
	struct smmuv3_model_config config = rig_default;
	struct rig rig;

	rig_open(&rig, &config);
	CHECK_EQ(rig_write(&rig, 0x12345, rig.msi), 0);
	CHECK_EQ(rig_write(&rig, 1, UINT64_C(1) << 44), -EFAULT); /* beyond the address size */
	w32(&rig, 0x44, 0x101000);
	CHECK_HAS(rig_complaint(&rig), "without Update");
	CHECK_HEX(r32(&rig, 0x44), 0x1000);
	w32(&rig, 0x44, 0x80101000);
	CHECK_HEX(r32(&rig, 0x44), 0x101000);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	CHECK_EQ(rig_counts(&rig).faults, 0);
	CHECK_EQ(rig_counts(&rig).dma_blocked, 2);
	sim_model_set(rig.unit, PIOMMU_SIM_SLOW_HANDSHAKE, 2);
	w32(&rig, 0x44, 0x80001000);
	w32(&rig, 0x44, 0x80001000);
	CHECK_HAS(rig_complaint(&rig), "not acknowledged");
	CHECK_HEX(r32(&rig, 0x44), 0x80001000);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	CHECK_HEX(r32(&rig, 0x44), 0x1000);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), 0);
	rig_close(&rig);

	config.gbpa_abort = true;
	rig_open(&rig, &config);
	CHECK_HEX(r32(&rig, 0x44), 0x101000);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	rig_close(&rig);
}

/* An event queue in no memory: the error is raised once, and nothing is recorded until it is acknowledged. */
static void global_errors_toggle(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	rig.eventq = UINT64_C(0x10000000000);
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, 100, 0), -EFAULT);
	CHECK_HEX(r32(&rig, 0x60), 4);
	CHECK_HEX(r32(&rig, 0x100a8), 0);
	CHECK_EQ(rig_write(&rig, 100, 0), -EFAULT);
	CHECK_HEX(r32(&rig, 0x60), 4);
	CHECK_EQ(rig_counts(&rig).faults_lost, 2);
	w32(&rig, 0x64, 4);
	rig_check_clean(&rig);
	CHECK_EQ(rig_write(&rig, 100, 0), -EFAULT);
	CHECK_HEX(r32(&rig, 0x60), 0);
	w32(&rig, 0x64, 1);
	CHECK_HAS(rig_complaint(&rig), "not active");
	w32(&rig, 0x64, 0x202); /* 6.3.20: bit 1 is reserved, and 9 belongs to a feature that is not here */
	CHECK_HAS(rig_complaint(&rig), "bits 0x202 are reserved");
	rig_close(&rig);
}

static void dead_unit_reads_all_ones(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	sim_model_set(rig.unit, PIOMMU_SIM_DEAD, 1);
	CHECK_HEX(r32(&rig, 0x24), 0xffffffff);
	CHECK_HEX(r64(&rig, 0x80), UINT64_MAX);
	w64(&rig, 0x80, rig.strtab);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	sim_model_set(rig.unit, PIOMMU_SIM_DEAD, 0);
	CHECK_HEX(r64(&rig, 0x80), 0);
	CHECK_EQ(sim_model_set(rig.unit, (enum piommu_sim_switch)99, 1), -EINVAL);
	rig_close(&rig);
}

static void kernel_leaves_a_unit_on(void)
{
	struct smmuv3_model_config config = rig_default;
	struct rig rig;

	config.kernel_on = true;
	config.kernel_strtab_base = UINT64_C(0x100000000);
	config.kernel_strtab_cfg = 5;
	rig_open(&rig, &config);
	CHECK_HEX(r32(&rig, 0x20), 1);
	CHECK_HEX(r32(&rig, 0x24), 1);
	CHECK_HEX(r64(&rig, 0x80), rig.strtab);
	CHECK_EQ(rig_write(&rig, 1, rig.msi), -EFAULT);
	rig_put(&rig, rig_ste(&rig, 2), 0, 9);
	CHECK_EQ(rig_write(&rig, 2, rig.msi), 0);
	rig_close(&rig);
}

static void window_to_inspect_cannot_write(void)
{
	struct rig rig;

	rig_open(&rig, &rig_default);
	sim_model_write_inspected(rig.unit, 0x20);
	CHECK_HAS(rig_complaint(&rig), "0x20 through a window that was mapped to inspect");
	CHECK_EQ(strcmp(rig_complaint(&rig), ""), 0);
	rig_close(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(capabilities_of_the_default),
	SUITE_TEST(each_capability_has_its_bit),
	SUITE_TEST(wrong_widths_and_places_are_counted),
	SUITE_TEST(wide_registers_can_be_accessed_in_halves),
	SUITE_TEST(reserved_bits_and_values_are_misuse),
	SUITE_TEST(registers_in_use_are_not_changed),
	SUITE_TEST(unit_that_snoops_is_not_told_to_go_past_the_caches),
	SUITE_TEST(slow_change_takes_effect_when_acknowledged),
	SUITE_TEST(stuck_change_is_never_acknowledged),
	SUITE_TEST(lost_change_has_no_effect_and_the_next_one_has),
	SUITE_TEST(gbpa_rules_a_unit_that_is_off),
	SUITE_TEST(global_errors_toggle),
	SUITE_TEST(dead_unit_reads_all_ones),
	SUITE_TEST(kernel_leaves_a_unit_on),
	SUITE_TEST(window_to_inspect_cannot_write),
	SUITE_TEST(addresses_are_no_wider_than_the_unit),
	SUITE_TEST(stream_table_is_aligned_to_its_size),
	SUITE_TEST(caches_are_invalidated_before_the_unit_is_enabled),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv3_registers", tests, COUNT(tests));
}
