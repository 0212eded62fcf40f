/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define MEMORY ((size_t)8 << 20)

/* Widths of chapter 11.4, for the registers that the driver has a use for. */
static bool width_is_right(const struct fake *fake, unsigned off, unsigned width)
{
	(void)fake;
	switch (off) {
	case 0x08: /* CAP ECAP RTADDR CCMD IQH IQT IQA IVA IOTLB */
	case 0x10:
	case 0x20:
	case 0x28:
	case 0x80:
	case 0x88:
	case 0x90:
	case FAKE_IVA:
	case FAKE_IOTLB:
		return width == 8;
	default:
		return width == (off >= FAKE_FRCD ? 8 : 4) && off + width <= 0x300;
	}
}

static void run_queue(struct fake *fake)
{
	uint64_t base = fake_reg(fake, 0x90, 8) & ~UINT64_C(0xfff);
	unsigned slots = 256u << (fake_reg(fake, 0x90, 8) & 7);
	unsigned head = (unsigned)fake_reg(fake, 0x80, 8) >> 4;
	unsigned tail = (unsigned)fake_reg(fake, 0x88, 8) >> 4;

	while (head != tail && !fake->invalidations_stuck && !(fake_reg(fake, 0x34, 4) & 0x10)) {
		const uint64_t *desc = (const uint64_t *)(uintptr_t)(base + 16u * head);

		if (fake->refuse_all || (fake->fail_descriptor && !--fake->fail_descriptor)) {
			fake_set(fake, 0x34, 4, fake_reg(fake, 0x34, 4) | 0x10);
			break;
		}
		if ((desc[0] & 0xf) == 5 && desc[0] & 0x20)
			__atomic_store_n((uint32_t *)(uintptr_t)desc[1], (uint32_t)(desc[0] >> 32), __ATOMIC_RELEASE);
		head = (head + 1) % slots;
	}
	fake_set(fake, 0x80, 8, (uint64_t)head << 4);
}

static void global_command(struct fake *fake, uint32_t value)
{
	uint32_t lasting = 0x86800000; /* TE QIE IRE CFI */
	uint32_t status = (uint32_t)fake_reg(fake, 0x1c, 4);
	uint32_t next = (status & ~lasting) | (value & lasting) | (value & 0x41000000); /* pointers stay set */
	uint32_t changed = (status ^ next) & ~fake->never_acked;

	fake_set(fake, 0x1c, 4, status ^ changed);
	if (value & 0x08000000 && fake->never_acked & 0x08000000)
		fake_set(fake, 0x1c, 4, fake_reg(fake, 0x1c, 4) | 0x08000000);
	if (!(next & 0x04000000))
		fake_set(fake, 0x80, 8, 0);
}

static void written(struct fake *fake, unsigned off, unsigned width, uint64_t value)
{
	if (fake->on_write)
		fake->on_write(fake, off);
	switch (off) {
	case 0x18:
		global_command(fake, (uint32_t)value);
		return;
	case 0x28: /* ICC falls, CAIG says what was done */
		fake_set(fake, off, 8, fake->invalidations_stuck ? value : (value & ~BIT64(63)) | (value >> 61 & 3) << 59);
		return;
	case FAKE_IOTLB:
		fake_set(fake, off, 8, fake->invalidations_stuck ? value : (value & ~BIT64(63)) | (value >> 60 & 3) << 57);
		return;
	case 0x34:
		fake_set(fake, off, 4, fake_reg(fake, off, 4) & ~(value & 0x71));
		run_queue(fake);
		return;
	case 0x64:
		fake_set(fake, off, 4, (value & 0x80000000) | (value >> 31));
		return;
	case 0x88:
		fake_set(fake, off, 8, value);
		if (fake_reg(fake, 0x1c, 4) & 0x04000000)
			run_queue(fake);
		return;
	default:
		if (off >= FAKE_FRCD) /* F is cleared by writing 1 */
			value = fake_reg(fake, off, 8) & ~(value & BIT64(63));
		fake_set(fake, off, width, value);
	}
}

static const struct fake_kind kind = {
	.driver = &vtd_driver,
	.fw = { .name = "dmar0", .family = PIOMMU_FAMILY_VTD, .base = 0xfed90000, .numa_node = -1 },
	.memory = MEMORY,
	.window = 0x300,
	.width_is_right = width_is_right,
	.written = written,
};

void fake_init(struct fake *fake, uint64_t cap, uint64_t ecap)
{
	memset(fake, 0, sizeof(*fake));
	fake_machine_init(&fake->machine, &kind);
	fake_machine_pool(&fake->machine, 0);
	fake_set(fake, 0x00, 4, 0x10);
	fake_set(fake, 0x08, 8, cap);
	fake_set(fake, 0x10, 8, ecap);
	fake_set(fake, 0x38, 4, 0x80000000);
}

void fake_start(struct fake *fake, uint64_t cap, uint64_t ecap)
{
	fake_init(fake, cap, ecap);
	CHECK_EQ(vtd_driver.probe(&fake->unit, &fake->window), 0);
	CHECK_EQ(vtd_driver.enable(&fake->unit), 0);
	fake->nwrites = 0;
}

struct vtd_pair fake_descriptor(const struct fake *fake, unsigned slot)
{
	const uint64_t *words = (const uint64_t *)(uintptr_t)((fake_reg(fake, 0x90, 8) & ~UINT64_C(0xfff)) + 16u * slot);

	return (struct vtd_pair){ words[0], words[1] };
}

struct vtd_pair *fake_context(struct fake *fake, uint16_t rid)
{
	const uint64_t *root = (const uint64_t *)(uintptr_t)fake_reg(fake, 0x20, 8);

	return (struct vtd_pair *)(uintptr_t)(root[2 * (rid >> 8)] & ~UINT64_C(0xfff)) + (rid & 0xff);
}
