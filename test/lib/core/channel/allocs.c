/* SPDX-License-Identifier: BSD-3-Clause */
/* See allocs.h. */
#include <stdatomic.h>
#include <stddef.h>

#include "allocs.h"

static atomic_ulong n;

unsigned long allocs(void)
{
	return atomic_load(&n);
}

/* The linker's names. */
void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *old, size_t len);
void *__real_aligned_alloc(size_t align, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *old, size_t len);
void *__wrap_aligned_alloc(size_t align, size_t len);

void *__wrap_malloc(size_t len)
{
	atomic_fetch_add(&n, 1);
	return __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
	atomic_fetch_add(&n, 1);
	return __real_calloc(count, len);
}

void *__wrap_realloc(void *old, size_t len)
{
	atomic_fetch_add(&n, 1);
	return __real_realloc(old, len);
}

void *__wrap_aligned_alloc(size_t align, size_t len)
{
	atomic_fetch_add(&n, 1);
	return __real_aligned_alloc(align, len);
}
