/* SPDX-License-Identifier: BSD-3-Clause */
/* Every table of a machine, one after the other: the place that knows which signatures there are. */
#include <errno.h>
#include <stdio.h>

#include "fw_build.h"
#include "piommu_fw.h"

static const struct {
	char sig[5];
	bool many; /* more than one table of this signature may exist */
	int (*parse)(const void *bytes, size_t len, struct piommu_fw *fw, struct piommu_fw_error *err);
} tables[] = {
	{ "DMAR", false, piommu_fw_parse_dmar },
	{ "IORT", false, piommu_fw_parse_iort },
	{ "MCFG", false, piommu_fw_parse_mcfg },
	{ PIOMMU_FW_FDT, false, piommu_fw_parse_fdt },
};

/* The nth table of a kind, if there is one. @return 0; -ENOENT: there is none */
static int load_one(unsigned kind, unsigned nth, struct piommu_fw *fw, piommu_fw_table_fn table, void *ctx,
		    struct piommu_fw_error *err)
{
	const char *sig = tables[kind].sig;
	const void *bytes;
	size_t len;
	int rc = table(ctx, sig, nth, &bytes, &len);

	if (!rc && nth && !tables[kind].many) {
		rc = fw_warn(fw, "%s: there is more than one such table: the first counts, the others are passed over", sig);
		return rc ? rc : -ENOENT;
	}
	if (rc && rc != -ENOENT)
		snprintf(err->text, sizeof(err->text), "%s is there but cannot be read (%d): run as root", sig, rc);
	return rc ? rc : tables[kind].parse(bytes, len, fw, err);
}

int piommu_fw_load(struct piommu_fw *fw, piommu_fw_table_fn table, void *ctx, struct piommu_fw_error *err)
{
	struct piommu_fw all = { 0 };
	int rc = 0;

	for (unsigned kind = 0; kind < sizeof(tables) / sizeof(tables[0]) && !rc; kind++) {
		for (unsigned nth = 0; !rc; nth++)
			rc = load_one(kind, nth, &all, table, ctx, err);
		rc = rc == -ENOENT ? 0 : rc;
	}
	if (rc) {
		piommu_fw_free(&all);
		return rc;
	}
	piommu_fw_free(fw);
	*fw = all;
	return 0;
}
