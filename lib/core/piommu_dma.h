/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mapping in bursts: channels, tickets, DMA calls, modes. An unmap here does not wait: it returns a ticket, and its I/O addresses and
 * buffers are in limbo until the ticket is done, that is, until the hardware has said that no device can use the old translation.
 * Only then is an address handed out again. One burst costs one doorbell and one completion.
 *
 * A unit without a queue (`queued` of struct piommu_unit_info is false) is told by registers. There whoever sends waits for the answer,
 * bounded: an unmap; a poll that sends what bounded mode held back, or once more what failed. Tickets mean the same.
 */
#ifndef PIOMMU_DMA_H
#define PIOMMU_DMA_H

#include "piommu.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- Modes ---------------------------------------------------------------------------------------------------------------- */

enum piommu_mode_kind {
	PIOMMU_MODE_STRICT,  /**< a ticket is done when no device can use the old translations */
	PIOMMU_MODE_BOUNDED, /**< invalidations wait for others, within bounds; tickets are done when those are */
	PIOMMU_MODE_STATIC,  /**< registered pools, mapped once: nothing per operation, and no protection within a pool */
};

struct piommu_mode {
	enum piommu_mode_kind kind;
	/** Bounded, microseconds: an unmapped range is invalidated within this time, where its thread polls. */
	unsigned max_us;
	/** Bounded, of the whole domain: so much is unmapped and not sent at most, and the burst that goes past it. */
	size_t max_bytes;
};

/**
 * How the domain's channels work from now on; a new domain is strict. When it returns 0 with strict, nothing that was unmapped before
 * the call can be used any more, whether its ticket says so yet or not. Mappings of one mode may be unmapped in another. Slow path,
 * beside the fast path of other threads.
 * @return 0; -EINVAL: unknown, not a paging domain, or bounds of 0; -ETIMEDOUT, -EIO: switched, but what was stale may still be
 */
int piommu_domain_set_mode(struct piommu_domain *domain, const struct piommu_mode *mode);

struct piommu_exposure {
	struct piommu_mode mode;
	/** Both since the last switch: the longest time from an unmap to the sending of its invalidation; */
	uint64_t worst_us;
	size_t worst_bytes; /**< the most that one channel had unmapped and not sent */
	uint64_t failed;    /**< tickets that ended in an error */
};
/** Measured, not promised. Slow path. */
void piommu_domain_exposure(const struct piommu_domain *domain, struct piommu_exposure *out);

/**
 * Maps [pa, pa + len) once, for DMA calls on that memory in static mode. All multiples of 4096. Slow path.
 * @return 0; -EINVAL; -EEXIST: overlaps a pool; -ENOSPC: no I/O addresses; -ENOMEM
 */
int piommu_dma_pool_register(struct piommu_domain *domain, uint64_t pa, size_t len, unsigned prot);
/** Unmaps it, strictly. Nobody may still use its addresses. Slow path. @return 0; -ENOENT: no pool; -ETIMEDOUT, -EIO: not invalidated */
int piommu_dma_pool_unregister(struct piommu_domain *domain, uint64_t pa);

/* ---- Pollers and channels --------------------------------------------------------------------------------------------------- */

/** What one thread polls: faults, the completions of its channels, its quiescent state. */
struct piommu_poller;

/** One for each thread that polls; it lives until its channels are gone. Slow path. @return 0 or -ENOMEM */
int piommu_poller_create(struct piommu *p, struct piommu_poller **out);
/** Its thread. @return 0; -EBUSY: it has a channel */
int piommu_poller_destroy(struct piommu_poller *poller);
/**
 * Retires tickets, sends what a bounded mode is due to send, now and then looks for faults, and reports the thread's quiescent state.
 * Never blocks where units have queues, never allocates. Its thread, registered. `budget`: bursts retired at most; 0: no limit.
 * @return 1: there was something to do; 0: idle (as pollers of SPDK say it)
 */
int piommu_poller_poll(struct piommu_poller *poller, unsigned budget);

/**
 * A thread's own way into a domain: I/O addresses that it alone hands out, and unmaps on their way. One thread at a time; any number of
 * channels on a domain, also of one thread.
 */
struct piommu_channel;

struct piommu_channel_attr {
	struct piommu_poller *poller; /**< NULL: polled by its own calls alone */
	unsigned inflight;            /**< bursts on their way at once, at most; 0: 64 */
};

/**
 * `attr` NULL: as if all zero. With a poller: on the poller's thread, as its destruction. Slow path.
 * @return 0; -EINVAL: not a paging domain, or more than 65536 in flight; -ENOTSUP: the domain's smallest page has more than 4096 bytes;
 * -ENOMEM
 */
int piommu_channel_create(struct piommu_domain *domain, const struct piommu_channel_attr *attr, struct piommu_channel **out);
/**
 * Waits (bounded) for what is on its way. Addresses that are still mapped stay so, and any other channel of the domain may unmap them.
 * Slow path. @return 0; -ETIMEDOUT, -EIO: it is gone; what did not complete is never handed out again
 */
int piommu_channel_destroy(struct piommu_channel *channel);

/**
 * Number of a burst of unmaps of one channel: 1, 2, ... Bursts of a channel are done in order. 0 is done.
 */
#ifndef PIOMMU_TICKET
#define PIOMMU_TICKET
typedef uint64_t piommu_ticket;
#endif

/**
 * Looks, and does not wait where units have queues; where nobody polls (piommu_poll(), or a poller), a queue that stopped over an error is
 * not set going again by this. Channel's thread.
 * @return 0: done; -EINPROGRESS; -EINVAL: no such ticket yet; -EIO, -ETIMEDOUT: failed (an event said why)
 */
int piommu_channel_done(struct piommu_channel *channel, piommu_ticket ticket);
/** Sends what is unsent, and waits, bounded. Channel's thread. @return 0; -EIO, -ETIMEDOUT: not known to be complete */
int piommu_channel_wait(struct piommu_channel *channel, piommu_ticket ticket);
/** Retires what is done. Channel's thread. @return how many bursts */
unsigned piommu_channel_poll(struct piommu_channel *channel, unsigned budget);
/** The last ticket that is done: all up to it are, but for those that failed. */
piommu_ticket piommu_channel_retired(const struct piommu_channel *channel);

/** Ranges of a burst, at most. */
#define PIOMMU_BURST_MAX 256u

/* ---- Bursts at addresses of the caller's --------------------------------------------------------------------------------------- */

struct piommu_burst_item {
	uint64_t iova;
	uint64_t pa; /**< map alone */
	size_t len;
	unsigned prot; /**< map alone */
};

/** As piommu_map() for each of at most PIOMMU_BURST_MAX; all or nothing. Registered. @return as piommu_map() */
int piommu_map_burst(struct piommu_channel *channel, const struct piommu_burst_item *items, unsigned n);
/**
 * As piommu_unmap() for each, but done when the ticket is: until then nothing may be mapped in these ranges. Channel's thread.
 * `unmapped` may be NULL. @return as piommu_unmap(); -EAGAIN: too much is on its way, nothing was done: poll, and call again
 */
int piommu_unmap_burst(struct piommu_channel *channel, const struct piommu_burst_item *items, unsigned n, size_t *unmapped,
		       piommu_ticket *ticket);

/* ---- DMA calls: addresses of the channel's ---------------------------------------------------------------------------------------- */

enum piommu_dma_dir {
	PIOMMU_DMA_TO_DEVICE,   /**< the device reads */
	PIOMMU_DMA_FROM_DEVICE, /**< the device writes */
	PIOMMU_DMA_BOTH,
};

/** A buffer; its first and last page need not be its own, but devices reach all of them. At most 2 MiB. */
struct piommu_dma {
	uint64_t pa;
	size_t len;
	enum piommu_dma_dir dir;
	uint64_t iova; /**< filled by map: where the device finds the byte at `pa` */
};

/**
 * Channel's thread.
 * @return 0; -EINVAL; -ERANGE: an address that the unit does not have; -ENOSPC: no I/O addresses left; -ENOMEM; static mode: -EFAULT: not in
 * a registered pool; -EACCES: the pool does not allow that direction
 */
int piommu_dma_map(struct piommu_channel *channel, uint64_t pa, size_t len, enum piommu_dma_dir dir, uint64_t *iova);
/**
 * At most PIOMMU_BURST_MAX. Every buffer gets addresses of its own, side by side where they fit in one block (up to 2 MiB in all): one
 * range to invalidate when they are unmapped together. All or nothing. Channel's thread. @return as piommu_dma_map()
 */
int piommu_dma_map_burst(struct piommu_channel *channel, struct piommu_dma *items, unsigned n);

struct piommu_sg {
	uint64_t pa; /**< multiple of 4096 but in the first element */
	size_t len;  /**< ends at one but in the last */
};
/**
 * Scattered memory as one range of at most 2 MiB, `*iova` its first byte. Unmapped by its whole length. In static mode, too, what does not lie
 * side by side is mapped for this call, and its unmap ends strictly. @return as piommu_dma_map()
 */
int piommu_dma_map_sg(struct piommu_channel *channel, const struct piommu_sg *sg, unsigned n, enum piommu_dma_dir dir,
		      uint64_t *iova);

/**
 * Exactly what was mapped, by this channel or another of the domain. The device may use it until the ticket is done (`ticket` NULL:
 * waits for that). Channel's thread.
 * @return 0; -ENOENT: not mapped so, nothing was done; -EAGAIN: too much is on its way, nothing was done: poll, and call again;
 * `ticket` NULL: -ETIMEDOUT, -EIO: unmapped, not known to be invalidated
 */
int piommu_dma_unmap(struct piommu_channel *channel, uint64_t iova, size_t len, piommu_ticket *ticket);
/** The same for many at once, with one ticket; 0 where all of it is a pool's. Only iova and len of an item count. */
int piommu_dma_unmap_burst(struct piommu_channel *channel, const struct piommu_dma *items, unsigned n, piommu_ticket *ticket);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
