/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine around a unit that is nothing but registers: memory, a clock, what was logged, written back and reported. Each family's
 * fake_unit.h has a `struct fake` that begins with one, and adds the registers.
 */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include "piommu_driver.h"

struct fake_write {
	unsigned off;
	unsigned width;
	uint64_t value;
};

/* Members by their own names in a family's struct as well as here, so that its tests say fake.said. */
#define FAKE_MACHINE \
	struct piommu_platform plat; /* first: its ops are handed this */ \
	struct piommu_env_mem *mem; \
	struct piommu_pool *pool; \
	struct piommu_log log; \
	struct fake_write writes[256]; \
	unsigned nwrites; \
	unsigned width_errors; /* accesses that were not as wide as the register */ \
	unsigned writebacks; \
	unsigned fail_alloc; /* the n-th allocation from now fails */ \
	uint64_t now; \
	char said[512]; /* the last message */ \
	struct piommu_event events[16]; \
	unsigned nevents;

struct fake_machine {
	FAKE_MACHINE
};

/* As the first member of a family's struct: the machine by name, and its members. */
#define FAKE_IS_A_MACHINE \
	union { \
		struct fake_machine machine; \
		struct { \
			FAKE_MACHINE \
		}; \
	};

/* Zeroes before it. */
void fake_machine_init(struct fake_machine *machine, size_t memory, size_t page_size);
void fake_machine_fini(struct fake_machine *machine);
/* A unit in it. */
struct piommu_unit fake_machine_unit(struct fake_machine *machine, const struct piommu_driver *driver,
				     const struct piommu_fw_unit *fw);
/* A register was written. */
void fake_machine_wrote(struct fake_machine *machine, unsigned off, unsigned width, uint64_t value);
/* Writes from index `from` on are exactly these. */
void fake_machine_expect(struct fake_machine *machine, unsigned from, const struct fake_write *expected, unsigned n);
/* The unit's poll, into `events`. */
unsigned fake_machine_poll(struct fake_machine *machine, struct piommu_unit *unit);

#endif
