/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dump platform: opens a directory, serves what it held. No registers and no memory. Where lspci.txt and pci.tsv both
 * name a function, lspci.txt is believed: it has the bytes.
 */
#include "dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers.h"
#include "platform_file.h"
#include "platform_pci.h"

static struct dump_platform *to_dump(struct piommu_platform *plat)
{
	return (struct dump_platform *)(void *)plat;
}

int dump_path(const struct dump_platform *dp, char path[PATH_MAX], const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", dp->dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int dump_read(const struct dump_platform *dp, const char *name, void **bytes, size_t *len)
{
	char path[PATH_MAX];
	int err = dump_path(dp, path, name);

	if (!err)
		err = platform_file_read(path, DUMP_MAX_FILE, bytes, len);
	if (err && err != -ENOENT)
		log_err(dp->plat.log, "dump: %s/%s: %s", dp->dir, name, strerror(-err));
	return err;
}

static bool has_function(const struct dump_functions *functions, struct piommu_sbdf sbdf)
{
	for (size_t i = 0; i < functions->n; i++) {
		if (piommu_sbdf_compare(functions->at[i].sbdf, sbdf) == 0)
			return true;
	}
	return false;
}

/* Adds what `more` has and `to` lacks. */
static int merge_functions(struct dump_functions *to, const struct dump_functions *more)
{
	struct piommu_pci_function *grown = realloc(to->at, (to->n + more->n + 1) * sizeof(*grown));
	size_t known = to->n;

	if (!grown)
		return -ENOMEM;
	to->at = grown;
	for (size_t i = 0; i < more->n; i++) {
		const struct dump_functions first = { to->at, known };

		if (!has_function(&first, more->at[i].sbdf))
			to->at[to->n++] = more->at[i];
	}
	return 0;
}

/* @return 0, also without such a file; or -errno, logged */
static int open_lspci(struct dump_platform *dp)
{
	char path[PATH_MAX];
	void *text;
	size_t len;
	int err = dump_read(dp, "lspci.txt", &text, &len);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = dump_check_lspci(dp, text);
	free(text);
	if (!err)
		err = dump_path(dp, path, "lspci.txt");
	return err ? err : platform_pci_open_dump(dp->plat.log, path, &dp->pci);
}

/* The list of names knows more than a listing that is cut at some column. */
static int name_functions(const struct dump_platform *dp, struct dump_functions *functions)
{
	struct platform_pci *names;
	int err = platform_pci_open_names(dp->plat.log, &names);

	if (err)
		return err;
	for (size_t i = 0; i < functions->n; i++) {
		if (functions->at[i].device)
			platform_pci_name(names, &functions->at[i]);
	}
	platform_pci_close(names);
	return 0;
}

/* @return 0, also without such a file; or -errno, logged */
static int add_tsv(struct dump_platform *dp)
{
	struct dump_functions tsv = { NULL, 0 };
	void *text;
	size_t len;
	int err = dump_read(dp, "pci.tsv", &text, &len);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = dump_parse_tsv(dp, text, &tsv);
	free(text);
	if (!err)
		err = name_functions(dp, &tsv);
	if (!err)
		err = merge_functions(&dp->functions, &tsv);
	free(tsv.at);
	return err;
}

static int load_functions(struct dump_platform *dp)
{
	int err = open_lspci(dp);

	if (!err && dp->pci)
		err = platform_pci_functions(dp->pci, &dp->functions.at, &dp->functions.n);
	return err ? err : add_tsv(dp);
}

static int fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	const struct dump_platform *dp = to_dump(plat);

	for (size_t i = 0; i < dp->ntables; i++) {
		const struct dump_table *table = &dp->tables[i];

		if (memcmp(table->sig, sig, 4) != 0 && memcmp(table->content_sig, sig, 4) != 0)
			continue;
		if (nth-- > 0)
			continue;
		*bytes = table->bytes;
		*len = table->len;
		return 0;
	}
	return -ENOENT;
}

static int pci_functions(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n)
{
	const struct dump_functions *functions = &to_dump(plat)->functions;
	struct piommu_pci_function *copy = calloc(functions->n + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (functions->n)
		memcpy(copy, functions->at, functions->n * sizeof(*copy));
	*out = copy;
	*n = functions->n;
	return 0;
}

static int cfg_read(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	struct dump_platform *dp = to_dump(plat);

	return dp->pci ? platform_pci_read(dp->pci, sbdf, off, width, value) : -ENOENT;
}

static void platform_close(struct piommu_platform *plat)
{
	struct dump_platform *dp = to_dump(plat);

	dump_free_tables(dp);
	platform_pci_close(dp->pci);
	free(dp->functions.at);
	free(dp->dir);
	free(dp);
}

static const struct piommu_platform_ops ops = {
	.name = "dump",
	.fw_table = fw_table,
	.pci_functions = pci_functions,
	.cfg_read = cfg_read,
	.close = platform_close,
};

static int check_dir(const char *dir, const struct piommu_log *log)
{
	struct stat st;

	if (!*dir) {
		log_err(log, "dump: no directory given; use dump:DIR");
		return -EINVAL;
	}
	if (stat(dir, &st) != 0) {
		int err = -errno;

		log_err(log, "dump: %s: %s", dir, strerror(-err));
		return err;
	}
	if (!S_ISDIR(st.st_mode)) {
		log_err(log, "dump: %s is not a directory; give the one that holds the dump's files", dir);
		return -ENOTDIR;
	}
	return 0;
}

static int platform_open(const char *args, const struct piommu_log *log, struct piommu_platform **out)
{
	struct dump_platform *dp;
	int err = check_dir(args, log);

	if (err)
		return err;
	dp = calloc(1, sizeof(*dp));
	if (!dp)
		return -ENOMEM;
	dp->plat.ops = &ops;
	dp->plat.log = log;
	dp->dir = strdup(args);
	err = dp->dir ? dump_load_tables(dp) : -ENOMEM;
	if (!err)
		err = load_functions(dp);
	if (err) {
		platform_close(&dp->plat);
		return err;
	}
	*out = &dp->plat;
	return 0;
}

const struct piommu_platform_driver dump_platform = {
	.name = "dump",
	.usage = "dump:DIR  another machine, offline: NAME.bin tables, acpidump.txt, fdt.dtb, lspci.txt, pci.tsv",
	.open = platform_open,
};
