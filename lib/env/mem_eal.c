/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hugepages through DPDK's EAL as a source of memory: the only file that includes rte_*.
 *
 * EAL places hugepages where it likes, so the distance between a page's virtual and physical address differs from page to
 * page, and a walker that follows an entry of an I/O page table would have to search for the pointer. Every hugepage that
 * this source takes is therefore mapped a second time, in a window of address space as wide as the machine's RAM, at
 * `window + pa`: then va - pa is one constant, and the walk is one add. What this source hands out are pointers into the
 * window; nothing uses EAL's own mapping of it.
 *
 * The memory is taken from EAL in zones of several megabytes (a zone costs a hugepage of overhead, and EAL has places for
 * few thousand of them), cut into chunks of 2 MiB, which are contiguous in physical memory, and those into pages.
 *
 * Slow path, any thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_memory.h>
#include <rte_memzone.h>

#include "lock.h"
#include "machine.h"
#include "mem.h"
#include "pages.h"
#include "piommu_bits.h"

#define CHUNK_PAGES (ENV_CHUNK_SIZE / ENV_PAGE_SIZE)
#define GROW_SIZE (8 * ENV_CHUNK_SIZE)
#define RESERVE_DEFAULT ((size_t)64 << 20)
#define EAL_OVERHEAD (2 * ENV_CHUNK_SIZE) /* its own heap, and the headers around a zone */
#define GIB ((uint64_t)1 << 30)
#define WINDOW_DEFAULT (64 * 1024 * GIB) /* where the kernel does not say how much RAM there is */

struct chunk {
	uint64_t pa;
	int node;
	size_t nfree;
	struct env_pages pages;
};

struct eal {
	struct piommu_env_mem mem;
	const struct piommu_log *log;
	char *window;
	size_t window_len;
	struct mutex lock RANKED(LOCK_LEAF);
	struct chunk *chunks GUARDED_BY(lock); /* ascending by pa */
	size_t nchunks GUARDED_BY(lock);
	const struct rte_memzone **zones GUARDED_BY(lock);
	size_t nzones GUARDED_BY(lock);
};

static struct eal *eal_of(struct piommu_env_mem *mem)
{
	return (struct eal *)(void *)mem;
}

/* ---- Chunks ---------------------------------------------------------------------------------------------------- */

/* The chunk that holds `pa`, or NULL. */
static struct chunk *chunk_at(const struct eal *eal, uint64_t pa) REQUIRES(eal->lock)
{
	size_t low = 0;
	size_t high = eal->nchunks;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (pa < eal->chunks[mid].pa)
			high = mid;
		else if (pa - eal->chunks[mid].pa < ENV_CHUNK_SIZE)
			return &eal->chunks[mid];
		else
			low = mid + 1;
	}
	return NULL;
}

static int chunk_insert(struct eal *eal, uint64_t pa, int node) REQUIRES(eal->lock)
{
	struct chunk *chunks = realloc(eal->chunks, (eal->nchunks + 1) * sizeof(*chunks));
	struct chunk chunk = { .pa = pa, .node = node, .nfree = CHUNK_PAGES };
	size_t at = eal->nchunks;
	int err;

	if (!chunks)
		return -ENOMEM;
	eal->chunks = chunks;
	err = env_pages_init(&chunk.pages, CHUNK_PAGES);
	if (err)
		return err;
	while (at && chunks[at - 1].pa > pa)
		at--;
	memmove(&chunks[at + 1], &chunks[at], (eal->nchunks - at) * sizeof(*chunks));
	chunks[at] = chunk;
	eal->nchunks++;
	return 0;
}

static bool node_suits(const struct chunk *chunk, int node)
{
	return node < 0 || chunk->node == node;
}

/* Up to a chunk: within one. */
static bool take_part(struct eal *eal, size_t npages, size_t align, int node, uint64_t *pa) REQUIRES(eal->lock)
{
	for (size_t i = 0; i < eal->nchunks; i++) {
		struct chunk *chunk = &eal->chunks[i];
		size_t first;

		if (chunk->nfree < npages || !node_suits(chunk, node))
			continue;
		first = env_pages_alloc(&chunk->pages, npages, align / ENV_PAGE_SIZE);
		if (first == ENV_PAGES_NONE)
			continue;
		chunk->nfree -= npages;
		*pa = chunk->pa + first * ENV_PAGE_SIZE;
		return true;
	}
	return false;
}

/* More than a chunk: from the start of one through free neighbours. */
static bool take_run(struct eal *eal, size_t npages, int node, uint64_t *pa) REQUIRES(eal->lock)
{
	size_t need = (npages + CHUNK_PAGES - 1) / CHUNK_PAGES;
	size_t run = 0;

	for (size_t i = 0; i < eal->nchunks; i++) {
		struct chunk *chunk = &eal->chunks[i];

		if (run && chunk->pa != chunk[-1].pa + ENV_CHUNK_SIZE)
			run = 0;
		run = chunk->nfree == CHUNK_PAGES && node_suits(chunk, node) ? run + 1 : 0;
		if (run < need)
			continue;
		*pa = chunk[1 - (ptrdiff_t)need].pa;
		for (struct chunk *it = chunk + 1 - need; npages; it++) {
			size_t n = npages < CHUNK_PAGES ? npages : CHUNK_PAGES;

			(void)env_pages_alloc(&it->pages, n, 1); /* the chunk is empty: its first pages */
			it->nfree -= n;
			npages -= n;
		}
		return true;
	}
	return false;
}

/* ---- From EAL ---------------------------------------------------------------------------------------------------- */

/* Maps the hugepage behind `va`, of EAL's, into the window. `*pa` is the physical address of `va`. */
static int map_hugepage(struct eal *eal, const char *va, uint64_t *pa)
{
	const struct rte_memseg *seg = rte_mem_virt2memseg(va, NULL);
	uint64_t start = seg ? rte_mem_virt2phy(seg->addr) : RTE_BAD_IOVA;
	size_t off = 0;
	char *at;
	int fd;

	if (!seg || seg->hugepage_sz < ENV_CHUNK_SIZE) {
		log_err(eal->log, "EAL runs without hugepages: start it without --no-huge");
		return -ENOMEM;
	}
	if (start == RTE_BAD_IOVA) {
		log_err(eal->log, "no right to see physical addresses: run as root or with CAP_SYS_ADMIN");
		return -EPERM;
	}
	fd = rte_memseg_get_fd(seg);
	if (fd < 0 || rte_memseg_get_fd_offset(seg, &off)) {
		log_err(eal->log, "EAL has no file for its hugepages: start it with --in-memory or without --legacy-mem");
		return -ENOTSUP;
	}
	if (start > eal->window_len || seg->hugepage_sz > eal->window_len - start) {
		log_err(eal->log, "hugepage at 0x%" PRIx64 " lies above what the kernel calls RAM", start);
		return -ENOMEM;
	}
	/* A hugepage of 1 GiB is mapped once for each of its chunks: the same page at the same place. */
	at = mmap(eal->window + start, seg->hugepage_sz, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd,
		  (off_t)off);
	if (at == MAP_FAILED || rte_mem_virt2phy(at) != start) {
		log_err(eal->log, "cannot map the hugepage at 0x%" PRIx64 " a second time: %s", start,
			at == MAP_FAILED ? strerror(errno) : "another page appeared");
		return -ENOMEM;
	}
	*pa = start + (uint64_t)(va - (const char *)seg->addr);
	return 0;
}

/* Adds a zone of EAL's memory. What was added before an error stays. @return 0; -ENOSPC: EAL has no such piece; or logged */
static int add_zone(struct eal *eal, size_t len, int node) REQUIRES(eal->lock)
{
	const struct rte_memzone **zones = realloc(eal->zones, (eal->nzones + 1) * sizeof(*zones));
	const struct rte_memzone *zone;
	char name[RTE_MEMZONE_NAMESIZE];

	if (!zones)
		return -ENOMEM;
	eal->zones = zones;
	snprintf(name, sizeof(name), "piommu_%" PRIxPTR "_%zu", (uintptr_t)eal, eal->nzones);
	zone = rte_memzone_reserve_aligned(name, len, node < 0 ? SOCKET_ID_ANY : node,
					   RTE_MEMZONE_2MB | RTE_MEMZONE_SIZE_HINT_ONLY, ENV_CHUNK_SIZE);
	if (!zone)
		return -ENOSPC;
	zones[eal->nzones++] = zone;
	for (size_t done = 0; done < len; done += ENV_CHUNK_SIZE) {
		uint64_t pa;
		int err = map_hugepage(eal, (const char *)zone->addr + done, &pa);

		if (!err)
			err = chunk_insert(eal, pa, zone->socket_id);
		if (err)
			return err;
	}
	return 0;
}

/* As much as EAL has in one piece, then smaller ones. @return 0 when it is `len` in all */
static int add_memory(struct eal *eal, size_t len, int node) REQUIRES(eal->lock)
{
	size_t piece = len;
	int err = 0;

	while (len && !err) {
		err = add_zone(eal, piece < len ? piece : len, node);
		if (!err)
			len -= piece < len ? piece : len;
		else if (err == -ENOSPC && piece > ENV_CHUNK_SIZE) {
			piece = align_up(piece / 2, ENV_CHUNK_SIZE);
			err = 0;
		}
	}
	return err;
}

static bool take(struct eal *eal, size_t len, size_t align, int node, uint64_t *pa) REQUIRES(eal->lock)
{
	return len <= ENV_CHUNK_SIZE ? take_part(eal, len / ENV_PAGE_SIZE, align, node, pa)
				     : take_run(eal, len / ENV_PAGE_SIZE, node, pa);
}

static int eal_alloc(struct piommu_env_mem *mem, size_t len, size_t align, int node, struct piommu_mem *out)
{
	struct eal *eal = eal_of(mem);
	size_t more = len > GROW_SIZE ? align_up(len, ENV_CHUNK_SIZE) : GROW_SIZE;
	uint64_t pa = 0;
	bool found;

	mutex_lock(&eal->lock);
	found = take(eal, len, align, node, &pa) || (!add_memory(eal, more, node) && take(eal, len, align, node, &pa)) ||
		take(eal, len, align, -1, &pa);
	mutex_unlock(&eal->lock);
	if (!found)
		return -ENOMEM;
	*out = (struct piommu_mem){ .va = eal->window + pa, .pa = pa, .len = len };
	memset(out->va, 0, len);
	return 0;
}

static void eal_free(struct piommu_env_mem *mem, const struct piommu_mem *block)
{
	struct eal *eal = eal_of(mem);
	uint64_t pa = block->pa;
	uint64_t end = pa + block->len;

	mutex_lock(&eal->lock);
	while (pa < end) {
		struct chunk *chunk = chunk_at(eal, pa);
		uint64_t stop = chunk->pa + ENV_CHUNK_SIZE < end ? chunk->pa + ENV_CHUNK_SIZE : end;

		env_pages_free(&chunk->pages, (pa - chunk->pa) / ENV_PAGE_SIZE, (stop - pa) / ENV_PAGE_SIZE);
		chunk->nfree += (stop - pa) / ENV_PAGE_SIZE;
		pa = stop;
	}
	mutex_unlock(&eal->lock);
}

static void *eal_at(const struct piommu_env_mem *mem, uint64_t pa, size_t len)
{
	struct eal *eal = eal_of((struct piommu_env_mem *)(uintptr_t)mem);
	uint64_t at = pa;
	bool owned = len <= UINT64_MAX - pa;

	mutex_lock(&eal->lock);
	while (owned && at < pa + len) {
		const struct chunk *chunk = chunk_at(eal, at);

		owned = chunk != NULL;
		at = owned ? chunk->pa + ENV_CHUNK_SIZE : at;
	}
	mutex_unlock(&eal->lock);
	return owned ? eal->window + pa : NULL;
}

static void eal_destroy(struct piommu_env_mem *mem)
{
	struct eal *eal = eal_of(mem);

	mutex_assert_unshared(&eal->lock);
	munmap(eal->window, eal->window_len);
	for (size_t i = 0; i < eal->nchunks; i++)
		env_pages_fini(&eal->chunks[i].pages);
	for (size_t i = 0; i < eal->nzones; i++)
		rte_memzone_free(eal->zones[i]);
	mutex_fini(&eal->lock);
	free(eal->chunks);
	free(eal->zones);
	free(eal);
}

static const struct env_mem_ops eal_ops = {
	.alloc = eal_alloc,
	.free = eal_free,
	.at = eal_at,
	.destroy = eal_destroy,
};

/* ---- Starting ------------------------------------------------------------------------------------------------------ */

static size_t reserve_of(const struct piommu_env_eal_opts *opts)
{
	size_t len = (size_t)opts->reserve_mb << 20;

	return len ? align_up(len, ENV_CHUNK_SIZE) + EAL_OVERHEAD : RESERVE_DEFAULT;
}

static int check_machine(const struct piommu_log *log)
{
	if (!env_hugepages_free()) {
		log_err(log,
			"no free hugepages: reserve some, e.g. echo 64 > /proc/sys/vm/nr_hugepages, or hugepages=64 on the "
			"kernel command line");
		return -ENOMEM;
	}
	if (!env_sees_physical()) {
		log_err(log, "no right to see physical addresses: run as root or with CAP_SYS_ADMIN");
		return -EPERM;
	}
	return 0;
}

/*
 * EAL for one thread, without devices, files or a socket of its own: memory is all that is wanted of it. It pins the thread
 * that starts it, which is undone. It is never cleaned up: EAL cannot be started twice in a process, and a second manager,
 * or the application, may still use it.
 */
static int start_eal(const struct piommu_env_eal_opts *opts)
{
	char prefix[64], memory[16], lcores[24];
	char *argv[] = { "piommu",
			 "--in-memory",
			 "--single-file-segments",
			 "--no-pci",
			 "--no-telemetry",
			 "--iova-mode=pa",
			 "--log-level=lib.eal:error",
			 prefix,
			 lcores,
			 "-m",
			 memory,
			 NULL };
	int cpu = sched_getcpu();
	cpu_set_t affinity;
	bool pinned;
	int err;

	err = check_machine(opts->log);
	if (err)
		return err;
	snprintf(prefix, sizeof(prefix), "--file-prefix=%s", opts->file_prefix ? opts->file_prefix : "piommu");
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", cpu < 0 ? 0 : cpu);
	snprintf(memory, sizeof(memory), "%zu", reserve_of(opts) >> 20);
	pinned = !pthread_getaffinity_np(pthread_self(), sizeof(affinity), &affinity);
	err = rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv);
	if (pinned)
		pthread_setaffinity_np(pthread_self(), sizeof(affinity), &affinity);
	if (err >= 0 || rte_errno == EALREADY)
		return 0;
	log_err(opts->log, "EAL does not start: %s; %zu hugepages are free, %s MiB are wanted", rte_strerror(rte_errno),
		env_hugepages_free(), memory);
	return -ENOMEM;
}

static int reserve_window(struct eal *eal)
{
	uint64_t end = env_ram_end();
	size_t len = align_up(end ? end : WINDOW_DEFAULT, GIB);
	char *start = mmap(NULL, len + GIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *window;

	if (start == MAP_FAILED) {
		log_err(eal->log, "cannot reserve %zu GiB of address space for hugepages: %s (ulimit -v?)", len >> 30,
			strerror(errno));
		return -ENOMEM;
	}
	window = start + (align_up((uintptr_t)start, GIB) - (uintptr_t)start);
	if (window != start)
		munmap(start, (size_t)(window - start));
	munmap(window + len, (size_t)(start + GIB - window));
	eal->window = window;
	eal->window_len = len;
	eal->mem.va_off = (uintptr_t)window;
	return 0;
}

int piommu_env_eal_create(const struct piommu_env_eal_opts *opts, struct piommu_env_mem **out)
{
	size_t len = reserve_of(opts) - EAL_OVERHEAD;
	struct eal *eal;
	int err;

	/* Zero lcores: EAL is not up. An application's EAL serves as it is. */
	err = rte_lcore_count() ? 0 : start_eal(opts);
	if (err)
		return err;
	eal = calloc(1, sizeof(*eal));
	if (!eal)
		return -ENOMEM;
	eal->mem.ops = &eal_ops;
	eal->log = opts->log;
	err = reserve_window(eal);
	if (err) {
		free(eal);
		return err;
	}
	mutex_init(&eal->lock, LOCK_LEAF);
	mutex_assert_unshared(&eal->lock);
	err = add_memory(eal, len, -1);
	if (err == -ENOSPC) {
		log_err(opts->log, "no hugepage memory: %zu MiB wanted, %zu hugepages are free", len >> 20,
			env_hugepages_free());
		err = -ENOMEM;
	}
	if (err) {
		eal_destroy(&eal->mem);
		return err;
	}
	*out = &eal->mem;
	return 0;
}
