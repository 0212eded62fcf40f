/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SMMUv2 model's state as text, for comparing: what software wrote and what the unit would do with each stream. Left out is what
 * two states may differ in that do the same: where tables are, which stream mapping group a stream has, leaf sizes, banks that
 * no stream uses, the last invalidation. The lock is held, nothing is changed.
 */
#include <inttypes.h>

#include "sim_summary.h"
#include "smmuv2_model_priv.h"

/* ---- Registers ---- */

static void dump_faults(const struct smmuv2_model *m, FILE *out)
{
	const uint32_t *g = m->gr0;

	fprintf(out, "  sGFSR 0x%" PRIx32 "\n", g[G_GFSR / 4]);
	if (g[G_GFSR / 4])
		fprintf(out, "  fault of stream 0x%" PRIx32 " %s 0x%" PRIx64 "\n", g[G_GFSYNR1 / 4],
			g[G_GFSYNR0 / 4] & GFSYNR0_WNR ? "write" : "read", smmuv2m_wide(g, G_GFAR));
	for (unsigned i = 0; i < m->cfg.ncb; i++) {
		const uint32_t *words = m->bank[i].words;

		if (words[B_FSR / 4])
			fprintf(out, "  bank %u FSR 0x%" PRIx32 " of stream 0x%" PRIx32 " %s 0x%" PRIx64 "\n", i,
				words[B_FSR / 4], m->gr1[A_CBFRSYNRA / 4 + i],
				words[B_FSYNR0 / 4] & FSYNR0_WNR ? "write" : "read", smmuv2m_wide(words, B_FAR));
	}
}

/* ---- Page tables ---- */

struct ranges {
	struct sim_summary sum;
	uint32_t which; /* of TTBR0 and TTBR1 */
};

static bool add_leaf(void *arg, uint64_t iova, uint64_t len, const struct lpae_walk *walk)
{
	struct ranges *ranges = arg;

	sim_summary_add(&ranges->sum, iova, len, walk->fault ? 0 : walk->pa,
			ranges->which << 16 | (uint32_t)walk->fault << 8 | walk->user | walk->priv << 4);
	return true;
}

static void describe_tables(struct smmuv2_model *m, const struct smmuv2m_regime *r, char *text, size_t room)
{
	const struct lpae_reader reader = smmuv2m_truth_reader(m);
	struct ranges ranges = { 0 };
	bool whole = true;

	sim_summary_init(&ranges.sum);
	for (ranges.which = 0; ranges.which < 2; ranges.which++)
		if (r->has[ranges.which])
			whole &= lpae_each(&r->table[ranges.which], &reader, add_leaf, &ranges);
	sim_summary_end(&ranges.sum);
	snprintf(text, room, " ranges=%" PRIu64 " bytes=0x%" PRIx64 " hash=%016" PRIx64 "%s", ranges.sum.nranges,
		 ranges.sum.len, ranges.sum.hash, whole ? "" : " (not all)");
}

/* ---- Streams ---- */

struct fates {
	char bank[128][SIM_TEXT_LEN]; /* "" until a stream is seen that goes through it */
};

static void describe_bank(struct smmuv2_model *m, unsigned bank, char *text)
{
	struct smmuv2m_regime r;
	int len;

	smmuv2m_bank_regime(m, bank, &r);
	if (r.wrong) {
		snprintf(text, SIM_TEXT_LEN, "in error, bank %u: %s", bank, r.wrong);
		return;
	}
	len = snprintf(text, SIM_TEXT_LEN, "paging stage=%u bank=%u vmid=%u", r.stage, bank, r.tag.vmid);
	if (r.stage == 1)
		len += snprintf(text + len, SIM_TEXT_LEN - (size_t)len, " asid=%u", r.tag.asid);
	describe_tables(m, &r, text + len, SIM_TEXT_LEN - (size_t)len);
}

static const char *fault_text(uint32_t gfsr)
{
	switch (gfsr) {
	case GFSR_USF:
		return "blocked, no group";
	case GFSR_SMCF:
		return "blocked, several groups";
	case GFSR_ICF:
		return "blocked";
	default:
		return "blocked, no such bank";
	}
}

static const char *fate(struct smmuv2_model *m, struct fates *fates, uint32_t sid)
{
	struct smmuv2m_route route;

	smmuv2m_route(m, sid, &route);
	if (route.gfsr)
		return fault_text(route.gfsr);
	if (route.bypass)
		return "bypass";
	if (!fates->bank[route.bank][0])
		describe_bank(m, route.bank, fates->bank[route.bank]);
	return fates->bank[route.bank];
}

static void put_run(FILE *out, uint32_t first, uint32_t last, const char *text)
{
	fprintf(out, "  0x%04" PRIx32, first);
	if (last > first)
		fprintf(out, "-0x%04" PRIx32, last);
	fprintf(out, " %s\n", text);
}

static void dump_streams(struct smmuv2_model *m, FILE *out)
{
	bool wide = smmuv2m_cr0(m) & CR0_EXIDENABLE;
	uint32_t n = 1u << (m->cfg.sid_bits < 15 || wide ? m->cfg.sid_bits : 15);
	struct sim_runs runs = { .out = out, .put = put_run };
	struct fates fates = { 0 };

	for (uint32_t sid = 0; sid < n; sid++)
		sim_runs_add(&runs, sid, fate(m, &fates, sid));
	sim_runs_end(&runs);
}

void smmuv2m_dump_state(const struct sim_model *model, FILE *out)
{
	const struct smmuv2_model *m = (const struct smmuv2_model *)(const void *)model;

	fprintf(out, "  sCR0 0x%" PRIx32 "\n  sCR2 0x%" PRIx32 "\n  sACR 0x%" PRIx32 "\n", smmuv2m_cr0(m), m->gr0[G_CR2 / 4],
		m->gr0[G_ACR / 4]);
	if (m->ndrops)
		fputs("  an invalidation is not synchronised\n", out);
	if (smmuv2m_sync_active(m))
		fputs("  a synchronisation is not over\n", out);
	dump_faults(m, out);
}

void smmuv2m_dump_streams(struct sim_model *model, FILE *out)
{
	struct smmuv2_model *m = smmuv2m_of(model);

	if (!(smmuv2m_cr0(m) & CR0_CLIENTPD))
		dump_streams(m, out);
}
