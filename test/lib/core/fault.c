/* SPDX-License-Identifier: BSD-3-Clause */
/* See fault.h. Under __wrap_ names, as the linker's --wrap wants them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "piommu_env.h"
#include "piommu_pool.h"
#include "piommu_yield.h"

static _Thread_local struct {
	unsigned kinds; /* 0: not armed */
	unsigned left;
	bool on;
	unsigned fired;
	char where[64];
} fault;

bool fault_here(enum fault_kind kind, const char *where)
{
	if (!(fault.kinds & kind))
		return false;
	if (fault.left && --fault.left)
		return false;
	if (fault.fired && !fault.on)
		return false;
	if (!fault.fired) {
		fault.fired = kind;
		snprintf(fault.where, sizeof(fault.where), "%s", where);
	}
	return true;
}

#ifdef PIOMMU_YIELD_POINTS
static bool reference(const char *where)
{
	return fault_here(FAULT_REFERENCE, where);
}
#define ask_references(fn) piommu_fault_ask(fn)
#else
#define ask_references(fn) ((void)0)
#endif

bool fault_has_references(void)
{
#ifdef PIOMMU_YIELD_POINTS
	return true;
#else
	return false;
#endif
}

void fault_arm(unsigned kinds, unsigned nth, bool on)
{
	memset(&fault, 0, sizeof(fault));
	fault.left = nth;
	fault.on = on;
	ask_references(reference);
	fault.kinds = kinds;
}

unsigned fault_disarm(void)
{
	fault.kinds = 0;
	ask_references(NULL);
	return fault.fired;
}

const char *fault_where(void)
{
	return fault.where;
}

/* ---- Memory ---- */

/* The real one is declared, and ours, before it is defined. */
#define WRAP(ret, name, ...) \
	ret __real_##name(__VA_ARGS__); \
	ret __wrap_##name(__VA_ARGS__); \
	ret __wrap_##name(__VA_ARGS__)

static bool no_memory(const char *where)
{
	if (!fault_here(FAULT_MEMORY, where))
		return false;
	errno = ENOMEM;
	return true;
}

WRAP(void *, malloc, size_t len)
{
	return no_memory("malloc") ? NULL : __real_malloc(len);
}

WRAP(void *, calloc, size_t n, size_t len)
{
	return no_memory("calloc") ? NULL : __real_calloc(n, len);
}

WRAP(void *, realloc, void *old, size_t len)
{
	return no_memory("realloc") ? NULL : __real_realloc(old, len);
}

WRAP(void *, reallocarray, void *old, size_t n, size_t len)
{
	return no_memory("reallocarray") ? NULL : __real_reallocarray(old, n, len);
}

WRAP(void *, aligned_alloc, size_t align, size_t len)
{
	return no_memory("aligned_alloc") ? NULL : __real_aligned_alloc(align, len);
}

WRAP(int, vasprintf, char **out, const char *fmt, va_list ap)
{
	return no_memory("vasprintf") ? -1 : __real_vasprintf(out, fmt, ap);
}

WRAP(void *, piommu_pool_get, struct piommu_pool *pool)
{
	return no_memory("table page") ? NULL : __real_piommu_pool_get(pool);
}

WRAP(int, piommu_env_mem_alloc, struct piommu_env_mem *mem, size_t len, size_t align, int node, struct piommu_mem *out)
{
	return no_memory("memory for devices") ? -ENOMEM : __real_piommu_env_mem_alloc(mem, len, align, node, out);
}
