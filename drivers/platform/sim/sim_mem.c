/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of the simulated machine: RAM and firmware's low memory from the heap source, the shadow that stands for DRAM behind
 * caches that a walker does not snoop, and the accesses that devices and models make. Any thread; the shadow has a lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sim_mem.h"

#define LINE 64u
/* What DRAM holds where nothing was written back: a present entry with reserved bits set, so that it cannot pass unseen. */
#define NOISE 0xa5

/* The first allocation is the source's first page; if it ever is not, the whole size does not lie there. */
static int find_base(struct sim_mem *mem, size_t size)
{
	struct piommu_mem first;
	int err = piommu_env_mem_alloc(mem->ram, PIOMMU_PAGE_SIZE, PIOMMU_PAGE_SIZE, -1, &first);

	if (err)
		return err;
	mem->ram_base = first.pa;
	piommu_env_mem_free(mem->ram, &first);
	return piommu_env_mem_at(mem->ram, mem->ram_base, size) ? 0 : -ENOMEM;
}

int sim_mem_init(struct sim_mem *mem, size_t size, bool virt, bool coherent)
{
	int err;

	*mem = (struct sim_mem){ .virt = virt, .coherent = coherent };
	err = piommu_env_heap_create(size, virt ? UINT64_MAX : SIM_RAM_BASE, &mem->ram);
	if (err)
		return err;
	err = piommu_env_heap_create(SIM_LOW_SIZE, SIM_LOW_BASE, &mem->low);
	if (err)
		goto destroy_ram;
	err = find_base(mem, size);
	if (err)
		goto destroy_low;
	pthread_mutex_init(&mem->lock, NULL);
	return 0;

destroy_low:
	piommu_env_mem_destroy(mem->low);
destroy_ram:
	piommu_env_mem_destroy(mem->ram);
	return err;
}

void sim_mem_fini(struct sim_mem *mem)
{
	for (size_t i = 0; i < mem->written.size; i++)
		if (mem->written.at[i].mark)
			free((void *)(uintptr_t)mem->written.at[i].value[0]);
	sim_cache_fini(&mem->written);
	pthread_mutex_destroy(&mem->lock);
	piommu_env_mem_destroy(mem->low);
	piommu_env_mem_destroy(mem->ram);
}

void *sim_mem_at(const struct sim_mem *mem, uint64_t pa, size_t len)
{
	void *va = piommu_env_mem_at(mem->ram, pa, len);

	return va ? va : piommu_env_mem_at(mem->low, pa, len);
}

bool sim_mem_load(const struct sim_mem *mem, uint64_t pa, uint64_t *word)
{
	const uint64_t *at = sim_mem_at(mem, pa, sizeof(*at));

	if (!at)
		return false;
	/* What a table's address was published with (its zeroes) is seen by the load that follows the address. */
	*word = __atomic_load_n(at, __ATOMIC_ACQUIRE);
	return true;
}

static uint8_t *written_page(const struct sim_mem *mem, uint64_t pa)
{
	const uint64_t *found = sim_cache_find(&mem->written, pa / PIOMMU_PAGE_SIZE);

	return found ? (uint8_t *)(uintptr_t)found[0] : NULL;
}

bool sim_mem_load_written(struct sim_mem *mem, uint64_t pa, uint64_t *word)
{
	const uint8_t *page;

	if (mem->coherent)
		return sim_mem_load(mem, pa, word);
	if (!sim_mem_at(mem, pa, sizeof(*word)))
		return false;
	pthread_mutex_lock(&mem->lock);
	page = written_page(mem, pa);
	if (page)
		memcpy(word, page + pa % PIOMMU_PAGE_SIZE, sizeof(*word));
	else
		memset(word, NOISE, sizeof(*word));
	pthread_mutex_unlock(&mem->lock);
	return true;
}

bool sim_mem_store32(const struct sim_mem *mem, uint64_t pa, uint32_t value)
{
	uint32_t *at = sim_mem_at(mem, pa, sizeof(*at));

	if (!at)
		return false;
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
	return true;
}

/*
 * What a device and what a cache does is no thread's doing: it races with the processor by nature. Whoever loses sees a mix,
 * and a line that is written back may hold a neighbour's half-made entry. Volatile, so that the compiler makes no memcpy() of
 * it, which ThreadSanitizer would check.
 */
__attribute__((no_sanitize_thread)) static void copy(volatile uint8_t *to, const volatile uint8_t *from, size_t len)
{
	for (; len >= 8 && is_aligned((uintptr_t)to | (uintptr_t)from, 8); len -= 8, to += 8, from += 8)
		*(volatile uint64_t *)(volatile void *)to = *(const volatile uint64_t *)(const volatile void *)from;
	for (; len; len--)
		*to++ = *from++;
}

/* The shadow of a page; a page that has none yet gets one of noise. NULL without memory: its lines stay noise. */
static uint8_t *shadow_page(struct sim_mem *mem, uint64_t pa)
{
	uint8_t *page = written_page(mem, pa);

	if (page)
		return page;
	page = malloc(PIOMMU_PAGE_SIZE);
	if (!page)
		return NULL;
	memset(page, NOISE, PIOMMU_PAGE_SIZE);
	sim_cache_put(&mem->written, pa / PIOMMU_PAGE_SIZE, (uintptr_t)page, 0);
	if (written_page(mem, pa) == page)
		return page;
	free(page);
	return NULL;
}

/*
 * The lock makes read and copy of a line one step, as a cache's write-back is: two threads that share a line of a table
 * must not put an older state of the other's entry back.
 */
void sim_mem_writeback(struct sim_mem *mem, const void *va, size_t len)
{
	uintptr_t ram_off = piommu_env_mem_va_off(mem->ram), low_off = piommu_env_mem_va_off(mem->low);
	uintptr_t line = (uintptr_t)va & ~(uintptr_t)(LINE - 1), end = (uintptr_t)va + len;

	if (mem->coherent)
		return;
	pthread_mutex_lock(&mem->lock);
	for (; line < end; line += LINE) {
		bool in_ram = piommu_env_mem_at(mem->ram, line - ram_off, LINE);
		uint64_t pa = line - (in_ram ? ram_off : low_off);
		uint8_t *page = sim_mem_at(mem, pa, LINE) ? shadow_page(mem, pa) : NULL;

		if (page)
			copy(page + pa % PIOMMU_PAGE_SIZE, (const uint8_t *)line, LINE);
	}
	pthread_mutex_unlock(&mem->lock);
}

/* Memory of this process outside the arena. The kernel checks the address: a wrong one is an error and not a crash. */
static bool dma_virt(uint64_t pa, void *buf, size_t len, bool is_write)
{
	struct iovec local = { buf, len }, remote = { (void *)(uintptr_t)pa, len };
	ssize_t moved = is_write ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
				 : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	return moved == (ssize_t)len;
}

bool sim_mem_dma(const struct sim_mem *mem, uint64_t pa, void *buf, size_t len, bool is_write)
{
	void *va = sim_mem_at(mem, pa, len);

	if (!va)
		return mem->virt && dma_virt(pa, buf, len, is_write);
	if (is_write)
		copy(va, buf, len);
	else
		copy(buf, va, len);
	return true;
}
