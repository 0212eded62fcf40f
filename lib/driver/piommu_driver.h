/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an IOMMU driver implements, and what a platform implements: the two seams of piommu. A driver or a platform includes
 * this header and nothing else of lib/. Installed; compiles alone as C and C++.
 *
 *   piommu_platform   the machine: firmware tables, PCI functions, register windows, memory
 *   piommu_driver     one IOMMU family: finds a unit's capabilities, brings it up, points devices at domains, invalidates
 *   piommu_domain     an I/O address space; carries its own const ops, the one indirect call of map and unmap
 *
 * Thread rules: every driver op but a domain's map, unmap, flush and lookup is slow path, called by one thread at a time
 * for a unit (the core holds the unit's mutex). The fast four are called by any registered thread at any time.
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
	uint64_t cap[2];      /**< VT-d: CAP and ECAP */
	uint32_t version;
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

	/** All PCI functions with their facts; `*out` is malloc'ed, the caller's to free. */
	int (*pci_functions)(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n);
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

struct piommu_driver;
struct piommu_domain;

/** What a unit can do. Filled by the driver's probe. */
struct piommu_unit_caps {
	unsigned iova_bits;      /**< widest second-level address */
	unsigned pa_bits;        /**< host address width it can emit */
	uint64_t page_sizes;     /**< bit n: leaves of 1 << n bytes */
	uint32_t ntags;          /**< domain tags, numbered first_tag .. ntags - 1 */
	uint32_t first_tag;      /**< lower ones are the hardware's or the driver's own */
	bool passthrough;        /**< hardware pass-through for identity domains */
	bool coherent;           /**< walker snoops caches */
	bool caches_not_present; /**< a map needs an invalidation too (VT-d CM) */
	bool queued;             /**< has an invalidation queue */
	/** Addresses that are no memory to a device (x86: writes there are interrupts, never translated); start > last: none. */
	struct piommu_span hole;
};

/** One IOMMU in hardware. The core embeds it in its own unit. */
struct piommu_unit {
	const char *name;
	const struct piommu_fw_unit *fw;
	const struct piommu_driver *driver;
	struct piommu_platform *plat;
	const struct piommu_log *log;
	struct piommu_pool *pool; /**< pages for tables, near the unit */
	struct piommu_unit_caps caps;
	unsigned host_address_width;        /**< bits of a bus address, as firmware states it; 0: not stated */
	const struct piommu_span *reserved; /**< every span that firmware has devices use: identity covers them, too */
	unsigned nreserved;
	void *priv;          /**< the driver's */
	uint64_t timeout_ns; /**< bound of every wait for this unit */
};

/** A device as a driver sees it: where its entry is. */
struct piommu_device {
	struct piommu_sbdf sbdf;
	struct piommu_unit *unit;
	uint16_t rids[8]; /**< requester ids its DMA may carry (bus << 8 | devfn), its own first */
	unsigned nrids;
	struct piommu_domain *domain; /**< attached now; core's, under the group's mutex */
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

/** A unit that a domain is used on, and its tag there (VT-d: domain id). */
struct piommu_domain_unit {
	struct piommu_unit *unit;
	uint32_t tag;
	uint32_t users; /**< devices attached on that unit */
};

/** The units of a domain: immutable, replaced whole under RCU by the core (section 2 of doc/locking.md). */
struct piommu_domain_units {
	uint64_t deferral[4]; /* for the core's deferred free */
	unsigned n;
	__extension__ struct piommu_domain_unit at[]; /* C++ has no such member but as an extension */
};

/** The fast path. All but destroy may be called by any registered thread. */
struct piommu_domain_ops {
	/** Arguments were checked by the core (alignment, aperture, zero length). Visible to the walker on return. */
	int (*map)(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot);
	/**
	 * `gather` NULL: strict, returns when no device can use the old translation. Otherwise the caller flushes later.
	 * @return 0; -ENOENT: part of the range was not mapped (`*unmapped` says how much was, and that much is unmapped);
	 * -EXDEV: it covers a part of a super page, nothing done; -ETIMEDOUT, -EIO: unmapped, but not invalidated
	 */
	int (*unmap)(struct piommu_domain *domain, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped);
	/** Invalidates what the gather holds, waits (bounded), retires its pages, and empties it. */
	int (*flush)(struct piommu_domain *domain, struct piommu_gather *gather);
	int (*lookup)(struct piommu_domain *domain, uint64_t iova, struct piommu_pt_leaf *leaf);
	void (*destroy)(struct piommu_domain *domain);
};

/** An I/O address space. Drivers embed it as their first member; the core fills what is marked so. */
struct piommu_domain {
	const struct piommu_domain_ops *ops;
	enum piommu_domain_type type;
	unsigned iova_bits;                /**< driver: width of its addresses */
	uint64_t page_sizes;               /**< driver */
	struct piommu_pool *pool;          /**< driver: where its table pages came from */
	struct piommu_domain_units *units; /**< core, RCU: read with piommu_domain_units() */
	struct piommu_span hole;           /**< core: from the units' capabilities */
	void *core;                        /**< core */
};

/** Read side of the unit list. */
static inline const struct piommu_domain_units *piommu_domain_units(const struct piommu_domain *domain)
{
	return (const struct piommu_domain_units *)__atomic_load_n((void *const *)&domain->units, __ATOMIC_ACQUIRE);
}

/** Returns a gather's pages to the domain's pool after a grace period. Call after the invalidation completed. Never blocks. */
void piommu_domain_retire(struct piommu_domain *domain, struct piommu_gather *gather);

/* ---- Drivers ----------------------------------------------------------------------------------------------------------- */

/** Receives "QI", "queued invalidation" and the like, one call for each capability present. */
typedef void (*piommu_cap_fn)(void *ctx, const char *name, const char *text);

struct piommu_driver {
	const char *name;
	enum piommu_family family;

	/** Whether `fw` (and bare platforms later) is for this driver. */
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

	/** A new domain that fits this unit. `iova_bits` 0: the widest. */
	int (*domain_create)(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits,
			     struct piommu_domain **out);
	/** Whether devices of `unit` can use a domain made for another unit. @return 0, or -EINVAL with the reason logged */
	int (*domain_fits)(const struct piommu_domain *domain, struct piommu_unit *unit);

	/**
	 * Points the device's entries (all its requester ids) at `domain` under `tag` and waits until the hardware no longer
	 * uses the old ones. On failure the device is on its old domain. The core has published the unit list before.
	 */
	int (*attach)(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag);
	/** Invalidates everything under a tag that has no device left, so that it can be used again. */
	int (*flush_tag)(struct piommu_unit *unit, uint32_t tag);

	/** Reads and clears what the unit has to report; returns how many events it emitted. Any one thread at a time. */
	unsigned (*poll)(struct piommu_unit *unit, const struct piommu_event_sink *sink);

	/** The walk the hardware would do, from registers on. `window` may be an inspect window. Returns the steps filled. */
	unsigned (*walk)(struct piommu_platform *plat, struct piommu_window *window, uint16_t rid, uint64_t iova,
			 struct piommu_walk_step *steps, unsigned max);
	/** Capabilities in words, from the registers of a window, or from the facts where `window` is NULL. */
	void (*describe)(const struct piommu_unit_facts *facts, struct piommu_window *window, piommu_cap_fn fn, void *ctx);
	/** "1.0"; same sources as describe. */
	void (*version)(const struct piommu_unit_facts *facts, struct piommu_window *window, char *text, size_t len);
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

/** The platform's op, or its default where it has none. Any thread. */
uint64_t piommu_plat_now_ns(struct piommu_platform *plat);
void piommu_plat_relax(struct piommu_platform *plat);
void piommu_plat_writeback(struct piommu_platform *plat, const void *va, size_t len);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
