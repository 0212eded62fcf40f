/* SPDX-License-Identifier: BSD-3-Clause */
/* IORT tables: parse, append to what is there. As it is, and with signature, length and checksum made right. */
#include <stdlib.h>
#include <string.h>

#include "check_fw.h"
#include "fuzz.h"

#define SEALED_MIN 36u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct piommu_fw fw = { 0 };
	uint8_t *copy;

	check_parse(piommu_fw_parse_iort, data, size, &fw);
	if (size >= SEALED_MIN) {
		copy = malloc(size);
		if (!copy)
			abort();
		memcpy(copy, data, size);
		seal_table(copy, size, "IORT");
		check_parse(piommu_fw_parse_iort, copy, size, &fw);
		check_parse(piommu_fw_parse_iort, copy, size, &fw);
		free(copy);
	}
	for (unsigned i = 0; i < fw.nunits; i++)
		MUST(fw.units[i].family == PIOMMU_FAMILY_SMMUV2 || fw.units[i].family == PIOMMU_FAMILY_SMMUV3);
	piommu_fw_free(&fw);
	return 0;
}
