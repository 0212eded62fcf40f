/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library's own state: everything hangs off struct piommu. Lock order, outermost first:
 *
 *   group->mutex > domain->mutex > unit->mutex > event_mutex
 *
 * A slow path goes RCU-offline on entry (core_slow_enter), so that a thread that sleeps on a mutex or waits for hardware
 * holds up no grace period; what it reads is stable under its mutexes.
 */
#ifndef CORE_H
#define CORE_H

#include <stdatomic.h>

#include "iova.h"
#include "lock.h"
#include "piommu.h"
#include "piommu_driver.h"
#include "rcu.h"

#define CORE_EVENTS 256u

struct core_unit {
	struct piommu_unit unit; /* first: drivers see this */
	struct piommu *p;
	struct piommu_unit_facts facts;
	struct piommu_window window;
	bool mapped;
	bool probed;
	bool enabled;
	struct mutex mutex;               /* one slow-path driver op at a time; tags */
	uint64_t *tags GUARDED_BY(mutex); /* bit set: taken */
	struct piommu_domain *identity;
	struct piommu_domain *blocking;
	atomic_flag polling;
};

struct core_device {
	struct piommu_device dev; /* first */
	unsigned node;            /* in the topology */
	struct piommu_group *group;
	unsigned resets;    /* begun and not ended, under the group's mutex */
	unsigned *reserved; /* indexes into the firmware's reserved ranges */
	unsigned nreserved;
};

struct piommu_group {
	struct piommu *p;
	unsigned id;
	struct core_device *devices;
	unsigned ndevices;
	bool has_reserved;
	struct mutex mutex;
	unsigned nresets;             /* members being reset, under mutex */
	atomic_bool claimed;          /* changed under mutex */
	struct piommu_domain *domain; /* attached by the user, under mutex; NULL: where the claim left it */
};

/* What the core keeps for a domain, behind piommu_domain.core. */
struct core_domain {
	struct piommu_domain *self;
	struct core_domain *next; /* of the user's domains, under p->domains_mutex */
	struct piommu *p;
	struct core_unit *home;  /* the unit it was made for */
	struct mutex mutex;      /* the unit list */
	struct iova_space *iova; /* NULL: not a paging domain */
	struct piommu_span aperture;
	unsigned ngroups; /* attached, under mutex */
};

struct piommu {
	struct piommu_platform *plat;
	bool own_plat;
	bool inspect;
	struct piommu_log log;
	const struct piommu_driver *const *drivers;
	uint64_t timeout_ns;
	struct piommu_fw fw;
	struct piommu_span *reserved; /* spans of fw.reserved, for drivers */
	struct piommu_topo *topo;
	struct core_unit *units;
	unsigned nunits;
	struct piommu_group *groups;
	unsigned ngroups;
	struct rcu_table devices; /* struct core_device by address */
	struct mutex domains_mutex;
	struct core_domain *domains GUARDED_BY(domains_mutex);
	piommu_event_fn event_fn;
	void *event_ctx;
	struct mutex event_mutex; /* the ring */
	struct piommu_event events[CORE_EVENTS];
	uint64_t event_head;
	uint64_t event_tail;
	atomic_uint_fast64_t nfaults, noverflows, nlost, ninv_errors;
};

static inline uint64_t core_sbdf_key(struct piommu_sbdf sbdf)
{
	return (uint64_t)sbdf.segment << 16 | (uint64_t)sbdf.bus << 8 | sbdf.devfn;
}

static inline struct core_unit *core_unit_of(struct piommu_unit *unit)
{
	return (struct core_unit *)(void *)unit; /* first member */
}

static inline struct core_domain *core_domain_of(const struct piommu_domain *domain)
{
	return domain->core;
}

/* threads.c. Slow-path brackets: returns whether the thread was online, to be handed to core_slow_exit(). */
bool core_slow_enter(void);
void core_slow_exit(bool was_online);

/* machine.c: what there is, without touching it */
int core_machine_load(struct piommu *p);
void core_machine_free(struct piommu *p);

/* unit.c: taking units over and giving them back */
int core_units_start(struct piommu *p);
int core_units_stop(struct piommu *p);

/* tags.c */
int core_tags_init(struct core_unit *cu);
int core_tag_get(struct core_unit *cu, uint32_t *tag);
void core_tag_put(struct core_unit *cu, uint32_t tag);

/* groups.c */
int core_groups_build(struct piommu *p);
void core_groups_free(struct piommu *p);
/* The unit of its first member that is behind one; NULL where none is. */
struct piommu_unit *core_group_unit(const struct piommu_group *group);

/* domain.c */
int core_domain_new(struct core_unit *cu, enum piommu_domain_type type, const struct piommu_domain_attr *attr,
		    struct piommu_domain **out);
void core_domain_free(struct piommu_domain *domain);
void core_domains_free(struct piommu *p);

/* domain_units.c: the unit list of a domain (doc/locking.md, section 2) */
int core_domain_unit_get(struct piommu_domain *domain, struct core_unit *cu, uint32_t *tag);
int core_domain_unit_put(struct piommu_domain *domain, struct core_unit *cu);
/* Once more for the units that stayed because their tag did not flush. @return 0: no unit can hold its translations any more */
int core_domain_units_drain(struct piommu_domain *domain);

/* attach.c */
enum core_target {
	CORE_TO_DOMAIN,   /* the one given */
	CORE_TO_IDENTITY, /* each device's unit's own */
	CORE_TO_BLOCKING,
};
int core_group_switch(struct piommu_group *group, enum core_target target, struct piommu_domain *domain) REQUIRES(group->mutex);
/* Where the members of a group that nobody attached belong. */
enum core_target core_group_rest(const struct piommu_group *group) REQUIRES(group->mutex);
int core_device_move(struct piommu_group *group, struct core_device *device, enum core_target target,
		     struct piommu_domain *domain) REQUIRES(group->mutex);

/* events.c */
void core_event_emit(struct piommu *p, const struct piommu_event *event);

#endif
