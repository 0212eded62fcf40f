/* SPDX-License-Identifier: BSD-3-Clause */
/* Events that every family has. See piommu_emit.h. The thread that polls. */
#include <stdio.h>

#include "piommu_emit.h"

struct piommu_event piommu_emit_begin(const struct piommu_unit *unit, enum piommu_event_type type)
{
	struct piommu_event event = { .type = type, .reason_name = "", .reason_text = "" };

	snprintf(event.unit, sizeof(event.unit), "%s", unit->name);
	event.when_ns = piommu_plat_now_ns(unit->plat);
	return event;
}

unsigned piommu_emit_words(const struct piommu_unit *unit, enum piommu_event_type type, const char *name, const char *text,
			   const struct piommu_event_sink *sink)
{
	struct piommu_event event = piommu_emit_begin(unit, type);

	event.reason_name = name;
	event.reason_text = text;
	sink->emit(sink->ctx, &event);
	return 1;
}

unsigned piommu_emit_late(const struct piommu_unit *unit, const struct piommu_event_sink *sink)
{
	return piommu_emit_words(unit, PIOMMU_EVENT_INV_ERROR, "invalidation not acknowledged",
				 "the unit did not say in time that an invalidation is done; the unmap it was for has failed",
				 sink);
}

unsigned piommu_emit_lost(const struct piommu_unit *unit, struct piommu_window *window, unsigned off, bool *said,
			  const struct piommu_event_sink *sink)
{
	if (*said || piommu_read32(window, off) != UINT32_MAX)
		return 0;
	*said = true;
	return piommu_emit_words(unit, PIOMMU_EVENT_UNIT_LOST, "unit lost",
				 "its registers read all ones: it was switched off or fell off the bus", sink);
}
