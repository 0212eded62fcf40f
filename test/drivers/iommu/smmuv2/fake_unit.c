/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define MEMORY ((size_t)8 << 20)

void fake_stream(struct fake *fake, unsigned n, uint32_t smr, uint32_t s2cr)
{
	fake_set(fake, 0x800 + 4 * n, 4, smr);
	fake_set(fake, 0xc00 + 4 * n, 4, s2cr);
}

/* ---- What becomes of a stream (2.1) ---- */

static unsigned fate_of_s2cr(const struct fake *fake, uint32_t s2cr)
{
	unsigned bank = s2cr & 0xff;

	if ((s2cr >> 16 & 3) == 1)
		return FAKE_PASS;
	if (s2cr >> 16 & 3)
		return FAKE_BLOCKED;
	return fake_reg(fake, FAKE_CB(bank), 4) & 1 ? FAKE_BANK + bank : FAKE_PASS;
}

unsigned fake_fate(const struct fake *fake, uint32_t id)
{
	uint32_t scr0 = (uint32_t)fake_reg(fake, 0, 4);
	uint32_t idr0 = (uint32_t)fake_reg(fake, 0x20, 4);
	bool extended = scr0 & 8;
	unsigned found = 0;
	uint32_t s2cr = 0;

	if (scr0 & 1)
		return FAKE_PASS;
	if (!(idr0 & 0x08000000))
		return fate_of_s2cr(fake, (uint32_t)fake_reg(fake, 0xc00 + 4 * id, 4));
	for (unsigned n = 0; n < (idr0 & 0xff); n++) {
		uint32_t smr = (uint32_t)fake_reg(fake, 0x800 + 4 * n, 4);
		uint32_t one = (uint32_t)fake_reg(fake, 0xc00 + 4 * n, 4);
		uint32_t mask = extended ? smr >> 16 : smr >> 16 & 0x7fff;

		if (!(extended ? one & 0x400 : smr & 0x80000000) ||
		    ((smr ^ id) & 0xffff & ~mask & (extended ? 0xffff : 0x7fff)))
			continue;
		s2cr = one;
		found++;
	}
	if (found > 1)
		return scr0 & 0x200000 ? FAKE_BLOCKED : FAKE_PASS;
	if (!found)
		return scr0 & 0x400 ? FAKE_BLOCKED : FAKE_PASS;
	return fate_of_s2cr(fake, s2cr);
}

static void look(struct fake *fake)
{
	for (unsigned i = 0; i < fake->nwatched; i++) {
		unsigned fate = fake_fate(fake, fake->watched[i]);

		fake->seen[i] |= BIT64(fate >= FAKE_BANK ? 8 + fate - FAKE_BANK : fate);
	}
}

void fake_watch(struct fake *fake, uint32_t id)
{
	fake->seen[fake->nwatched] = 0;
	fake->watched[fake->nwatched++] = id;
}

/* ---- Registers ---- */

/* Widths of chapters 9, 10 and 16. The invalidations by address are as wide as their format. */
static bool width_is_right(const struct fake *fake, unsigned off, unsigned width)
{
	unsigned in_bank = off & 0xfff;
	bool wide = off == 0x40 || (off >= 0x8000 && (in_bank == 0x20 || in_bank == 0x28 || in_bank == 0x60));

	if (off >= 0x8000 && in_bank >= 0x600 && in_bank < 0x640 && in_bank != 0x610 && in_bank != 0x618)
		return width == (fake->narrow ? 4 : 8);
	if (off == 0x44 || (off >= 0x8000 && (in_bank == 0x24 || in_bank == 0x2c || in_bank == 0x64)))
		return width == 4; /* the upper half */
	if (wide)
		return width == 4 || !fake->narrow;
	return width == 4;
}

static void write_global(struct fake *fake, unsigned off, uint32_t value)
{
	if (off >= 0x20 && off < 0x40) {
		fake->width_errors++; /* IDR0 to IDR7 are read-only */
		return;
	}
	if (off == 0x48 || off == 0x448)
		value = (uint32_t)fake_reg(fake, off, 4) & ~value;
	if (off == 0x70 || off == 0x470) {
		bool stuck = fake->syncs_stuck || (fake->stuck_after && ++fake->nsyncs >= fake->stuck_after);

		fake_set(fake, off + 4, 4, stuck);
	}
	if (off >= 0x800 && off < 0xa00)
		value &= fake->smr_bits;
	if (off >= 0xc00 && off < 0xe00 && fake->traps_bypass && (value >> 16 & 3) == 2)
		return;
	if (off >= 0xc00 && off < 0xe00 && fake->traps_bypass && (value >> 16 & 3) == 1)
		value = (value & ~0x30000u) | 0x20000;
	fake_set(fake, off, 4, value);
}

static void write_bank(struct fake *fake, unsigned off, unsigned width, uint64_t value)
{
	unsigned in_bank = off & 0xfff;

	if (in_bank == 0x58)
		value = fake_reg(fake, off, 4) & ~value;
	if (in_bank == 0x4 && fake->locked && fake_reg(fake, 0x10, 4) & 0x04000000)
		return;
	if (in_bank == 0x7f0)
		fake_set(fake, off + 4, 4, fake->syncs_stuck);
	fake_set(fake, off, width, value);
}

static void written(struct fake *fake, unsigned off, unsigned width, uint64_t value)
{
	if (off < FAKE_GR1)
		write_global(fake, off, (uint32_t)value);
	else if (off < FAKE_CB(0))
		fake_set(fake, off, width, value);
	else
		write_bank(fake, off, width, value);
	look(fake);
}

/* ---- From the first to the last ---- */

static const struct fake_kind kind = {
	.driver = &smmuv2_driver,
	.fw = {
		.name = "smmu0",
		.family = PIOMMU_FAMILY_SMMUV2,
		.base = 0x2b400000,
		.numa_node = -1,
		.version = 2,
		.flags = PIOMMU_FW_UNIT_COHERENT,
	},
	.memory = MEMORY,
	.window = FAKE_LEN,
	.width_is_right = width_is_right,
	.written = written,
};

void fake_ids(struct fake *fake, uint32_t idr0, uint32_t idr1, uint32_t idr2)
{
	fake_set(fake, 0x20, 4, idr0);
	fake_set(fake, 0x24, 4, idr1);
	fake_set(fake, 0x28, 4, idr2);
}

void fake_model(struct fake *fake, enum piommu_fw_model model, unsigned version)
{
	fake->fw.model = model;
	fake->fw.version = version;
}

void fake_init(struct fake *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake_machine_init(&fake->machine, &kind);
	fake->smr_bits = UINT32_MAX;
	fake_ids(fake, FAKE_IDR0, FAKE_IDR1, FAKE_IDR2);
	fake_set(fake, 0, 4, 1);
}

void fake_start(struct fake *fake)
{
	CHECK_EQ(smmuv2_driver.probe(&fake->unit, &fake->window), 0);
	/* Its pages are as large as the unit's, which is known now. */
	fake_machine_pool(&fake->machine, BIT64(ctz_u64(fake->unit.caps.page_sizes)));
	CHECK_EQ(smmuv2_driver.enable(&fake->unit), 0);
	fake->nwrites = 0;
}
