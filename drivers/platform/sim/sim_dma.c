/* SPDX-License-Identifier: BSD-3-Clause */
/* piommu_sim.h: devices that do DMA, come and go; switches, counts, and all of it as text. Any thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

#define PAGE 4096u

/* What no unit translates goes straight to memory, or is an interrupt. */
static int untranslated(const struct sim *sim, uint64_t pa, void *buf, size_t len, bool is_write)
{
	const struct piommu_span *interrupts = &sim->config.family->interrupts;

	if (interrupts->last && pa >= interrupts->start && pa <= interrupts->last)
		return -EIO;
	return sim_mem_dma(&sim->mem, pa, buf, len, is_write) ? 0 : -EIO;
}

static int access_page(struct sim *sim, const struct sim_slot *slot, uint64_t iova, void *buf, size_t len, bool is_write)
{
	if (slot->unit == SIM_NO_UNIT)
		return untranslated(sim, iova, buf, len, is_write);
	return sim_model_dma(sim->units[slot->unit], slot->id, iova, buf, len, is_write);
}

int piommu_sim_dma(struct piommu_platform *plat, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len, bool is_write)
{
	struct sim *sim = sim_of(plat);
	struct sim_slot *slot;
	int err = 0;

	if (!sim || !buf || (len && iova + (len - 1) < iova))
		return -EINVAL;
	slot = sim_machine_begin(&sim->machine, sbdf);
	if (!slot)
		return -ENOENT;
	for (size_t done = 0, part; !err && done < len; done += part) {
		part = PAGE - (size_t)((iova + done) % PAGE);
		if (part > len - done)
			part = len - done;
		err = access_page(sim, slot, iova + done, (char *)buf + done, part, is_write);
	}
	sim_machine_end(slot);
	return err;
}

int piommu_sim_plug(struct piommu_platform *plat, struct piommu_sbdf sbdf)
{
	struct sim *sim = sim_of(plat);

	return sim ? sim_machine_plug(&sim->machine, sbdf) : -EINVAL;
}

int piommu_sim_unplug(struct piommu_platform *plat, struct piommu_sbdf sbdf)
{
	struct sim *sim = sim_of(plat);

	return sim ? sim_machine_unplug(&sim->machine, sbdf) : -EINVAL;
}

int piommu_sim_plug_node(struct piommu_platform *plat, const char *name, bool present)
{
	struct sim *sim = sim_of(plat);

	return sim && name ? sim_machine_plug_node(&sim->machine, name, present) : -EINVAL;
}

static int unit_of(struct piommu_platform *plat, unsigned unit, struct sim_model **out)
{
	struct sim *sim = sim_of(plat);

	if (!sim)
		return -EINVAL;
	if (unit >= sim->config.units)
		return -ENOENT;
	*out = sim->units[unit];
	return 0;
}

int piommu_sim_set(struct piommu_platform *plat, unsigned unit, enum piommu_sim_switch which, uint64_t value)
{
	struct sim_model *model;
	int err = unit_of(plat, unit, &model);

	return err ? err : sim_model_set(model, which, value);
}

int piommu_sim_counts(struct piommu_platform *plat, unsigned unit, struct piommu_sim_counts *out)
{
	struct sim_model *model;
	int err = unit_of(plat, unit, &model);

	if (!err)
		sim_model_counts(model, out);
	return err;
}

int piommu_sim_complaint(struct piommu_platform *plat, unsigned unit, char *text, size_t len)
{
	struct sim_model *model;
	int err = unit_of(plat, unit, &model);

	if (!err)
		sim_model_complaint(model, text, len);
	return err;
}

int piommu_sim_dump(struct piommu_platform *plat, char **text)
{
	struct sim *sim = sim_of(plat);
	char *made = NULL;
	size_t len;
	FILE *out;
	bool is_whole;

	if (!sim)
		return -EINVAL;
	out = open_memstream(&made, &len);
	if (!out)
		return -ENOMEM;
	for (unsigned unit = 0; unit < sim->config.units; unit++) {
		fprintf(out, "unit %u, %s\n", unit, sim_is_controlled(sim, unit) ? "driven" : "free");
		sim_model_dump(sim->units[unit], out);
	}
	is_whole = !ferror(out);
	if (fclose(out) || !is_whole) {
		free(made);
		return -ENOMEM;
	}
	*text = made;
	return 0;
}
