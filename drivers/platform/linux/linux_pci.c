/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI functions from sysfs: configuration space through libpci, and what only the kernel knows (drivers, which function
 * a virtual one belongs to) from the links in each device's directory. Without rights the kernel shows 64 bytes of
 * configuration space: the rest is unknown then.
 */
#include "linux.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platform_pci.h"

/* @return 0; -ENOENT: a machine without PCI; or -errno */
static int open_pci(struct linux_platform *lp)
{
	char path[PATH_MAX];
	int err;

	if (lp->pci)
		return 0;
	err = linux_path(lp, path, "/sys/bus/pci/devices");
	if (!err && access(path, R_OK) != 0)
		err = -errno;
	if (!err)
		err = linux_path(lp, path, "/sys/bus/pci");
	return err ? err : platform_pci_open_sysfs(lp->plat.log, path, &lp->pci);
}

/* The last component of what a link in the function's directory points at. @return whether there is such a link */
static bool read_link(const struct linux_platform *lp, struct piommu_sbdf sbdf, const char *link, char *name, size_t len)
{
	char bdf[PIOMMU_SBDF_STRLEN];
	char target[PATH_MAX];
	char path[PATH_MAX];
	const char *last;
	ssize_t n;

	if (linux_path(lp, path, "/sys/bus/pci/devices/%s/%s", piommu_sbdf_format(sbdf, bdf), link))
		return false;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= len)
		return false; /* cut, it would name something else */
	strcpy(name, last);
	return true;
}

static void add_kernel_facts(const struct linux_platform *lp, struct piommu_pci_function *fn)
{
	char physfn[PIOMMU_SBDF_STRLEN];

	read_link(lp, fn->sbdf, "driver", fn->driver, sizeof(fn->driver));
	fn->is_virtfn = read_link(lp, fn->sbdf, "physfn", physfn, sizeof(physfn));
	if (fn->is_virtfn)
		piommu_sbdf_parse(physfn, &fn->physfn); /* stays its own address where the kernel's link makes no sense */
}

int linux_pci_functions(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n)
{
	struct linux_platform *lp = to_linux(plat);
	int err = open_pci(lp);

	if (!err)
		err = platform_pci_functions(lp->pci, out, n);
	for (size_t i = 0; !err && i < *n; i++)
		add_kernel_facts(lp, &(*out)[i]);
	return err;
}

int linux_cfg_read(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	struct linux_platform *lp = to_linux(plat);
	int err = open_pci(lp);

	return err ? err : platform_pci_read(lp->pci, sbdf, off, width, value);
}

int linux_cfg_write(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value)
{
	struct linux_platform *lp = to_linux(plat);
	int err = open_pci(lp);

	return err ? err : platform_pci_write(lp->pci, sbdf, off, width, value);
}

void linux_pci_fini(struct linux_platform *lp)
{
	platform_pci_close(lp->pci);
	lp->pci = NULL;
}
