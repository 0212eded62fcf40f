/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plain accesses to memory that a device sees: registers that are mapped, and entries of tables that hardware walks.
 * Each is one instruction of exactly the width asked for. No ordering but what the names say.
 */
#ifndef PIOMMU_MMIO_H
#define PIOMMU_MMIO_H

#include <stddef.h>
#include <stdint.h>

#include "piommu_yield.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

static inline uint32_t mmio_read32(const volatile void *at)
{
	return *(const volatile uint32_t *)at;
}

static inline uint64_t mmio_read64(const volatile void *at)
{
	return *(const volatile uint64_t *)at;
}

static inline void mmio_write32(volatile void *at, uint32_t value)
{
	*(volatile uint32_t *)at = value;
}

static inline void mmio_write64(volatile void *at, uint64_t value)
{
	*(volatile uint64_t *)at = value;
}

/** One 8-byte load or store of an entry that a hardware walker, or another thread, may touch at the same time. */
static inline uint64_t entry_load(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static inline void entry_store(uint64_t *at, uint64_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
}

/** As entry_store, after everything this thread stored before (a table's contents before the pointer to it). */
static inline void entry_publish(uint64_t *at, uint64_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

/** Stores before it are seen by a device before any doorbell write after it. */
static inline void io_wmb(void)
{
#if defined(__x86_64__)
	__asm__ volatile("" ::: "memory"); /* stores to write-back and uncached memory stay in order (Intel SDM 3A, 9.2) */
#elif defined(__aarch64__)
	__asm__ volatile("dmb oshst" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/** Loads after it see at least what the device had written when a load before it saw the device's flag. */
static inline void io_rmb(void)
{
#if defined(__x86_64__)
	__asm__ volatile("" ::: "memory");
#elif defined(__aarch64__)
	__asm__ volatile("dmb oshld" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/** Store-to-load barrier: the partner of another thread's (section 2 of doc/locking.md). */
static inline void full_mb(void)
{
	PIOMMU_ORDER(fenced);
#if defined(__x86_64__)
	__asm__ volatile("lock; orq $0, (%%rsp)" ::
				 : "memory", "cc"); /* what a fence compiles to, in words ThreadSanitizer lets pass */
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/**
 * Makes a full barrier of an atomic read-modify-write of sequentially consistent order just before it: that order keeps the compiler from
 * moving anything across, but not every processor.
 */
static inline void full_mb_after_atomic(void)
{
	PIOMMU_ORDER(fenced);
#if !defined(__x86_64__) /* where a locked instruction is one (Intel SDM 3A, 9.2.3.9); an atomic add of aarch64 is none */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/** Asks for a line that will be written. The compiler's own hint asks to read it where it does not know the processor. */
static inline void cpu_fetch_to_write(const void *at)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)at)); /* a no-op where it is not implemented (Intel SDM 2B) */
#else
	__builtin_prefetch(at, 1);
#endif
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

/**
 * Writes the cache lines of [va, va + len) back to memory and waits, for walkers that do not snoop. They are in no cache afterwards, so
 * that the next read is of memory, too.
 */
void piommu_cache_writeback(const void *va, size_t len);
/** The same in two parts, for spans that lie apart: each is begun, and one wait is for all that this thread began. */
void piommu_cache_writeback_begin(const void *va, size_t len);
void piommu_cache_writeback_wait(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
