/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ACPI tables from /sys/firmware/acpi/tables and the device tree from /sys/firmware/fdt, read once and kept: callers hold pointers to them until close. The kernel
 * names the only table of a signature "MCFG", and several "SSDT1", "SSDT2" and so on; all are readable by root only.
 */
#include "linux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform_file.h"

#define MAX_TABLE ((size_t)16 << 20)

struct linux_fw_tables {
	struct linux_fw_tables *next;
	char sig[4];
	unsigned nth;
	void *bytes;
	size_t len;
};

static int read_table(const struct linux_platform *lp, const char sig[4], unsigned nth, void **bytes, size_t *len)
{
	char path[PATH_MAX];
	bool is_tree = memcmp(sig, PIOMMU_FW_FDT, 4) == 0;
	int err = is_tree ? linux_path(lp, path, "/sys/firmware/fdt")
			  : linux_path(lp, path, "/sys/firmware/acpi/tables/%.4s", sig);

	if (!err)
		err = nth == 0 ? platform_file_read(path, MAX_TABLE, bytes, len) : -ENOENT;
	if (err != -ENOENT || is_tree)
		return err;
	err = linux_path(lp, path, "/sys/firmware/acpi/tables/%.4s%u", sig, nth + 1);
	return err ? err : platform_file_read(path, MAX_TABLE, bytes, len);
}

int linux_fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	struct linux_platform *lp = to_linux(plat);
	struct linux_fw_tables *table;
	int err;

	for (table = lp->fw; table; table = table->next) {
		if (memcmp(table->sig, sig, 4) == 0 && table->nth == nth)
			goto found;
	}
	table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	err = read_table(lp, sig, nth, &table->bytes, &table->len);
	if (err) {
		free(table);
		return err;
	}
	memcpy(table->sig, sig, 4);
	table->nth = nth;
	table->next = lp->fw;
	lp->fw = table;
found:
	*bytes = table->bytes;
	*len = table->len;
	return 0;
}

void linux_fw_fini(struct linux_platform *lp)
{
	while (lp->fw) {
		struct linux_fw_tables *table = lp->fw;

		lp->fw = table->next;
		free(table->bytes);
		free(table);
	}
}
