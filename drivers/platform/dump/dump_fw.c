/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware tables of a dump: files named for their signature, the tables of acpidump.txt, the device tree fdt.dtb. A copy of a table that is
 * there already (both DMAR.bin and an acpidump) is dropped. What the bytes say is lib/fw's business.
 */
#include "dump.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Takes `bytes` over, also when it fails or drops a copy. */
static int add_table(struct dump_platform *dp, const char sig[4], void *bytes, size_t len)
{
	struct dump_table *grown;

	for (size_t i = 0; i < dp->ntables; i++) {
		if (memcmp(dp->tables[i].sig, sig, 4) == 0 && dp->tables[i].len == len &&
		    memcmp(dp->tables[i].bytes, bytes, len) == 0) {
			free(bytes);
			return 0;
		}
	}
	grown = realloc(dp->tables, (dp->ntables + 1) * sizeof(*grown));
	if (!grown) {
		free(bytes);
		return -ENOMEM;
	}
	dp->tables = grown;
	grown = &dp->tables[dp->ntables++];
	*grown = (struct dump_table){ .bytes = bytes, .len = len };
	memcpy(grown->sig, sig, 4);
	if (len >= 4)
		memcpy(grown->content_sig, bytes, 4);
	return 0;
}

static bool is_table_file(const char *name)
{
	static const char *const suffixes[] = { ".bin", ".dat", ".aml" };
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (strcasecmp(dot, suffixes[i]) == 0)
			return true;
	}
	return false;
}

/* "dmar.bin" gives DMAR; a name that is no signature gives 4 NULs, and the table goes by its contents. */
static void sig_of_name(const char *name, char sig[4])
{
	memset(sig, 0, 4);
	if (strcspn(name, ".") != 4)
		return;
	for (unsigned i = 0; i < 4; i++)
		sig[i] = (char)toupper((unsigned char)name[i]);
}

static int filter(const struct dirent *entry)
{
	return is_table_file(entry->d_name);
}

static int load_files(struct dump_platform *dp)
{
	struct dirent **entries;
	int n = scandir(dp->dir, &entries, filter, alphasort);
	int err = n < 0 ? -errno : 0;

	if (err) {
		log_err(dp->plat.log, "dump: %s: %s", dp->dir, strerror(-err));
		return err;
	}
	for (int i = 0; i < n; i++) {
		char sig[4];
		void *bytes;
		size_t len;

		sig_of_name(entries[i]->d_name, sig);
		if (!err)
			err = dump_read(dp, entries[i]->d_name, &bytes, &len);
		if (!err)
			err = add_table(dp, sig, bytes, len);
		free(entries[i]);
	}
	free(entries);
	return err;
}

static int load_acpidump(struct dump_platform *dp)
{
	struct piommu_fw_acpidump dump = { .at = 0 };
	struct piommu_fw_error why;
	void *text;
	int err = dump_read(dp, "acpidump.txt", &text, &dump.len);

	if (err)
		return err == -ENOENT ? 0 : err;
	dump.text = text;
	while (!err) {
		char sig[5];
		void *bytes;
		size_t len;

		err = piommu_fw_acpidump_next(&dump, sig, &bytes, &len, &why);
		if (!err)
			err = add_table(dp, sig, bytes, len);
	}
	free(text);
	if (err == -ENOENT)
		return 0;
	if (err == -EINVAL)
		log_err(dp->plat.log, "dump: %s/acpidump.txt: %s", dp->dir, why.text);
	return err == -EINVAL ? -EBADMSG : err;
}

/* The device tree goes by the signature that the firmware parser asks for it with. */
static int load_fdt(struct dump_platform *dp)
{
	void *bytes;
	size_t len;
	int err = dump_read(dp, "fdt.dtb", &bytes, &len);

	if (err)
		return err == -ENOENT ? 0 : err;
	return add_table(dp, PIOMMU_FW_FDT, bytes, len);
}

int dump_load_tables(struct dump_platform *dp)
{
	int err = load_files(dp);

	if (!err)
		err = load_acpidump(dp);
	return err ? err : load_fdt(dp);
}

void dump_free_tables(struct dump_platform *dp)
{
	for (size_t i = 0; i < dp->ntables; i++)
		free(dp->tables[i].bytes);
	free(dp->tables);
}
