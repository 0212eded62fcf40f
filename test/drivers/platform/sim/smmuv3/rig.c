/* SPDX-License-Identifier: BSD-3-Clause */
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
	.inv_all = true,
	.cmdq_lg2 = 19,
	.eventq_lg2 = 19,
};

static void open_with(struct rig *rig, const struct smmuv3_model_config *config, bool coherent)
{
	*rig = (struct rig){ .strtab_lg2 = 5, .cmdq_lg2 = 4 };
	rig_open_memory(rig, coherent);
	rig_need(!smmuv3_model_create(config, &rig->mem, &rig->unit), "unit");
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
	rig_close_unit(rig);
}

void rig_enable(struct rig *rig)
{
	w32(rig, 0x28, 0xd75); /* write-back, inner shareable */
	w32(rig, 0x2c, 2);     /* unknown streams are recorded */
	w64(rig, 0x80, rig->strtab);
	w32(rig, 0x88, rig->strtab_lg2);
	w64(rig, 0x90, rig->cmdq | rig->cmdq_lg2);
	w64(rig, 0xa0, rig->eventq | 4);
	w32(rig, 0x20, 0xc);
	CHECK_HEX(r32(rig, 0x24), 0xc);
	w32(rig, 0x20, 0xd);
	CHECK_HEX(r32(rig, 0x24), 0xd);
}

void rig_command(struct rig *rig, uint64_t lo, uint64_t hi)
{
	uint32_t slots = 1u << rig->cmdq_lg2, slot = rig->prod & (slots - 1);

	rig_put(rig, rig->cmdq, 2 * slot, lo);
	rig_put(rig, rig->cmdq, 2 * slot + 1, hi);
	rig->prod = (rig->prod + 1) & (2 * slots - 1);
	w32(rig, 0x98, rig->prod);
}

void rig_order(struct rig *rig, uint64_t lo, uint64_t hi)
{
	rig_command(rig, lo, hi);
	rig_command(rig, 0x46, 0);
	for (unsigned i = 0; r32(rig, 0x9c) != rig->prod && i < 1000000; i++)
		cpu_relax();
	CHECK_HEX(r32(rig, 0x9c), rig->prod);
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

bool rig_take_event(struct rig *rig, uint64_t record[4])
{
	uint32_t prod = r32(rig, 0x100a8), cons = r32(rig, 0x100ac);

	if ((prod & 0x1f) == (cons & 0x1f))
		return false;
	for (unsigned i = 0; i < 4; i++)
		record[i] = rig_get(rig, rig->eventq + 32 * (cons & 0xf), i);
	w32(rig, 0x100ac, (cons & 0x80000000) | ((cons + 1) & 0x1f));
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
