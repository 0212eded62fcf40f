/* SPDX-License-Identifier: BSD-3-Clause */
/* A manager's life: open the machine, look at it, take its units over; and the same backwards. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

static int open_platform(struct piommu *p, const struct piommu_config *config)
{
	const char *spec = config->platform ? config->platform : "";
	size_t namelen = strcspn(spec, ":");
	const char *args = spec[namelen] ? spec + namelen + 1 : "";
	char names[128] = "";

	if (config->instance) {
		p->plat = config->instance;
		return 0;
	}
	for (unsigned i = 0; config->platforms && config->platforms[i]; i++) {
		const struct piommu_platform_driver *kind = config->platforms[i];

		if (strlen(kind->name) == namelen && !strncmp(kind->name, spec, namelen)) {
			p->own_plat = true;
			return kind->open(args, &p->log, &p->plat);
		}
		strncat(names, i ? ", " : "", sizeof(names) - strlen(names) - 1);
		strncat(names, kind->name, sizeof(names) - strlen(names) - 1);
	}
	log_err(&p->log, "platform \"%s\": no such platform; there are: %s", spec, names);
	return -EINVAL;
}

static void close_platform(struct piommu *p)
{
	if (p->own_plat && p->plat)
		p->plat->ops->close(p->plat);
}

static void init_locks(struct piommu *p)
{
	mutex_init(&p->probe_lock, LOCK_PROBE);
	cond_init(&p->probe_cond);
	mutex_init(&p->units_lock, LOCK_LEAF);
	cond_init(&p->units_cond);
	mutex_init(&p->groups_lock, LOCK_LEAF);
	mutex_init(&p->objects_lock, LOCK_LEAF);
	mutex_init(&p->domains_mutex, LOCK_LEAF);
	mutex_init(&p->event_mutex, LOCK_LEAF);
}

static void fini_locks(struct piommu *p)
{
	mutex_fini(&p->event_mutex);
	mutex_fini(&p->domains_mutex);
	mutex_fini(&p->objects_lock);
	mutex_fini(&p->groups_lock);
	cond_fini(&p->units_cond);
	mutex_fini(&p->units_lock);
	cond_fini(&p->probe_cond);
	mutex_fini(&p->probe_lock);
}

static void take_config(struct piommu *p, const struct piommu_config *config)
{
	p->inspect = config->inspect;
	p->late_drivers = config->late_drivers;
	p->log = config->log;
	p->default_domain = config->default_domain;
	p->wish_fn = config->wish_fn;
	p->wish_ctx = config->wish_ctx;
	p->event_fn = config->event_fn;
	p->event_ctx = config->event_ctx;
	p->timeout_ns = (uint64_t)(config->timeout_ms ? config->timeout_ms : 1000) * 1000000;
}

static int look(struct piommu *p, const struct piommu_config *config)
{
	int err;

	core_probe_lock(p);
	err = core_drivers_add_all(p, config->drivers);
	if (!err)
		err = core_machine_load(p);
	core_probe_unlock(p);
	return err;
}

/* Units all or none, then the first walk. */
static int start(struct piommu *p)
{
	int err = p->inspect ? 0 : core_units_start(p);

	if (!err) {
		p->walked = true;
		err = core_walk_first(p);
	}
	if (err || p->inspect)
		return err;
	core_probe_lock(p);
	core_units_set_ready(p);
	core_probe_unlock(p);
	return 0;
}

/* A unit that did not turn off still walks its tables: the memory they are in is kept, and the platform with it. */
static int close_all(struct piommu *p)
{
	int err = core_units_disable(p);

	if (err)
		return err;
	p->closing = true;
	if (p->walked) {
		core_devices_free(p);
		core_domains_free(p);
	}
	core_probe_lock(p);
	core_machine_free(p);
	core_probe_unlock(p);
	core_drivers_free(p);
	close_platform(p);
	if (p->walked)
		rcu_drain(); /* snapshots of the tables */
	fini_locks(p);
	free(p);
	return 0;
}

int piommu_create(const struct piommu_config *config, struct piommu **out)
{
	struct piommu *p = calloc(1, sizeof(*p));
	bool online;
	int err;

	if (!p)
		return -ENOMEM;
	take_config(p, config);
	init_locks(p);
	if (!p->inspect)
		rcu_thread_register();
	online = core_slow_enter();
	err = open_platform(p, config);
	if (!err)
		err = look(p, config);
	if (!err)
		err = start(p);
	if (err)
		close_all(p);
	else
		*out = p;
	core_slow_exit(online);
	return err;
}

static void give_groups_back(struct piommu *p)
{
	struct piommu_group *group;

	for (unsigned i = 0; (group = piommu_group_at(p, i)); i++) {
		mutex_assert_unshared(&group->mutex);
		while (group->npasids)
			piommu_detach_pasid(group->pasids[0].domain, group, group->pasids[0].pasid);
		if (group->domain)
			piommu_detach(group->domain, group);
		if (group->claimed)
			piommu_release(group);
		piommu_group_put(group);
	}
}

int piommu_destroy(struct piommu *p)
{
	bool online;
	int err;

	if (!p)
		return 0;
	if (atomic_load_explicit(&p->nchannels, memory_order_relaxed)) {
		log_err(&p->log, "there still are channels: destroy them first");
		return -EBUSY;
	}
	give_groups_back(p);
	online = core_slow_enter();
	err = close_all(p);
	core_slow_exit(online);
	return err;
}

struct piommu_platform *piommu_platform(struct piommu *p)
{
	return p->plat;
}
