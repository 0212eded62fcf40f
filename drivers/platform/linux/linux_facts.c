/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has a unit, and how we would reach it, without touching it: the kernel's IOMMU class and its copy of the capability
 * registers, the owner of the register span in /proc/iomem, and UIO devices that map it.
 */
#include "linux.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/*
 * Calls fn for each entry of a directory under the root, in order of names, until it returns 0.
 * @return 0 if one did; -ENOENT
 */
static int find_entry(const struct linux_platform *lp, const char *dir,
		      int (*fn)(const struct linux_platform *, const char *, void *), void *ctx)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int err = -ENOENT;
	int n;

	if (linux_path(lp, path, "%s", dir))
		return -ENOENT;
	n = scandir(path, &entries, not_hidden, versionsort);
	if (n < 0)
		return -ENOENT;
	for (int i = 0; i < n; i++) {
		if (err)
			err = fn(lp, entries[i]->d_name, ctx);
		free(entries[i]);
	}
	free(entries);
	return err ? -ENOENT : 0;
}

struct uio_search {
	uint64_t base;
	struct linux_uio *out;
};

static int match_uio(const struct linux_platform *lp, const char *name, void *ctx)
{
	const struct uio_search *search = ctx;
	char path[PATH_MAX];
	uint64_t addr, size;

	for (unsigned map = 0; map < 5; map++) { /* a UIO device has at most 5 (MAX_UIO_MAPS) */
		if (linux_path(lp, path, "/sys/class/uio/%s/maps/map%u/addr", name, map) || linux_read_u64(path, 0, &addr))
			return -ENOENT;
		if (linux_path(lp, path, "/sys/class/uio/%s/maps/map%u/size", name, map) || linux_read_u64(path, 0, &size))
			return -ENOENT;
		if (search->base < addr || search->base - addr >= size)
			continue;
		*search->out = (struct linux_uio){ .map = map, .base = addr, .len = size };
		snprintf(search->out->name, sizeof(search->out->name), "%s", name);
		return 0;
	}
	return -ENOENT;
}

int linux_uio_find(const struct linux_platform *lp, uint64_t base, struct linux_uio *out)
{
	struct uio_search search = { base, out };

	return find_entry(lp, "/sys/class/uio", match_uio, &search);
}

struct kernel_search {
	uint64_t base;
	struct piommu_unit_facts *facts;
};

/* "1:0": major and minor version, as the register has them in one byte. */
static bool read_version(const char *path, uint32_t *version)
{
	char line[32];
	unsigned major, minor;

	if (linux_read_line(path, line, sizeof(line)) || sscanf(line, "%u:%u", &major, &minor) != 2 || major > 15 || minor > 15)
		return false;
	*version = major << 4 | minor;
	return true;
}

/* "smmu3.0x0000000009050000", "smmu.0x..": the kernel's SMMU drivers name a unit by where its registers are. */
static bool names_smmu_at(const char *name, uint64_t base)
{
	uint64_t at;
	int used = 0;

	if (sscanf(name, "smmu.%" SCNx64 "%n", &at, &used) != 1 && sscanf(name, "smmu3.%" SCNx64 "%n", &at, &used) != 1)
		return false;
	return !name[used] && at == base;
}

static int match_smmu(const struct linux_platform *lp, const char *name, void *ctx)
{
	const struct kernel_search *search = ctx;

	(void)lp;
	if (!names_smmu_at(name, search->base))
		return -ENOENT;
	search->facts->kernel_driven = true;
	snprintf(search->facts->kernel_name, sizeof(search->facts->kernel_name), "%s", name);
	return 0;
}

/* VT-d units the kernel drives: intel-iommu/ holds what it read from the registers. */
static int match_intel(const struct linux_platform *lp, const char *name, void *ctx)
{
	const struct kernel_search *search = ctx;
	struct piommu_unit_facts *facts = search->facts;
	static const char *const words[] = { "cap", "ecap" };
	char path[PATH_MAX];
	uint64_t address;
	bool known = true;

	if (linux_path(lp, path, "/sys/class/iommu/%s/intel-iommu/address", name) || linux_read_u64(path, 16, &address) ||
	    address != search->base)
		return -ENOENT;
	facts->kernel_driven = true;
	snprintf(facts->kernel_name, sizeof(facts->kernel_name), "%s", name);
	for (unsigned i = 0; i < 2; i++)
		known = !linux_path(lp, path, "/sys/class/iommu/%s/intel-iommu/%s", name, words[i]) &&
			!linux_read_u64(path, 16, &facts->cap[i]) && known;
	known = !linux_path(lp, path, "/sys/class/iommu/%s/intel-iommu/version", name) && read_version(path, &facts->version) &&
		known;
	facts->caps_known = known;
	return 0;
}

/*
 * "fed90000-fed90fff : dmar0": the kernel's DMAR code holds the registers. It lets go of them at boot when it uses neither
 * translation nor interrupt remapping, and one of the two is enough to own the unit: they share the invalidation queue.
 */
static void find_owner(const struct linux_platform *lp, uint64_t base, struct piommu_unit_facts *facts)
{
	char path[PATH_MAX];
	char line[256];
	char name[sizeof(facts->kernel_name)];
	uint64_t start, last;
	FILE *file;

	if (linux_path(lp, path, "/proc/iomem"))
		return;
	file = fopen(path, "re");
	if (!file)
		return;
	while (!facts->kernel_name[0] && fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %" SCNx64 "-%" SCNx64 " : %31s", &start, &last, name) == 3 && start == base &&
		    strncmp(name, "dmar", 4) == 0)
			memcpy(facts->kernel_name, name, sizeof(name));
	}
	fclose(file);
	facts->kernel_driven = facts->kernel_name[0] != '\0';
}

int linux_unit_facts(struct piommu_platform *plat, const struct piommu_fw_unit *unit, struct piommu_unit_facts *out)
{
	struct linux_platform *lp = to_linux(plat);
	struct kernel_search search = { unit->base, out };
	struct linux_uio uio;

	memset(out, 0, sizeof(*out));
	if (unit->family == PIOMMU_FAMILY_SMMUV3 || unit->family == PIOMMU_FAMILY_SMMUV2)
		find_entry(lp, "/sys/class/iommu", match_smmu, &search);
	else if (find_entry(lp, "/sys/class/iommu", match_intel, &search) != 0)
		find_owner(lp, unit->base, out);
	if (linux_uio_find(lp, unit->base, &uio) == 0)
		snprintf(out->route, sizeof(out->route), "%s", uio.name);
	else if (lp->devmem)
		snprintf(out->route, sizeof(out->route), "/dev/mem");
	return 0;
}
