/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated machine of drivers/platform/sim: nothing but its name differs from what a user would open. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "piommu.h"

static int dma(struct machine *m, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len, bool is_write)
{
	return piommu_sim_dma(m->plat, sbdf, iova, buf, len, is_write);
}

static void close_machine(struct machine *m)
{
	m->plat->ops->close(m->plat);
	free(m);
}

static const struct machine_ops ops = {
	.dma = dma,
	.close = close_machine,
};

int machine_sim_open(const char *family, const char *variant, const struct piommu_log *log, struct machine **out)
{
	const struct piommu_platform_driver *const *platform = piommu_platforms;
	struct machine *m;
	char args[256];
	int rc;

	while (*platform && strcmp((*platform)->name, "sim"))
		platform++;
	if (!*platform)
		return -ENODEV;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	*m = (struct machine){ .ops = &ops, .kind = "sim", .is_sim = true };
	snprintf(args, sizeof(args), "%s%s%s", family, *variant ? "," : "", variant);
	rc = (*platform)->open(args, log, &m->plat);
	if (rc) {
		free(m);
		return rc;
	}
	*out = m;
	return 0;
}
