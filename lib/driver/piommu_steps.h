/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What drivers share where they explain a unit without touching it: the steps of a walk, and capabilities in words. For a driver's walk,
 * describe and version. Slow path, any thread; writes no register. Installed; compiles alone as C and C++.
 */
#ifndef PIOMMU_STEPS_H
#define PIOMMU_STEPS_H

#include "piommu_driver.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A walk under way. The driver's walk sets the first three. */
struct piommu_steps {
	struct piommu_platform *plat;
	struct piommu_walk_step *at; /**< the caller's */
	unsigned max;                /**< of them; what is beyond is thrown away */
	unsigned n;                  /**< filled */
	struct piommu_walk_step spare;
};

/** The next step, with its text; words may be added to it until the next one is. Never NULL. */
__attribute__((format(printf, 3, 4))) struct piommu_walk_step *piommu_steps_add(struct piommu_steps *steps, const char *what,
										const char *fmt, ...);
/** The same text, of a step that is there. */
__attribute__((format(printf, 2, 3))) void piommu_step_say(struct piommu_walk_step *step, const char *fmt, ...);
/** One more word of a step. */
void piommu_step_raw(struct piommu_walk_step *step, uint64_t word);
/** A step with the words of a structure in memory. NULL: it cannot be read, which is then the last step. */
struct piommu_walk_step *piommu_steps_words(struct piommu_steps *steps, const char *what, uint64_t pa, unsigned nwords);
/** The end: what reaches `pa`. Where that is not everything, how reads and writes are blocked: "fault 0x06: no read permission". */
void piommu_steps_reach(struct piommu_steps *steps, uint64_t pa, bool can_read, bool can_write, const char *no_read,
			const char *no_write);

/** One bit of a capability register. */
struct piommu_cap_flag {
	uint64_t bit;
	const char *name; /**< the specification's */
	const char *text;
};

/** Tells of those bits that are set in `word`. */
void piommu_caps_flags(const struct piommu_cap_flag *flags, size_t n, uint64_t word, piommu_cap_fn fn, void *ctx);
/** Tells of one capability that has a value. */
__attribute__((format(printf, 4, 5))) void piommu_caps_value(piommu_cap_fn fn, void *ctx, const char *name, const char *fmt,
							     ...);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
