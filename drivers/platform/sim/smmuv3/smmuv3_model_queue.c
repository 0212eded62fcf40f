/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv3 model's command queue: commands fetched from memory and executed in order, at the doorbell or on a thread of its own.
 * SMMUv3 specification, chapter 4 (commands), 7.1 (command queue errors), 3.5 (queues, wrap bits). An illegal command stops the queue
 * with CMDQ_CONS at it and a code there; nothing is fetched until GERRORN says that software saw it. Every reserved bit that is set
 * makes a command illegal here, which hardware may do. Commands are read as tables are: not before their write-back by a unit
 * without COHACC (6.3.1). The lock is held, but for the wait of a CMD_SYNC on a thread.
 */
#include "smmuv3_model_priv.h"

typedef unsigned long long ull;

enum {
	PREFETCH_CONFIG = 0x01,
	PREFETCH_ADDR = 0x02,
	CFGI_STE = 0x03,
	CFGI_STE_RANGE = 0x04,
	CFGI_CD = 0x05,
	CFGI_CD_ALL = 0x06,
	TLBI_NH_ALL = 0x10,
	TLBI_NH_ASID = 0x11,
	TLBI_NH_VA = 0x12,
	TLBI_NH_VAA = 0x13,
	TLBI_EL2_ALL = 0x20,
	TLBI_EL2_ASID = 0x21,
	TLBI_EL2_VA = 0x22,
	TLBI_EL2_VAA = 0x23,
	TLBI_S12_VMALL = 0x28,
	TLBI_S2_IPA = 0x2a,
	TLBI_NSNH_ALL = 0x30,
	SYNC = 0x46,
};

enum {
	CERROR_ILL = 1,
	CERROR_ABT = 2,
	CERROR_ATC_INV_SYNC = 3
};

/* Word 0, then word 1. */
#define C_OPCODE GENMASK64(7, 0)
#define C_NUM GENMASK64(16, 12)
#define C_SCALE GENMASK64(24, 20)
#define C_SID GENMASK64(63, 32)
#define C_VMID GENMASK64(47, 32)
#define C_ASID GENMASK64(63, 48)
#define C_CS GENMASK64(13, 12)
#define C_MSI_DATA GENMASK64(63, 32)
#define C_SYNC (C_CS | GENMASK64(23, 22) | GENMASK64(27, 24) | C_MSI_DATA)
#define C_LEAF BIT64(0)
#define C_RANGE GENMASK64(4, 0)
#define C_TTL GENMASK64(9, 8)
#define C_TG GENMASK64(11, 10)
#define C_VA GENMASK64(63, 12)
#define C_IPA GENMASK64(51, 12)
#define C_MSI_ADDR GENMASK64(51, 2)
#define CFGI_ALL 31u /* the range that is every stream */
#define CS_IRQ 1u
#define CS_RESERVED 3u

enum need {
	ALWAYS,
	NEED_S1,
	NEED_S2,
	NEED_HYP,
};

/* Bits that a command has, beside the opcode. Without range invalidation the range's are not among them. */
static const struct command_kind {
	uint8_t opcode;
	uint8_t need;
	bool has_range;
	uint64_t lo, hi;
} kinds[] = {
	{ PREFETCH_CONFIG, ALWAYS, false, C_SID, 0 },
	{ PREFETCH_ADDR, ALWAYS, false, C_SID, C_VA | GENMASK64(9, 0) },
	{ CFGI_STE, ALWAYS, false, C_SID, C_LEAF },
	{ CFGI_STE_RANGE, ALWAYS, false, C_SID, C_RANGE },
	{ CFGI_CD, NEED_S1, false, C_SID, C_LEAF },
	{ CFGI_CD_ALL, NEED_S1, false, C_SID, 0 },
	{ TLBI_NH_ALL, NEED_S1, false, C_VMID, 0 },
	{ TLBI_NH_ASID, NEED_S1, false, C_VMID | C_ASID, 0 },
	{ TLBI_NH_VA, NEED_S1, true, C_VMID | C_ASID, C_VA | C_LEAF },
	{ TLBI_NH_VAA, NEED_S1, true, C_VMID, C_VA | C_LEAF },
	{ TLBI_EL2_ALL, NEED_HYP, false, 0, 0 },
	{ TLBI_EL2_ASID, NEED_HYP, false, C_ASID, 0 },
	{ TLBI_EL2_VA, NEED_HYP, true, C_ASID, C_VA | C_LEAF },
	{ TLBI_EL2_VAA, NEED_HYP, true, 0, C_VA | C_LEAF },
	{ TLBI_S12_VMALL, NEED_S2, false, C_VMID, 0 },
	{ TLBI_S2_IPA, NEED_S2, true, C_VMID, C_IPA | C_LEAF },
	{ TLBI_NSNH_ALL, ALWAYS, false, 0, 0 },
	{ SYNC, ALWAYS, false, C_SYNC, C_MSI_ADDR },
};

static uint32_t index_mask(const struct smmuv3_model *m)
{
	return GENMASK32(s3m_queue_lg2(s3m_get64(m, R_CMDQ_BASE), m->cfg.cmdq_lg2), 0);
}

static uint32_t cons(const struct smmuv3_model *m)
{
	return s3m_get32(m, R_CMDQ_CONS) & index_mask(m);
}

static bool can_run(const struct smmuv3_model *m)
{
	uint32_t mask = index_mask(m), used = (s3m_get32(m, R_CMDQ_PROD) - s3m_get32(m, R_CMDQ_CONS)) & mask;

	return !m->model.dead && !m->model.queue_stuck && s3m_get32(m, R_CR0ACK) & CR0_CMDQEN &&
	       !s3m_gerror_active(m, GERROR_CMDQ) && used && used <= (mask >> 1) + 1;
}

static void stop(struct smmuv3_model *m, unsigned code)
{
	s3m_put32(m, R_CMDQ_CONS, cons(m) | field_prep32(CONS_ERR, code));
	s3m_gerror(m, GERROR_CMDQ);
}

static void illegal(struct smmuv3_model *m, const char *why, uint64_t lo, uint64_t hi)
{
	sim_model_complain(&m->model, "command %u {0x%llx, 0x%llx}: %s", cons(m) & (index_mask(m) >> 1), (ull)lo, (ull)hi, why);
	stop(m, CERROR_ILL);
}

/* ---- Which commands are legal ---- */

static const struct command_kind *kind_of(const struct smmuv3_model *m, uint64_t lo)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].opcode != field_get(C_OPCODE, lo))
			continue;
		if ((kinds[i].need == NEED_S1 && !m->cfg.s1) || (kinds[i].need == NEED_S2 && !m->cfg.s2) ||
		    (kinds[i].need == NEED_HYP && !m->cfg.hyp))
			return NULL;
		return &kinds[i];
	}
	return NULL;
}

/* Of a TLBI: tags are as wide as IDR0 says, and without stage 2 there is no VMID (4.4). */
static uint64_t absent_tag_bits(const struct smmuv3_model *m)
{
	uint64_t vmid = !m->cfg.s2 ? C_VMID : m->cfg.vmid16 ? 0 : GENMASK64(47, 40);

	return vmid | (m->cfg.asid16 ? 0 : GENMASK64(63, 56));
}

static bool has_reserved(const struct smmuv3_model *m, const struct command_kind *kind, uint64_t lo, uint64_t hi)
{
	bool in_range = kind->has_range && m->cfg.ril && hi & C_TG;
	uint64_t lo_known = C_OPCODE | kind->lo | (in_range ? C_NUM | C_SCALE : 0);
	uint64_t hi_known = kind->hi | (in_range ? C_TG | C_TTL : 0);

	if (kind->opcode >= TLBI_NH_ALL && kind->opcode != SYNC)
		lo_known &= ~absent_tag_bits(m);
	return lo & ~lo_known || hi & ~hi_known;
}

/* A range of one page without a level is no encoding (4.4.1.1). */
static const char *complaint_of(const struct command_kind *kind, uint64_t lo, uint64_t hi)
{
	if (kind->has_range && hi & C_TG && !(lo & (C_NUM | C_SCALE)) && !(hi & C_TTL))
		return "NUM, SCALE and TTL are all 0 in a range";
	if (kind->opcode == SYNC && field_get(C_CS, lo) == CS_RESERVED)
		return "a reserved completion signal";
	return NULL;
}

/* ---- What they do ---- */

static struct s3m_span span_of(uint64_t lo, uint64_t hi, uint64_t address)
{
	static const unsigned granules[] = { 0, 12, 14, 16 };
	struct s3m_span span = { .granule_lg2 = granules[field_get(C_TG, hi)], .leaf_only = hi & C_LEAF };

	if (!span.granule_lg2) {
		span.first = span.last = address;
		return span;
	}
	span.level = (unsigned)field_get(C_TTL, hi);
	span.first = align_down(address, UINT64_C(1) << span.granule_lg2);
	span.last = span.first + ((field_get(C_NUM, lo) + 1) << (field_get(C_SCALE, lo) + span.granule_lg2)) - 1;
	if (span.last < span.first)
		span.last = UINT64_MAX;
	return span;
}

static void prefetch(struct smmuv3_model *m, uint32_t sid)
{
	struct s3m_walker w = { .m = m, .view = S3M_HARDWARE, .sid = sid };

	if (s3m_get32(m, R_CR0ACK) & CR0_SMMUEN)
		s3m_stream_get(&w); /* what is wrong is said when a request comes (4.2.1) */
}

static void cfgi_range(struct smmuv3_model *m, uint32_t sid, unsigned range)
{
	uint64_t n = UINT64_C(1) << (range + 1), first = align_down(sid, n);

	s3m_cfgi_ste(m, (uint32_t)first, (uint32_t)(first + n - 1), false);
}

/* Streams are not EL2's here: nothing is cached for TLBI_EL2_*. */
static void execute(struct smmuv3_model *m, unsigned opcode, uint64_t lo, uint64_t hi)
{
	uint16_t vmid = m->cfg.s2 ? (uint16_t)field_get(C_VMID, lo) : 0, asid = (uint16_t)field_get(C_ASID, lo);
	uint32_t sid = (uint32_t)field_get(C_SID, lo);
	struct s3m_span span = span_of(lo, hi, hi & (opcode == TLBI_S2_IPA ? C_IPA : C_VA));

	switch (opcode) {
	case PREFETCH_CONFIG:
		prefetch(m, sid);
		break;
	case CFGI_STE:
		s3m_cfgi_ste(m, sid, sid, hi & C_LEAF);
		break;
	case CFGI_STE_RANGE:
		cfgi_range(m, sid, (unsigned)field_get(C_RANGE, hi));
		m->asked |= field_get(C_RANGE, hi) == CFGI_ALL ? ALL_CONFIG : 0;
		break;
	case CFGI_CD:
	case CFGI_CD_ALL:
		s3m_cfgi_cd(m, sid);
		break;
	case TLBI_NH_ALL:
		s3m_tlbi_vmid(m, vmid, false);
		break;
	case TLBI_NH_ASID:
		s3m_tlbi_asid(m, vmid, asid);
		break;
	case TLBI_NH_VA:
		s3m_tlbi_va(m, vmid, asid, &span);
		break;
	case TLBI_NH_VAA:
		s3m_tlbi_vaa(m, vmid, &span);
		break;
	case TLBI_S12_VMALL:
		s3m_tlbi_vmid(m, vmid, true);
		break;
	case TLBI_S2_IPA:
		s3m_tlbi_ipa(m, vmid, &span);
		break;
	case TLBI_NSNH_ALL:
		s3m_tlbi_all(m);
		m->asked |= ALL_TLB;
		break;
	default:
		break;
	}
}

/* @return false: it failed, the queue stops at it */
static bool sync(struct smmuv3_model *m, uint64_t lo, uint64_t hi)
{
	m->model.counts.waits++;
	if (m->model.latency_ns)
		sim_worker_sleep(&m->worker, m->model.latency_ns);
	if (m->fail_sync) {
		m->fail_sync = false;
		stop(m, CERROR_ATC_INV_SYNC);
		return false;
	}
	m->invalidated |= m->asked;
	if (field_get(C_CS, lo) != CS_IRQ || !m->cfg.msi || !(hi & C_MSI_ADDR))
		return true; /* nobody listens to interrupts and events here */
	if (!sim_mem_store32(m->mem, hi & C_MSI_ADDR, (uint32_t)field_get(C_MSI_DATA, lo))) {
		sim_model_complain(&m->model, "CMD_SYNC: no memory at its MSI address 0x%llx", (ull)(hi & C_MSI_ADDR));
		s3m_gerror(m, GERROR_MSI_CMDQ_ABT);
	}
	return true;
}

static void advance(struct smmuv3_model *m)
{
	uint32_t at = s3m_get32(m, R_CMDQ_CONS);

	if (!(s3m_get32(m, R_CR0ACK) & CR0_CMDQEN))
		return; /* switched off while a CMD_SYNC took its time */
	s3m_put32(m, R_CMDQ_CONS, (at & CONS_ERR) | ((at + 1) & index_mask(m)));
}

static void run(struct smmuv3_model *m, const struct command_kind *kind, uint64_t lo, uint64_t hi)
{
	if (m->model.fail_in && !--m->model.fail_in) {
		m->model.counts.injected++;
		m->fail_sync = true;
	}
	if (kind->opcode == SYNC) {
		if (sync(m, lo, hi))
			advance(m);
		return;
	}
	m->model.counts.descriptors++;
	execute(m, kind->opcode, lo, hi);
	advance(m);
}

bool s3m_queue_step(void *model)
{
	struct smmuv3_model *m = model;
	const struct command_kind *kind;
	uint64_t base, at, lo = 0, hi = 0;
	const char *why;

	if (!can_run(m))
		return false;
	base = align_down(s3m_get64(m, R_CMDQ_BASE) & BASE_ADDR, 8 * ((uint64_t)index_mask(m) + 1));
	at = base + 16 * (uint64_t)(cons(m) & (index_mask(m) >> 1));
	if (!s3m_load(m, S3M_HARDWARE, at, false, &lo) || !s3m_load(m, S3M_HARDWARE, at + 8, false, &hi)) {
		sim_model_complain(&m->model, "command queue at 0x%llx: no memory there", (ull)at);
		stop(m, CERROR_ABT);
		return true;
	}
	kind = kind_of(m, lo);
	if (!kind) {
		illegal(m, "not a command of this unit", lo, hi);
		return true;
	}
	if (has_reserved(m, kind, lo, hi)) {
		m->model.counts.reserved_errors++;
		illegal(m, "reserved bits are set", lo, hi);
		return true;
	}
	why = complaint_of(kind, lo, hi);
	if (why)
		illegal(m, why, lo, hi);
	else
		run(m, kind, lo, hi);
	return true;
}
