/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request through the SMMUv3 model: entries, translation, event, memory. SMMUv3 specification 3.3, 6.3.14 (GBPA), 3.21 (CMD_SYNC
 * waits for requests under way, too). The lock is held.
 */
#include <errno.h>

#include "smmuv3_model_priv.h"

/* From memory alone: where the request would go if nothing were cached. False: it would be blocked. */
static bool truth(struct smmuv3_model *m, uint32_t sid, uint64_t iova, bool is_write, uint64_t *pa)
{
	struct s3m_walker w = { .m = m, .view = S3M_TRUTH, .sid = sid, .is_write = is_write };

	return s3m_stream_get(&w) && s3m_translate(&w, iova, pa);
}

/* @return false: blocked, and recorded where it is to be */
static bool remap(struct smmuv3_model *m, uint32_t sid, uint64_t iova, bool is_write, uint64_t *pa)
{
	struct s3m_walker w = { .m = m, .view = S3M_HARDWARE, .sid = sid, .is_write = is_write };
	uint64_t now = 0;

	if (!s3m_stream_get(&w) || !s3m_translate(&w, iova, pa)) {
		if (w.fault.event && !w.fault.silent)
			s3m_event(m, sid, iova, is_write, &w.fault);
		return false;
	}
	if (w.cached && !(truth(m, sid, iova, is_write, &now) && now == *pa))
		m->model.counts.stale_hits++;
	return true;
}

int s3m_dma(struct sim_model *model, uint32_t sid, uint64_t iova, void *buf, size_t len, bool is_write)
{
	struct smmuv3_model *m = s3m_of(model);
	uint64_t pa = iova;

	if (s3m_get32(m, R_CR0ACK) & CR0_SMMUEN) {
		if (!remap(m, sid, iova, is_write, &pa))
			return -EFAULT;
	} else if (m->gbpa & GBPA_ABORT || iova >> m->cfg.oas) {
		return -EFAULT;
	}
	return sim_mem_dma(m->mem, pa, buf, len, is_write) ? 0 : -EIO;
}
