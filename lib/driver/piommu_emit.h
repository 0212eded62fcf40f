/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What drivers share where they report: an event is begun, filled by who knows the registers, and handed to the sink; what is the same
 * event of every family is said here. For a driver's poll; the thread that polls. Installed; compiles alone as C and C++.
 */
#ifndef PIOMMU_EMIT_H
#define PIOMMU_EMIT_H

#include "piommu_driver.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** An event of `unit`, now. All else is empty. */
struct piommu_event piommu_emit_begin(const struct piommu_unit *unit, enum piommu_event_type type);
/** One that words say everything of; both are static. @return 1 */
unsigned piommu_emit_words(const struct piommu_unit *unit, enum piommu_event_type type, const char *name, const char *text,
			   const struct piommu_event_sink *sink);
/** An invalidation was not done in time. @return 1 */
unsigned piommu_emit_late(const struct piommu_unit *unit, const struct piommu_event_sink *sink);
/**
 * A register reads all ones. So does the one at `off` of a unit that is gone, and of no other: said once, as `*said` is to tell.
 * @return how many events
 */
unsigned piommu_emit_lost(const struct piommu_unit *unit, struct piommu_window *window, unsigned off, bool *said,
			  const struct piommu_event_sink *sink);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
