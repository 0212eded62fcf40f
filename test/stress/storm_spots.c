/* SPDX-License-Identifier: BSD-3-Clause */
/* The devices of the storm: where they are, what their DMA sees, who has a hand in them. Any thread. */
#include <errno.h>
#include <string.h>

#include "storm.h"

/* Of whom firmware reserves memory: a device tree does so for nodes alone. */
enum {
	SPOT_DISPLAY = 0,
	SPOT_I2C = 11,
};

const struct spot spots[SPOTS] = {
	{ { 0, 0, 0x10 }, NULL, SIM, false, false, false },          { { 0, 0, 0x18 }, NULL, SIM, false, false, false },
	{ { 0, 0, 0x20 }, NULL, SIM, false, false, false },          { { 0, 0, 0x28 }, NULL, SIM, false, false, false },
	{ { 0, 0, 0x29 }, NULL, SIM, false, false, false },          { { 0, 1, 0x00 }, NULL, SIM, false, false, false },
	{ { 0, 1, 0x01 }, NULL, SIM, false, false, false },          { { 0, 2, 0x00 }, NULL, SIM, false, false, false },
	{ { 0, 2, 0x01 }, NULL, SIM, false, false, false },          { { 0, 4, 0x08 }, NULL, SIM, true, false, false },
	{ { 0, 4, 0x10 }, NULL, SIM, true, false, false },           { { 0, 0, 0xa8 }, "\\_SB.I2C0", SIM, false, false, false },
	{ { 0, 0, 0xa9 }, "\\_SB.UART0", SIM, false, false, false }, { { 0, 0, 0x30 }, NULL, BARE, false, false, true },
	{ { 0, 0, 0x38 }, NULL, BARE, false, true, false },          { { 0, 7, 0x00 }, NULL, BARE, false, false, true },
	{ { 0, 8, 0x00 }, NULL, BARE, false, true, false },
};

const char *spot_node(const struct world *w, const struct spot *spot)
{
	if (!spot->node || strcmp(w->drivers[SIM]->name, "smmuv2"))
		return spot->node;
	return strcmp(spot->node, "\\_SB.I2C0") ? "/serial@9090000" : "/i2c@9080000";
}

unsigned spot_any(struct actor *a)
{
	return stress_below(&a->rng, SPOTS);
}

unsigned spot_crowded(struct actor *a)
{
	static const unsigned crowded[] = { 3, 13, 15, 15 };

	return stress_below(&a->rng, 2) ? crowded[stress_below(&a->rng, 4)] : spot_any(a);
}

bool spot_is_reserved(const struct world *w, unsigned spot)
{
	return w->reserved && spot == (strcmp(w->drivers[SIM]->name, "smmuv2") ? SPOT_DISPLAY : SPOT_I2C);
}

static int dma(struct world *w, unsigned spot, unsigned pasid, uint64_t iova, uint64_t *word, bool is_write)
{
	const struct spot *s = &spots[spot];

	if (s->family == BARE)
		return bare_dma(w->bare, w->plat, s->sbdf, pasid, iova, word, is_write);
	return piommu_sim_dma(w->plat, s->sbdf, iova, word, sizeof(*word), is_write);
}

int spot_read(struct world *w, unsigned spot, unsigned pasid, uint64_t iova, uint64_t *word)
{
	*word = 0;
	return dma(w, spot, pasid, iova, word, false);
}

void spot_attack(struct world *w, unsigned spot, uint64_t iova)
{
	uint64_t word = ATTACK + spot;

	for (unsigned pasid = 0; pasid < (spots[spot].pasids ? BARE_CONTEXTS : 1u); pasid++)
		dma(w, spot, pasid, iova, &word, true);
}

void must_not_reach(struct actor *a, uint64_t page, uint64_t iova)
{
	struct world *w = a->w;
	uint64_t word;

	for (unsigned i = 0; i < 3; i++)
		spot_attack(w, spot_any(a), iova);
	word = word_get(&a->mem, page);
	a->checks++;
	if (word != CANARY)
		stress_fail(w->verdict, "actor %u: 0x%llx came into a page that was unmapped, by way of 0x%llx", a->index,
			    (unsigned long long)word, (unsigned long long)iova);
}

/* ---- Hands ---------------------------------------------------------------------------------------------------------------------- */

#define ONE_MORE (UINT64_C(1) << 32)

/* seq_cst all of them: a look must not pass what it looks at, in either direction. */
void hand_in(_Atomic uint64_t *hands)
{
	atomic_fetch_add_explicit(hands, ONE_MORE + 1, memory_order_seq_cst);
}

void hand_out(_Atomic uint64_t *hands)
{
	atomic_fetch_add_explicit(hands, ONE_MORE - 1, memory_order_seq_cst);
}

static bool at_it(uint64_t hands, bool mine)
{
	return (uint32_t)hands != (mine ? 1u : 0u);
}

struct calm calm_look(struct world *w, unsigned spot, bool plugging, bool resetting)
{
	return (struct calm){
		.plugs = atomic_load_explicit(&w->hands[spot].plugs, memory_order_seq_cst),
		.resets = atomic_load_explicit(&w->hands[spot].resets, memory_order_seq_cst),
		.all = atomic_load_explicit(&w->hands_on_all, memory_order_seq_cst),
		.family = atomic_load_explicit(&w->hands_on_family[spots[spot].family], memory_order_seq_cst),
		.plugging = plugging,
		.resetting = resetting,
	};
}

bool calm_but_for_resets(struct world *w, unsigned spot, const struct calm *calm)
{
	struct calm now = calm_look(w, spot, false, false);

	return now.plugs == calm->plugs && now.all == calm->all && now.family == calm->family &&
	       !at_it(calm->plugs, calm->plugging) && !at_it(calm->all, false) && !at_it(calm->family, false);
}

bool calm_still(struct world *w, unsigned spot, const struct calm *calm)
{
	return calm->resets == atomic_load_explicit(&w->hands[spot].resets, memory_order_seq_cst) &&
	       !at_it(calm->resets, calm->resetting) && calm_but_for_resets(w, spot, calm);
}

void must_reach_nothing(struct actor *a, unsigned spot, const char *when, const struct calm *calm)
{
	struct world *w = a->w;
	char sbdf[PIOMMU_SBDF_STRLEN];

	for (unsigned pasid = 0; pasid < (spots[spot].pasids ? BARE_CONTEXTS : 1u); pasid++) {
		uint64_t word;

		a->checks++;
		if (spot_read(w, spot, pasid, ANCHOR_IOVA, &word) && spot_read(w, spot, pasid, w->secret.pa, &word))
			continue;
		if (calm_but_for_resets(w, spot, calm))
			stress_fail(w->verdict, "actor %u: %s, %s, reaches 0x%llx (PASID %u)", a->index,
				    piommu_sbdf_format(spots[spot].sbdf, sbdf), when, (unsigned long long)word, pasid);
	}
}

/* ---- Results ---------------------------------------------------------------------------------------------------------------------- */

int result(struct actor *a, const char *what, int err, const int *allowed)
{
	int is = err;

	for (; is < 0 && *allowed; allowed++)
		if (*allowed == is)
			is = 0;
	if (is < 0)
		stress_fail(a->w->verdict, "actor %u: %s: %d", a->index, what, err);
	return err;
}
