/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bits, fields and alignment, for drivers and for the library. Masks are contiguous; fields are given by their mask
 * alone, so that a register's layout is written once, in the specification's order.
 */
#ifndef PIOMMU_BITS_H
#define PIOMMU_BITS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define BIT64(n) (UINT64_C(1) << (n))
#define GENMASK64(high, low) (((~UINT64_C(0)) >> (63 - (high))) & ((~UINT64_C(0)) << (low)))
#define BIT32(n) (UINT32_C(1) << (n))
#define GENMASK32(high, low) (((~UINT32_C(0)) >> (31 - (high))) & ((~UINT32_C(0)) << (low)))

/** The value of the field under `mask` in `word`, shifted down. */
static inline uint64_t field_get(uint64_t mask, uint64_t word)
{
	return (word & mask) / (mask & (~mask + 1));
}

/** `value` moved into the field under `mask`; bits that do not fit are dropped. */
static inline uint64_t field_prep(uint64_t mask, uint64_t value)
{
	return (value * (mask & (~mask + 1))) & mask;
}

static inline uint32_t field_get32(uint32_t mask, uint32_t word)
{
	return (word & mask) / (mask & (~mask + 1));
}

static inline uint32_t field_prep32(uint32_t mask, uint32_t value)
{
	return (value * (mask & (~mask + 1))) & mask;
}

/** `align` is a power of two. */
static inline bool is_aligned(uint64_t value, uint64_t align)
{
	return (value & (align - 1)) == 0;
}

static inline uint64_t align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

/** Wraps to 0 when the aligned value does not fit 64 bits. */
static inline uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline bool is_pow2(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/** Index of the highest set bit; `value` is not 0. */
static inline unsigned ilog2_u64(uint64_t value)
{
	return 63u - (unsigned)__builtin_clzll(value);
}

/** Number of the lowest set bit; 64 for 0. */
static inline unsigned ctz_u64(uint64_t value)
{
	return value ? (unsigned)__builtin_ctzll(value) : 64u;
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
