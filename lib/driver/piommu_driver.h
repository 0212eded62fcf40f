/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an IOMMU driver implements, and what a platform implements: the two seams of piommu. A driver or a platform includes
 * this header and nothing else of lib/. Installed; compiles alone as C and C++.
 *
 *   piommu_platform   the machine: firmware tables, PCI functions, register windows, memory
 *   piommu_driver     one IOMMU family: finds a unit's capabilities, brings it up, points devices at domains, invalidates
 *   piommu_domain     an I/O address space; carries its own const ops, the one indirect call of map and unmap
 *
 * Thread rules: every driver op but a domain's map, unmap, flush and lookup is slow path. Those of a unit are called by one
 * thread at a time (the core holds the unit's mutex). find_unit, probe_device and device_group are called by one thread at a time
 * for a manager, release_device by one for a group, none of them with that mutex. The fast four are called by any registered thread at any time.
 */
#ifndef PIOMMU_DRIVER_H
#define PIOMMU_DRIVER_H

#include "piommu_bits.h"
#include "piommu_env.h"
#include "piommu_event.h"
#include "piommu_fw.h"
#include "piommu_gather.h"
#include "piommu_log.h"
#include "piommu_mmio.h"
#include "piommu_pool.h"
#include "piommu_pt.h"
#include "piommu_ring.h"
#include "piommu_topo.h"
#include "piommu_types.h"
#include "piommu_yield.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- Register windows ------------------------------------------------------------------------------------------ */

struct piommu_window;

/** Accesses where a window cannot be mapped into this process. `width` is 4 or 8, `off` a multiple of it. */
struct piommu_window_ops {
	uint64_t (*read)(struct piommu_window *window, unsigned off, unsigned width);
	void (*write)(struct piommu_window *window, unsigned off, unsigned width, uint64_t value);
};

/** A span of registers. Drivers use the four accessors below, which are exactly as wide as they say. */
struct piommu_window {
	volatile uint8_t *base; /**< NULL: through `ops` */
	uint64_t pa;
	size_t len;
	const struct piommu_window_ops *ops;
	void *ctx; /**< the platform's */
};

static inline uint32_t piommu_read32(struct piommu_window *window, unsigned off)
{
	if (__builtin_expect(window->base != 0, 1))
		return mmio_read32(window->base + off);
	return (uint32_t)window->ops->read(window, off, 4);
}

static inline uint64_t piommu_read64(struct piommu_window *window, unsigned off)
{
	if (__builtin_expect(window->base != 0, 1))
		return mmio_read64(window->base + off);
	return window->ops->read(window, off, 8);
}

/** Everything stored to memory before is visible to the device when it sees this write. */
static inline void piommu_write32(struct piommu_window *window, unsigned off, uint32_t value)
{
	io_wmb();
	if (__builtin_expect(window->base != 0, 1))
		mmio_write32(window->base + off, value);
	else
		window->ops->write(window, off, 4, value);
}

static inline void piommu_write64(struct piommu_window *window, unsigned off, uint64_t value)
{
	io_wmb();
	if (__builtin_expect(window->base != 0, 1))
		mmio_write64(window->base + off, value);
	else
		window->ops->write(window, off, 8, value);
}

/* ---- The platform: one seam between the library and a machine ----------------------------------------------------- */

/** Who has a unit now, as far as the platform can see without touching it. */
struct piommu_unit_facts {
	bool kernel_driven;   /**< the kernel's IOMMU driver has it */
	char kernel_name[32]; /**< its name there ("dmar0"), "" otherwise */
	char route[64];       /**< how its registers would be reached ("uio0", "/dev/mem", "sim"), "" if not at all */
	bool caps_known;      /**< cap[] holds capability words read without touching the unit */
	uint64_t cap[2];      /**< its family's: which, the driver knows */
	uint32_t version;
};

/** Whether a DMA may carry both. */
static inline bool piommu_ids_overlap(struct piommu_id a, struct piommu_id b)
{
	return !((a.id ^ b.id) & ~(a.mask | b.mask));
}

/** A device that is no PCI function: what the device tree, or a table, says of it. */
struct piommu_node {
	char name[PIOMMU_NAME_LEN]; /**< its path; unique */
	char unit[16];              /**< name of the unit that its DMA goes through; "": not stated */
	unsigned nids;
	struct piommu_id ids[PIOMMU_IDS_MAX];
};

enum piommu_window_access {
	PIOMMU_WINDOW_CONTROL, /**< to drive the unit: exclusive among managers */
	PIOMMU_WINDOW_INSPECT, /**< to read it: any number, never writes */
};

struct piommu_platform;

/** Every op but close may be NULL where a machine has no such thing: callers take that as -ENOENT or "nothing". */
struct piommu_platform_ops {
	const char *name;

	/** The nth firmware table of this signature. The bytes stay valid until close. @return 0, -ENOENT, -EACCES, -EIO */
	int (*fw_table)(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len);

	/** All PCI functions there are now, with their facts; `*out` is malloc'ed, the caller's to free. Any thread. */
	int (*pci_functions)(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n);
	/** All platform nodes there are now that DMA through an IOMMU; `*out` is malloc'ed, the caller's to free. Any thread. */
	int (*nodes)(struct piommu_platform *plat, struct piommu_node **out, size_t *n);
	int (*cfg_read)(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value);
	int (*cfg_write)(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value);

	int (*unit_facts)(struct piommu_platform *plat, const struct piommu_fw_unit *unit, struct piommu_unit_facts *out);

	/**
	 * @return 0; -EBUSY: another manager has it; -ENOENT: no way to reach it; -EACCES. Logs the reason and the remedy.
	 */
	int (*window_map)(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
			  struct piommu_window *out);
	void (*window_unmap)(struct piommu_platform *plat, struct piommu_window *window);

	/** Readies memory (hugepages); called once by a manager before any mem_alloc. @return 0; -ENOMEM; -EPERM */
	int (*mem_start)(struct piommu_platform *plat);
	/** Zeroed, contiguous, `va = pa + plat->va_off`. `align` up to 2 MiB. */
	int (*mem_alloc)(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out);
	void (*mem_free)(struct piommu_platform *plat, struct piommu_mem *mem);
	/** Pointer to memory at a bus address, for reading structures that hardware holds; NULL where not reachable. */
	void *(*mem_at)(struct piommu_platform *plat, uint64_t pa, size_t len);
	/** Physical spans that an identity table must cover (RAM, device windows); `*out` malloc'ed. */
	int (*phys_spans)(struct piommu_platform *plat, struct piommu_span **out, size_t *n);

	/** Write-back for walkers that do not snoop; NULL: piommu_cache_writeback(). */
	void (*writeback)(struct piommu_platform *plat, const void *va, size_t len);
	uint64_t (*now_ns)(struct piommu_platform *plat); /**< NULL: piommu_env_now_ns() */
	void (*relax)(struct piommu_platform *plat);      /**< one step of waiting for hardware; NULL: cpu_relax() */

	void (*close)(struct piommu_platform *plat);
};

/** A machine. Implementations embed it as their first member. */
struct piommu_platform {
	const struct piommu_platform_ops *ops;
	const struct piommu_log *log;
	uintptr_t va_off; /**< va - pa of everything mem_alloc gives; valid after mem_start */
};

/** A kind of platform, by name: "linux", "sim", "dump". One const table of these is given to the core. */
struct piommu_platform_driver {
	const char *name;
	const char *usage; /**< one line for help texts */
	/** `args` is what follows the name and its colon, "" if nothing. Refuses an unknown key or value with one clear line. */
	int (*open)(const char *args, const struct piommu_log *log, struct piommu_platform **out);
};

/* ---- Units and devices, as a driver sees them ---------------------------------------------------------------------- */

struct piommu;
struct piommu_driver;
struct piommu_domain;
struct piommu_group;

/** What a unit can do. Filled by the driver's probe. */
struct piommu_unit_caps {
	unsigned iova_bits;      /**< widest address of a paging domain */
	unsigned pa_bits;        /**< host address width it can emit */
	uint64_t page_sizes;     /**< bit n: leaves of 1 << n bytes */
	uint32_t ntags;          /**< domain tags, numbered first_tag .. ntags - 1 */
	uint32_t first_tag;      /**< lower ones are the hardware's or the driver's own */
	bool passthrough;        /**< hardware pass-through for identity domains */
	bool coherent;           /**< walker snoops caches */
	bool caches_not_present; /**< entries that are not present, too: a map needs an invalidation */
	bool queued;             /**< has an invalidation queue */
	/** Addresses that are no memory to a device: writes there are interrupts, and never translated; start > last: none. */
	struct piommu_span hole;
};

/** One IOMMU in hardware. The core embeds it in its own unit. */
struct piommu_unit {
	const char *name;
	const struct piommu_fw_unit *fw;
	const struct piommu_driver *driver;
	struct piommu *manager; /**< for the services of the core, below */
	struct piommu_platform *plat;
	const struct piommu_log *log;
	struct piommu_pool *pool; /**< pages for tables, near the unit, of its smallest leaf's size; there after probe */
	struct piommu_unit_caps caps;
	unsigned host_address_width;        /**< bits of a bus address, as firmware states it; 0: not stated */
	const struct piommu_span *reserved; /**< every span that firmware has devices use: identity covers them, too */
	unsigned nreserved;
	void *priv;          /**< the driver's */
	uint64_t timeout_ns; /**< bound of every wait for this unit */
	uint64_t epoch;      /**< core: of no other unit, and of no other time that it was enabled */
	bool keep_memory;    /**< driver: the unit did not follow, and may use its tables: its pool is never given back */
};

/** A device as a driver sees it: whose DMA it is, and where its entry is. */
struct piommu_device {
	char name[PIOMMU_NAME_LEN]; /**< "0000:00:04.0", or a platform node's path */
	bool is_pci;
	struct piommu_sbdf sbdf;  /**< of a PCI function */
	struct piommu_unit *unit; /**< NULL before its driver's probe_device returned, and behind no unit */
	/** What its DMA carries at its unit; of a PCI function its own id first, then its aliases. Behind a unit without other word of
	 * firmware, a PCI function's are requester ids (bus << 8 | devfn). */
	struct piommu_id ids[PIOMMU_IDS_MAX];
	unsigned nids;
	bool from_firmware;  /**< a firmware description named the unit */
	unsigned pasid_bits; /**< driver, in probe_device: width of its PASIDs; 0: it has none */
	bool ats;            /**< driver, in probe_device: it caches translations, and is invalidated beside the unit */
	struct piommu_domain *domain; /**< attached now; core's, under the group's mutex */
	void *priv;                   /**< the driver's, from probe_device to release_device */
};

/* ---- Faults and events: piommu_event.h ------------------------------------------------------------------------------ */

/** Where a driver hands its events. */
struct piommu_event_sink {
	void (*emit)(void *ctx, const struct piommu_event *event);
	void *ctx;
};

/* ---- Domains ----------------------------------------------------------------------------------------------------------- */

enum piommu_domain_type {
	PIOMMU_DOMAIN_PAGING,   /**< translated by its own page table */
	PIOMMU_DOMAIN_IDENTITY, /**< iova = pa, everything reachable */
	PIOMMU_DOMAIN_BLOCKING, /**< nothing reachable */
};

/** A unit that a domain is used on, and its tag there, by which the unit's caches tell translations apart; 0 but for paging domains. */
struct piommu_domain_unit {
	struct piommu_unit *unit;
	uint32_t tag;
	uint32_t users; /**< devices attached on that unit */
	/** In the second part of the list: a device that caches translations (ATS); read with piommu_domain_ats_device(). */
	struct piommu_device *device;
};

/** The device of an entry of the second part of a list; NULL: it has left, also under a reader's eyes. Ask once, then use that. */
static inline struct piommu_device *piommu_domain_ats_device(const struct piommu_domain_unit *at)
{
	return (struct piommu_device *)__atomic_load_n((void *const *)&at->device, __ATOMIC_ACQUIRE);
}

/**
 * The units of a domain, replaced whole under RCU by the core (section 2 of doc/locking.md). But for a device that leaves, and for
 * `users`, which is the core's, nothing of a list changes.
 */
struct piommu_domain_units {
	uint64_t deferral[4]; /* for the core's deferred free */
	unsigned n;           /**< units: at[0] to at[n - 1] */
	/**
	 * Devices with ATS: at[n] to at[n + nats - 1]. Their caches are invalidated after their unit's. A device is in no list
	 * any more, and nobody still uses one that it was in, when its detach returns.
	 */
	unsigned nats;
	__extension__ struct piommu_domain_unit at[]; /* C++ has no such member but as an extension */
};

#define PIOMMU_FENCE_UNITS 8u

/** What was sent and need not be complete: a ticket of each unit's queue. Units that have left since are done with it. */
struct piommu_fence {
	unsigned n;
	struct {
		uint64_t epoch; /**< the unit's when it was sent */
		piommu_ticket ticket;
	} at[PIOMMU_FENCE_UNITS];
};

/** The fast path. All but destroy may be called by any registered thread. */
struct piommu_domain_ops {
	/** Arguments were checked by the core (alignment, aperture, zero length). Visible to the walker on return. */
	int (*map)(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot);
	/**
	 * `gather` NULL: strict, returns when no device can use the old translation. Otherwise the caller flushes later. `unmapped` may
	 * be NULL.
	 * @return 0; -ENOENT: part of the range was not mapped (`*unmapped` says how much was, and that much is unmapped);
	 * -EXDEV: it covers a part of a super page, nothing done; -ETIMEDOUT, -EIO: unmapped, but not invalidated
	 */
	int (*unmap)(struct piommu_domain *domain, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped);
	/** Invalidates what the gather holds, waits (bounded), retires its pages, and empties it. */
	int (*flush)(struct piommu_domain *domain, struct piommu_gather *gather);
	int (*lookup)(struct piommu_domain *domain, uint64_t iova, struct piommu_pt_leaf *leaf);

	/* ---- bursts: all three NULL where a family has none. Then each range goes by map and unmap, and flush waits. ---- */

	/** As map for each range, in order. @return 0, or the first error: then none is mapped */
	int (*map_burst)(struct piommu_domain *domain, const struct piommu_mapping *mappings, unsigned n);
	/** As unmap with a gather for each; goes on after an error. @return 0, or the first error */
	int (*unmap_burst)(struct piommu_domain *domain, const struct piommu_range *ranges, unsigned n,
			   struct piommu_gather *gather, size_t *unmapped);
	/**
	 * Sends what the gather holds to each unit, with one doorbell, and does not wait. Its ranges are then empty; its pages are
	 * still there, for piommu_domain_retire() when the fence is done; where that ends in an error, flush() with `whole` set retires
	 * them, or keeps them for ever. Units without a queue, and those after PIOMMU_FENCE_UNITS others, are waited for.
	 * @return 0; -EAGAIN: a queue is full: nothing is changed, and what another unit was sent is sent again next time; -EIO,
	 * -ETIMEDOUT: a unit did not follow: the gather is empty, its pages are out of use, and the fence is for the other units
	 */
	int (*submit)(struct piommu_domain *domain, struct piommu_gather *gather, struct piommu_fence *fence);
	void (*destroy)(struct piommu_domain *domain);
};

/** An I/O address space. Drivers embed it as their first member; the core fills what is marked so. */
struct piommu_domain {
	const struct piommu_domain_ops *ops;
	enum piommu_domain_type type;
	unsigned iova_bits; /**< driver: width of its addresses */
	/** core: bits that show a map or an unmap to be out of the ordinary, in its address, its length or their sum */
	uint64_t odd;
	uint64_t page_mask;                /**< core: bits of an address that are below the smallest page */
	struct piommu_domain_units *units; /**< core, RCU: read with piommu_domain_units() */
	struct piommu_span hole;           /**< core: from the units' capabilities */
	struct piommu_pool *pool;          /**< driver: where its table pages came from */
	uint64_t page_sizes;               /**< driver: bit n: leaves of 1 << n bytes */
	void *core;                        /**< core */
};

/** Read side of the unit list. After a full barrier, where entries were cleared. */
static inline const struct piommu_domain_units *piommu_domain_units(const struct piommu_domain *domain)
{
	PIOMMU_ORDER(listing);
	return (const struct piommu_domain_units *)__atomic_load_n((void *const *)&domain->units, __ATOMIC_ACQUIRE);
}

/** The list as it may have been a moment ago: for who has cleared nothing, or reads it again, after a full barrier, before it counts. */
static inline const struct piommu_domain_units *piommu_domain_units_glimpse(const struct piommu_domain *domain)
{
	return (const struct piommu_domain_units *)__atomic_load_n((void *const *)&domain->units, __ATOMIC_ACQUIRE);
}

/** Returns a gather's pages to the domain's pool after a grace period. Call after the invalidation completed. Never blocks. */
void piommu_domain_retire(struct piommu_domain *domain, struct piommu_gather *gather);

/* ---- Drivers ----------------------------------------------------------------------------------------------------------- */

/** Receives the specification's name and what it means, one call for each capability present. */
typedef void (*piommu_cap_fn)(void *ctx, const char *name, const char *text);

struct piommu_driver {
	const char *name;
	enum piommu_family family;
	/** Only for devices that a firmware description ties to one of its units: never asked for another. */
	bool needs_firmware;

	/** Whether `fw` is for this driver. NULL: none is; its units are registered by hand. */
	bool (*match)(const struct piommu_fw_unit *fw);

	/**
	 * Reads capabilities, fills unit->caps and unit->priv. Writes no register.
	 * @return 0; -EBUSY: somebody else drives the unit (logged with the remedy); -ENODEV: dead (all ones); -ENOTSUP
	 */
	int (*probe)(struct piommu_unit *unit, struct piommu_window *window);
	/** Undo of probe. The unit was shut down or never enabled. */
	void (*remove)(struct piommu_unit *unit);

	/**
	 * Builds the tables with every requester on identity, then turns translation on. Reserved spans are covered
	 * before the switch. On failure the unit is as it was before.
	 */
	int (*enable)(struct piommu_unit *unit);
	/**
	 * Leaves no device translated by memory that is no longer ours, and the unit as the kernel handed it over. Bounded.
	 * @return 0; -EIO: the unit did not follow: it keeps its tables, which then must stay allocated
	 */
	int (*shutdown)(struct piommu_unit *unit);

	/* ---- devices: all NULL where a family has nothing to add. Called under the manager's probe lock, in this order ---- */

	/**
	 * Which of this driver's units (`n` of them, ready or starting) is `device` behind? Asked once for a device that no
	 * firmware description names a unit for. A driver with needs_firmware has none.
	 * @return 0, `*out` one of `units`; -ENODEV: not mine, ask the next driver; -EAGAIN: later; else: mine, but broken: nobody
	 * else is asked, the device stays behind no unit
	 */
	int (*find_unit)(struct piommu_unit *const *units, unsigned n, const struct piommu_device *device,
			 struct piommu_unit **out);
	/** Takes a device on: sets pasid_bits, ats and priv. Writes no register. device->unit is set when it returned 0. */
	int (*probe_device)(struct piommu_unit *unit, struct piommu_device *device);
	/** Undo of probe_device. The device is on its release domain, or untouched. Under the group's mutex. */
	void (*release_device)(struct piommu_device *device);
	/**
	 * The group that the hardware cannot keep `device` apart from, with a reference: from piommu_group_of_id(),
	 * piommu_group_new() or (the same as NULL) piommu_group_by_topology(). device->unit is set. A PCI function whose mates in the
	 * topology are in another group is refused by the core. @return 0 or -errno
	 */
	int (*device_group)(struct piommu_device *device, struct piommu_group **out);
	/** Whether the device goes on with what it was handed over with (firmware's, a crashed kernel's) until its first use. */
	bool (*is_attach_deferred)(const struct piommu_device *device);
	/**
	 * What the hardware demands of the domain that nobody asked for; PIOMMU_DEFAULT_ANY: nothing. BLOCKING: enable left the device
	 * blocked, as it was found, and not on identity.
	 */
	enum piommu_default (*default_domain)(const struct piommu_device *device);
	/** Points one PASID of the device at `domain` under `tag`; NULL: at nothing. As attach. NULL: no PASIDs. */
	int (*attach_pasid)(struct piommu_device *device, uint32_t pasid, struct piommu_domain *domain, uint32_t tag);

	/** A new domain that fits this unit. `iova_bits` 0: the widest. */
	int (*domain_create)(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits,
			     struct piommu_domain **out);
	/** Whether devices of `unit` can use a domain made for another unit. @return 0, or -EINVAL with the reason logged */
	int (*domain_fits)(const struct piommu_domain *domain, struct piommu_unit *unit);

	/**
	 * Points the device's entries (of all its ids) at `domain`, under `tag` if it is a paging domain, and waits until the hardware no longer
	 * uses the old ones. On failure the device is on its old domain. The core has published the unit list before.
	 */
	int (*attach)(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag);
	/** Invalidates everything under a tag that has no device left, so that it can be used again. */
	int (*flush_tag)(struct piommu_unit *unit, uint32_t tag);

	/** Reads and clears what the unit has to report; returns how many events it emitted. Any one thread at a time. */
	unsigned (*poll)(struct piommu_unit *unit, const struct piommu_event_sink *sink);

	/**
	 * What words that a unit reported once mean, as poll would say it: without names they are those of piommu_event.raw. Fills `*out`
	 * but for unit, device and when_ns. Any thread. NULL: it cannot.
	 * @return 0; -ENOENT: no report of this family's; -EIO: all ones, of a unit that is gone
	 */
	int (*decode)(const struct piommu_word *words, unsigned n, struct piommu_event *out);

	/** The walk the hardware would do, from registers on. `window` may be an inspect window. Returns the steps filled. */
	unsigned (*walk)(struct piommu_platform *plat, struct piommu_window *window, uint32_t id, uint64_t iova,
			 struct piommu_walk_step *steps, unsigned max);
	/** Capabilities in words, from the registers of a window, or from the facts where `window` is NULL. */
	void (*describe)(const struct piommu_unit_facts *facts, struct piommu_window *window, piommu_cap_fn fn, void *ctx);
	/** "1.0"; same sources as describe. */
	void (*version)(const struct piommu_unit_facts *facts, struct piommu_window *window, char *text, size_t len);
	/** Looks whether a ticket of a fence is complete. NULL where submit is. @return 0; -EINPROGRESS; -EIO: it failed. Any thread */
	int (*fence_done)(const struct piommu_unit *unit, piommu_ticket ticket);
	/** Waits, bounded, without leaving the read section. @return 0; -ETIMEDOUT; -EIO. Any thread */
	int (*fence_wait)(const struct piommu_unit *unit, piommu_ticket ticket);
	/** Counters of the invalidation queue. */
	void (*inv_stats)(const struct piommu_unit *unit, struct piommu_ring_stats *out);
};

/* ---- Services for drivers ---------------------------------------------------------------------------------------------- */

/**
 * Waits until (read(off) & mask) == want, bounded by unit->timeout_ns. The calling thread is RCU-offline meanwhile.
 * @return 0; -ETIMEDOUT; -EIO: the register reads all ones (the unit is gone)
 */
int piommu_wait32(struct piommu_unit *unit, struct piommu_window *window, unsigned off, uint32_t mask, uint32_t want);
int piommu_wait64(struct piommu_unit *unit, struct piommu_window *window, unsigned off, uint64_t mask, uint64_t want);

/**
 * Adds a unit that no table of this machine names (`desc` is copied; its name is unique; len 0: it has no register window of
 * the platform's) and takes every device to it that is its own. From inside a driver's callback, too: then the walk over the
 * devices comes when that callback has returned, and until then its devices answer -EAGAIN. The PCI function that the unit
 * itself is (desc->self) is never put behind it. Slow path.
 * @return 0; -EEXIST: a unit of that name; -EPERM: an inspecting manager; -ENOMEM, or what the driver's probe or enable returned:
 * nothing has changed. Where the walk over the devices fails, too, unless one of them is in use behind it by then: then the unit stays,
 * is not ready (said), and piommu_rescan() tries the walk again.
 */
int piommu_unit_register(struct piommu *p, const struct piommu_driver *driver, const struct piommu_fw_unit *desc,
			 struct piommu_unit **out);
/**
 * Its devices go on behind no unit, translation goes off. Waits for threads that are looking at it. Slow path, not from a
 * callback. @return 0; -EBUSY: a group behind it is claimed, or a domain made for it still exists: nothing has changed; -EIO: it did
 * not turn off; it is out of use, its memory stays. Or it did not answer when a domain's tag was flushed, and that domain, made for
 * another unit, still lists it: it is behind nobody, and goes when it is unregistered again after that domain was destroyed
 */
int piommu_unit_unregister(struct piommu_unit *unit);

/*
 * For device_group: each returns a group with a reference, and takes no lock that its caller does not hold already, so that it may
 * look at the groups of other devices; piommu_group_put() is for references that it does not hand on. Under the manager's probe lock.
 */

/** The one of the PCI functions that cannot be told apart from `device`, or a new one. A node: a new one. @return 0 or -errno */
int piommu_group_by_topology(struct piommu_device *device, struct piommu_group **out);
/**
 * The group of another device behind device->unit one of whose ids overlaps `id`.
 * @return 0; -ENOENT: none has one; -EXDEV: devices of two groups do
 */
int piommu_group_of_id(const struct piommu_device *device, struct piommu_id id, struct piommu_group **out);
/** A group of its own. @return 0 or -ENOMEM */
int piommu_group_new(struct piommu_device *device, struct piommu_group **out);
/** Gives a reference back. NULL does nothing. Slow path. */
void piommu_group_put(struct piommu_group *group);

/** The platform's op, or its default where it has none. Any thread. */
uint64_t piommu_plat_now_ns(struct piommu_platform *plat);
void piommu_plat_relax(struct piommu_platform *plat);
void piommu_plat_writeback(struct piommu_platform *plat, const void *va, size_t len);
/** The same in two parts: one wait for all spans that were begun. A platform's own op waits for each. */
void piommu_plat_writeback_begin(struct piommu_platform *plat, const void *va, size_t len);
void piommu_plat_writeback_wait(struct piommu_platform *plat);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
