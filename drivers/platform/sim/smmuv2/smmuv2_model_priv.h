/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the SMMUv2 model share: its state, and the layouts of the Arm SMMU architecture specification (IHI 0062,
 * registers by their names) in words of its own: the driver's are not used, so that one's mistake does not hide the other's.
 */
#ifndef SMMUV2_MODEL_PRIV_H
#define SMMUV2_MODEL_PRIV_H

#include "lpae_walk.h"
#include "sim_reg.h"
#include "smmuv2_model.h"

/* ---- Global register space 0 ---- */
enum {
	G_CR0 = 0x000,
	G_CR2 = 0x008,
	G_ACR = 0x010,
	G_IDR0 = 0x020,
	G_IDR1 = 0x024,
	G_IDR2 = 0x028,
	G_IDR7 = 0x03c,
	G_GFAR = 0x040,
	G_GFSR = 0x048,
	G_GFSRRESTORE = 0x04c,
	G_GFSYNR0 = 0x050,
	G_GFSYNR1 = 0x054,
	G_GFSYNR2 = 0x058,
	G_TLBIVMID = 0x064,
	G_TLBIALLNSNH = 0x068,
	G_TLBIALLH = 0x06c,
	G_TLBGSYNC = 0x070,
	G_TLBGSTATUS = 0x074,
	G_TLBIVAH = 0x078,
	G_TLBIVALH64 = 0x0b0,
	G_TLBIVMIDS1 = 0x0b8,
	G_TLBIVAH64 = 0x0c0,
	G_SMR = 0x800,
	G_S2CR = 0xc00,
	G_SPACE = 0x1000,
};

#define IDR0_S1TS BIT32(30)
#define IDR0_S2TS BIT32(29)
#define IDR0_SMS BIT32(27)
#define IDR0_ATOSNS BIT32(26)
#define IDR0_PTFS_NO_SHORT BIT32(24)
#define IDR0_NUMIRPT GENMASK32(23, 16)
#define IDR0_CTTW BIT32(14)
#define IDR0_NUMSIDB GENMASK32(12, 9)
#define IDR0_EXIDS BIT32(8)
#define IDR0_NUMSMRG GENMASK32(7, 0)
#define IDR1_PAGESIZE BIT32(31)
#define IDR1_NUMPAGENDXB GENMASK32(30, 28)
#define IDR1_NUMS2CB GENMASK32(23, 16)
#define IDR1_SMCD BIT32(15)
#define IDR1_NUMCB GENMASK32(7, 0)
#define IDR2_VMID16S BIT32(15)
#define IDR2_PTFSV8_64K BIT32(14)
#define IDR2_PTFSV8_16K BIT32(13)
#define IDR2_PTFSV8_4K BIT32(12)
#define IDR2_UBS GENMASK32(11, 8)
#define IDR2_OAS GENMASK32(7, 4)
#define IDR2_IAS GENMASK32(3, 0)

#define CR0_VMID16EN BIT32(31)
#define CR0_SMCFCFG BIT32(21)
#define CR0_USFCFG BIT32(10)
#define CR0_GSE BIT32(9)
#define CR0_STALLD BIT32(8)
#define CR0_GCFGFIE BIT32(5)
#define CR0_GCFGFRE BIT32(4)
#define CR0_EXIDENABLE BIT32(3)
#define CR0_GFIE BIT32(2)
#define CR0_GFRE BIT32(1)
#define CR0_CLIENTPD BIT32(0)

/* MMU-500 */
#define ACR_CACHE_LOCK BIT32(26)
#define ACR_S2CRB_TLBEN BIT32(10)
#define ACR_SMTNMB_TLBEN BIT32(8)

#define GFSR_MULTI BIT32(31)
#define GFSR_UCIF BIT32(4)
#define GFSR_UCBF BIT32(3)
#define GFSR_SMCF BIT32(2)
#define GFSR_USF BIT32(1)
#define GFSR_ICF BIT32(0)
#define GFSR_BITS (GFSR_MULTI | GENMASK32(8, 0))
#define GFSYNR0_PNU BIT32(2)
#define GFSYNR0_WNR BIT32(1)

#define SMR_VALID BIT32(31)
#define SMR_MASK GENMASK32(30, 16)
#define SMR_ID GENMASK32(14, 0)
#define SMR_EXMASK GENMASK32(31, 16)
#define SMR_EXID GENMASK32(15, 0)
#define S2CR_PRIVCFG GENMASK32(25, 24)
#define S2CR_NSCFG GENMASK32(19, 18)
#define S2CR_TYPE GENMASK32(17, 16)
#define S2CR_EXIDVALID BIT32(10)
#define S2CR_CBNDX GENMASK32(7, 0)
enum {
	S2CR_TRANSLATE,
	S2CR_BYPASS,
	S2CR_FAULT
};
#define PRIVCFG_PRIVILEGED 3u

/* ---- Global register space 1 ---- */
enum {
	A_CBAR = 0x000,
	A_CBFRSYNRA = 0x400,
	A_CBA2R = 0x800,
};
#define CBAR_IRPTNDX GENMASK32(31, 24)
#define CBAR_TYPE GENMASK32(17, 16)
#define CBAR_HYPC BIT32(10)
#define CBAR_VMID GENMASK32(7, 0)
enum {
	CBAR_S2,
	CBAR_S1_S2_BYPASS,
	CBAR_S1_S2_FAULT,
	CBAR_S1_S2
};
#define CBA2R_VMID16 GENMASK32(31, 16)
#define CBA2R_MONC BIT32(1)
#define CBA2R_VA64 BIT32(0)

/* ---- A translation context bank ---- */
enum {
	B_SCTLR = 0x000,
	B_ACTLR = 0x004,
	B_RESUME = 0x008,
	B_TCR2 = 0x010,
	B_TTBR0 = 0x020,
	B_TTBR1 = 0x028,
	B_TCR = 0x030,
	B_CONTEXTIDR = 0x034,
	B_MAIR0 = 0x038,
	B_MAIR1 = 0x03c,
	B_FSR = 0x058,
	B_FSRRESTORE = 0x05c,
	B_FAR = 0x060,
	B_FSYNR0 = 0x068,
	B_FSYNR1 = 0x06c,
	B_IPAFAR = 0x070,
	B_TLBIVA = 0x600,
	B_TLBIVAA = 0x608,
	B_TLBIASID = 0x610,
	B_TLBIALL = 0x618,
	B_TLBIVAL = 0x620,
	B_TLBIVAAL = 0x628,
	B_TLBIIPAS2 = 0x630,
	B_TLBIIPAS2L = 0x638,
	B_TLBSYNC = 0x7f0,
	B_TLBSTATUS = 0x7f4,
	B_SPACE = 0x800,
};

#define SCTLR_M BIT32(0)
#define SCTLR_AFFD BIT32(3)
#define SCTLR_E BIT32(4)
#define SCTLR_CFRE BIT32(5)
#define SCTLR_CFCFG BIT32(7)
#define SCTLR_HUPCF BIT32(8)

/* TCR of AArch64 tables, stage 1; the lower half, and SL0 and PASize, of stage 2. */
#define TCR_T0SZ GENMASK32(5, 0)
#define TCR_S2_SL0 GENMASK32(7, 6)
#define TCR_EPD0 BIT32(7)
#define TCR_IRGN0 GENMASK32(9, 8)
#define TCR_ORGN0 GENMASK32(11, 10)
#define TCR_SH0 GENMASK32(13, 12)
#define TCR_TG0 GENMASK32(15, 14)
#define TCR_S2_PASIZE GENMASK32(18, 16)
#define TCR_T1SZ GENMASK32(21, 16)
#define TCR_A1 BIT32(22)
#define TCR_EPD1 BIT32(23)
#define TCR_IRGN1 GENMASK32(25, 24)
#define TCR_ORGN1 GENMASK32(27, 26)
#define TCR_SH1 GENMASK32(29, 28)
#define TCR_TG1 GENMASK32(31, 30)
/* Of AArch32 long descriptors. */
#define TCR_32_T0SZ GENMASK32(2, 0)
#define TCR_32_T1SZ GENMASK32(18, 16)
#define TCR_32_S2_T0SZ GENMASK32(3, 0)
#define TCR_32_S2_S BIT32(4)
#define TCR_EAE BIT32(31) /* stage 2 of both formats: reserved, one */
#define TCR2_PASIZE GENMASK32(2, 0)
#define TCR2_AS BIT32(4)
#define TCR2_SEP GENMASK32(17, 15)
#define TTBR_ASID GENMASK64(63, 48)
#define TTBR_ASID8 GENMASK64(55, 48)

#define FSR_MULTI BIT32(31)
#define FSR_SS BIT32(30)
#define FSR_FORMAT GENMASK32(10, 9)
#define FSR_ASF BIT32(7)
#define FSR_TLBMCF BIT32(5)
#define FSR_EF BIT32(4)
#define FSR_PF BIT32(3)
#define FSR_AFF BIT32(2)
#define FSR_TF BIT32(1)
#define FSR_FAULTS GENMASK32(8, 1)
#define FSYNR0_PTWF BIT32(10)
#define FSYNR0_PNU BIT32(5)
#define FSYNR0_WNR BIT32(4)
#define FSYNR0_PLVL GENMASK32(1, 0)

#define TLBI64_ASID GENMASK64(63, 48)
#define TLBI64_VA GENMASK64(43, 0)  /* bits 55:12 of the address */
#define TLBI64_IPA GENMASK64(35, 0) /* bits 47:12 */
#define TLBI32_VA GENMASK32(31, 12)
#define TLBI32_ASID GENMASK32(7, 0)
#define TLBI32_IPA GENMASK32(27, 0) /* bits 39:12 */

/* ---- State ---- */

/* Who may use a cached translation. */
enum smmuv2m_kind {
	TAG_S1,
	TAG_S2,
	TAG_HYP, /* stage 1 of a hypervisor's bank: no VMID, no ASID */
};
struct smmuv2m_tag {
	enum smmuv2m_kind kind;
	uint16_t vmid, asid;
	bool global; /* entries of no one ASID */
	uint8_t granule_lg2;
};

enum smmuv2m_what {
	DROP_VA,   /* one address of a kind and VMID, of one ASID or of any */
	DROP_ASID, /* entries of an ASID, none that are global */
	DROP_VMID, /* stage 1 and 2 */
	DROP_VMID_S1,
	DROP_NOT_HYP,
	DROP_HYP,
};
struct smmuv2m_drop {
	enum smmuv2m_what what;
	enum smmuv2m_kind kind; /* DROP_VA */
	uint16_t vmid, asid;
	bool any_asid, leaf_only;
	uint64_t va;
	unsigned scope; /* bank, or SCOPE_GLOBAL: whose synchronisation it waits for */
	uint64_t seq;
};
#define SCOPE_GLOBAL UINT32_MAX

struct smmuv2m_sync {
	bool active, lost;
	uint64_t seq; /* invalidations up to this one are waited for */
	uint64_t reads_left, until_ns;
};

struct smmuv2m_stalled {
	bool is_write;
	uint32_t sid;
	uint64_t iova;
	size_t len;
	uint8_t data[4096];
};

struct smmuv2m_bank {
	uint32_t words[B_SPACE / 4];
	bool table_changed; /* TTBR written while enabled, and the tag's entries not yet invalidated */
	struct smmuv2m_sync sync;
	bool is_stalled;
	struct smmuv2m_stalled *stalled; /* NULL: nothing to be done again */
};

struct smmuv2_model {
	struct sim_model model; /* first */
	struct smmuv2_model_config cfg;
	struct sim_mem *mem;
	unsigned ngroups; /* of SMR and S2CR, or of S2CR alone */

	/* Guarded by the lock of the face, from here on. */

	uint32_t gr0[G_SPACE / 4], gr1[G_SPACE / 4];
	struct smmuv2m_bank *bank;

	bool lose_next_sync; /* it waits for an invalidation that was lost */
	/* Since power-on all of it was invalidated: of the hypervisor's entries, and of the others. */
	bool is_clean, is_clean_hyp;

	/* Caches; keys: see smmuv2_model_tlb.c. */
	struct sim_cache tag_of, tlb, tables;
	struct sim_cache passing; /* MMU-500: streams that were seen to pass */
	struct smmuv2m_tag *tags;
	unsigned ntags, tags_room;

	struct smmuv2m_drop *drops; /* written, not synchronised */
	unsigned ndrops, drops_room;
	uint64_t seq; /* of the last one */
	struct smmuv2m_sync sync;
};

/* A bank as its registers say; smmuv2_model_bank.c. */
struct smmuv2m_regime {
	unsigned bank;
	unsigned stage;
	bool va64;
	const char *wrong; /* NULL: a configuration that works */
	struct smmuv2m_tag tag;
	unsigned sign_bit; /* stage 1, AArch64: the address is extended from it */
	bool has[2];       /* TTBR0, TTBR1: walks are not disabled */
	unsigned in_bits[2];
	struct lpae_config table[2];
};

/* ---- Functions; the caller holds m->model.lock ---- */

/* The parts of the face that are long (sim_model.h). */
uint64_t smmuv2m_read(struct sim_model *model, unsigned off, unsigned width);
void smmuv2m_write(struct sim_model *model, unsigned off, unsigned width, uint64_t value);
int smmuv2m_dma(struct sim_model *model, uint32_t id, uint64_t iova, void *buf, size_t len, bool is_write);
void smmuv2m_dump_state(const struct sim_model *model, FILE *out);
void smmuv2m_dump_streams(struct sim_model *model, FILE *out);

static inline struct smmuv2_model *smmuv2m_of(struct sim_model *model)
{
	return (struct smmuv2_model *)(void *)model;
}

/* smmuv2_model_ids.c: identification registers, and the state at power-on */
void smmuv2m_power_on(struct smmuv2_model *m);

static inline uint64_t smmuv2m_wide(const uint32_t *words, unsigned off)
{
	return sim_wide(&words[off / 4]);
}

static inline void smmuv2m_put_wide(uint32_t *words, unsigned off, uint64_t value)
{
	sim_put_wide(&words[off / 4], value);
}

static inline uint32_t smmuv2m_cr0(const struct smmuv2_model *m)
{
	return m->gr0[G_CR0 / 4];
}

static inline uint32_t smmuv2m_cbar(const struct smmuv2_model *m, unsigned bank)
{
	return m->gr1[A_CBAR / 4 + bank];
}

static inline uint32_t smmuv2m_cba2r(const struct smmuv2_model *m, unsigned bank)
{
	return m->gr1[A_CBA2R / 4 + bank];
}

static inline bool smmuv2m_is_v2(const struct smmuv2_model *m)
{
	return m->cfg.version >= SMMUV2_MODEL_V2;
}

/* smmuv2_model_global.c: what writes to the global spaces do; `value` has no reserved bits any more */
void smmuv2m_write_cr0(struct smmuv2_model *m, uint32_t value);
void smmuv2m_write_smr(struct smmuv2_model *m, unsigned group, uint32_t value);
void smmuv2m_write_s2cr(struct smmuv2_model *m, unsigned group, uint32_t value);
void smmuv2m_write_cbar(struct smmuv2_model *m, unsigned bank, uint32_t value);
void smmuv2m_write_cba2r(struct smmuv2_model *m, unsigned bank, uint32_t value);
void smmuv2m_write_tlbi(struct smmuv2_model *m, unsigned off, uint64_t value);
/* Whether the group can match anything. */
bool smmuv2m_group_valid(const struct smmuv2_model *m, unsigned group);
bool smmuv2m_group_matches(const struct smmuv2_model *m, unsigned group, uint32_t sid);
/* Whether clients are enabled and some valid group translates through the bank. */
bool smmuv2m_bank_in_use(const struct smmuv2_model *m, unsigned bank);

/* smmuv2_model_bank.c */
/* Of which stage its registers are, whether or not it is enabled. */
unsigned smmuv2m_bank_stage(const struct smmuv2_model *m, unsigned bank);
void smmuv2m_bank_regime(const struct smmuv2_model *m, unsigned bank, struct smmuv2m_regime *regime);
/* A whole register is to become `value`. `width` of the access, 8 for both halves at once. */
void smmuv2m_write_bank(struct smmuv2_model *m, unsigned bank, unsigned off, unsigned width, uint64_t value);

/* smmuv2_model_tlb.c */
/* `drop` is asked for; it takes effect with a synchronisation of its scope, or a global one. */
void smmuv2m_tlb_ask(struct smmuv2_model *m, struct smmuv2m_drop drop);
void smmuv2m_sync_start(struct smmuv2_model *m, unsigned scope);
/* TLBSTATUS, sTLBGSTATUS: what a read of it finds. */
uint32_t smmuv2m_sync_status(struct smmuv2_model *m, unsigned scope);
bool smmuv2m_sync_active(const struct smmuv2_model *m);
/* Those that were lost are over now; an invalidation that was lost stays so. */
void smmuv2m_sync_late(struct smmuv2_model *m);
/* An index for the tag, the same for equal ones; -1: no memory for it. */
int smmuv2m_tag_index(struct smmuv2_model *m, const struct smmuv2m_tag *tag);
uint64_t smmuv2m_leaf_key(int tag, unsigned leaf_lg2, unsigned level, uint64_t va);
/* Whether anything is cached under kind, VMID and ASID of the tag. */
bool smmuv2m_tag_cached(struct smmuv2_model *m, const struct smmuv2m_tag *tag);

/* smmuv2_model_walk.c */
enum smmuv2m_view {
	SMMUV2M_HARDWARE, /* what the walker sees, with its effects: caches filled, errors counted */
	SMMUV2M_TRUTH,    /* what memory says, no effect at all */
};
struct smmuv2m_leaf {
	uint32_t fsr; /* 0: translated, permissions decide */
	unsigned level;
	bool on_walk; /* an external abort of the walk, not of the access */
	uint64_t pa;  /* of the page of 4 KiB */
	unsigned user, priv;
	bool cached;
};
void smmuv2m_translate(struct smmuv2_model *m, enum smmuv2m_view view, const struct smmuv2m_regime *regime, uint64_t iova,
		       struct smmuv2m_leaf *leaf);
/* The input address as the tables see it, and which of them. @return false: neither's */
bool smmuv2m_input(const struct smmuv2_model *m, const struct smmuv2m_regime *regime, uint64_t iova, uint64_t *va,
		   unsigned *which);
/* A reader of memory as it is, for lpae_each(). */
struct lpae_reader smmuv2m_truth_reader(struct smmuv2_model *m);

/* smmuv2_model_fault.c */
struct smmuv2m_request {
	uint32_t sid;
	uint64_t iova; /* of the first byte */
	bool is_write, is_priv;
	void *buf;
	size_t len;
};
/* Records it. @return whether the device is told of it */
bool smmuv2m_global_fault(struct smmuv2_model *m, const struct smmuv2m_request *request, uint32_t gfsr);
void smmuv2m_context_fault(struct smmuv2_model *m, const struct smmuv2m_regime *regime, const struct smmuv2m_request *request,
			   const struct smmuv2m_leaf *leaf);

/* smmuv2_model_dma.c */
/* What becomes of a stream: a group's S2CR, or a fault. */
struct smmuv2m_route {
	uint32_t gfsr; /* 0: as follows */
	bool bypass;   /* also of a bank that is off */
	bool conflict; /* several groups match */
	uint32_t kept; /* of a stream that passes: the bit of sACR under which an MMU-500 keeps that in its TLB */
	unsigned bank;
	bool is_priv;
};
void smmuv2m_route(const struct smmuv2_model *m, uint32_t sid, struct smmuv2m_route *route);
void smmuv2m_resume(struct smmuv2_model *m, unsigned bank, uint32_t value);

#endif
