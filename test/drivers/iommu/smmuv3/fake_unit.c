/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define MEMORY ((size_t)48 << 20)

const struct fake_ids fake_usual = { FAKE_IDR0, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 };

/* Widths of chapter 6.3, for the registers that the driver has a use for. */
static bool width_is_right(const struct fake *fake, unsigned off, unsigned width)
{
	(void)fake;
	return width == (off == 0x80 || off == 0x90 || off == 0xa0 ? 8 : 4) && (off & 0xffff) < 0x200;
}

/* ---- The command queue ---- */

static bool has_stopped(const struct fake *fake)
{
	return (fake_reg(fake, 0x60, 4) ^ fake_reg(fake, 0x64, 4)) & 1;
}

static void stop(struct fake *fake, uint32_t cons)
{
	fake_set(fake, 0x9c, 4, cons | (fake->fail_with ? fake->fail_with : 1) << 24);
	fake_set(fake, 0x60, 4, fake_reg(fake, 0x60, 4) ^ 1);
}

static void execute(struct fake *fake, struct smmuv3_cmd cmd)
{
	if (fake->ncommands < 1024)
		fake->commands[fake->ncommands++] = cmd;
	if ((cmd.lo & 0xff) != 0x46)
		return;
	if (fake->on_sync)
		fake->on_sync(fake);
	if ((cmd.lo >> 12 & 3) == 1 && cmd.hi)
		__atomic_store_n((uint32_t *)(uintptr_t)cmd.hi, (uint32_t)(cmd.lo >> 32), __ATOMIC_RELEASE);
}

static void run_queue(struct fake *fake)
{
	uint64_t base = fake_reg(fake, 0x90, 8);
	const struct smmuv3_cmd *slots = (const struct smmuv3_cmd *)(uintptr_t)(base & UINT64_C(0xfffffffffffe0));
	uint32_t n = 1u << (base & 0x1f);
	uint32_t prod = (uint32_t)fake_reg(fake, 0x98, 4);
	uint32_t cons = (uint32_t)fake_reg(fake, 0x9c, 4) & 0xfffff;

	while (fake_reg(fake, 0x24, 4) & 8 && cons != prod && !fake->commands_stuck && !has_stopped(fake)) {
		if (fake->refuse_all || (fake->fail_command && !--fake->fail_command)) {
			stop(fake, cons);
			return;
		}
		execute(fake, slots[cons & (n - 1)]);
		cons = (cons + 1) & (2 * n - 1);
		fake_set(fake, 0x9c, 4, cons);
	}
}

static void written(struct fake *fake, unsigned off, unsigned width, uint64_t value)
{
	if (fake->dead)
		return;
	fake_set(fake, off, width, value);
	if (off == 0x20) {
		uint32_t ack = (uint32_t)fake_reg(fake, 0x24, 4);

		fake_set(fake, 0x24, 4, ack ^ ((ack ^ (uint32_t)value) & ~fake->never_acked));
	}
	if (off == 0x50)
		fake_set(fake, 0x54, 4, value);
	if (off == 0x98 || off == 0x64)
		run_queue(fake);
}

static const struct fake_kind kind = {
	.driver = &smmuv3_driver,
	.fw = { .name = "smmu0", .family = PIOMMU_FAMILY_SMMUV3, .base = 0x9050000, .numa_node = -1 },
	.memory = MEMORY,
	.window = 0x20000,
	.width_is_right = width_is_right,
	.written = written,
};

static size_t page_size(uint32_t idr5)
{
	return idr5 & 0x10 ? 0x1000 : idr5 & 0x20 ? 0x4000 : 0x10000;
}

void fake_init(struct fake *fake, const struct fake_ids *ids)
{
	memset(fake, 0, sizeof(*fake));
	fake_machine_init(&fake->machine, &kind);
	fake_machine_pool(&fake->machine, page_size(ids->idr5));
	fake_set(fake, 0x00, 4, ids->idr0);
	fake_set(fake, 0x04, 4, ids->idr1);
	fake_set(fake, 0x0c, 4, ids->idr3);
	fake_set(fake, 0x14, 4, ids->idr5);
	fake_set(fake, 0x1c, 4, 1);
	fake_set(fake, 0x44, 4, 0x1000);
}

void fake_start(struct fake *fake, const struct fake_ids *ids)
{
	fake_init(fake, ids);
	CHECK_EQ(smmuv3_driver.probe(&fake->unit, &fake->window), 0);
	CHECK_EQ(smmuv3_driver.enable(&fake->unit), 0);
	fake->nwrites = 0;
	fake->ncommands = 0;
}

/* ---- What a test looks at ---- */

void fake_expect_commands(struct fake *fake, unsigned from, const struct smmuv3_cmd *expected, unsigned n)
{
	CHECK_EQ(fake->ncommands - from, n);
	for (unsigned i = 0; i < n && from + i < fake->ncommands; i++) {
		struct smmuv3_cmd cmd = fake->commands[from + i];

		if ((expected[i].lo & 0xff) == 0x46) {
			CHECK_HEX(cmd.lo & 0xff, 0x46);
			continue;
		}
		CHECK_HEX(cmd.lo, expected[i].lo);
		CHECK_HEX(cmd.hi, expected[i].hi);
	}
}

struct smmuv3_ste *fake_ste(struct fake *fake, uint32_t stream)
{
	uint64_t base = fake_reg(fake, 0x80, 8) & UINT64_C(0xfffffffffffc0);
	uint32_t cfg = (uint32_t)fake_reg(fake, 0x88, 4);
	unsigned split = cfg >> 6 & 0x1f;
	uint64_t desc;

	CU_ASSERT_FATAL((uint64_t)stream >> (cfg & 0x3f) == 0);
	if (!(cfg >> 16 & 3))
		return (struct smmuv3_ste *)(uintptr_t)(base + 64 * (uint64_t)stream);
	desc = *(const uint64_t *)(uintptr_t)(base + 8 * (uint64_t)(stream >> split));
	CU_ASSERT_FATAL((desc & 0x1f) == split + 1);
	return (struct smmuv3_ste *)(uintptr_t)((desc & UINT64_C(0xfffffffffffc0)) + 64 * (stream & ((1u << split) - 1)));
}

const struct smmuv3_cd *fake_cd(const struct smmuv3_ste *ste)
{
	return (const struct smmuv3_cd *)(uintptr_t)(ste->w[0] & UINT64_C(0xfffffffffffc0));
}

bool fake_record(struct fake *fake, const uint64_t words[4])
{
	uint64_t base = fake_reg(fake, 0xa0, 8);
	uint32_t n = 1u << (base & 0x1f);
	uint32_t prod = (uint32_t)fake_reg(fake, 0x100a8, 4);
	uint32_t cons = (uint32_t)fake_reg(fake, 0x100ac, 4);

	if (((prod ^ cons) & (2 * n - 1)) == n) {
		if (!((prod ^ cons) & 0x80000000))
			fake_set(fake, 0x100a8, 4, prod ^ 0x80000000);
		return false;
	}
	memcpy((void *)(uintptr_t)((base & UINT64_C(0xfffffffffffe0)) + 32 * (prod & (n - 1))), words, 32);
	fake_set(fake, 0x100a8, 4, (prod & 0x80000000) | ((prod + 1) & (2 * n - 1)));
	return true;
}

void fake_error(struct fake *fake, uint32_t bits)
{
	fake_set(fake, 0x60, 4, fake_reg(fake, 0x60, 4) ^ bits);
}
