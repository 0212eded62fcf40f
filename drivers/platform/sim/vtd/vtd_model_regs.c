/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The register file of the VT-d model: which registers a unit has, how wide they are, what of them can be written, and what
 * a write sets off. VT-d specification, chapter 11. The lock is held.
 */
#include "vtd_model_priv.h"

enum need {
	ALWAYS,
	WITH_QI,
	WITH_IR,
	WITH_PMR,
};

#define ALL32 UINT64_C(0xffffffff)
#define ALL64 (~UINT64_C(0))

static const struct sim_reg registers[] = {
	{ R_VER, 4, SIM_RO, ALWAYS, "VER", 0, 0 },
	{ R_CAP, 8, SIM_RO, ALWAYS, "CAP", 0, 0 },
	{ R_ECAP, 8, SIM_RO, ALWAYS, "ECAP", 0, 0 },
	{ R_GCMD, 4, SIM_WO, ALWAYS, "GCMD", G_LASTING | G_ONE_SHOT, 0 },
	{ R_GSTS, 4, SIM_RO, ALWAYS, "GSTS", 0, 0 },
	{ R_RTADDR, 8, SIM_RW, ALWAYS, "RTADDR", ENTRY_ADDR, 0 },
	{ R_CCMD, 8, SIM_RW, ALWAYS, "CCMD", CCMD_ICC | CCMD_CIRG | CCMD_FM | CCMD_SID | CCMD_DID, CCMD_CAIG },
	{ R_FSTS, 4, SIM_W1C, ALWAYS, "FSTS", FSTS_W1C, GENMASK64(15, 0) & ~(uint64_t)FSTS_W1C },
	{ R_FECTL, 4, SIM_RW, ALWAYS, "FECTL", BIT64(31), BIT64(30) },
	{ 0x3c, 4, SIM_RW, ALWAYS, "FEDATA", ALL32, 0 },
	{ 0x40, 4, SIM_RW, ALWAYS, "FEADDR", ALL32 & ~UINT64_C(3), 0 },
	{ 0x44, 4, SIM_RW, ALWAYS, "FEUADDR", ALL32, 0 },
	{ R_PMEN, 4, SIM_RW, WITH_PMR, "PMEN", PMEN_EPM, PMEN_PRS },
	{ R_PLMBASE, 4, SIM_RW, WITH_PMR, "PLMBASE", ALL32, 0 },
	{ R_PLMLIMIT, 4, SIM_RW, WITH_PMR, "PLMLIMIT", ALL32, 0 },
	{ R_PHMBASE, 8, SIM_RW, WITH_PMR, "PHMBASE", ALL64, 0 },
	{ R_PHMLIMIT, 8, SIM_RW, WITH_PMR, "PHMLIMIT", ALL64, 0 },
	{ R_IQH, 8, SIM_RO, WITH_QI, "IQH", 0, 0 },
	{ R_IQT, 8, SIM_RW, WITH_QI, "IQT", IQT_QT, 0 },
	{ R_IQA, 8, SIM_RW, WITH_QI, "IQA", IQA_BASE | IQA_QS, 0 },
	{ R_ICS, 4, SIM_W1C, WITH_QI, "ICS", ICS_IWC, 0 },
	{ R_IECTL, 4, SIM_RW, WITH_QI, "IECTL", BIT64(31), BIT64(30) },
	{ 0xa4, 4, SIM_RW, WITH_QI, "IEDATA", ALL32, 0 },
	{ 0xa8, 4, SIM_RW, WITH_QI, "IEADDR", ALL32 & ~UINT64_C(3), 0 },
	{ 0xac, 4, SIM_RW, WITH_QI, "IEUADDR", ALL32, 0 },
	{ 0xb8, 8, SIM_RW, WITH_IR, "IRTA", ENTRY_ADDR | GENMASK64(3, 0), 0 },
	{ R_IVA, 8, SIM_WO, ALWAYS, "IVA", IVA_ADDR | IVA_IH | IVA_AM, 0 },
	{ R_IOTLB, 8, SIM_RW, ALWAYS, "IOTLB", IOTLB_IVT | IOTLB_IIRG | BIT64(49) | BIT64(48) | IOTLB_DID, IOTLB_IAIG },
	{ R_FRCD, 16, SIM_W1C, ALWAYS, "FRCD", FRCD_F, 0 }, /* repeated NFR times */
};
#define NREGISTERS (sizeof(registers) / sizeof(registers[0]))
#define FRCD_INDEX (NREGISTERS - 1)

static bool exists(const struct vtd_model *m, const struct sim_reg *reg)
{
	switch (reg->kind) {
	case WITH_QI:
		return m->cfg.qi;
	case WITH_IR:
		return m->cfg.ir;
	case WITH_PMR:
		return m->cfg.plmr;
	default:
		return true;
	}
}

static void claim_words(struct vtd_model *m, unsigned off, unsigned len, unsigned index)
{
	for (unsigned word = off / 4; word < (off + len) / 4; word++)
		m->reg_of[word] = (uint8_t)(1 + index);
}

/* Legacy mode, version 1.0: what chapter 11 (CAP, ECAP) calls for with each preset. */
static void make_caps(struct vtd_model *m)
{
	unsigned mamv = m->cfg.leaf_lg2 - 12;
	unsigned sllps = m->cfg.leaf_lg2 >= 30 ? 3 : m->cfg.leaf_lg2 >= 21 ? 1 : 0;
	unsigned sagaw = m->cfg.aw == 57 ? 0xe : m->cfg.aw == 48 ? 0x6 : 0x2;

	m->cap = 6 /* ND: 64k domains */ | field_prep(CAP_SAGAW, sagaw) | field_prep(CAP_MGAW, m->cfg.aw - 1) |
		 field_prep(CAP_FRO, R_FRCD / 16) | field_prep(CAP_SLLPS, sllps) | CAP_PSI |
		 field_prep(CAP_NFR, m->cfg.nfr - 1) | field_prep(CAP_MAMV, mamv ? mamv : 9) | CAP_DWD | CAP_DRD | CAP_ZLR;
	m->cap |= (m->cfg.rwbf ? CAP_RWBF : 0) | (m->cfg.plmr ? CAP_PLMR | CAP_PHMR : 0) | (m->cfg.cm ? CAP_CM : 0);
	m->ecap = field_prep(ECAP_IRO, R_IVA / 16) | field_prep(ECAP_MHMV, 0xf);
	m->ecap |= (m->mem->coherent ? ECAP_C : 0) | (m->cfg.qi ? ECAP_QI : 0) | (m->cfg.ir ? ECAP_IR : 0) |
		   (m->cfg.pt ? ECAP_PT : 0);
}

static void protect(struct vtd_model *m)
{
	vtdm_put32(m, R_PMEN, PMEN_EPM | PMEN_PRS);
	vtdm_put32(m, R_PLMBASE, (uint32_t)m->cfg.protect_low.start);
	vtdm_put32(m, R_PLMLIMIT, (uint32_t)align_down(m->cfg.protect_low.last, PMR_ALIGN));
	vtdm_put64(m, R_PHMBASE, m->cfg.protect_high.start);
	vtdm_put64(m, R_PHMLIMIT, align_down(m->cfg.protect_high.last, PMR_ALIGN));
}

void vtdm_regs_init(struct vtd_model *m)
{
	for (unsigned i = 0; i < FRCD_INDEX; i++)
		if (exists(m, &registers[i]))
			claim_words(m, registers[i].off, registers[i].len, i);
	claim_words(m, R_FRCD, 16 * m->cfg.nfr, FRCD_INDEX);
	make_caps(m);
	vtdm_put32(m, R_VER, 0x10);
	vtdm_put64(m, R_CAP, m->cap);
	vtdm_put64(m, R_ECAP, m->ecap);
	vtdm_put32(m, R_FECTL, BIT32(31));
	if (m->cfg.qi)
		vtdm_put32(m, R_IECTL, BIT32(31));
	if (m->cfg.plmr)
		protect(m);
	if (m->cfg.kernel_root) {
		m->root = m->cfg.kernel_root;
		vtdm_put64(m, R_RTADDR, m->root);
		vtdm_put32(m, R_GSTS, G_TE | G_SRTP);
	}
}

static const struct sim_reg *find(const struct vtd_model *m, unsigned off)
{
	return off < R_SPACE && m->reg_of[off / 4] ? &registers[m->reg_of[off / 4] - 1] : NULL;
}

uint64_t vtdm_read(struct sim_model *model, unsigned off, unsigned width)
{
	struct vtd_model *m = vtdm_of(model);
	const struct sim_reg *reg = find(m, off);

	if (!sim_reg_may_read(model, reg, off, width))
		return 0;
	switch (reg->off) {
	case R_GSTS:
	case R_CCMD:
	case R_IOTLB:
	case R_PMEN:
		vtdm_handshake(m);
		break;
	case R_FSTS:
		return vtdm_fsts(m);
	default:
		break;
	}
	return width == 8 ? vtdm_get64(m, off) : vtdm_get32(m, off);
}

static void clear_written_ones(struct vtd_model *m, const struct sim_reg *reg, unsigned off, unsigned width, uint64_t value)
{
	if (reg->off == R_FRCD) { /* F is the top bit of a record's last doubleword, the rest is read-only */
		unsigned last = (off & ~15u) + 12;
		bool has_f = off + width == last + 4;

		if (has_f && value >> (width * 8 - 1))
			m->words[last / 4] &= ~BIT32(31);
		else if (!has_f)
			sim_model_misuse(&m->model, "write%u of FRCD at 0x%x: only its F bit can be written", width * 8, off);
		return;
	}
	sim_reg_clear(&m->model, reg, &m->words[off / 4], (uint32_t)value);
	if (reg->off == R_FSTS)
		sim_worker_kick(&m->worker); /* an error that stopped it may be gone */
}

/* What follows a store into a register that does more than hold a value. */
static void set_off(struct vtd_model *m, const struct sim_reg *reg, bool has_high)
{
	switch (reg->off) {
	case R_CCMD:
		if (has_high && vtdm_get64(m, R_CCMD) & CCMD_ICC)
			vtdm_ccmd_write(m);
		break;
	case R_IOTLB:
		if (has_high && vtdm_get64(m, R_IOTLB) & IOTLB_IVT)
			vtdm_iotlb_write(m);
		break;
	case R_PMEN:
		vtdm_pmen_write(m);
		break;
	case R_IQT:
		m->model.counts.doorbells++;
		sim_worker_kick(&m->worker);
		break;
	default:
		break;
	}
}

/* Registers that must not change under a command that uses them. */
static bool busy(struct vtd_model *m, const struct sim_reg *reg)
{
	switch (reg->off) {
	case R_CCMD:
		return vtdm_get64(m, R_CCMD) & CCMD_ICC;
	case R_IVA:
	case R_IOTLB:
		return vtdm_get64(m, R_IOTLB) & IOTLB_IVT;
	case R_IQA:
		return vtdm_get32(m, R_GSTS) & G_QIE;
	default:
		return false;
	}
}

static void store(struct vtd_model *m, const struct sim_reg *reg, unsigned off, unsigned width, uint64_t value)
{
	uint32_t *words = &m->words[reg->off / 4];
	uint64_t wanted = sim_reg_merge(&m->model, reg, sim_reg_get(reg, words), off, width, value);

	if (busy(m, reg)) {
		sim_model_misuse(&m->model, "write%u of %s while it is in use", width * 8, reg->name);
		return;
	}
	if (reg->off >= R_PLMBASE && reg->off <= R_PHMLIMIT)
		wanted = align_down(wanted, PMR_ALIGN); /* how software finds the granularity (chapter 11, PLMBASE) */
	sim_reg_put(reg, words, wanted);
	set_off(m, reg, off + width == reg->off + 8u);
}

void vtdm_write(struct sim_model *model, unsigned off, unsigned width, uint64_t value)
{
	struct vtd_model *m = vtdm_of(model);
	const struct sim_reg *reg = find(m, off);

	if (!sim_reg_may_write(model, reg, off, width))
		return;
	if (reg->access == SIM_W1C)
		clear_written_ones(m, reg, off, width, value);
	else if (reg->off == R_GCMD)
		vtdm_gcmd_write(m, (uint32_t)value);
	else
		store(m, reg, off, width, value);
}
