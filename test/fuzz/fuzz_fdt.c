/* SPDX-License-Identifier: BSD-3-Clause */
/* Flattened device trees: parse, append to what is there; as they are, and with the header's length made right. */
#include <stdlib.h>
#include <string.h>

#include "check_fw.h"
#include "fuzz.h"

#define HEADER_LEN 40u
#define TOTAL_SIZE 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct piommu_fw fw = { 0 };
	uint8_t *copy;

	check_parse(piommu_fw_parse_fdt, data, size, &fw);
	if (size >= HEADER_LEN) {
		copy = malloc(size);
		if (!copy)
			abort();
		memcpy(copy, data, size);
		for (unsigned i = 0; i < 4; i++)
			copy[TOTAL_SIZE + i] = (uint8_t)(size >> (24 - 8 * i));
		check_parse(piommu_fw_parse_fdt, copy, size, &fw);
		free(copy);
	}
	for (unsigned i = 0; i < fw.nunits; i++)
		MUST(fw.units[i].path && fw.units[i].version && fw.units[i].base % 4096 == 0);
	piommu_fw_free(&fw);
	return 0;
}
