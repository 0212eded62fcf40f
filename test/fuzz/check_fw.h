/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold of every description, whatever bytes it was made of. For the targets of firmware tables. */
#ifndef TEST_FUZZ_CHECK_FW_H
#define TEST_FUZZ_CHECK_FW_H

#include "piommu_fw.h"

typedef int (*fw_parse_fn)(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err);

void check_description(const struct piommu_fw *fw);
/* Parses into what is there: taken, or refused with one line and nothing changed. */
void check_parse(fw_parse_fn parse, const uint8_t *bytes, size_t len, struct piommu_fw *fw);
/* Makes signature, length and checksum right, or hardly anything would come past an ACPI header. */
void seal_table(uint8_t *bytes, size_t len, const char *sig);

#endif
