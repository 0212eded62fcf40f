/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the SMMUv3 model share: its state, and the layouts of the SMMUv3 specification (IHI 0070; chapter 4 commands,
 * 5 structures, 6 registers, 7 events) in words of its own: the driver's are not used, so that one's mistake does not hide the
 * other's.
 */
#ifndef SMMUV3_MODEL_PRIV_H
#define SMMUV3_MODEL_PRIV_H

#include "lpae_walk.h"
#include "sim_reg.h"
#include "sim_worker.h"
#include "smmuv3_model.h"

/* ---- Registers (chapter 6). Two pages of 64 KiB, of which the first 4 KiB have registers ---- */
enum {
	R_IDR0 = 0x00,
	R_IDR1 = 0x04,
	R_IDR3 = 0x0c,
	R_IDR5 = 0x14,
	R_AIDR = 0x1c,
	R_CR0 = 0x20,
	R_CR0ACK = 0x24,
	R_CR1 = 0x28,
	R_CR2 = 0x2c,
	R_GBPA = 0x44,
	R_IRQ_CTRL = 0x50,
	R_IRQ_CTRLACK = 0x54,
	R_GERROR = 0x60,
	R_GERRORN = 0x64,
	R_GERROR_IRQ_CFG0 = 0x68,
	R_STRTAB_BASE = 0x80,
	R_STRTAB_BASE_CFG = 0x88,
	R_CMDQ_BASE = 0x90,
	R_CMDQ_PROD = 0x98,
	R_CMDQ_CONS = 0x9c,
	R_EVENTQ_BASE = 0xa0,
	R_EVENTQ_IRQ_CFG0 = 0xb0,
	R_PAGE1 = 0x10000,
	R_EVENTQ_PROD = 0x100a8,
	R_EVENTQ_CONS = 0x100ac,
	R_PAGE_SPACE = 0x1000, /* of each page */
	R_WINDOW = 0x20000,
};

#define IDR0_S2P BIT32(0)
#define IDR0_S1P BIT32(1)
#define IDR0_TTF_AARCH64 BIT32(3)
#define IDR0_COHACC BIT32(4)
#define IDR0_HYP BIT32(9)
#define IDR0_ASID16 BIT32(12)
#define IDR0_MSI BIT32(13)
#define IDR0_VMID16 BIT32(18)
#define IDR0_TTENDIAN_LITTLE BIT32(22)
#define IDR0_STALL_NONE BIT32(24)
#define IDR0_TERM_MODEL BIT32(26)
#define IDR0_TWO_LEVEL BIT32(27)
#define IDR1_SIDSIZE GENMASK32(5, 0)
#define IDR1_EVENTQS GENMASK32(20, 16)
#define IDR1_CMDQS GENMASK32(25, 21)
#define IDR3_HAD BIT32(2)
#define IDR3_RIL BIT32(10)
#define IDR5_OAS GENMASK32(2, 0)
#define IDR5_GRAN4K BIT32(4)
#define IDR5_GRAN16K BIT32(5)
#define IDR5_GRAN64K BIT32(6)
#define IDR5_VAX BIT32(10)

#define CR0_SMMUEN BIT32(0)
#define CR0_EVENTQEN BIT32(2)
#define CR0_CMDQEN BIT32(3)
#define CR1_QUEUE GENMASK32(5, 0)
#define CR1_TABLE GENMASK32(11, 6)
#define CR2_RECINVSID BIT32(1)
#define GBPA_ABORT BIT32(20)
#define GBPA_UPDATE BIT32(31)
#define IRQ_GERROR BIT32(0)
#define IRQ_EVENTQ BIT32(2)
#define GERROR_CMDQ BIT32(0)
#define GERROR_EVENTQ_ABT BIT32(2)
#define GERROR_MSI_CMDQ_ABT BIT32(4)
#define BASE_ADDR GENMASK64(51, 5)
#define BASE_LOG2SIZE GENMASK64(4, 0)
#define BASE_HINT BIT64(62) /* RA, WA */
#define STRTAB_ADDR GENMASK64(51, 6)
#define STRTAB_LOG2SIZE GENMASK32(5, 0)
#define STRTAB_SPLIT GENMASK32(10, 6)
#define STRTAB_FMT GENMASK32(17, 16)
#define QUEUE_INDEX GENMASK32(19, 0) /* with the wrap bit above the index */
#define CONS_ERR GENMASK32(30, 24)
#define EVENTQ_OVERFLOW BIT32(31)

/* ---- Structures (chapter 5): word number in the comment ---- */
#define ENTRY_WORDS 8u
#define L1STD_SPAN GENMASK64(4, 0)
#define L1STD_L2PTR GENMASK64(51, 6)
#define STE_V BIT64(0) /* 0 */
#define STE_CONFIG GENMASK64(3, 1)
#define CONFIG_NOT_ABORT 4u
#define CONFIG_S2 2u
#define CONFIG_S1 1u
#define STE_S1CONTEXTPTR GENMASK64(51, 6)
#define STE_S1CDMAX GENMASK64(63, 59)
#define STE_S1CIR GENMASK64(3, 2) /* 1 */
#define STE_S1COR GENMASK64(5, 4)
#define STE_S1CSH GENMASK64(7, 6)
#define STE_STRW GENMASK64(31, 30)
#define STE_PRIVCFG GENMASK64(49, 48)
#define STE_S2VMID GENMASK64(15, 0) /* 2 */
#define STE_S2T0SZ GENMASK64(37, 32)
#define STE_S2SL0 GENMASK64(39, 38)
#define STE_S2IR0 GENMASK64(41, 40)
#define STE_S2OR0 GENMASK64(43, 42)
#define STE_S2SH0 GENMASK64(45, 44)
#define STE_S2TG GENMASK64(47, 46)
#define STE_S2PS GENMASK64(50, 48)
#define STE_S2AA64 BIT64(51)
#define STE_S2ENDI BIT64(52)
#define STE_S2AFFD BIT64(53)
#define STE_S2S BIT64(57)
#define STE_S2R BIT64(58)
#define STE_S2TTB GENMASK64(51, 4) /* 3 */
#define CD_T0SZ GENMASK64(5, 0)    /* 0 */
#define CD_TG0 GENMASK64(7, 6)
#define CD_IR0 GENMASK64(9, 8)
#define CD_OR0 GENMASK64(11, 10)
#define CD_SH0 GENMASK64(13, 12)
#define CD_EPD0 BIT64(14)
#define CD_ENDI BIT64(15)
#define CD_EPD1 BIT64(30)
#define CD_V BIT64(31)
#define CD_IPS GENMASK64(34, 32)
#define CD_AFFD BIT64(35)
#define CD_TBI0 BIT64(38)
#define CD_AA64 BIT64(41)
#define CD_HD BIT64(42)
#define CD_HA BIT64(43)
#define CD_S BIT64(44)
#define CD_R BIT64(45)
#define CD_A BIT64(46)
#define CD_ASID GENMASK64(63, 48)
#define CD_HAD0 BIT64(1) /* 1 */
#define CD_TTB0 GENMASK64(51, 4)

/* ---- Events (section 7.3) ---- */
enum {
	C_BAD_STREAMID = 0x02,
	F_STE_FETCH = 0x03,
	C_BAD_STE = 0x04,
	F_CD_FETCH = 0x09,
	C_BAD_CD = 0x0a,
	F_WALK_EABT = 0x0b,
	F_TRANSLATION = 0x10,
	F_ADDR_SIZE = 0x11,
	F_ACCESS = 0x12,
	F_PERMISSION = 0x13,
	F_TLB_CONFLICT = 0x20,
};
enum {
	CLASS_CD = 0,
	CLASS_TT = 1,
	CLASS_IN = 2
};

/* What the unit holds of one stream. */
struct s3m_copy {
	uint64_t words[ENTRY_WORDS]; /* what it cached */
	bool cached;
	/* Memory as it was when the unit was last told to look anew, or looked for the first time: smmuv3_model_torn.c */
	uint64_t mark[ENTRY_WORDS];
	bool marked;
};
struct s3m_known {
	struct s3m_copy ste, cd;
	uint64_t ste_pa, cd_pa; /* of ste.mark, cd.mark */
};

#define ALL_CONFIG 1u
#define ALL_TLB 2u

struct smmuv3_model {
	struct sim_model model; /* first */
	struct smmuv3_model_config cfg;
	struct sim_mem *mem;

	/* Guarded by the lock of the face, from here on. */

	uint32_t words[2 * R_PAGE_SPACE / 4];
	uint8_t reg_of[2 * R_PAGE_SPACE / 4]; /* 1 + index into the table of registers; 0: reserved. Constant after create. */
	uint32_t gbpa;                        /* what counts: as of the last update that was acknowledged */
	bool cr0_pending, irq_pending, gbpa_pending;
	uint64_t acks_left; /* reads of a status until what is pending is acknowledged */

	bool fail_sync; /* the next CMD_SYNC fails */
	/* What was invalidated as a whole since power-on: ALL_CONFIG, ALL_TLB; and is so for sure, since a CMD_SYNC. */
	unsigned asked, invalidated;

	/* Caches. Keys: smmuv3_model_cache.c. */
	struct sim_cache l1, streams; /* streams: stream id -> struct s3m_known, kept for good */
	struct sim_cache tags, iotlb, tables;
	uint64_t ntags;
	uint32_t fetches; /* of entries: odd ones are read from the end */

	struct sim_worker worker;
};

static inline struct smmuv3_model *s3m_of(struct sim_model *model)
{
	return (struct smmuv3_model *)(void *)model;
}

static inline unsigned s3m_slot(unsigned off)
{
	return (off >= R_PAGE1 ? off - R_PAGE1 + R_PAGE_SPACE : off) / 4;
}

/* Registers: a whole register at its offset, whatever its width. */
static inline uint32_t s3m_get32(const struct smmuv3_model *m, unsigned off)
{
	return m->words[s3m_slot(off)];
}

static inline uint64_t s3m_get64(const struct smmuv3_model *m, unsigned off)
{
	return sim_wide(&m->words[s3m_slot(off)]);
}

static inline void s3m_put32(struct smmuv3_model *m, unsigned off, uint32_t value)
{
	m->words[s3m_slot(off)] = value;
}

static inline void s3m_put64(struct smmuv3_model *m, unsigned off, uint64_t value)
{
	sim_put_wide(&m->words[s3m_slot(off)], value);
}

/* All functions below: the caller holds m->model.lock. */

/* The parts of the face that are long (sim_model.h). */
uint64_t s3m_read(struct sim_model *model, unsigned off, unsigned width);
void s3m_write(struct sim_model *model, unsigned off, unsigned width, uint64_t value);
int s3m_dma(struct sim_model *model, uint32_t sid, uint64_t iova, void *buf, size_t len, bool is_write);
void s3m_dump_state(const struct sim_model *model, FILE *out);
void s3m_dump_streams(struct sim_model *model, FILE *out);

/* smmuv3_model_regs.c */
void s3m_regs_init(struct smmuv3_model *m);

/* smmuv3_model_ctrl.c: registers with a handshake, global errors */
void s3m_cr0_write(struct smmuv3_model *m, uint32_t value);
void s3m_irq_write(struct smmuv3_model *m, uint32_t value);
void s3m_gbpa_write(struct smmuv3_model *m, uint32_t value);
void s3m_gerrorn_write(struct smmuv3_model *m, uint32_t value);
/* A status register is about to be read: acknowledges what is due. */
void s3m_handshake(struct smmuv3_model *m);
/* Whether the function is on, or on its way there or back. */
bool s3m_in_use(const struct smmuv3_model *m, uint32_t cr0_bits);
void s3m_gerror(struct smmuv3_model *m, uint32_t bit);
bool s3m_gerror_active(const struct smmuv3_model *m, uint32_t bit);

/* smmuv3_model_event.c */
struct s3m_fault {
	unsigned event; /* 0: none */
	bool silent;    /* not to be recorded (CD.R, STE.S2R) */
	bool s2;        /* of stage 2; `ipa` is what it was to translate */
	unsigned class;
	uint64_t ipa;
	uint64_t fetch; /* F_*_FETCH, F_WALK_EABT: what could not be read */
};
void s3m_event(struct smmuv3_model *m, uint32_t sid, uint64_t iova, bool is_write, const struct s3m_fault *fault);
/* Entries of a queue, as its BASE says; at most what IDR1 allows. */
unsigned s3m_queue_lg2(uint64_t base, unsigned most);

/* smmuv3_model_entry.c: words to meaning, pure */
struct s3m_stream {
	bool blocked; /* Config says abort: no event */
	bool s1, s2;  /* neither: bypass */
	uint16_t vmid, asid;
	bool priv;
	bool epd0, tbi0;
	bool silent1, silent2;
	uint64_t cd_pa; /* where the CD is, an IPA under stage 2 */
	struct lpae_config t1, t2;
};
/* What is wrong with an entry. */
struct s3m_verdict {
	unsigned event;    /* C_BAD_STE, C_BAD_CD; 0: valid */
	const char *why;   /* of an entry that is illegal; NULL where V is 0 */
	uint64_t reserved; /* RES0 bits that are set, */
	unsigned word;     /* in this word */
	bool uncached;     /* its tables are told to be read past the caches, by a unit that snoops */
};
struct s3m_verdict s3m_ste_decode(const struct smmuv3_model *m, const uint64_t ste[ENTRY_WORDS], struct s3m_stream *out);
/* Into a stream that the STE began. */
struct s3m_verdict s3m_cd_decode(const struct smmuv3_model *m, const uint64_t cd[ENTRY_WORDS], struct s3m_stream *out);
/* Bits that the hardware looks at, of an entry like this. */
void s3m_ste_used(const uint64_t ste[ENTRY_WORDS], uint64_t used[ENTRY_WORDS]);
void s3m_cd_used(const uint64_t cd[ENTRY_WORDS], uint64_t used[ENTRY_WORDS]);

/* smmuv3_model_stream.c */
enum s3m_view {
	S3M_HARDWARE, /* what the unit sees, with its effects: caches filled, errors counted */
	S3M_TRUTH,    /* what memory says, no effect at all */
};
/* One translation under way. */
struct s3m_walker {
	struct smmuv3_model *m;
	enum s3m_view view;
	uint32_t sid;
	bool is_write;
	struct s3m_stream stream;
	bool cached; /* something of it came out of a cache */
	struct s3m_fault fault;
};
/* Ignores software's bits of a translation table entry, where `is_table`. */
bool s3m_load(struct smmuv3_model *m, enum s3m_view view, uint64_t pa, bool is_table, uint64_t *word);
/* The STE, and the CD where it has one. False: w->fault says why, or w->stream.blocked. */
bool s3m_stream_get(struct s3m_walker *w);
/* Where the STE of a stream is. 0, C_BAD_STREAMID, F_STE_FETCH (with *pa of what could not be read) */
unsigned s3m_ste_find(struct smmuv3_model *m, enum s3m_view view, uint32_t sid, uint64_t *pa, bool *cached);
/* Of the table that STRTAB_BASE names, by its size. */
uint64_t s3m_strtab_align(const struct smmuv3_model *m);
bool s3m_entry_load(struct smmuv3_model *m, enum s3m_view view, uint64_t pa, uint64_t words[ENTRY_WORDS]);

/* smmuv3_model_translate.c */
/* Both stages, as the stream has them. False: w->fault says why. */
bool s3m_translate(struct s3m_walker *w, uint64_t iova, uint64_t *pa);
/* Stage 2 alone, for what the unit reads itself; `class` is for the fault. */
bool s3m_stage2(struct s3m_walker *w, uint64_t ipa, unsigned class, bool is_write, uint64_t *pa);

/* smmuv3_model_cache.c */
enum s3m_kind {
	S3M_S1,        /* of one ASID (and VMID) */
	S3M_S1_GLOBAL, /* of all ASIDs of a VMID */
	S3M_S2,        /* of a VMID */
};
struct s3m_tag {
	enum s3m_kind kind;
	uint16_t vmid, asid;
};
struct s3m_leaf {
	uint64_t pa; /* of the leaf's first byte */
	unsigned lg2, level;
	unsigned user, priv;
};
/* @return how many entries there are for the address; `leaf` is one of them */
unsigned s3m_leaf_find(struct smmuv3_model *m, struct s3m_tag tag, uint64_t iova, struct s3m_leaf *leaf);
void s3m_leaf_put(struct smmuv3_model *m, struct s3m_tag tag, uint64_t iova, const struct s3m_leaf *leaf);
/* The deepest table that is remembered on the way to `iova`. */
bool s3m_table_find(struct smmuv3_model *m, struct s3m_tag tag, const struct lpae_config *c, uint64_t iova,
		    struct lpae_table *table);
void s3m_table_put(struct smmuv3_model *m, struct s3m_tag tag, const struct lpae_config *c, uint64_t iova,
		   const struct lpae_table *table);
/* What one TLBI names. */
struct s3m_span {
	uint64_t first, last;
	unsigned granule_lg2; /* 0: all */
	unsigned level;       /* 0: all */
	bool leaf_only;
};
void s3m_tlbi_all(struct smmuv3_model *m);
void s3m_tlbi_vmid(struct smmuv3_model *m, uint16_t vmid, bool s2_too);
void s3m_tlbi_asid(struct smmuv3_model *m, uint16_t vmid, uint16_t asid);
void s3m_tlbi_va(struct smmuv3_model *m, uint16_t vmid, uint16_t asid, const struct s3m_span *span);
void s3m_tlbi_vaa(struct smmuv3_model *m, uint16_t vmid, const struct s3m_span *span);
void s3m_tlbi_ipa(struct smmuv3_model *m, uint16_t vmid, const struct s3m_span *span);
void s3m_caches_fini(struct smmuv3_model *m);

/* smmuv3_model_config.c: the caches of STEs and CDs, and what is torn */
/* What is held of a stream; made where it is not known yet and `make`. NULL: not known, or no memory. */
struct s3m_known *s3m_known(struct smmuv3_model *m, uint32_t sid, bool make);
void s3m_cfgi_ste(struct smmuv3_model *m, uint32_t first, uint32_t last, bool leaf_only);
void s3m_cfgi_cd(struct smmuv3_model *m, uint32_t sid);

/* smmuv3_model_queue.c */
/* Executes one command. False: there is none to execute. */
bool s3m_queue_step(void *model);

#endif
