/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "rig.h"

struct smmuv2_model_config rig_config(void)
{
	return (struct smmuv2_model_config){
		.version = SMMUV2_MODEL_V2,
		.nsmr = 16,
		.sid_bits = 15,
		.smr_id_bits = 0x7fff,
		.smr_mask_bits = 0x7fff,
		.ncb = 8,
		.ns2cb = 2,
		.s1 = true,
		.s2 = true,
		.ias = 48,
		.oas = 48,
		.gran4k = true,
		.gran16k = true,
		.gran64k = true,
		.page_lg2 = 12,
		.npages_lg2 = 4,
		.kept_root = SIM_LOW_BASE,
		.tlb_clean = true,
	};
}

static void open_with(struct rig *rig, const struct smmuv2_model_config *cfg, bool coherent)
{
	memset(rig, 0, sizeof(*rig));
	rig->cfg = *cfg;
	rig_open_memory(rig, coherent);
	rig_need(!smmuv2_model_create(cfg, &rig->mem, &rig->unit), "unit");
}

void rig_open(struct rig *rig, const struct smmuv2_model_config *cfg)
{
	open_with(rig, cfg, true);
}

void rig_open_noncoherent(struct rig *rig, const struct smmuv2_model_config *cfg)
{
	open_with(rig, cfg, false);
}

void rig_close_blamed(struct rig *rig)
{
	rig_close_unit(rig);
}

void rig_close(struct rig *rig)
{
	CHECK_EQ(strcmp(rig_complaint(rig), ""), 0);
	rig_check_clean(rig);
	rig_close_blamed(rig);
}

unsigned gr1(const struct rig *rig, unsigned off)
{
	return (1u << rig->cfg.page_lg2) + off;
}

unsigned cb(const struct rig *rig, unsigned bank, unsigned off)
{
	return (((1u << rig->cfg.npages_lg2) + bank) << rig->cfg.page_lg2) + off;
}

uint64_t rig_map(struct rig *rig, uint64_t root, unsigned level, unsigned granule_lg2, uint64_t iova, uint64_t descriptor)
{
	unsigned stride = granule_lg2 - 3, index;
	uint64_t table = root, in_table = (UINT64_C(1) << stride) - 1;

	for (; level < 3; level++) {
		index = (unsigned)(iova >> (granule_lg2 + (3 - level) * stride) & in_table);
		if (!(rig_get(rig, table, index) & 1))
			rig_put(rig, table, index, rig_pages(rig, (size_t)1 << granule_lg2) | 3);
		table = rig_get(rig, table, index) & UINT64_C(0xfffffffff000);
	}
	index = (unsigned)(iova >> granule_lg2 & in_table);
	rig_put(rig, table, index, descriptor);
	return table + 8 * index;
}

void rig_enable(struct rig *rig)
{
	w32(rig, 0x0, 0x200412);
}

void rig_stream(struct rig *rig, unsigned group, unsigned sid, uint32_t s2cr)
{
	w32(rig, 0xc00 + 4 * group, s2cr);
	w32(rig, 0x800 + 4 * group, 0x80000000 | sid);
}

void rig_bank(struct rig *rig, unsigned bank, uint32_t cbar, uint64_t ttbr0, uint32_t tcr)
{
	w32(rig, gr1(rig, 0x000 + 4 * bank), cbar);
	w32(rig, gr1(rig, 0x800 + 4 * bank), 1); /* CBA2R.VA64 */
	w64(rig, cb(rig, bank, 0x20), ttbr0);
	w32(rig, cb(rig, bank, 0x30), tcr);
	if (cbar & 0x30000) {
		w32(rig, cb(rig, bank, 0x10), 0x00038015); /* TCR2 */
		w32(rig, cb(rig, bank, 0x38), 0xff);       /* MAIR0: write-back */
	}
	w32(rig, cb(rig, bank, 0x00), 0x00000121); /* SCTLR: HUPCF, CFRE, M */
}

void rig_bank_32(struct rig *rig, unsigned bank, uint32_t cbar, uint64_t ttbr0, uint32_t tcr)
{
	w32(rig, gr1(rig, 4 * bank), cbar);
	w64(rig, cb(rig, bank, 0x20), ttbr0);
	w32(rig, cb(rig, bank, 0x30), tcr);
	w32(rig, cb(rig, bank, 0x00), 0x00000121); /* SCTLR: HUPCF, CFRE, M */
}

/* CBAR: stage 1, stage 2 bypass. TCR: EPD1, SH0, ORGN0, IRGN0, T0SZ 25. */
void rig_bank_s1(struct rig *rig, unsigned bank, uint64_t root, unsigned asid)
{
	rig_bank(rig, bank, 0x00010000, root | (uint64_t)asid << 48, 0x00803519);
}

/* TCR: PASize 40, SH0, ORGN0, IRGN0, SL0 1, T0SZ 25. */
void rig_bank_s2(struct rig *rig, unsigned bank, uint64_t root, unsigned vmid)
{
	rig_bank(rig, bank, vmid, root, 0x80023559);
}

int rig_write(struct rig *rig, unsigned sid, uint64_t iova, uint32_t value)
{
	return sim_model_dma(rig->unit, sid, iova, &value, sizeof(value), true);
}

int rig_read(struct rig *rig, unsigned sid, uint64_t iova, uint32_t *value)
{
	return sim_model_dma(rig->unit, sid, iova, value, sizeof(*value), false);
}

void rig_check_blamed(struct rig *rig, const char *says)
{
	const char *said = rig_complaint(rig);

	CHECK_HAS(said, says);
}

void rig_check_fault(struct rig *rig, unsigned bank, uint32_t fsr, uint32_t fsynr0, unsigned sid, uint64_t iova)
{
	CHECK_HEX(r32(rig, cb(rig, bank, 0x58)), fsr);
	CHECK_HEX(r32(rig, cb(rig, bank, 0x68)), fsynr0);
	CHECK_HEX(r32(rig, gr1(rig, 0x400 + 4 * bank)), sid);
	CHECK_HEX(r64(rig, cb(rig, bank, 0x60)), iova);
	w32(rig, cb(rig, bank, 0x58), r32(rig, cb(rig, bank, 0x58)));
	CHECK_HEX(r32(rig, cb(rig, bank, 0x58)), 0);
}

void rig_check_global_fault(struct rig *rig, uint32_t gfsr, uint32_t gfsynr0, unsigned sid, uint64_t iova)
{
	CHECK_HEX(r32(rig, 0x48), gfsr);
	CHECK_HEX(r32(rig, 0x50), gfsynr0);
	CHECK_HEX(r32(rig, 0x54), sid);
	CHECK_HEX(r64(rig, 0x40), iova);
	w32(rig, 0x48, gfsr);
	CHECK_HEX(r32(rig, 0x48), 0);
}
