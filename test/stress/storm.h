/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The storm: everything that a manager can do, at once. Two houses, each a manager on a machine of its own, in one process:
 *
 *   mappers    map, unmap, flush in domains that last, and see to it that nothing reaches what they unmapped
 *   landlord   the same in a domain of bare units, which it makes and ends again
 *   owners     claim groups, attach, detach, look where their DMA goes, map through devices, make and end domains, attach PASIDs
 *   touchers   race the first map of devices whose attach is deferred
 *   pluggers   plug, unplug, add, remove, rescan: functions, nodes, a bridge
 *   resetters  begin and end resets, nested
 *   registrars register and unregister drivers and units
 *   attackers  have every device write everywhere
 *   lookers    look at everything, look addresses up, poll
 *
 * In rounds; after each, all is given back, taken apart, put together, and counted (storm_audit.c). While it rages, three things are
 * checked: every result is one that piommu.h names; nothing comes into a page whose unmap returned 0; and where nobody else had a hand
 * in a device meanwhile (see `struct spot`), its DMA goes exactly where the call said.
 */
#ifndef STORM_H
#define STORM_H

#include "piommu.h"
#include "piommu_sim.h"
#include "storm_bare.h"
#include "stress.h"

#define PAGE UINT64_C(4096)
#define HOMES 3u     /* domains that several groups are attached to: two of VT-d, one of bare units */
#define BARE_HOME 2u /* the landlord's */
#define WINDOW 8u    /* pages of addresses that each actor has to itself in every domain */
#define ACTORS_MAX 20u
#define ANCHOR_IOVA (BARE_IOVA + (BARE_PAGES - 1) * PAGE)

/* What memory holds: nothing that a device may write; what devices write; what says whose anchor a page is. */
#define CANARY UINT64_C(0xcafe000000000001)
#define ATTACK UINT64_C(0xa77ac40000000000)
#define SIGNATURE UINT64_C(0x51697e0000000000)

enum family {
	SIM, /* of the simulated machine: the variant says which */
	BARE,
	FAMILIES
};

/*
 * A device of the storm. Who is about to change what it is on counts itself in and out: in bits 31:0 how many are at it, above how often
 * one began or ended. Where two looks see the same, and nobody but the looker at it, nobody else had a hand in between.
 */
struct spot {
	struct piommu_sbdf sbdf;
	const char *node; /* NULL: a PCI function; spot_node() says what it is called */
	enum family family;
	bool aliased; /* its requests carry another's id, too */
	bool touched; /* the touchers': its attach is deferred, it wishes for a paging domain, owners do not attach it */
	bool pasids;
};
#define SPOTS 17u
extern const struct spot spots[SPOTS];

struct world;
/* What firmware of this machine calls a platform node; NULL: it is none. */
const char *spot_node(const struct world *w, const struct spot *spot);

struct hands {
	_Atomic uint64_t plugs, resets;
};

struct home {
	pthread_rwlock_t lock; /* read: it stays */
	struct piommu_domain *domain;
	struct piommu_mem anchor;
	enum family family;
};

struct actor {
	struct world *w;
	struct stress_rng rng;
	unsigned index; /* of all in its house: whose window is whose */
	void (*turn)(struct actor *a);
	bool leads; /* the others go on until those that lead are done */
	struct piommu_mem mem;
	struct piommu_gather *gather;
	/* Pages of `mem`, the first for anchors: which slot of which home they are mapped in. */
	bool mapped[HOMES][WINDOW];
	bool limbo[WINDOW];
	unsigned next_page;                                         /* of a toucher */
	bool registered[1 + FAMILIES], unit_registered[BARE_UNITS]; /* of a registrar */
	struct piommu_unit *unit[BARE_UNITS];
	uint64_t ops, turns, checks;
};

struct world {
	const struct piommu_driver *drivers[FAMILIES];
	const struct storm *storm;
	struct stress_verdict *verdict;
	struct piommu *p;
	struct piommu_platform *plat;
	struct bare *bare;
	bool reserved; /* a device has a reserved range: spot_is_reserved() */
	bool lasting;  /* homes of VT-d stand all the time: its units cannot go */
	struct piommu_mem secret;
	struct home home[HOMES];
	struct hands hands[SPOTS];
	_Atomic uint64_t hands_on_all;              /* a rescan, a bridge */
	_Atomic uint64_t hands_on_family[FAMILIES]; /* drivers and units */
	atomic_uint leading;
	unsigned nactors;
	struct actor actor[ACTORS_MAX];
};

struct storm {
	uint64_t seed;
	unsigned turns, rounds;
	const char *variant;
};

static inline bool storm_goes_on(struct world *w)
{
	return atomic_load_explicit(&w->leading, memory_order_acquire) && !stress_failed(w->verdict);
}

static inline uint64_t window_iova(const struct actor *a, unsigned slot)
{
	return BARE_IOVA + (a->index * WINDOW + slot) * PAGE;
}

static inline uint64_t word_get(const struct piommu_mem *mem, uint64_t page)
{
	return __atomic_load_n((const uint64_t *)(const void *)((const char *)mem->va + page * PAGE), __ATOMIC_ACQUIRE);
}

static inline void word_set(const struct piommu_mem *mem, uint64_t page, uint64_t value)
{
	__atomic_store_n((uint64_t *)(void *)((char *)mem->va + page * PAGE), value, __ATOMIC_RELEASE);
}

/* ---- storm_spots.c: devices, their DMA, and who has a hand in them --------------------------------------------------------- */

unsigned spot_any(struct actor *a);
/* Rather one of a few, so that those who attach and those who reset meet there: a member of a group of two, and those with PASIDs. */
unsigned spot_crowded(struct actor *a);
/* @return 0; -EFAULT, -EIO, -ENOENT */
int spot_read(struct world *w, unsigned spot, unsigned pasid, uint64_t iova, uint64_t *word);
/* It writes there; what comes of it is not this function's business. */
void spot_attack(struct world *w, unsigned spot, uint64_t iova);
/* Some of all devices do, and nothing may come into the page. */
void must_not_reach(struct actor *a, uint64_t page, uint64_t iova);
bool spot_is_reserved(const struct world *w, unsigned spot);

void hand_in(_Atomic uint64_t *hands);
void hand_out(_Atomic uint64_t *hands);
/* What nobody else had a hand in: a look before, and whether all is as it was. `mine`: the looker itself is counted. */
struct calm {
	uint64_t plugs, resets, all, family;
	bool plugging, resetting;
};
struct calm calm_look(struct world *w, unsigned spot, bool plugging, bool resetting);
bool calm_still(struct world *w, unsigned spot, const struct calm *calm);
/* The same but for resets, which the looker does not mind. */
bool calm_but_for_resets(struct world *w, unsigned spot, const struct calm *calm);

/* Fails if the device reaches an anchor, or memory by its address, and nobody had a hand in that but by resets. */
void must_reach_nothing(struct actor *a, unsigned spot, const char *when, const struct calm *calm);

/* Whether `err` is 0 or one of those named, which end with 0; else it is the storm's failure. @return err */
int result(struct actor *a, const char *what, int err, const int *allowed);
#define RESULT(a, call, ...) result((a), #call, (call), (const int[]){ __VA_ARGS__, 0 })

/* ---- The cast --------------------------------------------------------------------------------------------------------------- */

void mapper_turn(struct actor *a);
void landlord_turn(struct actor *a);
void owner_turn(struct actor *a);
void toucher_turn(struct actor *a);
void plugger_turn(struct actor *a);
void resetter_turn(struct actor *a);
void registrar_turn(struct actor *a);
void attacker_turn(struct actor *a);
void looker_turn(struct actor *a);

/* Brings its drivers and units back, for the audit. */
void registrar_restore(struct actor *a);
/* Of a device in a group: no member, or behind no unit; behind one, and not yet where it belongs there; contained. */
enum standing {
	OUTSIDE,
	BOUND,
	PLACED
};
/* Slow path. */
enum standing standing_of(const struct world *w, struct piommu_group *group, unsigned spot);
/* Between rounds, and once at the end. */
void audit(struct world *w, struct actor *a);

#endif
