/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"

#define RAM (32u << 20)

void rig_need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "rig: %s\n", what);
	exit(1);
}

void rig_open_memory(struct rig *rig, bool coherent)
{
	rig_need(!sim_mem_init(&rig->mem, RAM, false, coherent), "memory");
	rig->next = rig->mem.ram_base;
}

void rig_close_unit(struct rig *rig)
{
	sim_model_destroy(rig->unit);
	sim_mem_fini(&rig->mem);
}

uint32_t r32(struct rig *rig, unsigned off)
{
	return (uint32_t)sim_model_read(rig->unit, off, 4);
}

uint64_t r64(struct rig *rig, unsigned off)
{
	return sim_model_read(rig->unit, off, 8);
}

void w32(struct rig *rig, unsigned off, uint32_t value)
{
	sim_model_write(rig->unit, off, 4, value);
}

void w64(struct rig *rig, unsigned off, uint64_t value)
{
	sim_model_write(rig->unit, off, 8, value);
}

void rig_check_accesses(struct rig *rig, const struct rig_access *accesses, unsigned n)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < n; i++) {
		wrong += accesses[i].says[0] != 0;
		if (accesses[i].is_write)
			sim_model_write(rig->unit, accesses[i].off, accesses[i].width, UINT64_MAX);
		else
			CHECK_HEX(sim_model_read(rig->unit, accesses[i].off, accesses[i].width), 0);
		CHECK_EQ(rig_counts(rig).width_errors, wrong);
		CHECK_HAS(rig_complaint(rig), accesses[i].says);
	}
}

static uint64_t *at(struct rig *rig, uint64_t pa)
{
	uint64_t *word = sim_mem_at(&rig->mem, pa, 8);

	rig_need(word, "no memory there");
	return word;
}

uint64_t rig_pages(struct rig *rig, size_t len)
{
	uint64_t pa = align_up(rig->next, len);

	rig->next = pa + len;
	rig_need(rig->next <= rig->mem.ram_base + RAM, "out of pages");
	sim_mem_writeback(&rig->mem, at(rig, pa), len);
	return pa;
}

void rig_put_dirty(struct rig *rig, uint64_t pa, unsigned index, uint64_t word)
{
	entry_publish(at(rig, pa) + index, word);
}

void rig_put(struct rig *rig, uint64_t pa, unsigned index, uint64_t word)
{
	rig_put_dirty(rig, pa, index, word);
	sim_mem_writeback(&rig->mem, at(rig, pa) + index, 8);
}

uint64_t rig_get(struct rig *rig, uint64_t pa, unsigned index)
{
	return entry_load(at(rig, pa) + index);
}

bool rig_lands(struct rig *rig, uint32_t sid, uint64_t iova, uint64_t pa)
{
	static _Thread_local uint32_t mark = 0x1000;
	uint32_t *there = sim_mem_at(&rig->mem, pa, 4);

	mark++;
	return !sim_model_dma(rig->unit, sid, iova, &mark, sizeof(mark), true) && there && *there == mark;
}

struct piommu_sim_counts rig_counts(struct rig *rig)
{
	struct piommu_sim_counts counts;

	sim_model_counts(rig->unit, &counts);
	return counts;
}

const char *rig_complaint(struct rig *rig)
{
	static _Thread_local char text[256];

	sim_model_complaint(rig->unit, text, sizeof(text));
	return text;
}

char *rig_dump(struct rig *rig)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	rig_need(out != NULL, "memory");
	sim_model_dump(rig->unit, out);
	fclose(out);
	return text;
}

void rig_check_clean(struct rig *rig)
{
	struct piommu_sim_counts counts = rig_counts(rig);

	CHECK_EQ(counts.width_errors, 0);
	CHECK_EQ(counts.misuse, 0);
	CHECK_EQ(counts.reserved_errors, 0);
	CHECK_EQ(counts.unflushed, 0);
}
