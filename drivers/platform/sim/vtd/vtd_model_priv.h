/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the VT-d model share: its state, and the layouts of Intel's VT-d specification (chapters 6, 9, 11) in
 * words of its own: the driver's are not used, so that one's mistake does not hide the other's.
 */
#ifndef VTD_MODEL_PRIV_H
#define VTD_MODEL_PRIV_H

#include "sim_reg.h"
#include "sim_worker.h"
#include "vtd_model.h"

/* ---- Registers (chapter 11) ---- */
enum {
	R_VER = 0x00,
	R_CAP = 0x08,
	R_ECAP = 0x10,
	R_GCMD = 0x18,
	R_GSTS = 0x1c,
	R_RTADDR = 0x20,
	R_CCMD = 0x28,
	R_FSTS = 0x34,
	R_FECTL = 0x38,
	R_PMEN = 0x64,
	R_PLMBASE = 0x68,
	R_PLMLIMIT = 0x6c,
	R_PHMBASE = 0x70,
	R_PHMLIMIT = 0x78,
	R_IQH = 0x80,
	R_IQT = 0x88,
	R_IQA = 0x90,
	R_ICS = 0x9c,
	R_IECTL = 0xa0,
	R_IVA = 0xf0,   /* at ECAP.IRO */
	R_IOTLB = 0xf8, /* at ECAP.IRO + 8 */
	R_FRCD = 0x220, /* at CAP.FRO */
	R_SPACE = 0x1000,
};

#define CAP_RWBF BIT64(4)
#define CAP_PLMR BIT64(5)
#define CAP_PHMR BIT64(6)
#define CAP_CM BIT64(7)
#define CAP_SAGAW GENMASK64(12, 8)
#define CAP_MGAW GENMASK64(21, 16)
#define CAP_ZLR BIT64(22)
#define CAP_FRO GENMASK64(33, 24)
#define CAP_SLLPS GENMASK64(37, 34)
#define CAP_PSI BIT64(39)
#define CAP_NFR GENMASK64(47, 40)
#define CAP_MAMV GENMASK64(53, 48)
#define CAP_DWD BIT64(54)
#define CAP_DRD BIT64(55)
#define ECAP_C BIT64(0)
#define ECAP_QI BIT64(1)
#define ECAP_IR BIT64(3)
#define ECAP_PT BIT64(6)
#define ECAP_IRO GENMASK64(17, 8)
#define ECAP_MHMV GENMASK64(23, 20)

/* GCMD; the same places in GSTS. */
#define G_TE BIT32(31)
#define G_SRTP BIT32(30)
#define G_WBF BIT32(27)
#define G_QIE BIT32(26)
#define G_IRE BIT32(25)
#define G_SIRTP BIT32(24)
#define G_CFI BIT32(23)
#define G_LASTING (G_TE | G_QIE | G_IRE | G_CFI)
#define G_ONE_SHOT (G_SRTP | G_WBF | G_SIRTP)

#define CCMD_ICC BIT64(63)
#define CCMD_CIRG GENMASK64(62, 61)
#define CCMD_CAIG GENMASK64(60, 59)
#define CCMD_FM GENMASK64(33, 32)
#define CCMD_SID GENMASK64(31, 16)
#define CCMD_DID GENMASK64(15, 0)

#define IOTLB_IVT BIT64(63)
#define IOTLB_IIRG GENMASK64(61, 60)
#define IOTLB_IAIG GENMASK64(58, 57)
#define IOTLB_DID GENMASK64(47, 32)
#define IVA_ADDR GENMASK64(63, 12)
#define IVA_IH BIT64(6)
#define IVA_AM GENMASK64(5, 0)

#define FSTS_PFO BIT32(0)
#define FSTS_PPF BIT32(1)
#define FSTS_IQE BIT32(4)
#define FSTS_ICE BIT32(5)
#define FSTS_ITE BIT32(6)
#define FSTS_W1C (FSTS_PFO | FSTS_IQE | FSTS_ICE | FSTS_ITE)
#define FSTS_FRI GENMASK32(15, 8)

#define FRCD_F BIT64(63) /* all of the high word */
#define FRCD_T1_READ BIT64(62)
#define FRCD_FR GENMASK64(39, 32)
#define FRCD_SID GENMASK64(15, 0)

#define PMEN_EPM BIT32(31)
#define PMEN_PRS BIT32(0)
#define PMR_ALIGN (UINT64_C(2) << 20)

#define IQA_BASE GENMASK64(63, 12)
#define IQA_QS GENMASK64(2, 0)
#define IQT_QT GENMASK64(18, 4)
#define ICS_IWC BIT32(0)

/* ---- Structures in memory (chapter 9) ---- */
#define ROOT_P BIT64(0)
#define CTX_P BIT64(0)
#define CTX_FPD BIT64(1)
#define CTX_TT GENMASK64(3, 2)
#define CTX_AW GENMASK64(2, 0)   /* high word */
#define CTX_DID GENMASK64(23, 8) /* high word */
#define TT_SECOND_LEVEL 0u
#define TT_PASS_THROUGH 2u
#define SL_R BIT64(0)
#define SL_W BIT64(1)
#define SL_PS BIT64(7)
#define ENTRY_ADDR GENMASK64(63, 12)

/* ---- Fault reasons (section 7.1.3, legacy mode) ---- */
enum {
	FR_ROOT_P = 0x1,
	FR_CTX_P = 0x2,
	FR_CTX_INVALID = 0x3,
	FR_BEYOND_WIDTH = 0x4,
	FR_WRITE = 0x5,
	FR_READ = 0x6,
	FR_TABLE_ACCESS = 0x7,
	FR_ROOT_ACCESS = 0x8,
	FR_CTX_ACCESS = 0x9,
	FR_ROOT_RESERVED = 0xa,
	FR_CTX_RESERVED = 0xb,
	FR_SL_RESERVED = 0xc,
};

enum {
	GRAN_GLOBAL = 1,
	GRAN_DOMAIN = 2,
	GRAN_FINE = 3
}; /* FINE: device or page */

#define OWED_CONTEXT 1u
#define OWED_IOTLB 2u

struct vtd_model {
	struct sim_model model; /* first */
	struct vtd_model_config cfg;
	struct sim_mem *mem;
	uint64_t cap, ecap;

	/* Guarded by the lock of the face, from here on. */

	uint32_t words[R_SPACE / 4];
	uint8_t reg_of[R_SPACE / 4]; /* 1 + index into the table of registers; 0: reserved. Constant after create. */
	uint64_t root;               /* latched by SRTP */
	unsigned owed;               /* what is to be invalidated since then, before TE: OWED_CONTEXT, OWED_IOTLB */
	uint32_t pending;            /* GCMD bits that are not acknowledged yet; 0: none */
	uint32_t pending_value;
	uint64_t acks_left; /* reads of a status until the pending command is acknowledged */
	unsigned fault_next;

	/* Caches (section 6.2). Keys: see vtd_model_cache.c. */
	struct sim_cache roots, context, iotlb, tables;
	struct sim_cache held; /* words that memory's write buffer still holds back (RWBF): address / 8 -> old value */

	/* The queue. */
	uint32_t head; /* index of a descriptor */
	bool abort_wait;
	struct sim_worker worker;
};

static inline struct vtd_model *vtdm_of(struct sim_model *model)
{
	return (struct vtd_model *)(void *)model;
}

/* Registers: a whole register at its offset, whatever its width. */
static inline uint32_t vtdm_get32(const struct vtd_model *m, unsigned off)
{
	return m->words[off / 4];
}

static inline uint64_t vtdm_get64(const struct vtd_model *m, unsigned off)
{
	return sim_wide(&m->words[off / 4]);
}

static inline void vtdm_put32(struct vtd_model *m, unsigned off, uint32_t value)
{
	m->words[off / 4] = value;
}

static inline void vtdm_put64(struct vtd_model *m, unsigned off, uint64_t value)
{
	sim_put_wide(&m->words[off / 4], value);
}

/* All functions below: the caller holds m->model.lock. */

/* The parts of the face that are long (sim_model.h). */
uint64_t vtdm_read(struct sim_model *model, unsigned off, unsigned width);
void vtdm_write(struct sim_model *model, unsigned off, unsigned width, uint64_t value);
int vtdm_dma(struct sim_model *model, uint32_t id, uint64_t iova, void *buf, size_t len, bool is_write);
void vtdm_dump_state(const struct sim_model *model, FILE *out);
void vtdm_dump_streams(struct sim_model *model, FILE *out);

/* vtd_model_regs.c */
void vtdm_regs_init(struct vtd_model *m);

/* vtd_model_cmd.c: what a write to a command register sets off */
void vtdm_gcmd_write(struct vtd_model *m, uint32_t value);
/* A command that was lost, and whose status says that it is under way, is done now. */
void vtdm_late_command(struct vtd_model *m);
void vtdm_ccmd_write(struct vtd_model *m);
void vtdm_iotlb_write(struct vtd_model *m);
void vtdm_pmen_write(struct vtd_model *m);
/* A status register is about to be read: acknowledges what is due. */
void vtdm_handshake(struct vtd_model *m);

/* vtd_model_fault.c */
struct vtdm_fault {
	uint16_t sid;
	uint64_t iova;
	unsigned reason;
	bool is_write;
};
void vtdm_fault_record(struct vtd_model *m, const struct vtdm_fault *fault);
uint32_t vtdm_fsts(const struct vtd_model *m);

/* vtd_model_cache.c */
void vtdm_context_invalidate(struct vtd_model *m, unsigned gran, uint16_t did, uint16_t sid, unsigned fm);
/* `iva` as the IVA register and the high word of the descriptor have it. False: not a valid request, nothing done. */
bool vtdm_iotlb_invalidate(struct vtd_model *m, unsigned gran, uint16_t did, uint64_t iva);
/* Everything the processor stored so far becomes visible to the walker (section 6.8). */
void vtdm_drain_writes(struct vtd_model *m);
uint64_t vtdm_iotlb_key(uint16_t did, uint64_t iova);
uint64_t vtdm_table_key(uint16_t did, unsigned level, uint64_t iova);

/* vtd_model_walk.c */
struct vtdm_context {
	uint64_t lo, hi;
};
/* What one page translates to: a leaf cut to 4 KiB, or why there is none. */
struct vtdm_leaf {
	uint64_t pa;
	unsigned prot;   /* PIOMMU_READ | PIOMMU_WRITE; 0: not present */
	unsigned reason; /* a fault whatever the access; 0: prot decides */
	bool cached;     /* came out of a paging-structure cache */
};
enum vtdm_view {
	VTDM_HARDWARE, /* what the walker sees, with its effects: caches filled, errors counted */
	VTDM_TRUTH,    /* what memory says, no effect at all */
};
/*
 * The entry of a source, read and checked; `*cached` is set where it was read from the table of a root entry that was remembered.
 * @return 0 or a fault reason; ctx is filled as far as it was read, else zero
 */
unsigned vtdm_context_walk(struct vtd_model *m, enum vtdm_view view, uint16_t sid, struct vtdm_context *ctx, bool *cached);
struct vtdm_leaf vtdm_table_walk(struct vtd_model *m, enum vtdm_view view, const struct vtdm_context *ctx, uint64_t iova);
/* Every leaf of the table that memory holds, in order, and every entry that is in error (prot 0). False: `fn` or a limit ended it. */
typedef bool (*vtdm_leaf_fn)(void *arg, uint64_t iova, uint64_t len, const struct vtdm_leaf *leaf);
bool vtdm_table_each(struct vtd_model *m, const struct vtdm_context *ctx, vtdm_leaf_fn fn, void *arg);
/* The last address that a request may have under this entry. */
uint64_t vtdm_width_last(const struct vtd_model *m, const struct vtdm_context *ctx);

/* vtd_model_queue.c */
/* Executes one descriptor. False: there is none to execute. */
bool vtdm_queue_step(void *model);

#endif
