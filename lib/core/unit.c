/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One unit: taking it over (map its registers, probe, its own two domains, enable) and giving it back. Slow path; who calls sees to
 * it that a unit is in one thread's hands, by the probe lock or because nobody else knows it yet.
 */
#include <errno.h>
#include <stdlib.h>

#include "core.h"

static int pool_alloc(void *ctx, size_t len, size_t align, int node, struct piommu_mem *out)
{
	struct piommu_platform *plat = ctx;

	return plat->ops->mem_alloc(plat, len, align, node, out);
}

static void pool_free(void *ctx, struct piommu_mem *mem)
{
	struct piommu_platform *plat = ctx;

	plat->ops->mem_free(plat, mem);
}

/* For memory that devices of any unit are to reach. */
static void raise_page(struct piommu *p, size_t page)
{
	size_t was = atomic_load_explicit(&p->page, memory_order_relaxed);

	while (was < page &&
	       !atomic_compare_exchange_weak_explicit(&p->page, &was, page, memory_order_relaxed, memory_order_relaxed))
		;
}

/* Tables are of the size of the smallest leaf, which the driver knows. */
static int make_pool(struct core_unit *cu)
{
	struct piommu_platform *plat = cu->unit.plat;
	int node = cu->unit.fw->numa_node;
	const struct piommu_pool_source source = {
		.alloc = pool_alloc,
		.free = pool_free,
		.ctx = plat,
		.va_off = plat->va_off,
		.node = node <= piommu_env_numa_max_node() ? node : -1,
		.page_size = (size_t)(cu->unit.caps.page_sizes & (0 - cu->unit.caps.page_sizes)),
	};
	int err = piommu_pool_create(&source, &cu->unit.pool);

	if (!err)
		raise_page(cu->p, source.page_size);
	return err;
}

void core_unit_drop(struct core_unit *cu)
{
	struct piommu_platform *plat = cu->unit.plat;

	core_domain_free(cu->blocking);
	core_domain_free(cu->identity);
	cu->blocking = cu->identity = NULL;
	if (cu->probed)
		cu->unit.driver->remove(&cu->unit);
	cu->probed = false;
	if (cu->unit.pool)
		rcu_drain(); /* retired tables and tags are back */
	mutex_assert_unshared(&cu->mutex);
	free(cu->tags);
	cu->tags = NULL;
	if (cu->unit.keep_memory)
		piommu_pool_abandon(cu->unit.pool);
	else
		piommu_pool_destroy(cu->unit.pool);
	cu->unit.pool = NULL;
	if (cu->mapped)
		plat->ops->window_unmap(plat, &cu->window);
	cu->mapped = false;
}

/* Its registers become ours, or the reason why not is said. */
int core_unit_map(struct core_unit *cu)
{
	struct piommu_platform *plat = cu->unit.plat;
	const struct piommu_fw_unit *fw = cu->unit.fw;
	int err;

	if (!cu->unit.driver) {
		log_err(cu->unit.log, "%s: no driver for a %s unit in this build", fw->name, piommu_fw_family_name(fw->family));
		return -ENOTSUP;
	}
	if (cu->by_hand && !fw->len) {
		cu->window = (struct piommu_window){ 0 };
		return 0;
	}
	if (!fw->base) {
		log_err(cu->unit.log, "%s: firmware gives its registers address 0; update the firmware", fw->name);
		return -EBADMSG;
	}
	if (!plat->ops->window_map) {
		log_err(cu->unit.log,
			"%s: platform \"%s\" has no registers: it can only be looked at; use linux or sim to drive units",
			fw->name, plat->ops->name);
		return -ENOTSUP;
	}
	err = plat->ops->window_map(plat, fw, PIOMMU_WINDOW_CONTROL, &cu->window);
	cu->mapped = !err;
	return err;
}

/* Its own domains list it for good, so that going to one of them needs neither memory nor a tag. */
static int own_domain(struct core_unit *cu, enum piommu_domain_type type, struct piommu_domain **out)
{
	uint32_t tag;
	int err = core_domain_new(cu, type, NULL, out);

	return err ? err : core_domain_unit_get(*out, cu, NULL, &tag);
}

int core_unit_probe(struct core_unit *cu)
{
	int err;

	cu->unit.keep_memory = false;
	err = cu->unit.driver->probe(&cu->unit, &cu->window);
	if (err)
		return err;
	cu->probed = true;
	err = make_pool(cu);
	if (!err)
		err = core_tags_init(cu);
	if (!err)
		err = own_domain(cu, PIOMMU_DOMAIN_IDENTITY, &cu->identity);
	if (!err)
		err = own_domain(cu, PIOMMU_DOMAIN_BLOCKING, &cu->blocking);
	return err;
}

int core_unit_enable(struct core_unit *cu)
{
	int err;

	cu->unit.epoch = atomic_fetch_add_explicit(&cu->p->last_epoch, 1, memory_order_relaxed) + 1;
	err = cu->unit.driver->enable(&cu->unit);
	atomic_store_explicit(&cu->enabled, !err, memory_order_release);
	return err;
}

int core_unit_start(struct core_unit *cu)
{
	struct piommu *p = cu->p;
	int err = core_unit_map(cu);

	core_probe_lock(p);
	if (!err && !p->mem_started && p->plat->ops->mem_start)
		err = p->plat->ops->mem_start(p->plat);
	p->mem_started |= !err;
	core_probe_unlock(p);
	if (!err)
		err = core_unit_probe(cu);
	if (!err)
		err = core_unit_enable(cu);
	if (err)
		core_unit_drop(cu);
	return err;
}

/* No poller looks at it any more when its registers go. */
int core_unit_disable(struct core_unit *cu)
{
	int err;

	if (!atomic_load_explicit(&cu->enabled, memory_order_relaxed))
		return 0;
	atomic_store_explicit(&cu->enabled, false, memory_order_relaxed);
	rcu_wait();
	err = cu->unit.driver->shutdown(&cu->unit);
	if (!err)
		return 0;
	/* The hardware may still walk its tables: nothing of this unit is ever freed. */
	log_err(cu->unit.log, "%s: does not turn off (%d); its tables stay allocated. Reset the machine", cu->unit.name, err);
	cu->stuck = true;
	return -EIO;
}

struct core_unit *core_unit_new(struct piommu *p, const struct piommu_fw_unit *fw, bool by_hand)
{
	struct core_unit *cu = calloc(1, sizeof(*cu));

	if (!cu)
		return NULL;
	cu->p = p;
	cu->refs = 1;
	cu->by_hand = by_hand;
	cu->desc = *fw;
	cu->unit.fw = by_hand ? &cu->desc : fw;
	cu->unit.name = cu->unit.fw->name;
	cu->unit.manager = p;
	cu->unit.plat = p->plat;
	cu->unit.log = &p->log;
	cu->unit.host_address_width = p->fw.host_address_width;
	cu->unit.reserved = p->reserved;
	cu->unit.nreserved = p->fw.nreserved;
	cu->unit.timeout_ns = p->timeout_ns;
	mutex_init(&cu->mutex, LOCK_UNIT);
	atomic_flag_clear(&cu->polling);
	if (!by_hand)
		cu->unit.driver = core_driver_for(p, fw);
	if (!by_hand && p->plat->ops->unit_facts)
		p->plat->ops->unit_facts(p->plat, fw, &cu->facts);
	return cu;
}

void core_unit_free(struct core_unit *cu)
{
	if (!cu)
		return;
	mutex_fini(&cu->mutex);
	free(cu);
}
