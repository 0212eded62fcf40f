/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMAR and MCFG tables: parse, append to what is there, resolve. The input is taken as it is, and once more with signature,
 * length and checksum made right, or hardly anything would come past the header.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_fw.h"
#include "fuzz.h"

#define SEALED_MIN 36u

/* A machine of made-up bridges: every bus has some, buses ascend, and some functions are missing. */
static int secondary_bus(void *ctx, struct piommu_sbdf bridge)
{
	(void)ctx;
	if (bridge.devfn % 5 == 0)
		return -ENOENT;
	if (bridge.devfn % 3 == 0)
		return -ENOTDIR;
	return bridge.bus + 1;
}

static bool exists(void *ctx, struct piommu_sbdf function)
{
	(void)ctx;
	return function.devfn % 5 != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct piommu_fw_pci_reader reader = { secondary_bus, exists, NULL };
	struct piommu_fw fw = { 0 };
	uint8_t *copy;

	check_parse(piommu_fw_parse_dmar, data, size, &fw);
	check_parse(piommu_fw_parse_mcfg, data, size, &fw);
	if (size >= SEALED_MIN) {
		copy = malloc(size);
		if (!copy)
			abort();
		memcpy(copy, data, size);
		seal_table(copy, size, "MCFG");
		check_parse(piommu_fw_parse_mcfg, copy, size, &fw);
		seal_table(copy, size, "DMAR");
		check_parse(piommu_fw_parse_dmar, copy, size, &fw);
		check_parse(piommu_fw_parse_dmar, copy, size, &fw);
		free(copy);
	}
	for (unsigned i = 0; i < fw.nunits; i++)
		MUST(fw.units[i].len >= 4096 && fw.units[i].family == PIOMMU_FAMILY_VTD);
	MUST(piommu_fw_resolve(&fw, &reader) == 0);
	check_description(&fw);
	piommu_fw_free(&fw);
	return 0;
}
