/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"

const struct smmuv3_model_config rig_default = {
	.sid_bits = 16,
	.oas = 44,
	.two_level = true,
	.s1 = true,
	.s2 = true,
	.granule_4k = true,
	.granule_16k = true,
	.granule_64k = true,
	.asid16 = true,
	.vmid16 = true,
	.ril = true,
	.cmdq_lg2 = 19,
	.eventq_lg2 = 19,
};

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "rig: %s\n", what);
	exit(1);
}

static void open_with(struct rig *rig, const struct smmuv3_model_config *config, bool coherent)
{
	*rig = (struct rig){ .strtab_lg2 = 5, .cmdq_lg2 = 4 };
	need(!sim_mem_init(&rig->mem, 16u << 20, false, coherent), "memory");
	need(!smmuv3_model_create(config, &rig->mem, &rig->unit), "unit");
	rig->next = rig->mem.ram_base;
	rig->strtab = rig_pages(rig, 4096);
	rig->cmdq = rig_pages(rig, 4096);
	rig->eventq = rig_pages(rig, 4096);
	rig->msi = rig_pages(rig, 4096);
	for (unsigned sid = 0; sid < 32; sid++)
		rig_put(rig, rig->strtab + 64 * sid, 0, 1);
}

void rig_open(struct rig *rig, const struct smmuv3_model_config *config)
{
	open_with(rig, config, true);
}

void rig_open_noncoherent(struct rig *rig, const struct smmuv3_model_config *config)
{
	open_with(rig, config, false);
}

void rig_close(struct rig *rig)
{
	sim_model_destroy(rig->unit);
	sim_mem_fini(&rig->mem);
}

uint32_t rig_r32(struct rig *rig, unsigned off)
{
	return (uint32_t)sim_model_read(rig->unit, off, 4);
}

uint64_t rig_r64(struct rig *rig, unsigned off)
{
	return sim_model_read(rig->unit, off, 8);
}

void rig_w32(struct rig *rig, unsigned off, uint32_t value)
{
	sim_model_write(rig->unit, off, 4, value);
}

void rig_w64(struct rig *rig, unsigned off, uint64_t value)
{
	sim_model_write(rig->unit, off, 8, value);
}

static uint64_t *at(struct rig *rig, uint64_t pa)
{
	uint64_t *word = sim_mem_at(&rig->mem, pa, 8);

	need(word, "no memory there");
	return word;
}

uint64_t rig_pages(struct rig *rig, size_t len)
{
	uint64_t pa = align_up(rig->next, len);

	rig->next = pa + len;
	need(rig->next <= rig->mem.ram_base + (16u << 20), "out of pages");
	for (uint64_t page = pa; page < pa + len; page += 4096)
		sim_mem_writeback(&rig->mem, at(rig, page), len < 4096 ? len : 4096);
	return pa;
}

void rig_put_dirty(struct rig *rig, uint64_t pa, unsigned index, uint64_t word)
{
	entry_publish(at(rig, pa) + index, word);
}

void rig_put(struct rig *rig, uint64_t pa, unsigned index, uint64_t word)
{
	rig_put_dirty(rig, pa, index, word);
	sim_mem_writeback(&rig->mem, at(rig, pa) + index, 8);
}

uint64_t rig_get(struct rig *rig, uint64_t pa, unsigned index)
{
	return entry_load(at(rig, pa) + index);
}

void rig_enable(struct rig *rig)
{
	rig_w32(rig, 0x28, 0xd75); /* write-back, inner shareable */
	rig_w32(rig, 0x2c, 2);     /* unknown streams are recorded */
	rig_w64(rig, 0x80, rig->strtab);
	rig_w32(rig, 0x88, rig->strtab_lg2);
	rig_w64(rig, 0x90, rig->cmdq | rig->cmdq_lg2);
	rig_w64(rig, 0xa0, rig->eventq | 4);
	rig_w32(rig, 0x20, 0xc);
	CHECK_HEX(rig_r32(rig, 0x24), 0xc);
	rig_w32(rig, 0x20, 0xd);
	CHECK_HEX(rig_r32(rig, 0x24), 0xd);
}

void rig_command(struct rig *rig, uint64_t lo, uint64_t hi)
{
	uint32_t slots = 1u << rig->cmdq_lg2, slot = rig->prod & (slots - 1);

	rig_put(rig, rig->cmdq, 2 * slot, lo);
	rig_put(rig, rig->cmdq, 2 * slot + 1, hi);
	rig->prod = (rig->prod + 1) & (2 * slots - 1);
	rig_w32(rig, 0x98, rig->prod);
}

void rig_order(struct rig *rig, uint64_t lo, uint64_t hi)
{
	rig_command(rig, lo, hi);
	rig_command(rig, 0x46, 0);
	for (unsigned i = 0; rig_r32(rig, 0x9c) != rig->prod && i < 1000000; i++)
		cpu_relax();
	CHECK_HEX(rig_r32(rig, 0x9c), rig->prod);
}

uint64_t rig_ste(struct rig *rig, unsigned sid)
{
	return rig->strtab + 64 * sid;
}

uint64_t rig_stage1(struct rig *rig, unsigned sid, uint64_t table, unsigned asid)
{
	uint64_t cd = rig_pages(rig, 4096);

	/* T0SZ 25, write-back, inner shareable, EPD1, V, IPS 44 bits, AA64, R, A */
	rig_put(rig, cd, 0, UINT64_C(0x00006204c0003519) | (uint64_t)asid << 48);
	rig_put(rig, cd, 1, table);
	rig_put(rig, cd, 3, 0xff);
	rig_put(rig, rig_ste(rig, sid), 1, UINT64_C(0x1000000000d4));
	rig_put(rig, rig_ste(rig, sid), 0, cd | 0xb);
	return cd;
}

void rig_stage2(struct rig *rig, unsigned sid, uint64_t table, unsigned vmid)
{
	/* R, AA64, PS 44 bits, write-back, inner shareable, SL0 1, T0SZ 25 */
	rig_put(rig, rig_ste(rig, sid), 1, UINT64_C(0x100000000000));
	rig_put(rig, rig_ste(rig, sid), 2, UINT64_C(0x040c355900000000) | vmid);
	rig_put(rig, rig_ste(rig, sid), 3, table);
	rig_put(rig, rig_ste(rig, sid), 0, 0xd);
}

uint64_t rig_map(struct rig *rig, uint64_t table, uint64_t iova, uint64_t leaf)
{
	for (unsigned shift = 30; shift > 12; shift -= 9) {
		unsigned index = iova >> shift & 0x1ff;

		if (!(rig_get(rig, table, index) & 1))
			rig_put(rig, table, index, rig_pages(rig, 4096) | 3);
		table = rig_get(rig, table, index) & UINT64_C(0xfffffffff000);
	}
	rig_put(rig, table, iova >> 12 & 0x1ff, leaf);
	return table + (iova >> 12 & 0x1ff) * 8;
}

int rig_write(struct rig *rig, uint32_t sid, uint64_t iova)
{
	uint32_t value = 0x600d;

	return sim_model_dma(rig->unit, sid, iova, &value, sizeof(value), true);
}

int rig_read(struct rig *rig, uint32_t sid, uint64_t iova)
{
	uint32_t value;

	return sim_model_dma(rig->unit, sid, iova, &value, sizeof(value), false);
}

bool rig_lands(struct rig *rig, uint32_t sid, uint64_t iova, uint64_t pa)
{
	uint64_t where = align_down(pa, 8);

	rig_put(rig, where, 0, 0);
	return !rig_write(rig, sid, iova) && rig_get(rig, where, 0) == UINT64_C(0x600d) << (pa % 8 * 8);
}

struct piommu_sim_counts rig_counts(struct rig *rig)
{
	struct piommu_sim_counts counts;

	sim_model_counts(rig->unit, &counts);
	return counts;
}

const char *rig_complaint(struct rig *rig)
{
	static _Thread_local char text[256];

	sim_model_complaint(rig->unit, text, sizeof(text));
	return text;
}

bool rig_take_event(struct rig *rig, uint64_t record[4])
{
	uint32_t prod = rig_r32(rig, 0x100a8), cons = rig_r32(rig, 0x100ac);

	if ((prod & 0x1f) == (cons & 0x1f))
		return false;
	for (unsigned i = 0; i < 4; i++)
		record[i] = rig_get(rig, rig->eventq + 32 * (cons & 0xf), i);
	rig_w32(rig, 0x100ac, (cons & 0x80000000) | ((cons + 1) & 0x1f));
	return true;
}

void rig_check_event(struct rig *rig, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3)
{
	uint64_t record[4] = { 0 };

	CHECK_EQ(rig_take_event(rig, record), true);
	CHECK_HEX(record[0], word0);
	CHECK_HEX(record[1], word1);
	CHECK_HEX(record[2], word2);
	CHECK_HEX(record[3], word3);
}

void rig_check_clean(struct rig *rig)
{
	CHECK_EQ(rig_counts(rig).width_errors, 0);
	CHECK_EQ(rig_counts(rig).misuse, 0);
	CHECK_EQ(rig_counts(rig).reserved_errors, 0);
}
