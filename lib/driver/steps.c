/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of a walk and capabilities, as text. See piommu_steps.h. Slow path, any thread. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "piommu_steps.h"

static struct piommu_walk_step *next_step(struct piommu_steps *steps, const char *what)
{
	struct piommu_walk_step *next = steps->n < steps->max ? &steps->at[steps->n++] : &steps->spare;

	memset(next, 0, sizeof(*next));
	snprintf(next->what, sizeof(next->what), "%s", what);
	return next;
}

struct piommu_walk_step *piommu_steps_add(struct piommu_steps *steps, const char *what, const char *fmt, ...)
{
	struct piommu_walk_step *next = next_step(steps, what);
	va_list args;

	va_start(args, fmt);
	vsnprintf(next->text, sizeof(next->text), fmt, args);
	va_end(args);
	return next;
}

void piommu_step_say(struct piommu_walk_step *step, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(step->text, sizeof(step->text), fmt, args);
	va_end(args);
}

void piommu_step_raw(struct piommu_walk_step *step, uint64_t word)
{
	if (step->nraw < sizeof(step->raw) / sizeof(step->raw[0]))
		step->raw[step->nraw++] = word;
}

struct piommu_walk_step *piommu_steps_words(struct piommu_steps *steps, const char *what, uint64_t pa, unsigned nwords)
{
	struct piommu_platform *plat = steps->plat;
	const uint64_t *words = plat->ops->mem_at ? plat->ops->mem_at(plat, pa, nwords * sizeof(*words)) : NULL;
	struct piommu_walk_step *next;

	if (!words) {
		piommu_steps_add(steps, "result", "the %s at 0x%" PRIx64 " cannot be read from here", what, pa);
		return NULL;
	}
	next = next_step(steps, what);
	next->at_pa = pa;
	for (unsigned i = 0; i < nwords; i++) /* partner: entry_publish() of what a word leads to */
		piommu_step_raw(next, __atomic_load_n(&words[i], __ATOMIC_ACQUIRE));
	return next;
}

void piommu_steps_reach(struct piommu_steps *steps, uint64_t pa, bool can_read, bool can_write, const char *no_read,
			const char *no_write)
{
	if (can_read && can_write)
		piommu_steps_add(steps, "result", "reads and writes reach 0x%" PRIx64, pa);
	else if (can_read)
		piommu_steps_add(steps, "result", "reads reach 0x%" PRIx64 "; writes are blocked, %s", pa, no_write);
	else if (can_write)
		piommu_steps_add(steps, "result", "writes reach 0x%" PRIx64 "; reads are blocked, %s", pa, no_read);
	else if (no_read == no_write)
		piommu_steps_add(steps, "result", "blocked, %s", no_read);
	else
		piommu_steps_add(steps, "result", "reads are blocked, %s; writes too, %s", no_read, no_write);
}

void piommu_caps_flags(const struct piommu_cap_flag *flags, size_t n, uint64_t word, piommu_cap_fn fn, void *ctx)
{
	for (size_t i = 0; i < n; i++) {
		if (word & flags[i].bit)
			fn(ctx, flags[i].name, flags[i].text);
	}
}

void piommu_caps_value(piommu_cap_fn fn, void *ctx, const char *name, const char *fmt, ...)
{
	char text[96];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fn(ctx, name, text);
}
