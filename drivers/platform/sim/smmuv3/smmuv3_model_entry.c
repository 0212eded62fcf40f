/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stream table entries and context descriptors mean to the SMMUv3 model, and which are illegal. SMMUv3 specification 5.2 (STE),
 * 5.4 (CD), 3.4 (address sizes). Pure: words in, meaning out; who fetched them counts and complains.
 */
#include "smmuv3_model_priv.h"

static unsigned granule_of(unsigned tg)
{
	static const unsigned lg2[] = { 12, 16, 14, 0 };

	return lg2[tg];
}

static bool has_granule(const struct smmuv3_model *m, unsigned granule_lg2)
{
	switch (granule_lg2) {
	case 12:
		return m->cfg.granule_4k;
	case 14:
		return m->cfg.granule_16k;
	case 16:
		return m->cfg.granule_64k;
	default:
		return false;
	}
}

/* Write-back inside and out, and shareable. */
static bool is_cached(uint64_t inner, uint64_t outer, uint64_t shareability)
{
	return (inner & 1) && (outer & 1) && shareability >= 2;
}

static struct s3m_verdict bad(struct s3m_verdict verdict, unsigned event, const char *why)
{
	verdict.event = event;
	verdict.why = why;
	return verdict;
}

/* The first word with RES0 bits. */
static void find_reserved(struct s3m_verdict *verdict, const uint64_t *words, const uint64_t *masks, unsigned n)
{
	for (unsigned i = 0; i < n && !verdict->reserved; i++) {
		verdict->reserved = words[i] & masks[i];
		verdict->word = i;
	}
}

/* Output sizes: what the entry says, but not more than the unit has, nor than the granule can express. */
static unsigned out_bits(const struct smmuv3_model *m, unsigned encoding, unsigned granule_lg2)
{
	unsigned bits = lpae_size_bits(encoding), most = granule_lg2 == 16 || m->cfg.oas < 48 ? m->cfg.oas : 48;

	return bits && bits < most ? bits : most;
}

/* ---- Stage 2 (5.2, S2*) ---- */

static const char *s2_decode(const struct smmuv3_model *m, const uint64_t ste[ENTRY_WORDS], struct s3m_stream *out)
{
	unsigned granule = granule_of((unsigned)field_get(STE_S2TG, ste[2]));
	unsigned in_bits = 64 - (unsigned)field_get(STE_S2T0SZ, ste[2]);
	int level;

	if (!(ste[2] & STE_S2AA64))
		return "S2AA64 is 0 on a unit without AArch32 tables";
	if (ste[2] & STE_S2ENDI)
		return "S2ENDI on a unit with little-endian tables";
	if (ste[2] & STE_S2S)
		return "S2S on a unit that does not stall";
	if (!has_granule(m, granule))
		return "S2TG is a granule that the unit does not have";
	if (in_bits < 25 || in_bits > m->cfg.oas || (granule != 16 && in_bits > 48))
		return "S2T0SZ is out of range";
	level = lpae_sl0_level(granule, (unsigned)field_get(STE_S2SL0, ste[2]), in_bits, m->cfg.oas);
	if (level < 0)
		return "S2SL0 does not fit S2T0SZ, S2TG and the address size";
	if ((ste[3] & STE_S2TTB) >> m->cfg.oas)
		return "S2TTB is beyond the address size";
	out->t2 = (struct lpae_config){
		.stage = 2,
		.granule_lg2 = granule,
		.in_bits = in_bits,
		.out_bits = out_bits(m, (unsigned)field_get(STE_S2PS, ste[2]), granule),
		.start_level = (unsigned)level,
		.wide = granule == 16 && m->cfg.oas == 52,
		.ignore_af = ste[2] & STE_S2AFFD,
	};
	out->t2.root = align_down(ste[3] & STE_S2TTB, lpae_root_align(&out->t2));
	out->silent2 = !(ste[2] & STE_S2R);
	return NULL;
}

static void s2_reserved(const struct smmuv3_model *m, const uint64_t ste[ENTRY_WORDS], const struct s3m_stream *s,
			struct s3m_verdict *verdict)
{
	/* S2HA, S2HD: no hardware update. Shareability 1, S2PS 7 are no values. Low bits of S2TTB are the table's own size. */
	const uint64_t masks[ENTRY_WORDS] = {
		0,
		0,
		GENMASK64(63, 59) | GENMASK64(56, 55) | (field_get(STE_S2SH0, ste[2]) == 1 ? STE_S2SH0 : 0) |
			(field_get(STE_S2PS, ste[2]) == 7 ? STE_S2PS : 0),
		GENMASK64(63, 52) | (lpae_root_align(&s->t2) - 1),
	};

	find_reserved(verdict, ste, masks, 4);
	if (m->mem->coherent &&
	    !is_cached(field_get(STE_S2IR0, ste[2]), field_get(STE_S2OR0, ste[2]), field_get(STE_S2SH0, ste[2])))
		verdict->uncached = true;
}

/* ---- STE ---- */

static const char *ste_illegal(const struct smmuv3_model *m, const uint64_t ste[ENTRY_WORDS], unsigned config)
{
	if (config & CONFIG_S1 && !m->cfg.s1)
		return "Config asks for stage 1, which the unit does not have";
	if (config & CONFIG_S2 && !m->cfg.s2)
		return "Config asks for stage 2, which the unit does not have";
	if (!(config & CONFIG_S1))
		return NULL;
	if (field_get(STE_S1CDMAX, ste[0]))
		return "S1CDMax on a unit without substreams";
	if (field_get(STE_STRW, ste[1]))
		return "STRW is not NS-EL1: no such stream world here";
	if ((ste[0] & STE_S1CONTEXTPTR) >> m->cfg.oas)
		return "S1ContextPtr is beyond the address size";
	return NULL;
}

static void ste_reserved(const struct smmuv3_model *m, const uint64_t ste[ENTRY_WORDS], unsigned config,
			 struct s3m_verdict *verdict)
{
	/* In word 1 S2HWU, DRE, CONT, DCP, PPAR, S2FWB, S1MPAM, EATS belong to extensions that the unit does not have. */
	const uint64_t masks[ENTRY_WORDS] = {
		GENMASK64(58, 52),
		GENMASK64(18, 8) | GENMASK64(26, 24) | GENMASK64(29, 28) | GENMASK64(43, 41),
		m->cfg.s2 && !m->cfg.vmid16 ? GENMASK64(15, 8) : 0,
		0,
		UINT64_MAX,
		UINT64_MAX,
		UINT64_MAX,
		UINT64_MAX,
	};

	find_reserved(verdict, ste, masks, ENTRY_WORDS);
	if (config & CONFIG_S1 && m->mem->coherent &&
	    !is_cached(field_get(STE_S1CIR, ste[1]), field_get(STE_S1COR, ste[1]), field_get(STE_S1CSH, ste[1])))
		verdict->uncached = true;
}

struct s3m_verdict s3m_ste_decode(const struct smmuv3_model *m, const uint64_t ste[ENTRY_WORDS], struct s3m_stream *out)
{
	struct s3m_verdict verdict = { 0 };
	unsigned config = (unsigned)field_get(STE_CONFIG, ste[0]);
	const char *why;

	*out = (struct s3m_stream){ .blocked = true };
	if (!(ste[0] & STE_V))
		return bad(verdict, C_BAD_STE, NULL);
	if (!(config & CONFIG_NOT_ABORT))
		return verdict;
	out->blocked = false;
	out->s1 = config & CONFIG_S1;
	out->s2 = config & CONFIG_S2;
	out->vmid = m->cfg.s2 ? (uint16_t)(ste[2] & (m->cfg.vmid16 ? 0xffff : 0xff)) : 0;
	out->priv = field_get(STE_PRIVCFG, ste[1]) == 3;
	out->cd_pa = ste[0] & STE_S1CONTEXTPTR;
	why = ste_illegal(m, ste, config);
	if (!why && out->s2)
		why = s2_decode(m, ste, out);
	if (why)
		return bad(verdict, C_BAD_STE, why);
	ste_reserved(m, ste, config, &verdict);
	if (out->s2)
		s2_reserved(m, ste, out, &verdict);
	return verdict;
}

/* 5.2: what Config makes the rest mean. The VMID tags stage 1, too. */
void s3m_ste_used(const uint64_t ste[ENTRY_WORDS], uint64_t used[ENTRY_WORDS])
{
	unsigned config = (unsigned)field_get(STE_CONFIG, ste[0]);

	for (unsigned i = 0; i < ENTRY_WORDS; i++)
		used[i] = 0;
	used[0] = STE_V;
	if (!(ste[0] & STE_V))
		return;
	used[0] |= STE_CONFIG;
	if (!(config & CONFIG_NOT_ABORT))
		return;
	used[1] = GENMASK64(51, 32); /* attributes of what the stream sends */
	if (config & CONFIG_S1) {
		used[0] |= STE_S1CDMAX | STE_S1CONTEXTPTR | GENMASK64(5, 4);
		used[1] |= GENMASK64(7, 0) | STE_STRW | BIT64(27);
		used[2] |= STE_S2VMID;
	}
	if (config & CONFIG_S2) {
		used[2] |= STE_S2VMID | GENMASK64(58, 32);
		used[3] |= STE_S2TTB;
	}
}

/* ---- CD ---- */

static const char *cd_illegal(const struct smmuv3_model *m, const uint64_t cd[ENTRY_WORDS])
{
	unsigned granule = granule_of((unsigned)field_get(CD_TG0, cd[0]));
	unsigned in_bits = 64 - (unsigned)field_get(CD_T0SZ, cd[0]);

	if (!(cd[0] & CD_AA64))
		return "AA64 is 0 on a unit without AArch32 tables";
	if (cd[0] & CD_S)
		return "S on a unit that does not stall";
	if (!(cd[0] & CD_A))
		return "A is 0 on a unit that can only abort";
	if (!(cd[0] & CD_EPD1))
		return "EPD1 is 0: a second table, which this model does not have";
	if (cd[0] & CD_EPD0)
		return NULL;
	if (cd[0] & CD_ENDI)
		return "ENDI on a unit with little-endian tables";
	if (!has_granule(m, granule))
		return "TG0 is a granule that the unit does not have";
	if (in_bits < 25 || in_bits > (granule == 16 && m->cfg.vax ? 52u : 48u))
		return "T0SZ is out of range";
	if ((cd[1] & CD_TTB0) >> out_bits(m, (unsigned)field_get(CD_IPS, cd[0]), granule))
		return "TTB0 is beyond IPS";
	return NULL;
}

static void cd_reserved(const struct smmuv3_model *m, const uint64_t cd[ENTRY_WORDS], const struct s3m_stream *s,
			struct s3m_verdict *verdict)
{
	const uint64_t masks[ENTRY_WORDS] = {
		CD_HD | CD_HA | (m->cfg.asid16 ? 0 : GENMASK64(63, 56)) | (field_get(CD_SH0, cd[0]) == 1 ? CD_SH0 : 0) |
			(field_get(CD_IPS, cd[0]) == 7 ? CD_IPS : 0),
		GENMASK64(63, 52) | (s->epd0 ? 0 : (lpae_root_align(&s->t1) - 1) & CD_TTB0) | GENMASK64(3, 2),
		0,
		0,
		0,
		UINT64_MAX,
		UINT64_MAX,
		UINT64_MAX,
	};

	find_reserved(verdict, cd, masks, ENTRY_WORDS);
	if (m->mem->coherent && !s->epd0 &&
	    !is_cached(field_get(CD_IR0, cd[0]), field_get(CD_OR0, cd[0]), field_get(CD_SH0, cd[0])))
		verdict->uncached = true;
}

struct s3m_verdict s3m_cd_decode(const struct smmuv3_model *m, const uint64_t cd[ENTRY_WORDS], struct s3m_stream *out)
{
	struct s3m_verdict verdict = { 0 };
	const char *why;

	if (!(cd[0] & CD_V))
		return bad(verdict, C_BAD_CD, NULL);
	why = cd_illegal(m, cd);
	if (why)
		return bad(verdict, C_BAD_CD, why);
	out->asid = (uint16_t)(field_get(CD_ASID, cd[0]) & (m->cfg.asid16 ? 0xffff : 0xff));
	out->epd0 = cd[0] & CD_EPD0;
	out->tbi0 = cd[0] & CD_TBI0;
	out->silent1 = !(cd[0] & CD_R);
	if (!out->epd0) {
		unsigned granule = granule_of((unsigned)field_get(CD_TG0, cd[0]));

		out->t1 = (struct lpae_config){
			.stage = 1,
			.granule_lg2 = granule,
			.in_bits = 64 - (unsigned)field_get(CD_T0SZ, cd[0]),
			.out_bits = out_bits(m, (unsigned)field_get(CD_IPS, cd[0]), granule),
			.wide = granule == 16 && m->cfg.oas == 52,
			.ignore_af = cd[0] & CD_AFFD,
			.flat = cd[1] & CD_HAD0,
		};
		out->t1.start_level = lpae_start_level(granule, out->t1.in_bits);
		out->t1.root = align_down(cd[1] & CD_TTB0, lpae_root_align(&out->t1));
	}
	cd_reserved(m, cd, out, &verdict);
	return verdict;
}

void s3m_cd_used(const uint64_t cd[ENTRY_WORDS], uint64_t used[ENTRY_WORDS])
{
	for (unsigned i = 0; i < ENTRY_WORDS; i++)
		used[i] = 0;
	used[0] = CD_V;
	if (!(cd[0] & CD_V))
		return;
	used[0] = UINT64_MAX;
	if (cd[0] & CD_EPD1)
		used[0] &= ~GENMASK64(29, 16);
	if (cd[0] & CD_EPD0)
		used[0] &= ~GENMASK64(13, 0);
	used[1] = cd[0] & CD_EPD0 ? 0 : GENMASK64(51, 4) | CD_HAD0;
	used[3] = UINT64_MAX;
}
