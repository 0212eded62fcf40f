/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VT-d model's invalidation queue: descriptors fetched from memory and executed in order, at the doorbell or on a thread
 * of its own. VT-d specification 6.5.2 (descriptors, errors), and chapter 11 (IQH, IQT, IQA). Fetches and status writes are
 * coherent on every unit (ECAP.C is about remapping structures). The lock is held, but for a wait on a thread.
 */
#include "vtd_model_priv.h"

#define D_TYPE GENMASK64(3, 0)
#define D_GRAN GENMASK64(5, 4)
#define D_DID GENMASK64(31, 16)
#define D_SID GENMASK64(47, 32)
#define D_FM GENMASK64(49, 48)
#define WAIT_IF BIT64(4)
#define WAIT_SW BIT64(5)
#define WAIT_DATA GENMASK64(63, 32)

enum {
	D_CONTEXT = 1,
	D_IOTLB = 2,
	D_INTERRUPT = 4,
	D_WAIT = 5
};

/*
 * Reserved bits by type (6.5.2), the upper half of the type among them. Types that a unit without device TLBs and PASIDs does
 * not have are absent.
 */
static const struct descriptor_kind {
	uint64_t lo_reserved, hi_reserved;
	bool known;
} kinds[16] = {
	[D_CONTEXT] = { GENMASK64(15, 6) | GENMASK64(63, 50), ~UINT64_C(0), true },
	[D_IOTLB] = { GENMASK64(15, 8) | GENMASK64(63, 32), GENMASK64(11, 7), true },
	[D_INTERRUPT] = { GENMASK64(26, 5) | GENMASK64(63, 48), ~UINT64_C(0), true },
	[D_WAIT] = { GENMASK64(31, 7), GENMASK64(1, 0), true },
};

static uint32_t tail(const struct vtd_model *m)
{
	return (uint32_t)field_get(IQT_QT, vtdm_get64(m, R_IQT));
}

static uint32_t slots(const struct vtd_model *m)
{
	return 256u << field_get(IQA_QS, vtdm_get64(m, R_IQA));
}

static bool can_run(const struct vtd_model *m)
{
	return m->cfg.qi && !m->model.dead && !m->model.queue_stuck && vtdm_get32(m, R_GSTS) & G_QIE &&
	       !(vtdm_get32(m, R_FSTS) & (FSTS_IQE | FSTS_ITE)) && m->head != tail(m);
}

/* The head stays at the offender; nothing is fetched until software clears the flag. */
static void queue_error(struct vtd_model *m, const char *why, uint64_t lo, uint64_t hi)
{
	vtdm_put32(m, R_FSTS, vtdm_get32(m, R_FSTS) | FSTS_IQE);
	sim_model_complain(&m->model, "descriptor %u {0x%llx, 0x%llx}: %s", m->head, (unsigned long long)lo,
			   (unsigned long long)hi, why);
}

/* One that is aborted by a timeout never writes its status, and the head goes past it. */
static void execute_wait(struct vtd_model *m, uint64_t lo, uint64_t hi)
{
	m->model.counts.waits++;
	if (m->model.latency_ns)
		sim_worker_sleep(&m->worker, m->model.latency_ns);
	if (m->abort_wait) {
		m->abort_wait = false;
		vtdm_put32(m, R_FSTS, vtdm_get32(m, R_FSTS) | FSTS_ITE);
		return;
	}
	if (lo & WAIT_SW && !sim_mem_store32(m->mem, hi, (uint32_t)field_get(WAIT_DATA, lo)))
		sim_model_complain(&m->model, "wait descriptor %u: no memory at its status address 0x%llx", m->head,
				   (unsigned long long)hi);
	if (lo & WAIT_IF)
		vtdm_put32(m, R_ICS, vtdm_get32(m, R_ICS) | ICS_IWC);
}

/* An injected failure. What waits for a completion times out at the next wait (ITE); the others complete wrongly (ICE). */
static void inject(struct vtd_model *m, unsigned type)
{
	if (!m->model.fail_in || --m->model.fail_in)
		return;
	m->model.counts.injected++;
	if (type == D_IOTLB || type == D_WAIT)
		m->abort_wait = true;
	else
		vtdm_put32(m, R_FSTS, vtdm_get32(m, R_FSTS) | FSTS_ICE);
}

/* @return false: not a legal descriptor */
static bool execute(struct vtd_model *m, unsigned type, uint64_t lo, uint64_t hi)
{
	unsigned gran = (unsigned)field_get(D_GRAN, lo);
	uint16_t did = (uint16_t)field_get(D_DID, lo);

	m->model.counts.descriptors += type != D_WAIT;
	inject(m, type);
	switch (type) {
	case D_CONTEXT:
		vtdm_context_invalidate(m, gran, did, (uint16_t)field_get(D_SID, lo), (unsigned)field_get(D_FM, lo));
		return gran != 0;
	case D_IOTLB:
		return vtdm_iotlb_invalidate(m, gran, did, hi);
	case D_WAIT:
		execute_wait(m, lo, hi);
		return true;
	default:
		return true; /* no interrupt entry cache */
	}
}

static void advance(struct vtd_model *m)
{
	if (!(vtdm_get32(m, R_GSTS) & G_QIE))
		return; /* switched off while a wait descriptor took its time */
	m->head = (m->head + 1) % slots(m);
	vtdm_put64(m, R_IQH, field_prep(IQT_QT, m->head));
}

static void run_one(struct vtd_model *m)
{
	uint64_t at = (vtdm_get64(m, R_IQA) & IQA_BASE) + m->head * UINT64_C(16), lo = 0, hi = 0;
	unsigned type;

	if (tail(m) >= slots(m)) {
		queue_error(m, "IQT is beyond the queue", 0, 0);
		return;
	}
	if (!sim_mem_load(m->mem, at, &lo) || !sim_mem_load(m->mem, at + 8, &hi)) {
		queue_error(m, "no memory there", 0, 0);
		return;
	}
	type = (unsigned)field_get(D_TYPE, lo);
	if (!kinds[type].known || (type == D_INTERRUPT && !m->cfg.ir)) {
		queue_error(m, "not a type that this unit knows", lo, hi);
		return;
	}
	if (lo & kinds[type].lo_reserved || hi & kinds[type].hi_reserved) {
		m->model.counts.reserved_errors++;
		queue_error(m, "reserved bits are set", lo, hi);
		return;
	}
	if (execute(m, type, lo, hi))
		advance(m);
	else
		queue_error(m, "granularity or address mask not allowed", lo, hi);
}

bool vtdm_queue_step(void *model)
{
	struct vtd_model *m = model;

	if (!can_run(m))
		return false;
	run_one(m);
	return true;
}
