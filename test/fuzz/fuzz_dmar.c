/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DMAR and MCFG tables: parse, append to what is there, resolve. The input is taken as it is, and once more with signature,
 * length and checksum made right, or hardly anything would come past the header.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "piommu_fw.h"

#define SEALED_MIN 36u

typedef int (*parse_fn)(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err);

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

static void check_scopes(const struct piommu_fw_scopes *scopes, uint32_t segment)
{
	for (unsigned i = 0; i < scopes->n; i++) {
		MUST(scopes->at[i].path != NULL);
		MUST(scopes->at[i].npath <= 124);
		MUST(scopes->at[i].segment == segment);
		MUST(!scopes->at[i].resolved || scopes->at[i].sbdf.segment == segment);
	}
}

static void check_description(const struct piommu_fw *fw)
{
	for (unsigned i = 0; i < fw->nunits; i++) {
		MUST(fw->units[i].len >= 4096 && fw->units[i].family == PIOMMU_FAMILY_VTD);
		check_scopes(&fw->units[i].scopes, fw->units[i].segment);
	}
	for (unsigned i = 0; i < fw->nreserved; i++) {
		MUST(fw->reserved[i].span.start <= fw->reserved[i].span.last);
		check_scopes(&fw->reserved[i].scopes, fw->reserved[i].segment);
	}
	for (unsigned i = 0; i < fw->nnames; i++)
		MUST(!strchr(fw->names[i].name, '\n'));
	for (unsigned i = 0; i < fw->necam; i++)
		MUST(fw->ecam[i].start_bus <= fw->ecam[i].last_bus);
	for (unsigned i = 0; i < fw->nwarnings; i++)
		MUST(fw->warnings[i][0] && !strchr(fw->warnings[i], '\n'));
	MUST(fw->host_address_width <= 64);
}

static void check_parse(parse_fn parse, const uint8_t *bytes, size_t len, struct piommu_fw *fw)
{
	struct piommu_fw before = *fw;
	struct piommu_fw_error err = { "" };
	int rc = parse(bytes, len, fw, &err);

	MUST(rc == 0 || rc == -EINVAL);
	if (rc < 0) {
		MUST(err.text[0] && memchr(err.text, '\0', sizeof(err.text)) && !strchr(err.text, '\n'));
		MUST(memcmp(&before, fw, sizeof(before)) == 0);
	}
	check_description(fw);
}

static void seal(uint8_t *bytes, size_t len, const char *sig)
{
	uint8_t sum = 0;

	memcpy(bytes, sig, 4);
	for (unsigned i = 0; i < 4; i++)
		bytes[4 + i] = (uint8_t)(len >> 8 * i);
	bytes[9] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[9] = (uint8_t)-sum;
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
		seal(copy, size, "MCFG");
		check_parse(piommu_fw_parse_mcfg, copy, size, &fw);
		seal(copy, size, "DMAR");
		check_parse(piommu_fw_parse_dmar, copy, size, &fw);
		check_parse(piommu_fw_parse_dmar, copy, size, &fw);
		free(copy);
	}
	MUST(piommu_fw_resolve(&fw, &reader) == 0);
	check_description(&fw);
	piommu_fw_free(&fw);
	return 0;
}
