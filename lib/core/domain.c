/* SPDX-License-Identifier: BSD-3-Clause */
/* Domains: making one for a unit, what it is, letting it go. Slow path. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core.h"

static uint64_t width_last(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : BIT64(bits) - 1;
}

static uint64_t smallest_page(const struct piommu_domain *domain)
{
	return domain->page_sizes ? domain->page_sizes & (0 - domain->page_sizes) : PIOMMU_PAGE_SIZE;
}

static int make_iova(struct core_domain *cd, const struct piommu_domain *domain, const struct piommu_domain_attr *attr)
{
	uint64_t last = width_last(domain->iova_bits);
	int err;

	cd->aperture = (struct piommu_span){ 0, last };
	if (attr && (attr->aperture.start || attr->aperture.last))
		cd->aperture = attr->aperture;
	if (cd->aperture.last > last || cd->aperture.start > cd->aperture.last || cd->aperture.start & domain->page_mask ||
	    (cd->aperture.last + 1) & domain->page_mask) {
		log_err(&cd->p->log, "domain: aperture 0x%llx-0x%llx is not a span of whole pages of %llu bytes within %u bits",
			(unsigned long long)cd->aperture.start, (unsigned long long)cd->aperture.last,
			(unsigned long long)domain->page_mask + 1, domain->iova_bits);
		return -EINVAL;
	}
	err = iova_space_create(cd->aperture, &cd->iova);
	if (!err && domain->hole.start <= domain->hole.last)
		err = iova_space_reserve(cd->iova, domain->hole);
	return err;
}

int core_domain_new(struct core_unit *cu, enum piommu_domain_type type, const struct piommu_domain_attr *attr,
		    struct piommu_domain **out)
{
	struct core_domain *cd = calloc(1, sizeof(*cd));
	struct piommu_domain *domain;
	int err;

	if (!cd)
		return -ENOMEM;
	cd->p = cu->p;
	cd->home = cu;
	mutex_init(&cd->mutex, LOCK_DOMAIN);
	mutex_lock(&cu->mutex);
	err = cu->unit.driver->domain_create(&cu->unit, type, attr ? attr->iova_bits : 0, &domain);
	mutex_unlock(&cu->mutex);
	if (err)
		goto out_free;
	cd->self = domain;
	domain->core = cd;
	domain->hole = cu->unit.caps.hole;
	if (domain->hole.start > domain->hole.last)
		domain->hole = (struct piommu_span){ UINT64_MAX, 0 }; /* that no range meets */
	domain->page_mask = smallest_page(domain) - 1;
	domain->odd = type == PIOMMU_DOMAIN_PAGING ? ~width_last(domain->iova_bits) | domain->page_mask : UINT64_MAX;
	if (type == PIOMMU_DOMAIN_PAGING) {
		err = make_iova(cd, domain, attr);
		if (err)
			goto out_destroy;
	}
	*out = domain;
	return 0;

out_destroy:
	iova_space_destroy(cd->iova);
	domain->ops->destroy(domain);
out_free:
	mutex_fini(&cd->mutex);
	free(cd);
	return err;
}

/* No device and no thread uses it any more. */
void core_domain_free(struct piommu_domain *domain)
{
	struct core_domain *cd;

	if (!domain)
		return;
	cd = core_domain_of(domain);
	mutex_assert_unshared(&cd->mutex);
	assert(!cd->channels);
	if (cd->lost.n)
		piommu_pool_put_list(domain->pool, &cd->lost);
	core_pools_free(cd);
	/* Units that stayed in the list for want of memory, and the identity domain's own. */
	free(domain->units);
	domain->units = NULL;
	domain->ops->destroy(domain);
	iova_space_destroy(cd->iova);
	mutex_fini(&cd->mutex);
	free(cd);
}

/* @return 0, or -EAGAIN: its unit is going, and does not see it any more. Partner: core_domains_have_home(). */
static int list_domain(struct core_domain *cd)
{
	int err = 0;

	mutex_lock(&cd->p->domains_mutex);
	if (atomic_load_explicit(&cd->home->state, memory_order_relaxed) == CORE_UNIT_GOING) {
		err = -EAGAIN;
	} else {
		cd->next = cd->p->domains;
		cd->p->domains = cd;
	}
	mutex_unlock(&cd->p->domains_mutex);
	return err;
}

bool core_domains_have_home(struct piommu *p, const struct core_unit *cu)
{
	bool found = false;

	mutex_lock(&p->domains_mutex);
	for (const struct core_domain *cd = p->domains; cd; cd = cd->next)
		found |= cd->home == cu && !cd->orphan;
	mutex_unlock(&p->domains_mutex);
	return found;
}

static void push(struct core_domain *cd, bool orphan)
{
	mutex_lock(&cd->p->domains_mutex);
	cd->orphan = orphan;
	cd->next = cd->p->domains;
	cd->p->domains = cd;
	mutex_unlock(&cd->p->domains_mutex);
}

void core_domain_keep(struct piommu_domain *domain)
{
	push(core_domain_of(domain), false);
}

void core_domain_orphan(struct piommu_domain *domain)
{
	struct core_domain *cd = core_domain_of(domain);

	log_err(&cd->p->log, "a default domain's tables stay: a device that does not leave may still use them");
	push(cd, true);
}

static struct core_domain *orphan_of(struct piommu *p, const struct core_unit *home)
{
	struct core_domain *cd;

	mutex_lock(&p->domains_mutex);
	for (cd = p->domains; cd && !(cd->orphan && cd->home == home); cd = cd->next)
		;
	mutex_unlock(&p->domains_mutex);
	return cd;
}

static void unlist_domain(struct core_domain *cd)
{
	struct core_domain **at;

	mutex_lock(&cd->p->domains_mutex);
	for (at = &cd->p->domains; *at != cd; at = &(*at)->next)
		;
	*at = cd->next;
	mutex_unlock(&cd->p->domains_mutex);
}

void core_domain_unkeep(struct piommu_domain *domain)
{
	unlist_domain(core_domain_of(domain));
}

int core_orphans_free(struct piommu *p, struct core_unit *home)
{
	struct core_domain *cd;

	while ((cd = orphan_of(p, home))) {
		const struct piommu_domain_units *units = cd->self->units;

		for (unsigned i = 0; units && i < units->n; i++) {
			if (units->at[i].unit == &home->unit)
				continue;
			log_err(&p->log, "%s: %s may still walk tables of its pool: it stays allocated", home->unit.name,
				units->at[i].unit->name);
			home->stuck = true;
			return -EIO;
		}
		rcu_drain();
		unlist_domain(cd);
		core_domain_free(cd->self);
	}
	return 0;
}

/* Domains end with their manager. Nothing is attached any more, and no other thread is in the library. */
void core_domains_free(struct piommu *p)
{
	mutex_assert_unshared(&p->domains_mutex);
	if (p->domains)
		rcu_drain();
	while (p->domains) {
		struct core_domain *cd = p->domains;

		unlist_domain(cd);
		core_domain_free(cd->self);
	}
}

/* Made for a group: what firmware says of its devices' addresses is kept from the start. */
static int make_for(struct piommu_group *group, struct core_unit *cu, enum piommu_domain_type type,
		    const struct piommu_domain_attr *attr, struct piommu_domain **out)
{
	struct piommu_domain *domain;
	int err = core_domain_new(cu, type, attr, &domain);

	if (err)
		return err;
	mutex_lock(&group->mutex);
	err = core_keep_clear(domain, group);
	mutex_unlock(&group->mutex);
	if (!err)
		err = list_domain(core_domain_of(domain));
	if (err)
		core_domain_free(domain);
	else
		*out = domain;
	return err;
}

/* With a reference. */
static int unit_of(struct piommu_group *group, struct core_unit **out)
{
	struct piommu_unit *unit;
	int err;

	mutex_lock(&group->mutex);
	unit = core_group_unit(group);
	err = unit ? core_group_usable(group) : -ENODEV;
	if (!err) {
		*out = core_unit_of(unit);
		core_unit_get(*out);
	}
	mutex_unlock(&group->mutex);
	return err;
}

int piommu_domain_create(struct piommu_group *group, const struct piommu_domain_attr *attr, struct piommu_domain **out)
{
	static const enum piommu_domain_type types[] = {
		[PIOMMU_KIND_PAGING] = PIOMMU_DOMAIN_PAGING,
		[PIOMMU_KIND_IDENTITY] = PIOMMU_DOMAIN_IDENTITY,
		[PIOMMU_KIND_BLOCKING] = PIOMMU_DOMAIN_BLOCKING,
	};
	enum piommu_domain_kind kind = attr ? attr->kind : PIOMMU_KIND_PAGING;
	struct core_unit *cu;
	bool online;
	int err;

	if (group->p->inspect)
		return -EPERM;
	if ((unsigned)kind >= sizeof(types) / sizeof(types[0]))
		return -EINVAL;
	online = core_slow_enter();
	err = unit_of(group, &cu);
	if (!err) {
		err = make_for(group, cu, types[kind], attr, out);
		core_unit_put(cu);
	}
	core_slow_exit(online);
	return err;
}

int piommu_domain_destroy(struct piommu_domain *domain)
{
	struct core_domain *cd;
	struct core_unit *home;
	unsigned ngroups;
	bool used, online;

	if (!domain)
		return 0;
	cd = core_domain_of(domain);
	online = core_slow_enter(); /* who holds the mutex may be waiting for a grace period */
	mutex_lock(&cd->mutex);
	ngroups = cd->ngroups;
	used = cd->channels != NULL;
	mutex_unlock(&cd->mutex);
	core_slow_exit(online);
	if (used) {
		log_err(&cd->p->log, "domain: it still has channels: destroy them first");
		return -EBUSY;
	}
	if (ngroups) {
		log_err(&cd->p->log, "domain: still attached to %u group%s: detach first", ngroups, ngroups == 1 ? "" : "s");
		return -EBUSY;
	}
	online = core_slow_enter();
	if (core_domain_units_drain(domain)) {
		core_slow_exit(online);
		log_err(&cd->p->log,
			"domain: a unit may still hold its translations, so its tables stay: poll, then destroy it again");
		return -EIO;
	}
	rcu_drain(); /* other threads' lookups are over, retired tables are back */
	home = cd->home;
	/* Its pool takes the tables back: who takes the unit out sees no domain from here on, but waits for us. */
	core_unit_get(home);
	unlist_domain(cd);
	core_domain_free(domain);
	core_unit_put(home);
	core_slow_exit(online);
	return 0;
}

void piommu_domain_info(const struct piommu_domain *domain, struct piommu_domain_info *out)
{
	struct core_domain *cd = core_domain_of(domain);
	bool online;

	*out = (struct piommu_domain_info){
		.kind = domain->type == PIOMMU_DOMAIN_PAGING     ? PIOMMU_KIND_PAGING
			: domain->type == PIOMMU_DOMAIN_IDENTITY ? PIOMMU_KIND_IDENTITY
								 : PIOMMU_KIND_BLOCKING,
		.iova_bits = domain->iova_bits,
		.page_sizes = domain->page_sizes,
		.table_bytes = domain->pool ? piommu_pool_bytes(domain->pool) : 0,
	};
	online = core_slow_enter();
	mutex_lock(&cd->mutex);
	for (unsigned i = 0; domain->units && i < domain->units->n; i++)
		out->ndevices += domain->units->at[i].users;
	mutex_unlock(&cd->mutex);
	core_slow_exit(online);
}

int piommu_iova_alloc(struct piommu_domain *domain, size_t len, size_t align, uint64_t *iova)
{
	struct core_domain *cd = core_domain_of(domain);

	if (!cd->iova || (len | align) & domain->page_mask)
		return -EINVAL;
	return iova_alloc(cd->iova, len, align, iova);
}

int piommu_iova_free(struct piommu_domain *domain, uint64_t iova, size_t len)
{
	struct core_domain *cd = core_domain_of(domain);

	return cd->iova ? iova_free(cd->iova, iova, len) : -EINVAL;
}
