/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration space: any bytes, readable as far as they go, decode in a bounded number of reads. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "piommu_topo.h"

struct space {
	const uint8_t *bytes;
	size_t len;
	unsigned reads;
};

static int read_space(void *ctx, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	struct space *space = ctx;

	(void)sbdf;
	space->reads++;
	MUST(width == 1 || width == 2 || width == 4);
	MUST(off % width == 0 && off + width <= 4096);
	if (off + width > space->len)
		return -EACCES;
	*value = 0;
	memcpy(value, space->bytes + off, width);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct space space = { data, size, 0 };
	const struct piommu_sbdf sbdf = { 0, 0, 0 };
	struct piommu_pci_function fn;
	int rc = piommu_topo_decode_function(read_space, &space, sbdf, &fn);

	MUST(rc == 0 || rc == -ENODEV || rc == -EACCES);
	MUST(space.reads < 1000);
	if (rc)
		return 0;
	MUST(fn.pcie_type < 16 || fn.pcie_type == PIOMMU_PCIE_NONE || fn.pcie_type == PIOMMU_PCIE_UNKNOWN);
	MUST(fn.acs == PIOMMU_PRESENT || (fn.acs_cap == 0 && fn.acs_ctl == 0));
	MUST(fn.pcie_type != PIOMMU_PCIE_UNKNOWN || fn.acs == PIOMMU_UNKNOWN);
	MUST(!(fn.header_type & 0x80));
	return 0;
}
