/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Root and context tables, and how a device's entry moves from one domain to another. Slow path, one thread at a time for
 * a unit. Specification: 3.4 (mapping devices to domains), 6.2 (what is cached), 6.5.3 (guidance on invalidations), 9.1, 9.3.
 *
 * At first all 256 buses share one context table in which every function is on identity, so that devices nobody claimed
 * keep working, hot-plugged ones too. A bus gets a copy of its own when the first device on it is attached.
 *
 * A context entry has two words: where the table is, and how deep it is and under which domain id. Hardware may read it at
 * any moment and has to see the old entry or the new one, nothing between (rule R7, case T26), so both are stored at once,
 * by one 16-byte write. The entry is aligned to its size and never straddles a cache line, and a cache line is what memory
 * gives to a walker and what a write-back moves. The caller invalidates afterwards: until then hardware may use its copy
 * of the old entry.
 */
#include <errno.h>
#include <string.h>

#include "vtd.h"

/* The identity of the shared table, and of released devices. */
static struct vtd_pair identity_entry(const struct vtd *vtd)
{
	if (vtd->unit->caps.passthrough)
		return vtd_context_passthrough(vtd_max_levels(vtd->cap), VTD_DID_IDENTITY);
	return vtd_context_translate(vtd->identity.root_pa, vtd->identity.levels, VTD_DID_IDENTITY);
}

static struct vtd_pair entry_for(const struct vtd *vtd, struct piommu_domain *domain, uint32_t tag)
{
	switch (domain->type) {
	case PIOMMU_DOMAIN_IDENTITY:
		return identity_entry(vtd);
	case PIOMMU_DOMAIN_PAGING: {
		const struct piommu_pt *pt = &vtd_domain_of(domain)->paging.pt;

		return vtd_context_translate(pt->root_pa, pt->levels, (uint16_t)tag);
	}
	case PIOMMU_DOMAIN_BLOCKING:
	default:
		return vtd_context_blocked();
	}
}

/* ---- Tables ------------------------------------------------------------------------------------------------------------------ */

static struct vtd_pair *table_get(struct vtd *vtd)
{
	return piommu_pool_get(vtd->unit->pool);
}

static void table_put(struct vtd *vtd, struct vtd_pair *table)
{
	if (table)
		piommu_pool_put(vtd->unit->pool, table);
}

int vtd_tables_create(struct vtd *vtd)
{
	struct vtd_pair identity = identity_entry(vtd);

	vtd->root = table_get(vtd);
	vtd->shared = table_get(vtd);
	if (!vtd->root || !vtd->shared)
		return -ENOMEM;
	for (unsigned i = 0; i < VTD_ENTRIES; i++)
		vtd->shared[i] = identity;
	vtd_writeback(vtd, vtd->shared, PIOMMU_PAGE_SIZE);
	for (unsigned bus = 0; bus < VTD_BUSES; bus++) {
		vtd->context[bus] = vtd->shared;
		vtd->root[bus] = vtd_root_entry(vtd_table_pa(vtd, vtd->shared));
	}
	vtd_writeback(vtd, vtd->root, PIOMMU_PAGE_SIZE);
	return 0;
}

void vtd_tables_destroy(struct vtd *vtd)
{
	for (unsigned bus = 0; bus < VTD_BUSES; bus++) {
		if (vtd->context[bus] != vtd->shared)
			table_put(vtd, vtd->context[bus]);
		vtd->context[bus] = NULL;
	}
	table_put(vtd, vtd->shared);
	table_put(vtd, vtd->root);
	vtd->shared = NULL;
	vtd->root = NULL;
}

/* Gives a bus a context table of its own, a copy of the shared one. */
static int own_table(struct vtd *vtd, uint8_t bus)
{
	struct vtd_pair desc = vtd_desc_context_global();
	struct vtd_pair *table;
	int err;

	if (vtd->context[bus] != vtd->shared)
		return 0;
	table = table_get(vtd);
	if (!table)
		return -ENOMEM;
	memcpy(table, vtd->shared, PIOMMU_PAGE_SIZE);
	vtd_writeback(vtd, table, PIOMMU_PAGE_SIZE);
	entry_publish(&vtd->root[bus].lo, vtd_root_entry(vtd_table_pa(vtd, table)).lo);
	vtd_writeback(vtd, &vtd->root[bus], sizeof(vtd->root[bus]));
	PIOMMU_YIELD("root entry moved, not yet invalidated");
	/* A present root entry changed: until this is done, hardware may look for the bus's entries in the shared table. */
	err = vtd_inv_sync(vtd, &desc, 1);
	if (err) {
		entry_publish(&vtd->root[bus].lo, vtd_root_entry(vtd_table_pa(vtd, vtd->shared)).lo);
		vtd_writeback(vtd, &vtd->root[bus], sizeof(vtd->root[bus]));
		return err; /* and the copy is lost: hardware may hold on to it */
	}
	vtd->context[bus] = table;
	return 0;
}

/* ---- One entry ----------------------------------------------------------------------------------------------------------------- */

#if defined(UNDER_TSAN)
void __tsan_release(void *at); /* which does not see that the instruction below publishes what was stored before it */
#define tsan_release(at) __tsan_release(at)
#else
#define tsan_release(at) ((void)(at))
#endif

static void move_entry(struct vtd *vtd, struct vtd_pair *at, struct vtd_pair want)
{
#if defined(__x86_64__)
	struct vtd_pair was = *at;

	tsan_release(&at->lo);
	/* Every processor that comes with VT-d has it. The only writer is this thread, so the comparison cannot fail. */
	__asm__ volatile("lock cmpxchg16b %0"
			 : "+m"(*at), "+a"(was.lo), "+d"(was.hi)
			 : "b"(want.lo), "c"(want.hi)
			 : "memory", "cc");
#else
	/* Blocked for a moment: not present is the one state between two that the specification defines. */
	entry_publish(&at->lo, 0);
	entry_publish(&at->hi, want.hi);
	entry_publish(&at->lo, want.lo);
#endif
	vtd_writeback(vtd, at, sizeof(*at));
}

static bool same_entry(struct vtd_pair a, struct vtd_pair b)
{
	if (!((a.lo | b.lo) & VTD_CONTEXT_P))
		return true;
	return a.lo == b.lo && a.hi == b.hi;
}

/* ---- A device: all its requester ids ------------------------------------------------------------------------------------------- */

#define AT_ONCE 8u /* ids whose entries one burst invalidates: few functions have more */

struct move {
	uint16_t rid;
	struct vtd_pair was;
	struct vtd_pair want;
};

static struct vtd_pair *entry_at(struct vtd *vtd, uint16_t rid)
{
	return &vtd->context[rid >> 8][rid & 0xff];
}

/*
 * Drops what hardware cached under the old entries: context cache by device, then the IOTLB by the old domain ids (6.5.3.2:
 * in this order, each complete before the next). A not-present entry is cached by nobody but caching mode, there under id 0.
 */
static int invalidate_some(struct vtd *vtd, const struct move *moves, unsigned n)
{
	struct vtd_pair context[AT_ONCE];
	struct vtd_pair iotlb[2 * AT_ONCE];
	unsigned ncontext = 0;
	unsigned niotlb = 0;
	int err;

	for (unsigned i = 0; i < n; i++) {
		bool was_present = moves[i].was.lo & VTD_CONTEXT_P;

		if (!was_present && !vtd->unit->caps.caches_not_present)
			continue;
		context[ncontext++] = vtd_desc_context_device(was_present ? vtd_context_did(moves[i].was) : 0, moves[i].rid);
		if (was_present)
			iotlb[niotlb++] = vtd_desc_iotlb_domain(vtd_context_did(moves[i].was), vtd->inv.drain);
		if (vtd->unit->caps.caches_not_present && moves[i].want.lo & VTD_CONTEXT_P)
			iotlb[niotlb++] = vtd_desc_iotlb_domain(vtd_context_did(moves[i].want), vtd->inv.drain);
	}
	if (!ncontext)
		return vtd_inv_write_buffers(vtd);
	err = vtd_inv_sync(vtd, context, ncontext);
	if (!err && niotlb)
		err = vtd_inv_sync(vtd, iotlb, niotlb);
	return err;
}

static int invalidate_moves(struct vtd *vtd, const struct move *moves, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i += AT_ONCE)
		err = invalidate_some(vtd, &moves[i], n - i < AT_ONCE ? n - i : AT_ONCE);
	return err;
}

static unsigned plan_moves(struct vtd *vtd, const struct piommu_device *device, struct vtd_pair want, struct move *moves)
{
	unsigned n = 0;

	for (unsigned i = 0; i < device->nids; i++) {
		struct vtd_pair was = *entry_at(vtd, (uint16_t)device->ids[i].id);

		if (!same_entry(was, want))
			moves[n++] = (struct move){ (uint16_t)device->ids[i].id, was, want };
	}
	return n;
}

/* @return 0; otherwise hardware may have cached the new entries and go on using them */
static int put_back(struct vtd *vtd, struct move *moves, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct vtd_pair was = moves[i].was;

		move_entry(vtd, entry_at(vtd, moves[i].rid), was);
		moves[i].was = moves[i].want;
		moves[i].want = was;
	}
	return invalidate_moves(vtd, moves, n);
}

int vtd_attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	struct vtd *vtd = vtd_of(device->unit);
	struct move moves[PIOMMU_IDS_MAX];
	unsigned n;
	int err;

	for (unsigned i = 0; i < device->nids; i++) {
		err = own_table(vtd, (uint8_t)(device->ids[i].id >> 8));
		if (err)
			return err;
	}
	n = plan_moves(vtd, device, entry_for(vtd, domain, tag), moves);
	/*
	 * Pairs with the barrier of an unmap (doc/locking.md): either that unmap sees this unit in the domain's list, which the
	 * core has published, or hardware sees the cleared entries from here on.
	 */
	full_mb();
	for (unsigned i = 0; i < n; i++)
		move_entry(vtd, entry_at(vtd, moves[i].rid), moves[i].want);
	PIOMMU_YIELD("entry moved, not yet invalidated");
	err = n ? invalidate_moves(vtd, moves, n) : 0;
	if (err && put_back(vtd, moves, n))
		vtd->context_unknown = true;
	return err;
}
