/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library's own state: everything hangs off struct piommu. Lock order, outermost first (doc/locking.md):
 *
 *   probe_lock > group->mutex > domain->mutex > unit->mutex > leaves
 *
 * A slow path goes RCU-offline on entry (core_slow_enter), so that a thread that sleeps on a mutex or waits for hardware
 * holds up no grace period; what it reads is stable under its mutexes and by its references.
 *
 * The life of a device: found (walk.c, hotplug.c) -> bound to a unit and in a group (probe.c, under probe_lock) -> placed on what its group
 * is on (defaults.c, under the group's mutex) -> stripped of its unit, out of its group, forgotten.
 */
#ifndef CORE_H
#define CORE_H

#include <stdatomic.h>

#include "iova.h"
#include "lock.h"
#include "piommu.h"
#include "piommu_dma.h"
#include "piommu_driver.h"
#include "rcu.h"
#include "ref.h"

#define CORE_EVENTS 256u

enum core_unit_state {
	CORE_UNIT_STARTING, /* its first walk over the devices is not done, or it has no driver yet */
	CORE_UNIT_READY,
	CORE_UNIT_GOING, /* nobody new comes */
};

struct core_unit {
	struct piommu_unit unit; /* first: drivers see this */
	struct piommu *p;
	uint64_t serial;            /* its key in p->units */
	struct piommu_fw_unit desc; /* of a unit that was registered by hand; unit.fw points here then */
	bool by_hand;
	unsigned refs;          /* under p->units_lock: of the table, of its devices, of who looks at it */
	_Atomic unsigned state; /* enum core_unit_state; changed under p->probe_lock */
	unsigned state_before;  /* that it is going: what it is again if it stays */
	atomic_bool enabled;    /* translation is on: it is polled, and its entries count */
	bool needs_walk;        /* these two under p->probe_lock */
	uint64_t walk;          /* the one that it became part of */
	struct piommu_unit_facts facts;
	struct piommu_window window;
	bool mapped;
	bool probed;
	bool stuck;         /* it did not turn off */
	bool unflushed;     /* it is to go, and `nlists` is in the way */
	atomic_uint nlists; /* paging domains made for other units whose lists have it, so that their unmaps go to its driver */
	struct mutex mutex RANKED(LOCK_UNIT); /* one slow-path driver op at a time; tags */
	uint64_t *tags GUARDED_BY(mutex);     /* bit set: taken */
	atomic_uint tags_due;                 /* those of them that come back after a grace period */
	struct piommu_domain *identity;       /* these two have this unit in their lists for as long as it is enabled */
	struct piommu_domain *blocking;
	atomic_flag polling;
};

struct core_device {
	struct piommu_device dev; /* first */
	struct rcu_deferral deferral;
	struct rcu_ref ref;       /* of the table, of who found it */
	struct core_device *next; /* of all in memory, under p->objects_lock */
	struct piommu *p;
	uint64_t key;
	bool going;    /* under p->probe_lock: being removed */
	uint64_t born; /* of p->changes, under p->probe_lock */
	/* With a reference. Changed under both p->probe_lock and the group's mutex, cleared under the latter; read as rule R3 says. */
	_Atomic(struct piommu_group *) group;
	/* As dev.ids, of which a device that goes keeps those of nobody else: these stay, for who looks without a lock. */
	struct piommu_id ids[PIOMMU_IDS_MAX];
	unsigned nids;
	struct piommu_pci_function fn; /* of a PCI function */
	struct piommu_wish wish;
	unsigned *reserved; /* indexes into the firmware's reserved ranges */
	unsigned nreserved;
	unsigned *carveouts; /* and into its carve-outs: nothing of the device's may be there */
	unsigned ncarveouts;
	/* From here on under the group's mutex; the atomics are read without it. */
	bool probed;                          /* the driver's probe_device was called, or there is none */
	bool placed;                          /* where its group is, or deferred */
	bool pasids_in;                       /* its group's PASIDs are entered in it: all, or none of them */
	bool binding;                         /* being put behind a unit, in the group where it was without one */
	unsigned resets;                      /* begun and not ended */
	struct piommu_domain *before;         /* during a switch: where it was */
	_Atomic(struct piommu_domain *) goal; /* what its group is on, also while a reset or a deferral keeps it elsewhere */
	atomic_bool deferred;
	atomic_uint_fast64_t nfaults, nattaches, ndeferred_lost;
};

/* One PASID of a group. */
struct core_pasid {
	uint32_t pasid;
	struct piommu_domain *domain;
};

struct piommu_group {
	struct rcu_deferral deferral;
	struct rcu_ref ref;        /* of its members, of its claim, of who found it */
	struct piommu_group *next; /* of all in memory, under p->objects_lock */
	struct piommu *p;
	unsigned id;
	struct mutex mutex RANKED(LOCK_GROUP);
	struct core_device **members GUARDED_BY(mutex); /* ascending by key */
	unsigned nmembers GUARDED_BY(mutex);
	unsigned room GUARDED_BY(mutex);
	bool has_reserved GUARDED_BY(mutex);
	bool ready GUARDED_BY(mutex);   /* its default has been set up */
	bool refused GUARDED_BY(mutex); /* an untrusted member would have to be on identity: blocked, and not to be claimed */
	unsigned nresets GUARDED_BY(mutex);             /* members being reset */
	atomic_bool claimed;                            /* changed under mutex */
	bool uncontained GUARDED_BY(mutex);             /* claimed behind no unit */
	struct piommu_domain *domain GUARDED_BY(mutex); /* attached by the user; NULL: where the claim left it */
	enum piommu_default kind GUARDED_BY(mutex);
	struct piommu_domain *default_domain GUARDED_BY(mutex); /* of kind PAGING */
	/* Claimed, and no member is behind the unit that default_domain was made for: it is kept, too. */
	bool homeless GUARDED_BY(mutex);
	struct core_domain *kept GUARDED_BY(mutex); /* were that one after another; their devices are gone, its claim is not */
	struct core_pasid *pasids GUARDED_BY(mutex);
	unsigned npasids GUARDED_BY(mutex);
	struct piommu_topo_reason *reasons GUARDED_BY(mutex);
	unsigned nreasons GUARDED_BY(mutex);
};

/* What the core keeps for a domain, behind piommu_domain.core. */
struct core_domain {
	struct piommu_domain *self;
	struct core_domain *next;      /* of the user's domains, under p->domains_mutex */
	struct core_domain *next_kept; /* of a group's, under its mutex */
	struct piommu *p;
	struct core_unit *home;                 /* the unit it was made for: outlives it */
	struct mutex mutex RANKED(LOCK_DOMAIN); /* the unit list */
	struct iova_space *iova;                /* NULL: not a paging domain */
	struct piommu_span aperture;
	unsigned ngroups GUARDED_BY(mutex); /* attached, PASIDs count */
	struct piommu_channel *channels GUARDED_BY(mutex);
	struct piommu_page_list lost GUARDED_BY(mutex); /* of channels that are gone: tables that hardware may still walk */
	uint64_t nfailed GUARDED_BY(mutex);             /* tickets of theirs */
	struct piommu_mode mode GUARDED_BY(mutex);
	/* What channels read of it. */
	_Atomic unsigned mode_kind;
	_Atomic uint64_t mode_ns;
	_Atomic size_t mode_bytes; /* of one channel */
	struct core_pools *pools;  /* RCU, changed under mutex */
	bool orphan;               /* nobody's any more, but a unit may still walk it; under p->domains_mutex */
};

/* A driver of this manager, under p->probe_lock. */
struct core_driver {
	const struct piommu_driver *driver;
	bool going; /* a thread is taking it out */
	struct core_driver *next;
};

struct piommu {
	struct piommu_platform *plat;
	bool own_plat;
	bool inspect;
	bool late_drivers;
	bool walked;  /* there may be devices and domains, and what is freed after a grace period */
	bool closing; /* the units are off for good */
	struct piommu_log log;
	uint64_t timeout_ns;
	enum piommu_default default_domain;
	piommu_wish_fn wish_fn;
	void *wish_ctx;
	struct piommu_span *reserved; /* spans of fw.reserved, for drivers */

	/* Creating a device's state, its firmware description, its unit and its group. See probe_lock.c. */
	struct mutex probe_lock RANKED(LOCK_PROBE);
	struct cond probe_cond;       /* a device is gone */
	atomic_uintptr_t probe_owner; /* the thread that holds it */
	unsigned probe_depth GUARDED_BY(probe_lock);
	bool walk_pending GUARDED_BY(probe_lock);
	bool walk_failed GUARDED_BY(probe_lock);
	_Atomic uint64_t last_epoch; /* of units that were enabled */
	atomic_uint nchannels;
	_Atomic size_t page; /* the largest of all units' smallest pages; 0: no unit yet */
	uint64_t last_walk GUARDED_BY(probe_lock);
	atomic_uint_fast64_t changes;                 /* devices added and removed; counted under probe_lock */
	uint64_t last_removal GUARDED_BY(probe_lock); /* of `changes` */
	bool mem_started GUARDED_BY(probe_lock);
	struct core_driver *drivers GUARDED_BY(probe_lock);
	struct piommu_fw fw; /* stays; but where its scopes lead, and its warnings, change under probe_lock with the topology */
	struct piommu_topo *topo GUARDED_BY(probe_lock);
	unsigned next_group GUARDED_BY(probe_lock);
	uint64_t next_node GUARDED_BY(probe_lock);
	struct rcu_table devices; /* struct core_device by key */

	struct mutex units_lock RANKED(LOCK_LEAF); /* the table's writers, and every unit's refs */
	uint64_t next_unit GUARDED_BY(units_lock);
	struct cond units_cond;
	struct rcu_table units;
	struct mutex groups_lock RANKED(LOCK_LEAF); /* the table's writers */
	struct rcu_table groups;                    /* those with members, by id */
	struct mutex objects_lock RANKED(LOCK_LEAF);
	struct core_device *all_devices GUARDED_BY(objects_lock);
	struct piommu_group *all_groups GUARDED_BY(objects_lock);
	struct mutex domains_mutex RANKED(LOCK_LEAF);
	struct core_domain *domains GUARDED_BY(domains_mutex);

	piommu_event_fn event_fn;
	void *event_ctx;
	struct mutex event_mutex RANKED(LOCK_LEAF); /* the ring */
	struct piommu_event events[CORE_EVENTS] GUARDED_BY(event_mutex);
	uint64_t event_head GUARDED_BY(event_mutex);
	uint64_t event_tail GUARDED_BY(event_mutex);
	atomic_uint_fast64_t nfaults, noverflows, nlost, ninv_errors, nunit_errors;
};

/* PCI functions by address; nodes after them, in the order in which they came. */
#define CORE_NODE_KEY (UINT64_C(1) << 63)

static inline uint64_t core_sbdf_key(struct piommu_sbdf sbdf)
{
	return (uint64_t)sbdf.segment << 16 | (uint64_t)sbdf.bus << 8 | sbdf.devfn;
}

static inline struct core_unit *core_unit_of(struct piommu_unit *unit)
{
	return (struct core_unit *)(void *)unit; /* first member */
}

/* Who looks at a unit that is neither its thread's to change nor enabled may see a driver come or go. */
static inline const struct piommu_driver *core_unit_driver(const struct core_unit *cu)
{
	return __atomic_load_n(&cu->unit.driver, __ATOMIC_ACQUIRE);
}

static inline void core_unit_set_driver(struct core_unit *cu, const struct piommu_driver *driver)
{
	__atomic_store_n(&cu->unit.driver, driver, __ATOMIC_RELEASE);
}

static inline struct core_device *core_device_of(struct piommu_device *device)
{
	return (struct core_device *)(void *)device; /* first member */
}

static inline struct core_domain *core_domain_of(const struct piommu_domain *domain)
{
	return domain->core;
}

/* For the looking functions, whose manager is const to the user: its locks are not. */
static inline struct piommu *core_mutable(const struct piommu *p)
{
	return (struct piommu *)(uintptr_t)p;
}

/* threads.c. Slow-path brackets: returns whether the thread was online, to be handed to core_slow_exit(). */
bool core_slow_enter(void);
void core_slow_exit(bool was_online);
/* An RCU read section for any thread, registered or not. */
struct core_read {
	bool registered, online;
};
struct core_read core_read_enter(void);
void core_read_exit(struct core_read was);

/* probe_lock.c: the lock may be taken again by the thread that holds it, from a driver's callback. Walks that were put off meanwhile run
 * when it is let go for good. */
void core_probe_lock(struct piommu *p) ACQUIRES(p->probe_lock);
void core_probe_unlock(struct piommu *p) RELEASES(p->probe_lock);
bool core_probe_is_mine(const struct piommu *p);
void core_probe_wait(struct piommu *p) REQUIRES(p->probe_lock);

/* machine.c: what there is, without touching it */
int core_machine_load(struct piommu *p) REQUIRES(p->probe_lock) EXCLUDES(p->units_lock);
void core_machine_free(struct piommu *p) REQUIRES(p->probe_lock);
/* The topology with these functions and the firmware's scopes in it. @return 0, or -errno and nothing has changed */
int core_topo_replace(struct piommu *p, const struct piommu_pci_function *fns, size_t n) REQUIRES(p->probe_lock);
/* The unit whose firmware description covers a device; NULL: none. With a reference. */
struct core_unit *core_firmware_unit(struct piommu *p, const struct core_device *cd, const char *node_unit)
	REQUIRES(p->probe_lock);
int core_firmware_reserved(struct piommu *p, struct core_device *cd) REQUIRES(p->probe_lock);

/* ---- source.c: what firmware says by ids ---- */

/* @return whether it describes the device so; then `*out` is its unit, with a reference, or NULL: it is behind none */
bool core_source_unit(struct piommu *p, const struct core_device *cd, struct core_unit **out) REQUIRES(p->probe_lock);
/* Requester ids become those that its unit sees. */
void core_source_ids(struct piommu *p, struct core_device *cd) REQUIRES(p->probe_lock);
/* Whether a range that firmware states by ids is one of the device's. */
bool core_source_has(struct piommu *p, const struct core_device *cd, const struct piommu_fw_id_maps *ids)
	REQUIRES(p->probe_lock);
/* The devices that are no PCI functions; `*out` is the caller's to free, also empty. Any thread. @return 0 or -ENOMEM */
int core_source_nodes(const struct piommu *p, struct piommu_node **out, size_t *n);

/* unit.c: one unit's life */
struct core_unit *core_unit_new(struct piommu *p, const struct piommu_fw_unit *fw, bool by_hand) REQUIRES(p->probe_lock);
void core_unit_free(struct core_unit *cu);
/* Ours and enabled; on failure as before. In steps, so that several are taken all or none. */
int core_unit_map(struct core_unit *cu);
int core_unit_probe(struct core_unit *cu) EXCLUDES(cu->mutex);
int core_unit_enable(struct core_unit *cu);
int core_unit_start(struct core_unit *cu) EXCLUDES(cu->mutex);
/* Translation off. @return 0 or -EIO: it keeps everything */
int core_unit_disable(struct core_unit *cu);
/* Undo of map and probe; it is not enabled. */
void core_unit_drop(struct core_unit *cu);

/* units.c: the table of units, registering them and taking them out */
struct core_unit *core_unit_at(const struct piommu *p, unsigned n); /* with a reference; NULL past the last */
/*
 * To go through all there are, by age: the one after `prev` (NULL: the first), with a reference, for prev's, which is given back. Misses
 * none that stays, whichever comes or goes meanwhile.
 */
struct core_unit *core_unit_next(const struct piommu *p, struct core_unit *prev);
void core_unit_get(struct core_unit *cu) EXCLUDES(cu->p->units_lock);
void core_unit_put(struct core_unit *cu) EXCLUDES(cu->p->units_lock);
int core_units_list_firmware(struct piommu *p) REQUIRES(p->probe_lock) EXCLUDES(p->units_lock);
int core_units_start(struct piommu *p);
/* Whether one is enabled whose first walk is not done. */
bool core_units_starting(struct piommu *p);
void core_units_set_ready(struct piommu *p) REQUIRES(p->probe_lock);
void core_unit_set_ready(struct piommu *p, struct core_unit *cu) REQUIRES(p->probe_lock);
int core_units_disable(struct piommu *p);
void core_units_free(struct piommu *p);
/* All of a driver's (cu NULL), or one. @return as piommu_driver_unregister() */
int core_units_unregister(struct piommu *p, const struct piommu_driver *driver, struct core_unit *only)
	EXCLUDES(p->domains_mutex, p->units_lock, p->groups_lock);

/* drivers.c */
int core_drivers_add_all(struct piommu *p, const struct piommu_driver *const *drivers) REQUIRES(p->probe_lock);
void core_drivers_free(struct piommu *p);
const struct piommu_driver *core_driver_for(struct piommu *p, const struct piommu_fw_unit *fw) REQUIRES(p->probe_lock);
/* Rule R12. @return 0, `*out` with a reference or NULL: behind no unit, for now */
int core_choose_unit(struct piommu *p, struct core_device *cd, const char *node_unit, struct core_unit **out)
	REQUIRES(p->probe_lock);

/* tags.c */
int core_tags_init(struct core_unit *cu);
int core_tag_get(struct core_unit *cu, uint32_t *tag) EXCLUDES(cu->mutex);
void core_tag_put(struct core_unit *cu, uint32_t tag) EXCLUDES(cu->mutex);

/* devices.c: looking devices up */
struct core_device *core_device_get(struct piommu *p, uint64_t key);
/* As core_unit_next(), by key. Needs no memory. */
struct core_device *core_device_next(struct piommu *p, struct core_device *prev);
struct core_device *core_device_get_node(struct piommu *p, const char *name);
void core_device_put(struct core_device *cd);
bool core_device_carries(const struct core_device *cd, struct piommu_id id);
/* The group of a device that we have a reference to, with one, or NULL. */
struct piommu_group *core_device_group_get(struct core_device *cd);
/* What users still hold when their manager ends. */
void core_objects_free(struct piommu *p);

/* probe.c: rules R4 and R5 */
struct core_found {
	bool is_pci;
	struct piommu_pci_function fn;
	struct piommu_node node;
	uint64_t when; /* p->changes before the platform was asked */
};
int core_device_init(struct piommu *p, const struct core_found *found, struct core_device **out) REQUIRES(p->probe_lock)
	EXCLUDES(p->objects_lock);
/*
 * Behind a unit and in a group; also once more for a device that is behind none, whose unit may have come since, but not under the feet
 * of who has claimed it (case T7: a warning, and 0).
 */
int core_device_bind(struct piommu *p, struct core_device *cd, const char *node_unit) REQUIRES(p->probe_lock);

/* strip.c */
enum core_release {
	CORE_RELEASE_GONE, /* the device goes: blocked, or identity where it has reserved ranges */
	CORE_RELEASE_UNIT, /* its unit goes: identity */
};
/* What probe_device set. */
void core_device_forget_driver(struct core_device *cd);
/* Behind no unit any more. @return 0, or -EIO: done, but the hardware did not follow */
int core_device_strip(struct piommu_group *group, struct core_device *cd, enum core_release release) REQUIRES(group->mutex);
/* Out of its group, too. */
int core_device_fini(struct piommu_group *group, struct core_device *cd, enum core_release release) REQUIRES(group->mutex)
	EXCLUDES(group->p->groups_lock);

/* found.c: what the platform says there is */
/* All PCI functions and nodes there are now, in the order of discovery; malloc'ed. */
int core_find_all(struct piommu *p, struct core_found **out, size_t *n);
/* Platform nodes alone: the platform's, or else those that firmware describes. `*out` is the caller's to free. */
int core_find_nodes(struct piommu *p, struct piommu_node **out, size_t *n);
/* Completes `found`, of which the address or name is given. @return 0; -ENODEV: the machine has no such device */
int core_find_one(struct piommu *p, struct core_found *found);
bool core_found_same(const struct core_found *found, const struct core_found *other);

/* walk.c */
int core_walk_first(struct piommu *p) EXCLUDES(p->objects_lock);
/* Over the devices that are behind no unit. */
int core_walk(struct piommu *p);
/* Walks that a driver's callback asked for: their unit is ready after one that began after it was registered. */
void core_walk_pending(struct piommu *p);
void core_devices_free(struct piommu *p);

/* groups.c */
void core_group_free(struct piommu_group *group);
struct piommu_group *core_group_get_unless_zero(struct piommu_group *group);
int core_group_join(struct piommu_group *group, struct core_device *cd) REQUIRES(group->mutex) EXCLUDES(group->p->groups_lock);
/* Whether the device's mates in the topology, if there are any, are in `group`: a driver may add to them, not part them. @return 0;
 * -EXDEV: they are in another one, which is said. Under the probe lock. */
int core_group_has_mates(const struct core_device *cd, const struct piommu_group *group);
void core_group_leave(struct piommu_group *group, struct core_device *cd) REQUIRES(group->mutex)
	EXCLUDES(group->p->groups_lock);
void core_group_refresh_reasons(struct piommu *p, struct piommu_group *group) REQUIRES(p->probe_lock, group->mutex);
/* The unit of its first member that is behind one; NULL where none is. */
struct piommu_unit *core_group_unit(const struct piommu_group *group) REQUIRES(group->mutex);
/* 0, or -EAGAIN: it, or a unit of its members, is still being set up; -EPERM: refused */
int core_group_usable(const struct piommu_group *group) REQUIRES(group->mutex);

/* defaults.c */
int core_group_settle(struct piommu_group *group) EXCLUDES(group->mutex);
/* Members have left `cu`: a default domain that was made for it and has none there any more is made anew for another unit of the group's. */
void core_group_left_unit(struct piommu_group *group, const struct core_unit *cu) REQUIRES(group->mutex);
/* What was kept for a claim's sake goes with it. */
void core_group_end_kept(struct piommu_group *group) REQUIRES(group->mutex);
/* Frees what an empty group, or one behind no unit, was on; while it is claimed, its default domain is kept for core_group_end_kept(). */
void core_group_end(struct piommu_group *group) REQUIRES(group->mutex);

/* domain.c */
int core_domain_new(struct core_unit *cu, enum piommu_domain_type type, const struct piommu_domain_attr *attr,
		    struct piommu_domain **out) EXCLUDES(cu->mutex);
void core_domain_free(struct piommu_domain *domain);
void core_domains_free(struct piommu *p);
/* As one of the user's: it holds its unit. And the undo. */
void core_domain_keep(struct piommu_domain *domain) EXCLUDES(core_domain_of(domain)->p->domains_mutex);
void core_domain_unkeep(struct piommu_domain *domain) EXCLUDES(core_domain_of(domain)->p->domains_mutex);
/* One of the core's that a unit may still walk: its tables stay until that unit is off. */
void core_domain_orphan(struct piommu_domain *domain) EXCLUDES(core_domain_of(domain)->p->domains_mutex);
/* The unit is off. @return 0, or -EIO: another one may walk tables of its pool */
int core_orphans_free(struct piommu *p, struct core_unit *home) EXCLUDES(p->domains_mutex);
bool core_domains_have_home(struct piommu *p, const struct core_unit *cu) EXCLUDES(p->domains_mutex);

/* domain_units.c: the unit list of a domain (doc/locking.md, section 2). `dev` NULL: for the unit's own sake */
int core_domain_unit_get(struct piommu_domain *domain, struct core_unit *cu, struct piommu_device *dev, uint32_t *tag)
	EXCLUDES(cu->mutex);
int core_domain_unit_put(struct piommu_domain *domain, struct core_unit *cu, struct piommu_device *dev) EXCLUDES(cu->mutex);
/* Once more for the units that stayed because their tag did not flush. @return 0: no unit can hold its translations any more */
int core_domain_units_drain(struct piommu_domain *domain);

/* map.c: @return 0 or -ERANGE */
int core_check_range(const struct piommu_domain *domain, uint64_t iova, size_t len);

/* burst.c: the arguments were checked */
int core_map_ranges(struct piommu_domain *domain, const struct piommu_mapping *mappings, unsigned n);
int core_unmap_ranges(struct piommu_domain *domain, const struct piommu_range *ranges, unsigned n, struct piommu_gather *gather,
		      size_t *unmapped);

/* mode.c: each channel's share of what may be stale */
void core_mode_share(struct core_domain *cd) REQUIRES(cd->mutex);
void core_pools_free(struct core_domain *cd);

/* poller.c */
void core_poller_add(struct piommu_poller *poller, struct piommu_channel *ch);
void core_poller_remove(struct piommu_poller *poller, struct piommu_channel *ch);

/* attach.c */
enum core_target {
	CORE_TO_DOMAIN,   /* the one given */
	CORE_TO_IDENTITY, /* each device's unit's own */
	CORE_TO_BLOCKING,
};
struct core_place {
	enum core_target to;
	struct piommu_domain *domain; /* of CORE_TO_DOMAIN */
};
int core_group_switch(struct piommu_group *group, struct core_place place) REQUIRES(group->mutex);
/* Where the members of a group belong that nobody attached, and where they belong now. */
struct core_place core_group_rest(const struct piommu_group *group) REQUIRES(group->mutex);
struct core_place core_group_place(const struct piommu_group *group) REQUIRES(group->mutex);
int core_device_move(struct piommu_group *group, struct core_device *device, struct core_place place) REQUIRES(group->mutex);
/* The domain that a place means for a device. */
struct piommu_domain *core_place_domain(const struct piommu_device *dev, struct core_place place);
/* Whether a claimed group may be attached to a domain, now. @return 0 or -errno, said */
int core_group_accepts(struct piommu_domain *domain, struct piommu_group *group) REQUIRES(group->mutex);
/* Forgets what the user attached it to. */
void core_group_detached(struct piommu_group *group) REQUIRES(group->mutex);

/* reserved.c: what firmware says of addresses. Keeps those of a group's members from being handed out in a new paging domain. */
int core_keep_clear(struct piommu_domain *domain, struct piommu_group *group) REQUIRES(group->mutex);
/* Before an attach: maps reserved ranges 1:1, all or none of them. */
int core_cover_reserved(struct piommu_domain *domain, struct piommu_group *group) REQUIRES(group->mutex);

/* pasid.c: for a member that comes and one that goes */
int core_pasids_join(struct piommu_group *group, struct core_device *cd) REQUIRES(group->mutex);
/* All of them leave, or none has. */
int core_pasids_suspend(struct piommu_group *group, struct core_device *cd) REQUIRES(group->mutex);
int core_pasids_leave(struct piommu_group *group, struct core_device *cd) REQUIRES(group->mutex);
void core_pasids_end(struct piommu_group *group) REQUIRES(group->mutex);

/* events.c */
void core_event_emit(struct piommu *p, const struct piommu_event *event) EXCLUDES(p->event_mutex);

#endif
