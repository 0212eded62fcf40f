/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piommu: a polled-mode IOMMU manager in userspace. The public API.
 *
 *   piommu_create()  finds the IOMMU units, forms groups, turns translation on with every device on its default (identity)
 *   piommu_claim()   takes a group: its devices reach nothing until ...
 *   piommu_attach()  ... they are put on a domain
 *   piommu_map() / piommu_unmap()   no system call, no lock
 *   piommu_poll()    faults, deferred work, and the thread's RCU quiescent state
 *
 * Words: unit = one IOMMU in hardware; device = a PCI function, or a platform node (device tree); group = devices that the hardware cannot keep apart;
 * domain = an I/O address space; iova, pa, va = I/O virtual, bus and process addresses. All lengths are bytes.
 *
 * Thread rules. "Any thread": at any time. "Registered": a thread that called piommu_thread_register() and is online.
 * "Slow path": takes mutexes, may wait for hardware (bounded); any thread, several at once on the same objects, not from an event
 * callback, and from a driver's callback only where that is said.
 *
 * A function whose comment names none of them is slow path; a second one under the same comment has the rule of the first.
 *
 * Objects that a piommu_*_find() or _at() hands out come with a reference: piommu_*_put() gives it back. Until then they are
 * memory of ours, even where the device has gone; a claimed group lasts until it is released. piommu_destroy() ends them all.
 *
 * Errors: 0 or a negative errno; each function lists its own. Creators fill *out only on success; destroy(NULL) does
 * nothing. The reason and the remedy of a refusal go to the log callback, once.
 */
#ifndef PIOMMU_H
#define PIOMMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "piommu_event.h"
#include "piommu_log.h"
#include "piommu_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct piommu; /**< a manager: all state hangs off it; several may live in one process */
struct piommu_device;
struct piommu_group;
struct piommu_domain;
struct piommu_gather;
struct piommu_platform;
struct piommu_driver;          /* piommu_driver.h */
struct piommu_platform_driver; /* piommu_driver.h */

/** Every IOMMU driver, and every platform, of this build; NULL-terminated. Give them, or a table of your own, to a config. */
extern const struct piommu_driver *const piommu_drivers[];
extern const struct piommu_platform_driver *const piommu_platforms[];

/* ---- The manager ------------------------------------------------------------------------------------------------------- */

/** Called by the thread that polls, for each event. Must not call slow-path functions. */
typedef void (*piommu_event_fn)(void *ctx, const struct piommu_event *event);

/** What the user wants for a device that nobody has claimed. */
struct piommu_wish {
	enum piommu_default kind;
	bool untrusted; /**< it can be plugged in by anyone: never on identity, or else it is refused */
};
/** Asked once for each device, by its name ("0000:00:04.0", a node's path), when it is found. Calls nothing of piommu. */
typedef struct piommu_wish (*piommu_wish_fn)(void *ctx, const char *device);

struct piommu_config {
	const struct piommu_driver *const *drivers;
	const struct piommu_platform_driver *const *platforms;
	const char *platform;             /**< "linux", "sim[:FAMILY,key=value..]", "dump:DIR" */
	struct piommu_platform *instance; /**< an opened platform instead of `platform`; stays the caller's */
	bool inspect;                     /**< only look: no unit is touched, no memory or rights are needed */
	struct piommu_log log;
	piommu_event_fn event_fn; /**< NULL: events only go to the ring */
	void *event_ctx;
	unsigned timeout_ms;                /**< bound of every wait for hardware; 0: 1000 */
	enum piommu_default default_domain; /**< for groups of which no member wishes otherwise; ANY: identity */
	piommu_wish_fn wish_fn;             /**< NULL: no wishes, all are trusted */
	void *wish_ctx;
	bool late_drivers; /**< a unit without a driver waits for piommu_driver_register(), and is no error */
};

/** This build's drivers and platforms, the machine we run on, warnings and errors to stderr. */
#define PIOMMU_CONFIG_INIT \
	{ \
		piommu_drivers, piommu_platforms, "linux", NULL, false, { piommu_log_stderr, NULL, PIOMMU_LOG_WARN }, NULL, \
			NULL, 0, PIOMMU_DEFAULT_ANY, NULL, NULL, false \
	}

/**
 * Creates a manager. Unless config->inspect, takes over every unit that firmware describes, or none: reserved ranges are
 * covered and all devices are on identity when translation goes on. The calling thread is registered.
 * Slow path. @return 0; -EINVAL: unknown platform, preset or key; -ENOENT: no firmware table with units (not an error with
 * inspect); -EBUSY: the kernel or another manager drives a unit; -EACCES, -EPERM: no rights; -ENOMEM: no hugepages;
 * -EBADMSG: a firmware table or the PCI topology makes no sense; -ENOTSUP: no driver for a unit, or a platform that can only be looked at;
 * -ETIMEDOUT, -EIO, -ENOSPC: a unit does not follow, or has no tag left. A device that its driver cannot take on is left out, and said.
 */
int piommu_create(const struct piommu_config *config, struct piommu **out);

/**
 * Detaches and releases what is left, turns translation off, gives the units back, and ends the domains that are left.
 * Slow path; no other thread may be in the library, and its registered threads are offline or gone.
 * @return 0; -EBUSY: a domain still has channels: nothing has changed; -EIO: a unit did not follow; the manager and its tables are then
 * never freed
 */
int piommu_destroy(struct piommu *p);

/**
 * Adds a driver: it takes over units that firmware describes and that have none yet, and is asked about devices behind no unit. A
 * group that is claimed by then stays as it is, with a warning. Where another thread's walk over the devices is under way, or from a
 * driver's callback, they may answer -EAGAIN for a moment when this has returned. Slow path; also from a driver's callback.
 * @return 0; -EEXIST: there already; -EPERM: an inspecting manager; -ENOMEM, or why a unit of its could not be taken: then it is not
 * added. Where the walk over the devices fails (said), its units are not ready, and piommu_rescan() tries it again.
 */
int piommu_driver_register(struct piommu *p, const struct piommu_driver *driver);
/**
 * Gives its units back and takes the driver out; waits while it is being asked about a device. Slow path, not from a callback.
 * @return 0; -ENOENT; -EBUSY: a group behind one of its units is claimed, a domain made for one exists, or another thread takes it out:
 * nothing has changed; -EIO: a unit did not turn off: it is out of use, its memory stays
 */
int piommu_driver_unregister(struct piommu *p, const struct piommu_driver *driver);

/** The platform under a manager, e.g. for piommu_sim.h. Any thread. */
struct piommu_platform *piommu_platform(struct piommu *p);

/** The thread may use the fast path from here on. Idempotent. Any thread. */
void piommu_thread_register(void);
void piommu_thread_unregister(void);
/** Brackets a sleep: between them the thread is in no RCU read section and must not use the fast path. Registered. */
void piommu_thread_offline(void);
void piommu_thread_online(void);

/* ---- Looking: units, groups, warnings ---------------------------------------------------------------------------------- */

struct piommu_scope_info {
	const char *type; /**< "pci-endpoint", ... */
	unsigned id;
	unsigned start_bus;
	unsigned npath;
	uint8_t path[16][2]; /**< device, function */
	bool known;          /**< sbdf is the function that exists there */
	struct piommu_sbdf sbdf;
};

struct piommu_unit_info {
	const char *name;   /**< valid until it is unregistered */
	const char *family; /**< its driver's name */
	uint64_t base;
	uint64_t len;
	uint32_t segment;
	bool include_all;
	int numa_node; /**< -1: not stated */
	unsigned nscopes;
	const char *path;  /**< of its node in the device tree, or NULL */
	const char *model; /**< "generic", or an implementation that firmware names */
	char version[16];  /**< "" where it could not be read */
	char route[64];    /**< how its registers are reached, "" if not at all */
	bool kernel_driven;
	/* Known with a running manager: */
	unsigned iova_bits;
	uint64_t page_sizes;
	bool passthrough, coherent, queued, caches_not_present;
};

/** How many units there are: those that firmware describes, and those that were registered. */
unsigned piommu_unit_count(const struct piommu *p);
/** @return 0; -ENOENT: no such index */
int piommu_unit_info(const struct piommu *p, unsigned unit, struct piommu_unit_info *out);
int piommu_unit_scope(const struct piommu *p, unsigned unit, unsigned scope, struct piommu_scope_info *out);
/** A range of ids that firmware sends to a unit: `first` + n of the source is `to` + n at the unit. */
struct piommu_source_info {
	const char *name; /**< of a device that is no PCI function; of a PCI host its path, or NULL */
	bool is_pci;      /**< ids are requester ids (bus << 8 | devfn) of `segment` */
	uint32_t segment;
	uint32_t first, last;
	uint32_t to;
	uint32_t mask; /**< bits of the id at the unit that do not count */
};
/** The nth range of a unit. Strings are valid as long as the manager. @return 0; -ENOENT: no more */
int piommu_unit_source(const struct piommu *p, unsigned unit, unsigned n, struct piommu_source_info *out);
/** Calls fn for each capability that the unit's registers state, in the specification's order. */
int piommu_unit_describe(const struct piommu *p, unsigned unit, void (*fn)(void *ctx, const char *name, const char *text),
			 void *ctx);

struct piommu_reserved_info {
	const char *kind; /**< what the firmware table calls it */
	struct piommu_span span;
	unsigned nscopes;
};
/** Ranges that firmware wants mapped for some devices, and for which devices. @return count; 0; -ENOENT: no such index */
unsigned piommu_reserved_count(const struct piommu *p);
int piommu_reserved_info(const struct piommu *p, unsigned reserved, struct piommu_reserved_info *out);
int piommu_reserved_scope(const struct piommu *p, unsigned reserved, unsigned scope, struct piommu_scope_info *out);
/** Whom a range is for that firmware reserves by ids: unit (its name), first and last id there. @return 0; -ENOENT: no more */
struct piommu_reserved_ids {
	const char *unit;
	uint32_t first, last;
	uint32_t mask;
};
int piommu_reserved_ids(const struct piommu *p, unsigned reserved, unsigned n, struct piommu_reserved_ids *out);

/** Oddities of the firmware tables and the topology, one line each; NULL past the last. */
const char *piommu_warning(const struct piommu *p, unsigned n);

struct piommu_group_info {
	unsigned id;
	const char *unit; /**< NULL: behind no unit; else valid until that unit is unregistered */
	unsigned ndevices;
	unsigned nreasons;
	bool claimed;
	bool has_reserved; /**< a member has reserved ranges: it is never put on a blocking domain */
};
struct piommu_device_info {
	char name[PIOMMU_NAME_LEN]; /**< "0000:00:04.0", or a platform node's path */
	bool is_pci;
	struct piommu_sbdf sbdf; /**< from here to `model`: of a PCI function */
	uint16_t vendor;
	uint16_t device;
	uint32_t class_code;
	bool is_bridge;
	char driver[32]; /**< the kernel's; "" when none or unknown */
	char model[96];  /**< in words; "" when unknown */
	unsigned nids;
	/** That its DMA carries at its unit; of a PCI function without other word of firmware: its own, then its aliases. */
	struct piommu_id ids[PIOMMU_IDS_MAX];
};

/** How many groups the machine's devices form. */
unsigned piommu_group_count(const struct piommu *p);
/** The group at an index, in id order, with a reference; NULL past the last. Slow path. */
struct piommu_group *piommu_group_at(struct piommu *p, unsigned n);
/**
 * The group of a device, with a reference. Slow path. @return 0; -ENOENT: no such device; -EAGAIN: it is just coming, or going
 */
int piommu_group_find(struct piommu *p, struct piommu_sbdf sbdf, struct piommu_group **out);
int piommu_group_find_node(struct piommu *p, const char *name, struct piommu_group **out);
/** Gives a reference back. NULL does nothing. Slow path. */
void piommu_group_put(struct piommu_group *group);
void piommu_group_info(const struct piommu_group *group, struct piommu_group_info *out);
/** Members, ascending by address, nodes last. @return 0; -ENOENT: no such member */
int piommu_group_device(const struct piommu_group *group, unsigned n, struct piommu_device_info *out);
/** Why the group is what it is: a stable word and a line of text. */
int piommu_group_reason(const struct piommu_group *group, unsigned n, const char **fact, char *text, size_t len);

/* ---- Devices that come and go ------------------------------------------------------------------------------------------- */

/**
 * Takes note of a function that was plugged in (piommu_node_add(): of a platform node): it joins its group, which may be claimed and
 * attached, or makes a new one, and is put where that is. Also asks again about one that stayed behind no unit. Slow path.
 * @return 0, also where it is known already; -ENODEV: the machine has none there; -EPERM: an inspecting manager, or the device is
 * untrusted and would be on identity, or behind no unit in a group that is claimed as contained; -EXDEV: it would make two groups one,
 * which is never done while they are in use; -EINVAL: its unit does not fit the domain that its group is on; -EIO, -ENOMEM, -ENOSPC,
 * -ETIMEDOUT, or what its driver said. After an error the device is not known; where its entry was ours to write, it is blocked.
 */
int piommu_device_add(struct piommu *p, struct piommu_sbdf sbdf);
int piommu_node_add(struct piommu *p, const char *name);
/**
 * The device is gone, or about to be: it is blocked (on identity where it has reserved ranges), leaves its group and is
 * forgotten. Works on claimed, attached and resetting groups; the last member ends what its group was attached to. Slow path.
 * @return 0; -ENOENT: no such device; -EIO: it is forgotten, but the hardware could not be told
 */
int piommu_device_remove(struct piommu *p, struct piommu_sbdf sbdf);
int piommu_node_remove(struct piommu *p, const char *name);
/** Adds what has come and removes what has gone, by asking the platform. Slow path. @return how many; or the first error, the rest done */
int piommu_rescan(struct piommu *p);

/** A device, with a reference. Slow path. @return 0; -ENOENT: no such device; -EAGAIN: it is just coming, or going */
int piommu_device_find(struct piommu *p, struct piommu_sbdf sbdf, struct piommu_device **out);
int piommu_device_find_node(struct piommu *p, const char *name, struct piommu_device **out);
/** Gives a reference back. NULL does nothing. Slow path. */
void piommu_device_put(struct piommu_device *device);

struct piommu_device_stats {
	uint64_t faults;        /**< reported for it */
	uint64_t attaches;      /**< times that it was put on a domain */
	uint64_t deferred_lost; /**< threads that came to attach it on its first map, and found that another had */
	bool deferred;          /**< it goes on with what it was handed over with, until its first use */
};
/** Any thread. */
void piommu_device_stats(const struct piommu_device *device, struct piommu_device_stats *out);

/* ---- Taking groups ------------------------------------------------------------------------------------------------------ */

/**
 * Takes a group: from now on its devices reach nothing (blocking domain), or, where a member has reserved ranges, stay on
 * identity until they are attached. Where the group's default is a paging domain they are on that, with nothing but reserved ranges
 * mapped. A device whose attach is deferred is not touched before its first attach or map. Slow path.
 * @return 0; -EBUSY: claimed already; -ENODEV: it, or a part of it, is behind no unit, or all its devices are gone; -EAGAIN: its unit, or
 * the group itself, is still being set up; -EPERM: an inspecting manager, or an untrusted member that would be on identity; -ETIMEDOUT,
 * -EIO: it did not move, and is where it was
 */
int piommu_claim(struct piommu_group *group);
/**
 * Takes a group that is behind no unit: nothing contains its devices. A unit that appears later leaves them alone, with a
 * warning, until they are released. Slow path. @return as piommu_claim(); -EINVAL: it is behind a unit
 */
int piommu_claim_uncontained(struct piommu_group *group);
/**
 * Gives it back: its devices are on their default again. Slow path.
 * @return 0; -EBUSY: still attached, or its default domain has channels; -EINVAL: not claimed; -ENOMEM, -ENOSPC, -ETIMEDOUT, -EIO: it did not move, and is still claimed
 */
int piommu_release(struct piommu_group *group);
/**
 * The paging domain that a claimed group with that default is on while nobody attaches it; NULL: it has none. Lives as long as the
 * claim, also when its devices go. Slow path.
 */
struct piommu_domain *piommu_group_default_domain(struct piommu_group *group);

/* ---- Domains -------------------------------------------------------------------------------------------------------------- */

enum piommu_domain_kind {
	PIOMMU_KIND_PAGING,
	PIOMMU_KIND_IDENTITY,
	PIOMMU_KIND_BLOCKING,
};

struct piommu_domain_attr {
	enum piommu_domain_kind kind;
	unsigned iova_bits;          /**< 0: the widest the group's unit has */
	struct piommu_span aperture; /**< for piommu_iova_alloc(); {0, 0}: the whole width */
};

/**
 * A domain that fits the group's unit. It may be attached to any group whose unit fits, too. `attr` NULL: paging, widest.
 * Slow path. @return 0; -EINVAL: width or aperture the unit does not have; -ENODEV: behind no unit; -EAGAIN: its unit is still being
 * set up; -EPERM; -ENOMEM
 */
int piommu_domain_create(struct piommu_group *group, const struct piommu_domain_attr *attr, struct piommu_domain **out);
/**
 * Slow path. @return 0; -EBUSY: still attached, or it has channels; -EIO: an invalidation failed when it was detached, and again now: a unit may still
 * hold its translations, so the domain and its tables stay. Poll (the unit recovers there) and destroy it again
 */
int piommu_domain_destroy(struct piommu_domain *domain);

/**
 * Puts all devices of a claimed group on a domain. Reserved ranges of its devices are mapped 1:1 before the switch. A group
 * that is attached elsewhere moves without passing through a third state; on failure all members are where they were.
 * Slow path. @return 0; -EINVAL: not claimed, or the unit does not fit; -EADDRINUSE: a reserved range is mapped otherwise;
 * -EBUSY: a member is being reset; -EOPNOTSUPP: blocking domain and reserved ranges; -ENOSPC: no domain tag left; -ENOMEM; -ETIMEDOUT,
 * -EIO: all members are where they were. Reserved ranges that were mapped stay so in the domain, also after an error or a detach.
 */
int piommu_attach(struct piommu_domain *domain, struct piommu_group *group);
/**
 * Back to where piommu_claim() left it. Slow path.
 * @return 0; -EINVAL: not attached to this domain; -ENOMEM, -ENOSPC, -ETIMEDOUT, -EIO: it is still attached
 */
int piommu_detach(struct piommu_domain *domain, struct piommu_group *group);

/**
 * Puts one PASID (process address space id) of those devices of a claimed group that have PASIDs on a paging domain; members
 * without are passed over. On failure all are where they were. Slow path.
 * @return 0; -EINVAL: not claimed, not a paging domain, the unit does not fit, or `pasid` is 0 or wider than a member's; -EBUSY: it is
 * attached already, or a member is being reset; -EOPNOTSUPP: no member has PASIDs; -ENOSPC, -ENOMEM, -ETIMEDOUT, -EIO
 */
int piommu_attach_pasid(struct piommu_domain *domain, struct piommu_group *group, uint32_t pasid);
/** Slow path; works during a reset. @return 0; -EINVAL: not attached so; -ETIMEDOUT, -EIO: it is detached, but the unit did not follow */
int piommu_detach_pasid(struct piommu_domain *domain, struct piommu_group *group, uint32_t pasid);

/**
 * Brackets a reset of a device by whoever drives it (function-level, bus or slot reset). In between the device reaches nothing
 * (one with reserved ranges stays where it is), piommu_attach() of its group answers -EBUSY, and detach, release and destroy
 * work. Nests, and members of one group may be reset side by side: each device counts its own. At the last end the device
 * goes where its group is by then. Behind no unit nothing is blocked; one that a unit takes on meanwhile is by the time its group
 * can be claimed. Slow path.
 * @return 0; -ENOENT: no such device; -EINVAL: its group is not claimed, or no reset was begun; -EPERM: an inspecting manager;
 * -ENOMEM, -ENOSPC, -ETIMEDOUT, -EIO: begin: nothing has changed; end: the reset is over, and the device stays blocked
 */
int piommu_reset_begin(struct piommu *p, struct piommu_sbdf sbdf);
/** See piommu_reset_begin(). */
int piommu_reset_end(struct piommu *p, struct piommu_sbdf sbdf);

struct piommu_domain_info {
	enum piommu_domain_kind kind;
	unsigned iova_bits;
	uint64_t page_sizes; /**< bit n: 1 << n bytes */
	unsigned ndevices;
	size_t table_bytes; /**< of the whole pool its tables come from */
};
/** What a domain is, and what its tables take. */
void piommu_domain_info(const struct piommu_domain *domain, struct piommu_domain_info *out);

/* ---- Map, unmap, lookup: the fast path ------------------------------------------------------------------------------------ */

/**
 * Lets the domain's devices reach [pa, pa + len) at [iova, iova + len). All three multiples of the domain's smallest page (its page_sizes: 4096
 * nearly everywhere). All or nothing. The
 * devices can use it when the call returns. Two threads may map and unmap side by side in one domain, not on one range.
 * Registered. Which entries this writes is in the header of the family's table format.
 * @return 0; -EINVAL: zero length, unaligned, no permission, not a paging domain; -ERANGE: outside the domain's addresses or
 * the unit's; -EEXIST: part of the range is mapped; devices may have reached what comes before that part for a moment, and cannot when the
 * call returns; -ENOMEM: no table page. piommu_map_explain() says it in words.
 */
int piommu_map(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot);

/**
 * Strict: when it returns 0 no device can use the old translation. `unmapped` (may be NULL) gets the bytes that were mapped.
 * Registered. @return 0: all of it was mapped and is not any more; -ENOENT: part was not mapped, the rest is unmapped; -EINVAL,
 * -ERANGE as for map; -EXDEV: the range covers a part of a super page (a leaf above the smallest), nothing was done: unmap all of it;
 * -ETIMEDOUT, -EIO: unmapped, but the invalidation is not known to be complete: do not reuse the memory
 */
int piommu_unmap(struct piommu_domain *domain, uint64_t iova, size_t len, size_t *unmapped);

/** A gather collects unmaps that are invalidated together. Any thread, one at a time for a gather. @return 0 or -ENOMEM */
int piommu_gather_create(struct piommu_gather **out);
/** It must be empty: flush it first. Any thread. @return 0 or -EBUSY */
int piommu_gather_destroy(struct piommu_gather *gather);
/**
 * As piommu_unmap(), but devices may use the old translation until piommu_gather_flush() returned 0. Until then nothing may be
 * mapped in the range, holes included: a device may still walk a table that was unlinked from it. Registered.
 */
int piommu_unmap_gather(struct piommu_domain *domain, uint64_t iova, size_t len, struct piommu_gather *gather,
			size_t *unmapped);
/** Invalidates all it holds, waits (bounded), and empties it. Registered. @return 0; -ETIMEDOUT, -EIO: not known to be complete */
int piommu_gather_flush(struct piommu_domain *domain, struct piommu_gather *gather);

/**
 * As piommu_map() and piommu_unmap(), in the domain that a claimed device is on: its group's default paging domain, or the one it was
 * attached to. The first map of a device whose attach is deferred attaches it; threads that come at once attach once. Registered,
 * and slow path as long as the attach is deferred. @return as piommu_map() and piommu_unmap(); -EINVAL: not on a paging domain; map
 * also: -EAGAIN: its group is still being set up; -ENODEV: it is gone, or behind no unit; -EBUSY: deferred, and being reset: it is still deferred; what the
 * attach returned
 */
int piommu_device_map(struct piommu_device *device, uint64_t iova, uint64_t pa, size_t len, unsigned prot);
int piommu_device_unmap(struct piommu_device *device, uint64_t iova, size_t len, size_t *unmapped);

/** What iova leads to. `prot` and `size` (of the leaf) may be NULL. Registered. @return 0; -ENOENT: not mapped; -ERANGE */
int piommu_lookup(struct piommu_domain *domain, uint64_t iova, uint64_t *pa, unsigned *prot, size_t *size);

/** One line on why these arguments of piommu_map() are refused, or that they are fine. Slow path. @return what map would */
int piommu_map_explain(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot, char *text,
		       size_t textlen);
/** The same for piommu_unmap(). */
int piommu_unmap_explain(struct piommu_domain *domain, uint64_t iova, size_t len, char *text, size_t textlen);

/**
 * I/O addresses of a domain: aligned, inside its aperture, outside what firmware reserves or takes out for the devices of the group that
 * it was made for, and of those attached. `len` and `align` are multiples of its smallest page. Any thread. @return 0, -EINVAL, -ENOSPC, -ENOMEM
 */
int piommu_iova_alloc(struct piommu_domain *domain, size_t len, size_t align, uint64_t *iova);
/** Any thread. @return 0; -ENOENT: was not allocated so */
int piommu_iova_free(struct piommu_domain *domain, uint64_t iova, size_t len);

/** Zeroed memory that devices can reach: contiguous, whole pages of every unit, aligned to those or to `align`. Slow path. @return 0, -EINVAL, -ENOMEM */
int piommu_mem_alloc(struct piommu *p, size_t len, size_t align, struct piommu_mem *out);
void piommu_mem_free(struct piommu *p, struct piommu_mem *mem);

/* ---- Polling, events, statistics -------------------------------------------------------------------------------------------- */

/**
 * Looks at every unit for faults, hands events on, reports the thread's quiescent state. Never blocks, never allocates.
 * Registered. @return how many events there were
 */
unsigned piommu_poll(struct piommu *p);

/** Copies up to `max` events out of the manager's ring (the last 256 are kept), oldest first. Any one thread. */
unsigned piommu_events(struct piommu *p, struct piommu_event *events, unsigned max);
/** "0000:00:04.0 read of 0x5000 blocked: PTE not present (reason 0x06, ...)": one line. Any thread. */
void piommu_event_text(const struct piommu_event *event, char *text, size_t len);

struct piommu_stats {
	uint64_t faults;
	uint64_t fault_overflows;
	uint64_t events_lost; /**< overwritten in the ring before they were read */
	uint64_t inv_errors;
	uint64_t unit_errors; /**< of the units' own */
	uint64_t inv_descriptors;
	uint64_t inv_waits;
	uint64_t inv_doorbells;
	uint64_t table_pages; /**< in use */
	uint64_t table_bytes; /**< taken from the platform */
};
/** Sums over all units. Slow path. */
void piommu_stats(const struct piommu *p, struct piommu_stats *out);

/* ---- Walking ------------------------------------------------------------------------------------------------------------------ */

/**
 * The translation of a device's access, step by step, as the hardware would do it. Works for an inspecting manager where the
 * unit's registers and tables can be read. Slow path. @return steps filled; -ENOENT: no such device or unit; -EACCES; -ENOTSUP
 */
int piommu_walk(struct piommu *p, struct piommu_sbdf sbdf, uint64_t iova, struct piommu_walk_step *steps, unsigned max);
/** The same of a platform node, by the last of its ids; and of any id as it comes to a unit, by the unit's name. */
int piommu_walk_node(struct piommu *p, const char *name, uint64_t iova, struct piommu_walk_step *steps, unsigned max);
int piommu_walk_id(struct piommu *p, const char *unit, uint32_t id, uint64_t iova, struct piommu_walk_step *steps,
		   unsigned max);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
