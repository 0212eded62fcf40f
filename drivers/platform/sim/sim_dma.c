/* SPDX-License-Identifier: BSD-3-Clause */
/* piommu_sim.h: devices that do DMA, switches and counts. Any thread. */
#include <errno.h>

#include "sim.h"

#define PAGE 4096u

int piommu_sim_dma(struct piommu_platform *plat, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len, bool is_write)
{
	struct sim *sim = sim_of(plat);
	const struct sim_function *function;
	int err = 0;

	if (!sim || !buf || (len && iova + (len - 1) < iova))
		return -EINVAL;
	function = sim_machine_find(&sim->machine, sbdf);
	if (!function)
		return -ENOENT;
	for (size_t done = 0, part; !err && done < len; done += part) {
		part = PAGE - (size_t)((iova + done) % PAGE);
		if (part > len - done)
			part = len - done;
		err = vtd_model_dma(sim->units[function->unit], function->requester, iova + done, (char *)buf + done, part,
				    is_write);
	}
	return err;
}

static int unit_of(struct piommu_platform *plat, unsigned unit, struct vtd_model **out)
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
	struct vtd_model *model;
	int err = unit_of(plat, unit, &model);

	return err ? err : vtd_model_set(model, which, value);
}

int piommu_sim_counts(struct piommu_platform *plat, unsigned unit, struct piommu_sim_counts *out)
{
	struct vtd_model *model;
	int err = unit_of(plat, unit, &model);

	if (!err)
		vtd_model_counts(model, out);
	return err;
}

int piommu_sim_complaint(struct piommu_platform *plat, unsigned unit, char *text, size_t len)
{
	struct vtd_model *model;
	int err = unit_of(plat, unit, &model);

	if (!err)
		vtd_model_complaint(model, text, len);
	return err;
}
