/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver of the bare hardware. It has no lock: page tables are words that anyone may store, and what the core promises to do one
 * at a time is checked and not enforced.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "piommu.h"
#include "storm_bare_priv.h"

/* ---- The driver's own checks -------------------------------------------------------------------------------------------------- */

static struct bare_unit *unit_of(const struct piommu_unit *unit)
{
	return unit->priv;
}

static void enter(struct bare *b, atomic_flag *flag, const char *what)
{
	if (atomic_flag_test_and_set_explicit(flag, memory_order_relaxed))
		bare_wrong(b, what);
}

static void leave(atomic_flag *flag)
{
	atomic_flag_clear_explicit(flag, memory_order_relaxed);
}

/* ---- Domains ------------------------------------------------------------------------------------------------------------------- */

static struct bare_domain *domain_of(struct piommu_domain *domain)
{
	return (struct bare_domain *)(void *)domain; /* first member */
}

static void invalidate_device(struct bare *b, const struct piommu_device *device, unsigned first, unsigned n)
{
	struct bare_fn *fn;
	int i = bare_function_at(device->sbdf);

	sched_yield(); /* the device may leave now, and its detach waits for us */
	if (i < 0)
		return;
	fn = &b->fn[i];
	if (atomic_load_explicit(&fn->left, memory_order_relaxed))
		bare_wrong(b, "a device-TLB invalidation after the device's detach returned");
	pthread_mutex_lock(&b->lock);
	for (unsigned c = 0; c < BARE_CONTEXTS; c++)
		for (unsigned k = first; k < first + n; k++)
			fn->cached[c][k] = 0;
	pthread_mutex_unlock(&b->lock);
}

/* The unmap side of the ordering contract: entries cleared, barrier, list, invalidations; devices' own caches after their unit's. */
static void invalidate(struct piommu_domain *base, unsigned first, unsigned n)
{
	struct bare *b = domain_of(base)->b;
	const struct piommu_domain_units *units;

	full_mb();
	units = piommu_domain_units(base);
	PIOMMU_YIELD("list read, about to invalidate");
	for (unsigned i = 0; units && i < units->n; i++) {
		pthread_mutex_lock(&b->lock);
		bare_forget_tag(unit_of(units->at[i].unit), units->at[i].tag, first, n);
		pthread_mutex_unlock(&b->lock);
	}
	for (unsigned i = 0; units && i < units->nats; i++) {
		const struct piommu_device *device = piommu_domain_ats_device(&units->at[units->n + i]);

		if (device)
			invalidate_device(b, device, first, n);
	}
}

static int domain_map(struct piommu_domain *base, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	struct bare_domain *domain = domain_of(base);
	uint64_t first = (iova - BARE_IOVA) / BARE_PAGE, n = len / BARE_PAGE;

	(void)prot;
	if (iova < BARE_IOVA || first + n > BARE_PAGES)
		return -ENOMEM;
	for (uint64_t i = first; i < first + n; i++)
		if (atomic_load_explicit(&domain->page[i], memory_order_relaxed))
			return -EEXIST;
	for (uint64_t i = first; i < first + n; i++, pa += BARE_PAGE)
		atomic_store_explicit(&domain->page[i], pa | BARE_VALID, memory_order_release);
	return 0;
}

/* Strict in any case: a gather stays empty. */
static int domain_unmap(struct piommu_domain *base, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	struct bare_domain *domain = domain_of(base);
	uint64_t first = (iova - BARE_IOVA) / BARE_PAGE, n = len / BARE_PAGE;
	size_t done = 0;

	(void)gather;
	if (iova < BARE_IOVA || first + n > BARE_PAGES)
		return -ENOENT;
	for (uint64_t i = first; i < first + n; i++)
		done += atomic_exchange_explicit(&domain->page[i], 0, memory_order_relaxed) ? BARE_PAGE : 0;
	invalidate(base, (unsigned)first, (unsigned)n);
	if (unmapped)
		*unmapped = done;
	return done == len ? 0 : -ENOENT;
}

static int domain_flush(struct piommu_domain *base, struct piommu_gather *gather)
{
	(void)base;
	piommu_gather_init(gather);
	return 0;
}

static int domain_lookup(struct piommu_domain *base, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	uint64_t page = (iova - BARE_IOVA) / BARE_PAGE;
	uint64_t entry = iova >= BARE_IOVA && page < BARE_PAGES
				 ? atomic_load_explicit(&domain_of(base)->page[page], memory_order_acquire)
				 : 0;

	if (!entry)
		return -ENOENT;
	*leaf = (struct piommu_pt_leaf){ .pa = (entry & ~BARE_VALID) + iova % BARE_PAGE, .prot = PIOMMU_RW, .size = BARE_PAGE };
	return 0;
}

static void domain_destroy(struct piommu_domain *base)
{
	struct bare *b = domain_of(base)->b;

	pthread_mutex_lock(&b->lock);
	for (unsigned i = 0; i < BARE_FNS; i++)
		for (unsigned c = 0; c < BARE_CONTEXTS; c++)
			if (b->fn[i].context[c].domain == domain_of(base) && b->unit[bare_shapes[i].unit].enabled)
				bare_wrong(b, "a domain ends that a function is still on");
	pthread_mutex_unlock(&b->lock);
	atomic_fetch_sub_explicit(&b->ndomains, 1, memory_order_relaxed);
	free(domain_of(base));
}

static const struct piommu_domain_ops domain_ops = {
	.map = domain_map,
	.unmap = domain_unmap,
	.flush = domain_flush,
	.lookup = domain_lookup,
	.destroy = domain_destroy,
};

static int domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits, struct piommu_domain **out)
{
	struct bare_unit *u = unit_of(unit);
	struct bare_domain *domain = calloc(1, sizeof(*domain));

	if (!domain)
		return -ENOMEM;
	enter(u->b, &u->busy, "two calls of one unit at once (domain_create)");
	domain->base = (struct piommu_domain){
		.ops = &domain_ops, .type = type, .iova_bits = iova_bits ? iova_bits : 39, .page_sizes = BARE_PAGE
	};
	domain->b = u->b;
	atomic_fetch_add_explicit(&u->b->ndomains, 1, memory_order_relaxed);
	leave(&u->busy);
	*out = &domain->base;
	return 0;
}

static int domain_fits(const struct piommu_domain *domain, struct piommu_unit *unit)
{
	(void)domain;
	(void)unit;
	return 0;
}

/* ---- Units ----------------------------------------------------------------------------------------------------------------------- */

static int probe(struct piommu_unit *unit, struct piommu_window *window)
{
	struct bare_unit *u = (struct bare_unit *)(uintptr_t)unit->fw->base;

	(void)window;
	unit->priv = u;
	unit->caps = (struct piommu_unit_caps){
		.iova_bits = 39,
		.pa_bits = 46,
		.page_sizes = BARE_PAGE,
		.ntags = BARE_TAGS,
		.first_tag = 1,
		.passthrough = true,
		.coherent = true,
		.hole = { 1, 0 },
	};
	pthread_mutex_lock(&u->b->lock);
	if (u->probed)
		bare_wrong(u->b, "a unit is probed twice");
	u->probed = true;
	pthread_mutex_unlock(&u->b->lock);
	return 0;
}

static void unit_remove(struct piommu_unit *unit)
{
	struct bare_unit *u = unit_of(unit);

	pthread_mutex_lock(&u->b->lock);
	if (u->enabled || u->ndevices)
		bare_wrong(u->b, "a unit is removed that is on, or has devices");
	u->probed = false;
	pthread_mutex_unlock(&u->b->lock);
}

static int unit_enable(struct piommu_unit *unit)
{
	struct bare_unit *u = unit_of(unit);

	pthread_mutex_lock(&u->b->lock);
	for (uint32_t tag = 0; tag < BARE_TAGS; tag++)
		bare_forget_tag(u, tag, 0, BARE_PAGES);
	for (unsigned i = 0; i < BARE_FNS; i++)
		for (unsigned c = 0; c < BARE_CONTEXTS && bare_shapes[i].unit == u->index; c++)
			bare_point(u->b, &u->b->fn[i], c, c ? NULL : &u->b->identity, 0);
	u->enabled = true;
	pthread_mutex_unlock(&u->b->lock);
	return 0;
}

static int unit_shutdown(struct piommu_unit *unit)
{
	struct bare_unit *u = unit_of(unit);

	pthread_mutex_lock(&u->b->lock);
	u->enabled = false;
	pthread_mutex_unlock(&u->b->lock);
	return 0;
}

static unsigned poll(struct piommu_unit *unit, const struct piommu_event_sink *sink)
{
	struct bare_unit *u = unit_of(unit);

	(void)sink;
	enter(u->b, &u->polling, "two threads poll one unit");
	leave(&u->polling);
	return 0;
}

static void inv_stats(const struct piommu_unit *unit, struct piommu_ring_stats *out)
{
	(void)unit;
	*out = (struct piommu_ring_stats){ 0 };
}

/* ---- Devices --------------------------------------------------------------------------------------------------------------------- */

static int find_unit(struct piommu_unit *const *units, unsigned n, const struct piommu_device *device, struct piommu_unit **out)
{
	struct bare *b = unit_of(units[0])->b;
	int i = device->is_pci ? bare_function_at(device->sbdf) : -1;
	int err = -ENODEV;

	enter(b, &b->asking, "two devices are asked about at once (find_unit)");
	if (device->from_firmware)
		bare_wrong(b, "asked about a device that firmware describes");
	for (unsigned k = 0; k < n && i >= 0; k++) {
		if (unit_of(units[k])->index != bare_shapes[i].unit)
			continue;
		*out = units[k];
		err = 0;
	}
	leave(&b->asking);
	return err;
}

static int probe_device(struct piommu_unit *unit, struct piommu_device *device)
{
	struct bare_unit *u = unit_of(unit);
	struct bare_fn *fn = &u->b->fn[bare_function_at(device->sbdf)];

	enter(u->b, &u->b->asking, "two devices are asked about at once (probe_device)");
	pthread_mutex_lock(&u->b->lock);
	if (fn->device)
		bare_wrong(u->b, "a device is probed twice");
	fn->device = device;
	u->ndevices++;
	pthread_mutex_unlock(&u->b->lock);
	device->priv = fn;
	device->ats = fn->shape->ats;
	device->pasid_bits = fn->shape->pasids ? 2 : 0;
	leave(&u->b->asking);
	return 0;
}

static bool on_paging(const struct bare_context *ctx)
{
	return ctx->domain && ctx->domain->base.type == PIOMMU_DOMAIN_PAGING;
}

static void release_device(struct piommu_device *device)
{
	struct bare_unit *u = unit_of(device->unit);
	struct bare_fn *fn = device->priv;

	pthread_mutex_lock(&u->b->lock);
	if (fn->device != device)
		bare_wrong(u->b, "a device is released that was not probed");
	for (unsigned c = 0; c < BARE_CONTEXTS; c++)
		if (u->enabled && on_paging(&fn->context[c]))
			bare_wrong(u->b, "a device is released that is still on a domain");
	fn->device = NULL;
	u->ndevices--;
	pthread_mutex_unlock(&u->b->lock);
}

/* What the topology says, after a look at the group of another device (case T10). */
static int device_group(struct piommu_device *device, struct piommu_group **out)
{
	struct bare *b = unit_of(device->unit)->b;
	struct piommu_group *other;

	enter(b, &b->asking, "two devices are asked about at once (device_group)");
	if (!piommu_group_of_id(device, (struct piommu_id){ .id = (device->ids[0].id + 0x100) & 0xffff }, &other))
		piommu_group_put(other);
	leave(&b->asking);
	return piommu_group_by_topology(device, out);
}

static bool is_attach_deferred(const struct piommu_device *device)
{
	return ((const struct bare_fn *)device->priv)->shape->deferred;
}

static int attach_context(struct piommu_device *device, unsigned pasid, struct piommu_domain *domain, uint32_t tag,
			  const char *busy)
{
	struct bare_unit *u = unit_of(device->unit);
	struct bare_fn *fn = device->priv;

	enter(u->b, &u->busy, busy);
	pthread_mutex_lock(&u->b->lock);
	if (!u->enabled || fn->device != device)
		bare_wrong(u->b, "a device is attached on a unit that is off, or before it was probed");
	bare_point(u->b, fn, pasid, domain ? domain_of(domain) : NULL, tag);
	pthread_mutex_unlock(&u->b->lock);
	leave(&u->busy);
	return 0;
}

static int attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	return attach_context(device, 0, domain, tag, "two calls of one unit at once (attach)");
}

static int attach_pasid(struct piommu_device *device, uint32_t pasid, struct piommu_domain *domain, uint32_t tag)
{
	return attach_context(device, pasid, domain, tag, "two calls of one unit at once (attach_pasid)");
}

static int flush_tag(struct piommu_unit *unit, uint32_t tag)
{
	struct bare_unit *u = unit_of(unit);

	enter(u->b, &u->busy, "two calls of one unit at once (flush_tag)");
	pthread_mutex_lock(&u->b->lock);
	if (bare_users_of(u->b, u, tag))
		bare_wrong(u->b, "a tag is flushed for good that a device is still on");
	bare_forget_tag(u, tag, 0, BARE_PAGES);
	pthread_mutex_unlock(&u->b->lock);
	leave(&u->busy);
	return 0;
}

const struct piommu_driver bare_driver = {
	.name = "bare",
	.probe = probe,
	.remove = unit_remove,
	.enable = unit_enable,
	.shutdown = unit_shutdown,
	.find_unit = find_unit,
	.probe_device = probe_device,
	.release_device = release_device,
	.device_group = device_group,
	.is_attach_deferred = is_attach_deferred,
	.attach_pasid = attach_pasid,
	.domain_create = domain_create,
	.domain_fits = domain_fits,
	.attach = attach,
	.flush_tag = flush_tag,
	.poll = poll,
	.inv_stats = inv_stats,
};
