/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Building a struct piommu_fw: its growing lists, warnings, refusals. A parser fills an empty one of its own and merges it
 * at the very end, so a refused table leaves nothing behind. Internal to lib/fw.
 */
#ifndef FW_BUILD_H
#define FW_BUILD_H

#include "piommu_fw.h"

enum fw_list {
	FW_UNITS,
	FW_RESERVED,
	FW_ATSR,
	FW_SATC,
	FW_SIDP,
	FW_NAMES,
	FW_ECAM,
	FW_SOURCES,
	FW_MSIS,
	FW_COUNTERS,
	FW_CARVEOUTS,
	FW_WARNINGS,
	FW_NLISTS,
};

/** Adds one zeroed element to a list. @return it, or NULL when memory is out; earlier elements may have moved */
void *fw_append(struct piommu_fw *fw, enum fw_list list);

/** Adds a scope with room for `npath` hops. @return it, or NULL */
struct piommu_fw_scope *fw_append_scope(struct piommu_fw_scopes *scopes, unsigned npath);

/** Adds a map. @return 0 or -ENOMEM */
int fw_append_map(struct piommu_fw_id_maps *maps, const struct piommu_fw_id_map *map);

/** Adds an interrupt to a unit. @return 0 or -ENOMEM */
int fw_append_irq(struct piommu_fw_unit *unit, const struct piommu_fw_irq *irq);

/** Moves every list of `from` behind those of `fw`: all, or none with -ENOMEM. `from` is empty afterwards. */
int fw_merge(struct piommu_fw *fw, struct piommu_fw *from);

/** @return 0 or -ENOMEM */
int fw_warn(struct piommu_fw *fw, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Says why a table is refused (`err` may be NULL). @return -EINVAL, for the caller to return */
int fw_refuse(struct piommu_fw_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
