/* SPDX-License-Identifier: BSD-3-Clause */
/* Units that are not there, or not whole, or do not go off. See piommu_bringup.h. Slow path, one thread at a time for a unit. */
#include <errno.h>
#include <inttypes.h>

#include "piommu_bringup.h"

int piommu_bringup_alive(const struct piommu_unit *unit, uint32_t value)
{
	if (value != UINT32_MAX)
		return 0;
	log_err(unit->log, "%s: its registers read all ones: switched off, or nothing at 0x%" PRIx64, unit->name,
		unit->fw->base);
	return -ENODEV;
}

int piommu_bringup_reaches(const struct piommu_unit *unit, const struct piommu_window *window, uint64_t end)
{
	if (end <= window->len)
		return 0;
	log_err(unit->log, "%s: has registers up to 0x%" PRIx64 ", but only 0x%zx bytes of them are mapped", unit->name, end,
		window->len);
	return -ENOTSUP;
}

int piommu_bringup_undone(struct piommu_unit *unit, int err)
{
	if (!err && !unit->keep_memory)
		return 0;
	unit->keep_memory = true;
	log_err(unit->log, "%s: did not follow when it was switched off%s; its tables stay allocated until the next reset",
		unit->name, err == -EIO ? ", its registers read all ones" : "");
	return -EIO;
}
