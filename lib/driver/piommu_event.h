/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What drivers report and users read: events (faults, failed invalidations) and the steps of a walk. Plain data.
 */
#ifndef PIOMMU_EVENT_H
#define PIOMMU_EVENT_H

#include "piommu_types.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum piommu_event_type {
	PIOMMU_EVENT_DMA_FAULT,      /**< a device's access was blocked */
	PIOMMU_EVENT_FAULT_OVERFLOW, /**< the unit dropped fault records */
	PIOMMU_EVENT_INV_ERROR,      /**< an invalidation failed; translations may be stale until the unit is reset */
	PIOMMU_EVENT_UNIT_LOST,      /**< registers read all ones */
	PIOMMU_EVENT_UNIT_ERROR,     /**< an error of the unit's own: reason_name and reason_text */
};

/** One event. Plain data, copied into the manager's ring and to the callback. */
struct piommu_event {
	enum piommu_event_type type;
	char unit[16];
	/**
	 * Of a DMA fault, the requester: the id that the DMA carried at the unit, as in piommu_device.ids. The core finds the device
	 * that it is of: its name, "" where there is none, or no single one; and its address, where it is a PCI function. A driver
	 * gives an address, too, where its ids are requester ids: of a bridge, or of what has gone, that is all there is.
	 */
	uint32_t id;
	char device[PIOMMU_NAME_LEN];
	bool is_pci; /**< `sbdf` is its address */
	struct piommu_sbdf sbdf;
	uint64_t iova; /**< page-aligned where the hardware says no more; the index, for an interrupt */
	bool is_write;
	bool is_execute;
	bool is_interrupt; /**< an interrupt request was blocked, not an access to memory */
	bool has_pasid;
	uint32_t pasid;
	uint32_t reason;         /**< the hardware's code */
	const char *reason_name; /**< the specification's short word; static storage */
	const char *reason_text; /**< what it means; static storage */
	uint64_t raw[4];         /**< the hardware's record */
	uint64_t when_ns;
};

/**
 * A word of a report that somebody wrote down: a register by the name that the family's specification or a kernel's log gives it, in
 * whatever case, or (NULL) the next word of a record.
 */
struct piommu_word {
	const char *name;
	uint64_t value;
};

/** One step of a translation, for people: raw words and what they say. */
struct piommu_walk_step {
	char what[32];  /**< "registers", "level 4 [0x1ff]", "result" */
	uint64_t at_pa; /**< where the words are; 0 for registers */
	uint64_t raw[8];
	unsigned nraw;
	char text[160]; /**< decoded */
};

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
