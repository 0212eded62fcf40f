/* SPDX-License-Identifier: BSD-3-Clause */
/* See arm_walk.h. */
#include <inttypes.h>
#include <stdio.h>

#include "arm_walk.h"

#define VALID BIT64(0)
#define TABLE BIT64(1) /* above level 3; at level 3 every page has it */
#define S1_READ_ONLY BIT64(7)
#define S2_READ BIT64(6)
#define S2_WRITE BIT64(7)
#define ACCESSED BIT64(10)
#define TABLE_READ_ONLY BIT64(62) /* APTable[1], stage 1: for all below */

static uint64_t address_of(const struct arm_walk *walk, uint64_t entry)
{
	uint64_t low = entry & GENMASK64(47, walk->granule_lg2);

	return walk->granule_lg2 == 16 ? low | field_get(GENMASK64(15, 12), entry) << 48 : low;
}

/* Blocks are at level 2, with 4 KiB at level 1, too. */
static bool is_leaf_level(const struct arm_walk *walk, unsigned level)
{
	return level >= 2 || (level == 1 && walk->granule_lg2 == 12);
}

static bool can_read(const struct arm_walk *walk, uint64_t entry)
{
	return !walk->stage2 || entry & S2_READ;
}

static bool can_write(const struct arm_walk *walk, uint64_t entry)
{
	return walk->stage2 ? entry & S2_WRITE : !(entry & S1_READ_ONLY);
}

static void say_entry(const struct arm_walk *walk, struct piommu_walk_step *step, uint64_t entry, bool leaf)
{
	if (!(entry & VALID))
		piommu_step_say(step, "not valid");
	else if (leaf)
		piommu_step_say(step, "%s%s%s, page at 0x%" PRIx64, can_read(walk, entry) ? "R" : "-",
				can_write(walk, entry) ? "W" : "-", entry & ACCESSED ? "" : ", access flag clear",
				address_of(walk, entry));
	else
		piommu_step_say(step, "table at 0x%" PRIx64, address_of(walk, entry));
}

static void end_with(struct piommu_steps *steps, const struct arm_walk *walk, enum arm_fault fault)
{
	char why[96];

	walk->say_fault(fault, why, sizeof(why));
	piommu_steps_add(steps, "result", "blocked, %s", why);
}

static void end_at_leaf(struct piommu_steps *steps, const struct arm_walk *walk, uint64_t entry, uint64_t offset_mask,
			uint64_t iova, bool read_only)
{
	uint64_t page = address_of(walk, entry) & ~offset_mask;
	char why[96];

	if (!(entry & ACCESSED)) {
		end_with(steps, walk, ARM_ACCESS_FLAG);
	} else if (page >> walk->pa_bits) {
		end_with(steps, walk, ARM_ADDRESS_SIZE);
	} else {
		walk->say_fault(ARM_PERMISSION, why, sizeof(why));
		piommu_steps_reach(steps, page | (iova & offset_mask), can_read(walk, entry),
				   can_write(walk, entry) && !read_only, why, why);
	}
}

void arm_walk_pages(struct piommu_steps *steps, const struct arm_walk *walk, uint64_t iova)
{
	unsigned stride = walk->granule_lg2 - 3;
	uint64_t table_pa = walk->root_pa;
	bool read_only = false;

	if (walk->bits < 64 && iova >> walk->bits) {
		end_with(steps, walk, ARM_TRANSLATION);
		return;
	}
	for (unsigned level = walk->start; level <= 3; level++) {
		unsigned shift = walk->granule_lg2 + stride * (3 - level);
		uint64_t index = iova >> shift; /* of the first level all that is left: tables may stand side by side */
		struct piommu_walk_step *step;
		uint64_t entry;
		char what[32];
		bool leaf;

		if (level != walk->start)
			index &= BIT64(stride) - 1;
		snprintf(what, sizeof(what), "level %u [0x%03" PRIx64 "]", level, index);
		step = piommu_steps_words(steps, what, table_pa + 8 * index, 1);
		if (!step)
			return;
		entry = step->raw[0];
		leaf = level == 3 || !(entry & TABLE);
		say_entry(walk, step, entry, leaf);
		if (!(entry & VALID) || (leaf && !is_leaf_level(walk, level)) || (level == 3 && !(entry & TABLE))) {
			end_with(steps, walk, ARM_TRANSLATION);
			return;
		}
		if (leaf) {
			end_at_leaf(steps, walk, entry, BIT64(shift) - 1, iova, read_only);
			return;
		}
		read_only |= !walk->stage2 && entry & TABLE_READ_ONLY;
		table_pa = address_of(walk, entry);
	}
}
