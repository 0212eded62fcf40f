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

int piommu_create(const struct piommu_config *config, struct piommu **out)
{
	struct piommu *p = calloc(1, sizeof(*p));
	bool online;
	int err;

	if (!p)
		return -ENOMEM;
	p->inspect = config->inspect;
	p->log = config->log;
	p->drivers = config->drivers;
	p->event_fn = config->event_fn;
	p->event_ctx = config->event_ctx;
	p->timeout_ns = (uint64_t)(config->timeout_ms ? config->timeout_ms : 1000) * 1000000;
	mutex_init(&p->event_mutex, LOCK_LEAF);
	mutex_init(&p->domains_mutex, LOCK_LEAF);
	if (!p->inspect)
		rcu_thread_register();
	online = core_slow_enter();

	err = open_platform(p, config);
	if (err)
		goto out_free;
	err = core_machine_load(p);
	if (err)
		goto out_close;
	err = core_groups_build(p);
	if (err)
		goto out_machine;
	if (!p->inspect) {
		err = core_units_start(p);
		if (err)
			goto out_groups;
	}
	core_slow_exit(online);
	*out = p;
	return 0;

out_groups:
	core_groups_free(p);
out_machine:
	core_machine_free(p);
out_close:
	close_platform(p);
out_free:
	core_slow_exit(online);
	mutex_fini(&p->domains_mutex);
	mutex_fini(&p->event_mutex);
	free(p);
	return err;
}

static void give_groups_back(struct piommu *p)
{
	for (unsigned i = 0; i < p->ngroups; i++) {
		struct piommu_group *group = &p->groups[i];

		if (group->domain)
			piommu_detach(group->domain, group);
		if (group->claimed)
			piommu_release(group);
	}
}

static void close_all(struct piommu *p)
{
	core_groups_free(p);
	core_machine_free(p);
	close_platform(p);
	mutex_fini(&p->domains_mutex);
	mutex_fini(&p->event_mutex);
	free(p);
}

int piommu_destroy(struct piommu *p)
{
	bool online;
	int err;

	if (!p)
		return 0;
	give_groups_back(p);
	online = core_slow_enter();
	err = core_units_stop(p);
	/* A unit that did not turn off still walks its tables: the memory they are in is kept, and the platform with it. */
	if (!err)
		close_all(p);
	core_slow_exit(online);
	return err;
}

struct piommu_platform *piommu_platform(struct piommu *p)
{
	return p->plat;
}
