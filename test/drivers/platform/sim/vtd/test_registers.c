/* SPDX-License-Identifier: BSD-3-Clause */
/* The model's register file: widths, commands and their acknowledgement, fault records, protected memory, switches. */
#include <errno.h>
#include <string.h>

#include "rig.h"

static uint64_t raw_read(struct rig *rig, unsigned off, unsigned width)
{
	return rig->regs.ops->read(&rig->regs, off, width);
}

static void raw_write(struct rig *rig, unsigned off, unsigned width, uint64_t value)
{
	rig->regs.ops->write(&rig->regs, off, width, value);
}

/* The default preset against the words that QEMU's model shows for 48 bits, but for C, ZLR. */
static void capabilities_of_the_presets(void)
{
	static const struct {
		const char *args;
		uint64_t cap, ecap;
	} presets[] = {
		{ "", 0x00d2008c226f0606, 0x00f00f4b },
		{ "vtd,aw=39", 0x00d2008c22660206, 0x00f00f4b },
		{ "vtd,aw=57", 0x00d2008c22780e06, 0x00f00f4b },
		{ "vtd,pages=2m", 0x00c90084226f0606, 0x00f00f4b },
		{ "vtd,pages=4k", 0x00c90080226f0606, 0x00f00f4b },
		{ "vtd,cm=1,rwbf=1,plmr=1", 0x00d2008c226f06f6, 0x00f00f4b },
		{ "vtd,coherent=0,qi=0,ir=0,pt=0", 0x00d2008c226f0606, 0x00f00f00 },
		{ "vtd,nfr=4", 0x00d2038c226f0606, 0x00f00f4b },
	};

	for (unsigned i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
		struct rig rig;

		rig_open(&rig, presets[i].args);
		CHECK_HEX(piommu_read32(&rig.regs, 0), 0x10);
		CHECK_HEX(piommu_read64(&rig.regs, 0x08), presets[i].cap);
		CHECK_HEX(piommu_read64(&rig.regs, 0x10), presets[i].ecap);
		rig_close(&rig);
	}
}

static void wrong_widths_and_places_are_counted(void)
{
	static const struct {
		unsigned off, width;
		bool is_write;
		const char *says;
	} accesses[] = {
		{ 0x00, 8, false, "VER" },          { 0x18, 8, true, "GCMD" },         { 0x1c, 2, false, "GSTS" },
		{ 0x0a, 4, false, "CAP" },          { 0x0c, 8, false, "CAP" },         { 0x58, 8, false, "no register" },
		{ 0x08, 8, true, "read-only" },     { 0x1c, 4, true, "read-only" },    { 0x80, 8, true, "IQH" },
		{ 0x230, 8, false, "no register" }, { 0x64, 4, false, "no register" }, { 0x1000, 4, false, "no register" },
	};
	struct rig rig;

	rig_open(&rig, "vtd");
	for (unsigned i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
		if (accesses[i].is_write)
			raw_write(&rig, accesses[i].off, accesses[i].width, ~UINT64_C(0));
		else
			CHECK_HEX(raw_read(&rig, accesses[i].off, accesses[i].width), 0);
		CHECK_EQ(rig_counts(&rig).width_errors, i + 1);
		CHECK_HAS(rig_complaint(&rig), accesses[i].says);
	}
	CHECK_HEX(raw_read(&rig, 0x1c, 4), 0);
	rig_close(&rig);
}

static void wide_registers_can_be_accessed_in_halves(void)
{
	struct rig rig;

	rig_open(&rig, "vtd");
	CHECK_HEX(piommu_read32(&rig.regs, 0x08), 0x226f0606);
	CHECK_HEX(piommu_read32(&rig.regs, 0x0c), 0x00d2008c);
	piommu_write32(&rig.regs, 0x20, 0x12345000);
	piommu_write32(&rig.regs, 0x24, 0x1);
	CHECK_HEX(piommu_read64(&rig.regs, 0x20), UINT64_C(0x112345000));
	CHECK_EQ(rig_counts(&rig).width_errors, 0);
	rig_close(&rig);
}

static void registers_of_absent_capabilities_do_not_exist(void)
{
	static const unsigned offs[] = { 0x80, 0x88, 0x90, 0xb8 };
	struct rig rig;

	rig_open(&rig, "vtd,qi=0,ir=0");
	for (unsigned i = 0; i < 4; i++) {
		piommu_read64(&rig.regs, offs[i]);
		CHECK_EQ(rig_counts(&rig).width_errors, i + 1);
	}
	rig_close(&rig);
}

static void one_command_at_a_time(void)
{
	struct rig rig;

	rig_open(&rig, "vtd");
	piommu_write64(&rig.regs, 0x20, rig.root);
	piommu_write32(&rig.regs, 0x18, 0xc0000000);
	CHECK_EQ(rig_counts(&rig).misuse, 2); /* nothing was invalidated between the two, either */
	CHECK_HAS(rig_complaint(&rig), "more than one command");
	rig_close(&rig);

	rig_open(&rig, "vtd");
	piommu_write32(&rig.regs, 0x18, 0x80000000);
	CHECK_HAS(rig_complaint(&rig), "before a root table");
	rig_close(&rig);

	rig_open(&rig, "vtd,qi=0");
	piommu_write32(&rig.regs, 0x18, 0x04000000);
	CHECK_HAS(rig_complaint(&rig), "reserved on this unit");
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0);
	rig_close(&rig);
}

static void slow_command_takes_effect_when_acknowledged(void)
{
	struct rig rig;

	rig_open(&rig, "vtd");
	rig_enable(&rig);
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa, 1), -EFAULT);
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_SLOW_HANDSHAKE, 3);
	piommu_write32(&rig.regs, 0x18, 0);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0xc0000000);
	piommu_write32(&rig.regs, 0x18, 0x40000000);
	CHECK_HAS(rig_complaint(&rig), "not acknowledged");
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0xc0000000);
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa, 1), -EFAULT);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0x40000000);
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa, 1), 0);
	rig_close(&rig);
}

static void stuck_command_is_never_acknowledged(void)
{
	struct rig rig;

	rig_open(&rig, "vtd,qi=0");
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_HANDSHAKE_STUCK, 1);
	piommu_write64(&rig.regs, 0x20, rig.root);
	piommu_write32(&rig.regs, 0x18, 0x40000000);
	piommu_write64(&rig.regs, 0x28, UINT64_C(0xa000000000000000));
	for (unsigned i = 0; i < 100; i++) {
		CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0);
		CHECK_HEX(piommu_read64(&rig.regs, 0x28), UINT64_C(0xa000000000000000));
	}
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_HANDSHAKE_STUCK, 0);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0x40000000);
	CHECK_HEX(piommu_read64(&rig.regs, 0x28), UINT64_C(0x2800000000000000));
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	rig_close(&rig);
}

/* TE is the second command. One-shot commands show in the status that they were issued; it never changes back by itself. */
static void lost_command_has_no_effect_and_the_next_one_has(void)
{
	struct rig rig;

	rig_open(&rig, "vtd,rwbf=1");
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_HANDSHAKES, 2);
	piommu_write64(&rig.regs, 0x20, rig.root);
	piommu_write32(&rig.regs, 0x18, 0x40000000);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0x40000000);
	rig_forget_all(&rig);
	piommu_write32(&rig.regs, 0x18, 0x80000000);
	for (unsigned i = 0; i < 10; i++)
		CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0x40000000);
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa, 1), 0);
	piommu_write32(&rig.regs, 0x18, 0x80000000);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0xc0000000);
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa, 1), -EFAULT);

	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_HANDSHAKES, 1);
	piommu_write32(&rig.regs, 0x18, 0xc0000000); /* SRTP */
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0x80000000);
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_HANDSHAKES, 1);
	piommu_write32(&rig.regs, 0x18, 0x88000000); /* WBF */
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0x88000000);
	piommu_write32(&rig.regs, 0x18, 0x88000000);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0x80000000);

	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_HANDSHAKES, 1);
	piommu_write32(&rig.regs, 0x18, 0x88000000); /* done late */
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0x88000000);
	CHECK_EQ(rig_counts(&rig).injected, 4);
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_HANDSHAKES, 0);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0x80000000);

	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_HANDSHAKES, 1);
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_HANDSHAKES, 0);
	piommu_write32(&rig.regs, 0x18, 0);
	CHECK_EQ(rig_counts(&rig).injected, 4);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0);
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	rig_close(&rig);
}

/* CAIG and IAIG say that nothing was done; the command after it is done, globally. */
static void failed_invalidation_by_registers_does_nothing(void)
{
	struct rig rig;

	rig_open(&rig, "vtd,qi=0");
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_INVALIDATIONS, 1);
	piommu_write64(&rig.regs, 0x28, UINT64_C(0xa000000000000000));
	CHECK_HEX(piommu_read64(&rig.regs, 0x28), UINT64_C(0x2000000000000000));
	CHECK_EQ(rig_counts(&rig).context_invalidations, 0);
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_FAIL_INVALIDATIONS, 2);
	piommu_write64(&rig.regs, 0x28, UINT64_C(0xa000000000000000));
	CHECK_HEX(piommu_read64(&rig.regs, 0x28), UINT64_C(0x2800000000000000));
	piommu_write64(&rig.regs, 0xf8, UINT64_C(0x9000000000000000));
	CHECK_HEX(piommu_read64(&rig.regs, 0xf8), UINT64_C(0x1000000000000000));
	CHECK_EQ(rig_counts(&rig).tlb_invalidations, 0);
	piommu_write64(&rig.regs, 0xf8, UINT64_C(0x9000000000000000));
	CHECK_HEX(piommu_read64(&rig.regs, 0xf8), UINT64_C(0x1200000000000000));
	CHECK_EQ(rig_counts(&rig).injected, 2);
	rig_close(&rig);
}

static void dead_unit_reads_all_ones(void)
{
	struct rig rig;

	rig_open(&rig, "vtd");
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_DEAD, 1);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0xffffffff);
	CHECK_HEX(piommu_read64(&rig.regs, 0x08), UINT64_MAX);
	piommu_write64(&rig.regs, 0x20, rig.root);
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa, 1), -EFAULT);
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_DEAD, 0);
	CHECK_HEX(piommu_read64(&rig.regs, 0x20), 0);
	rig_close(&rig);
}

static void fault_records_fill_in_turn_and_overflow(void)
{
	struct rig rig;
	uint32_t value;

	rig_open(&rig, "vtd,nfr=2");
	rig_enable(&rig);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(rig_read(&rig, DEV_03, 0x1000 * (i + 1), &value), -EFAULT);
	CHECK_HEX(piommu_read32(&rig.regs, 0x34), 0x3);
	CHECK_HEX(piommu_read64(&rig.regs, 0x220), 0x1000);
	CHECK_HEX(piommu_read64(&rig.regs, 0x230), 0x2000);
	CHECK_EQ(rig_counts(&rig).faults, 3);
	CHECK_EQ(rig_counts(&rig).faults_lost, 1);
	piommu_write32(&rig.regs, 0x22c, 0x80000000);
	CHECK_EQ(rig_read(&rig, DEV_03, 0x4000, &value), -EFAULT); /* a free record, but PFO is set */
	CHECK_EQ(rig_counts(&rig).faults_lost, 2);
	piommu_write64(&rig.regs, 0x238, piommu_read64(&rig.regs, 0x238)); /* F is written back as 1 */
	CHECK_HEX(piommu_read32(&rig.regs, 0x34), 0x1);
	piommu_write32(&rig.regs, 0x34, 0x1);
	CHECK_HEX(piommu_read32(&rig.regs, 0x34), 0);
	CHECK_EQ(rig_read(&rig, DEV_03, 0x5000, &value), -EFAULT);
	CHECK_HEX(piommu_read32(&rig.regs, 0x34), 0x2);
	CHECK_HEX(piommu_read64(&rig.regs, 0x220), 0x5000);
	CHECK_EQ(rig_read(&rig, DEV_03, 0x6000, &value), -EFAULT);
	piommu_write32(&rig.regs, 0x22c, 0x80000000);
	piommu_write32(&rig.regs, 0x23c, 0x80000000);
	CHECK_EQ(rig_read(&rig, DEV_03, 0x7000, &value), -EFAULT);
	piommu_write32(&rig.regs, 0x22c, 0x80000000);
	CHECK_EQ(rig_read(&rig, DEV_03, 0x8000, &value), -EFAULT);
	CHECK_HEX(piommu_read32(&rig.regs, 0x34), 0x102); /* FRI: the second record */
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	rig_close(&rig);
}

static void protected_memory_is_closed_until_software_opens_it(void)
{
	struct rig rig;

	rig_open(&rig, "vtd,plmr=1");
	CHECK_HEX(piommu_read32(&rig.regs, 0x64), 0x80000001);
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa, 1), -EFAULT);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x7b800000, 1), -EFAULT);
	CHECK_HEX(piommu_read32(&rig.regs, 0x34), 0);
	CHECK_EQ(rig_counts(&rig).faults, 0);
	piommu_write64(&rig.regs, 0x70, rig.mem.pa + (2u << 20)); /* all but the first 2 MiB of ours */
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa, 1), 0);
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa + (2u << 20), 1), -EFAULT);
	piommu_sim_set(rig.plat, 0, PIOMMU_SIM_SLOW_HANDSHAKE, 2);
	piommu_write32(&rig.regs, 0x64, 0);
	CHECK_HEX(piommu_read32(&rig.regs, 0x64), 0x1);
	CHECK_HEX(piommu_read32(&rig.regs, 0x64), 0);
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa + (2u << 20), 1), 0);
	CHECK_EQ(rig_write(&rig, DEV_03, 0x7b800000, 1), 0);
	piommu_write32(&rig.regs, 0x68, 0xffffffff);
	CHECK_HEX(piommu_read32(&rig.regs, 0x68), 0xffe00000);
	CHECK_EQ(rig_counts(&rig).misuse, 0);
	rig_close(&rig);
}

static void kernel_driven_unit_says_so_and_translates(void)
{
	const struct piommu_fw_unit unit = { .name = "dmar0", .base = 0xfed90000 };
	struct piommu_unit_facts facts;
	struct rig rig;

	rig_open(&rig, "vtd,state=on");
	CHECK_EQ(rig.plat->ops->unit_facts(rig.plat, &unit, &facts), 0);
	CHECK_EQ(facts.kernel_driven, true);
	CHECK_EQ(strcmp(facts.kernel_name, "dmar0"), 0);
	CHECK_HEX(piommu_read32(&rig.regs, 0x1c), 0xc0000000);
	CHECK_EQ(rig_write(&rig, DEV_03, rig.mem.pa, 1), 0); /* pass-through */
	CHECK_EQ(rig_counts(&rig).reserved_errors, 0);
	rig_close(&rig);
}

static void window_to_inspect_cannot_write(void)
{
	const struct piommu_fw_unit unit = { .name = "dmar0", .base = 0xfed90000 };
	struct piommu_window window, again;
	struct rig rig;

	rig_open(&rig, "vtd");
	CHECK_EQ(rig.plat->ops->window_map(rig.plat, &unit, PIOMMU_WINDOW_INSPECT, &window), 0);
	CHECK_HEX(piommu_read32(&window, 0), 0x10);
	piommu_write64(&window, 0x20, rig.root);
	CHECK_HEX(piommu_read64(&window, 0x20), 0);
	CHECK_HAS(rig_complaint(&rig), "inspect");
	CHECK_EQ(rig.plat->ops->window_map(rig.plat, &unit, PIOMMU_WINDOW_CONTROL, &again), -EBUSY);
	CHECK_HAS(rig.said, "another manager drives this unit");
	rig.plat->ops->window_unmap(rig.plat, &rig.regs);
	CHECK_EQ(rig.plat->ops->window_map(rig.plat, &unit, PIOMMU_WINDOW_CONTROL, &rig.regs), 0);
	rig.plat->ops->window_unmap(rig.plat, &window);
	rig_close(&rig);
}

/* 6.5.3: after a new root table pointer the context cache is invalidated globally, then the IOTLB. */
static void translation_begins_with_nothing_cached(void)
{
	static const struct {
		unsigned context, iotlb; /* granularities; 0: not at all */
		bool is_swapped;
		const char *says;
	} cases[] = {
		{ 1, 1, false, "" },        { 0, 1, false, "context cache" }, { 1, 0, false, "IOTLB" },
		{ 2, 1, false, "context" }, { 1, 2, false, "IOTLB" },         { 1, 1, true, "IOTLB" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig rig;

		rig_open(&rig, "");
		piommu_write64(&rig.regs, 0x20, rig.root);
		piommu_write32(&rig.regs, 0x18, 0x40000000);
		if (cases[i].iotlb && cases[i].is_swapped)
			piommu_write64(&rig.regs, 0xf8, UINT64_C(1) << 63 | (uint64_t)cases[i].iotlb << 60);
		if (cases[i].context)
			piommu_write64(&rig.regs, 0x28, UINT64_C(1) << 63 | (uint64_t)cases[i].context << 61);
		if (cases[i].iotlb && !cases[i].is_swapped)
			piommu_write64(&rig.regs, 0xf8, UINT64_C(1) << 63 | (uint64_t)cases[i].iotlb << 60);
		piommu_write32(&rig.regs, 0x18, 0x80000000);
		CHECK_EQ(rig_counts(&rig).misuse, cases[i].says[0] != 0);
		CHECK_HAS(rig_complaint(&rig), cases[i].says);
		rig_close(&rig);
	}
}

static const struct suite_test tests[] = {
	SUITE_TEST(capabilities_of_the_presets),
	SUITE_TEST(wrong_widths_and_places_are_counted),
	SUITE_TEST(wide_registers_can_be_accessed_in_halves),
	SUITE_TEST(registers_of_absent_capabilities_do_not_exist),
	SUITE_TEST(one_command_at_a_time),
	SUITE_TEST(slow_command_takes_effect_when_acknowledged),
	SUITE_TEST(stuck_command_is_never_acknowledged),
	SUITE_TEST(lost_command_has_no_effect_and_the_next_one_has),
	SUITE_TEST(failed_invalidation_by_registers_does_nothing),
	SUITE_TEST(dead_unit_reads_all_ones),
	SUITE_TEST(fault_records_fill_in_turn_and_overflow),
	SUITE_TEST(protected_memory_is_closed_until_software_opens_it),
	SUITE_TEST(kernel_driven_unit_says_so_and_translates),
	SUITE_TEST(window_to_inspect_cannot_write),
	SUITE_TEST(translation_begins_with_nothing_cached),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_vtd_registers", tests, sizeof(tests) / sizeof(tests[0]));
}
