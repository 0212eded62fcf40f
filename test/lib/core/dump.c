/* SPDX-License-Identifier: BSD-3-Clause */
/* See dump.h. No lock is taken: the one thread that changes anything is the caller. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dump.h"
#include "suite.h"

struct dump {
	FILE *to;
	struct piommu *p;
	enum dump_how how;
};

/* "dmar0", "00:04.0" of a group by its first member: numbers may differ between two that mean the same. */
static const char *group_name(const struct piommu_group *group)
{
	if (!group)
		return "-";
	return group->nmembers ? group->members[0]->dev.name : "nobody";
}

static unsigned place_of(const struct piommu *p, const struct core_domain *of) NO_THREAD_SAFETY_ANALYSIS
{
	unsigned n = 0;

	for (const struct core_domain *cd = of; cd; cd = cd->next)
		n++;
	(void)p;
	return n; /* the oldest is 1 */
}

static bool is_users(const struct piommu *p, const struct core_domain *of) NO_THREAD_SAFETY_ANALYSIS
{
	for (const struct core_domain *cd = p->domains; cd; cd = cd->next)
		if (cd == of)
			return true;
	return false;
}

static const char *domain_name(const struct dump *d, const struct piommu_domain *domain,
			       char name[64]) NO_THREAD_SAFETY_ANALYSIS
{
	struct core_unit *cu;

	if (!domain)
		return "-";
	if (is_users(d->p, domain->core)) {
		snprintf(name, 64, "user %u", place_of(d->p, domain->core));
		return name;
	}
	for (const struct piommu_group *g = d->p->all_groups; g; g = g->next)
		if (g->default_domain == domain) {
			snprintf(name, 64, "default of %.40s", group_name(g));
			return name;
		}
	for (unsigned i = 0; (cu = core_unit_at(d->p, i)); i++) {
		core_unit_put(cu);
		if (cu->identity == domain || cu->blocking == domain) {
			snprintf(name, 64, "%s of %s", cu->identity == domain ? "identity" : "blocking", cu->unit.name);
			return name;
		}
	}
	return "unknown!";
}

/* ---- Domains ---- */

static void dump_list(const struct dump *d, const struct piommu_domain *domain)
{
	const struct piommu_domain_units *units = domain->units;

	for (unsigned i = 0; units && i < units->n; i++) {
		const struct piommu_domain_unit *at = &units->at[i];

		if (d->how == DUMP_EXACT)
			fprintf(d->to, "    on %s, tag %u, users %u\n", at->unit->name, at->tag, at->users);
		else if (at->users)
			fprintf(d->to, "    on %s, users %u\n", at->unit->name, at->users);
	}
	for (unsigned i = 0; units && i < units->nats; i++)
		if (units->at[units->n + i].device)
			fprintf(d->to, "    ATS of %s\n", units->at[units->n + i].device->name);
}

static void dump_domain(const struct dump *d, const struct piommu_domain *domain)
{
	const struct core_domain *cd = domain->core;
	uint64_t free_bytes = 0, longest = 0;
	char name[64];

	if (cd->iova)
		iova_space_usage(cd->iova, &free_bytes, &longest);
	fprintf(d->to, "  domain %s: type %d, made for %s, groups %u, addresses left 0x%" PRIx64 " longest 0x%" PRIx64 "\n",
		domain_name(d, domain, name), (int)domain->type, cd->home->unit.name, cd->ngroups, free_bytes, longest);
	dump_list(d, domain);
}

/* ---- Units ---- */

static void dump_tags(const struct dump *d, const struct core_unit *cu) NO_THREAD_SAFETY_ANALYSIS
{
	fprintf(d->to, "    tags");
	for (uint32_t tag = 0; cu->tags && tag < cu->unit.caps.ntags; tag++)
		if (cu->tags[tag / 64] & BIT64(tag % 64))
			fprintf(d->to, " %u", tag);
	fprintf(d->to, "\n");
}

static void dump_unit(const struct dump *d, const struct core_unit *cu)
{
	fprintf(d->to, "unit %s: driver %s, state %u, refs %u%s%s%s%s%s%s\n", cu->unit.name,
		cu->unit.driver ? cu->unit.driver->name : "none", atomic_load(&cu->state), cu->refs,
		atomic_load(&cu->enabled) ? ", enabled" : "", cu->by_hand ? ", by hand" : "",
		cu->needs_walk ? ", needs a walk" : "", cu->mapped ? ", mapped" : "", cu->probed ? ", probed" : "",
		cu->stuck ? ", stuck" : "");
	if (d->how == DUMP_EXACT) {
		dump_tags(d, cu);
		fprintf(d->to, "    pages %zu\n", cu->unit.pool ? piommu_pool_used(cu->unit.pool) : 0);
	}
	if (cu->identity)
		dump_domain(d, cu->identity);
	if (cu->blocking)
		dump_domain(d, cu->blocking);
}

/* ---- Devices and groups ---- */

static void dump_device(const struct dump *d, const struct core_device *cd)
{
	const struct piommu_device *dev = &cd->dev;
	char on[64], goal[64];

	fprintf(d->to,
		"device %s: unit %s, group of %s, refs %u, on %s, goal %s%s%s%s%s, resets %u, pasid bits %u%s, reserved %u, "
		"ids",
		dev->name, dev->unit ? dev->unit->name : "none", group_name(atomic_load(&cd->group)), atomic_load(&cd->ref.n),
		domain_name(d, dev->domain, on), domain_name(d, atomic_load(&cd->goal), goal), cd->going ? ", going" : "",
		cd->probed ? ", probed" : "", dev->unit && cd->placed ? ", placed" : "",
		atomic_load(&cd->deferred) ? ", deferred" : "", cd->resets, dev->pasid_bits, dev->ats ? ", ATS" : "",
		cd->nreserved);
	for (unsigned i = 0; i < dev->nids; i++)
		fprintf(d->to, " %04x", dev->ids[i].id);
	fprintf(d->to, "%s\n", dev->priv ? ", driver's state" : "");
}

static void dump_group(const struct dump *d, const struct piommu_group *group) NO_THREAD_SAFETY_ANALYSIS
{
	char name[64];

	fprintf(d->to, "group of %s: refs %u, on %s, resets %u%s%s%s%s", group_name(group), atomic_load(&group->ref.n),
		domain_name(d, group->domain, name), group->nresets, group->has_reserved ? ", reserved" : "",
		group->refused ? ", refused" : "", atomic_load(&group->claimed) ? ", claimed" : "",
		group->uncontained ? ", uncontained" : "");
	fprintf(d->to, group->ready ? ", ready, kind %d\n" : "\n", (int)group->kind); /* means nothing before */
	if (d->how == DUMP_EXACT)
		fprintf(d->to, "    number %u, reasons %u\n", group->id, group->nreasons);
	for (unsigned i = 0; i < group->nmembers; i++)
		fprintf(d->to, "    member %s\n", group->members[i]->dev.name);
	for (unsigned i = 0; i < group->npasids; i++)
		fprintf(d->to, "    PASID %u on %s\n", group->pasids[i].pasid, domain_name(d, group->pasids[i].domain, name));
	if (group->default_domain)
		dump_domain(d, group->default_domain);
}

static void dump_objects(const struct dump *d) NO_THREAD_SAFETY_ANALYSIS
{
	const struct piommu *p = d->p;
	unsigned ndevices = 0, ngroups = 0;

	for (const struct core_device *cd = p->all_devices; cd; cd = cd->next)
		ndevices++;
	for (const struct piommu_group *group = p->all_groups; group; group = group->next)
		ngroups++;
	fprintf(d->to, "in memory: %u devices, %u groups\n", ndevices, ngroups);
	for (const struct core_driver *driver = p->drivers; driver; driver = driver->next)
		fprintf(d->to, "driver %s\n", d->how == DUMP_EXACT ? driver->driver->name : "");
	for (const struct core_domain *cd = p->domains; cd; cd = cd->next)
		dump_domain(d, cd->self);
	if (d->how == DUMP_EXACT)
		fprintf(d->to, "topology: %u functions, %u groups\n", p->topo->nnodes, p->topo->ngroups);
	fprintf(d->to, "walk: %s%s\n", p->walk_pending ? "pending " : "", p->walk_failed ? "failed" : "");
}

/* Groups by their first members: their numbers may have changed. */
static void dump_all(const struct dump *d)
{
	const struct rcu_snapshot *all = rcu_table_read(&d->p->devices);
	struct core_unit *cu;

	for (unsigned i = 0; (cu = core_unit_at(d->p, i)); i++) {
		core_unit_put(cu);
		dump_unit(d, cu);
	}
	for (size_t i = 0; i < all->n; i++) {
		const struct core_device *cd = rcu_entry_value(&all->entry[i]);
		const struct piommu_group *group = cd ? atomic_load(&cd->group) : NULL;

		if (cd)
			dump_device(d, cd);
		if (group && group->members[0] == cd)
			dump_group(d, group);
	}
	fprintf(d->to, "in the table: %u groups\n", piommu_group_count(d->p));
	dump_objects(d);
}

char *dump_manager(struct piommu *p, enum dump_how how)
{
	char *text = NULL;
	size_t len = 0;
	struct dump d = { open_memstream(&text, &len), p, how };

	CU_ASSERT_FATAL(d.to != NULL);
	rcu_drain(); /* lists and the tags that come back with them */
	if (p)
		dump_all(&d);
	else
		fprintf(d.to, "no manager\n");
	fclose(d.to);
	return text;
}

void dump_difference(const char *was, const char *is, char *text, size_t len)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; was[i] == is[i]; i++) {
		if (!was[i])
			return;
		if (was[i] == '\n')
			at = i + 1;
	}
	snprintf(text, len, "was \"%.*s\", is \"%.*s\"", (int)strcspn(was + at, "\n"), was + at, (int)strcspn(is + at, "\n"),
		 is + at);
}
