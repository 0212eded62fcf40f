/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI functions from sysfs, as they are at the moment: configuration space, and what only the kernel knows (drivers, which
 * function a virtual one belongs to). Without rights the kernel shows 64 bytes of configuration space: the rest is unknown
 * then. Any thread, several at once; functions come and go meanwhile. Nothing is kept but the list of names.
 */
#include "linux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform_pci.h"

#define CFG_VENDOR 0x00
#define CFG_COMMAND_STATUS 0x04

/* ---- Configuration space ------------------------------------------------------------------------------------------- */

/* @return a file descriptor; -ENOENT: no such function; or -errno */
static int config_open(const struct linux_platform *lp, struct piommu_sbdf sbdf, int flags)
{
	char bdf[PIOMMU_SBDF_STRLEN];
	char path[PATH_MAX];
	int err = linux_path(lp, path, "/sys/bus/pci/devices/%s/config", piommu_sbdf_format(sbdf, bdf));
	int fd;

	if (err)
		return err;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A transfer of `want` bytes as pread() or pwrite() returned it. The kernel says ENODEV when the function has gone since open(). */
static int transferred(ssize_t n, unsigned want)
{
	if (n < 0)
		return errno == ENODEV ? -ENOENT : -errno;
	return (size_t)n == want ? 0 : -EACCES;
}

static int config_read(int fd, unsigned off, unsigned width, uint32_t *value)
{
	uint8_t bytes[4] = { 0 };
	int err = transferred(pread(fd, bytes, width, (off_t)off), width);

	if (!err)
		*value = platform_pci_value(bytes);
	return err;
}

int linux_cfg_read(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	int fd = config_open(to_linux(plat), sbdf, O_RDONLY);
	int err;

	if (fd < 0)
		return fd;
	err = platform_pci_is_access(off, width) ? config_read(fd, off, width, value) : -EINVAL;
	close(fd);
	return err;
}

int linux_cfg_write(struct piommu_platform *plat, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value)
{
	const uint8_t bytes[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24) };
	int fd = config_open(to_linux(plat), sbdf, O_WRONLY);
	int err;

	if (fd < 0)
		return fd;
	err = platform_pci_is_access(off, width) ? transferred(pwrite(fd, bytes, width, (off_t)off), width) : -EINVAL;
	close(fd);
	return err;
}

/* ---- What the kernel knows ----------------------------------------------------------------------------------------- */

struct kernel_facts {
	char driver[32];
	bool is_virtfn;
	struct piommu_sbdf physfn;
	uint16_t vendor; /* this and the next: of a virtual function */
	uint16_t device;
};

/* The last component of what a link in the function's directory points at. @return 0; -ENOENT: no such link; or -errno */
static int read_link(const struct linux_platform *lp, const char *bdf, const char *link, char *name, size_t len)
{
	char target[PATH_MAX];
	char path[PATH_MAX];
	const char *last;
	ssize_t n;
	int err = linux_path(lp, path, "/sys/bus/pci/devices/%s/%s", bdf, link);

	if (err)
		return err;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= len)
		return -ENOENT; /* cut, it would name something else */
	strcpy(name, last);
	return 0;
}

static int read_id(const struct linux_platform *lp, const char *bdf, const char *name, uint16_t *id)
{
	char path[PATH_MAX];
	uint64_t value;
	int err = linux_path(lp, path, "/sys/bus/pci/devices/%s/%s", bdf, name);

	if (!err)
		err = linux_read_u64(path, 16, &value);
	if (!err)
		*id = (uint16_t)value;
	return err;
}

static int read_kernel_facts(const struct linux_platform *lp, struct piommu_sbdf sbdf, struct kernel_facts *facts)
{
	char bdf[PIOMMU_SBDF_STRLEN];
	char physfn[PIOMMU_SBDF_STRLEN];
	int err;

	*facts = (struct kernel_facts){ .physfn = sbdf };
	piommu_sbdf_format(sbdf, bdf);
	read_link(lp, bdf, "driver", facts->driver, sizeof(facts->driver));
	err = read_link(lp, bdf, "physfn", physfn, sizeof(physfn));
	if (err)
		return err == -ENOENT ? 0 : err;
	facts->is_virtfn = true;
	piommu_sbdf_parse(physfn, &facts->physfn); /* stays its own address where the kernel's link makes no sense */
	err = read_id(lp, bdf, "vendor", &facts->vendor);
	return err ? err : read_id(lp, bdf, "device", &facts->device);
}

/* ---- One function --------------------------------------------------------------------------------------------------- */

struct function {
	int config;
	struct kernel_facts kernel;
	bool gone;
};

/*
 * A virtual function's own ids read as all ones (PCI Express Base Specification 9.3.4.1.1) and the kernel has them. Any other
 * that reads so was pulled out, and a virtual one whose command register does: its reserved bits are 0 (9.3.4.1.3).
 */
static int read_for_decode(void *ctx, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	struct function *function = ctx;
	uint32_t command = UINT32_MAX;
	int err = config_read(function->config, off, width, value);

	(void)sbdf;
	if (!err && off == CFG_VENDOR && *value == UINT32_MAX && function->kernel.is_virtfn) {
		err = config_read(function->config, CFG_COMMAND_STATUS, 4, &command);
		if (!err && command != UINT32_MAX)
			*value = (uint32_t)function->kernel.device << 16 | function->kernel.vendor;
	}
	function->gone |= err == -ENOENT;
	return err;
}

/* @return 0; -ENOENT, -ENODEV: it is not there any more; or -errno */
static int read_function(const struct linux_platform *lp, struct piommu_sbdf sbdf, struct piommu_pci_function *out)
{
	struct function function = { .config = config_open(lp, sbdf, O_RDONLY) };
	int err;

	if (function.config < 0)
		return function.config;
	/* Opened first and read last: as long as the file can be read, what was found in between is of the same function. */
	err = read_kernel_facts(lp, sbdf, &function.kernel);
	if (!err)
		err = piommu_topo_decode_function(read_for_decode, &function, sbdf, out);
	close(function.config);
	if (err || function.gone)
		return err ? err : -ENOENT;
	memcpy(out->driver, function.kernel.driver, sizeof(out->driver));
	out->is_virtfn = function.kernel.is_virtfn;
	out->physfn = function.kernel.physfn;
	return 0;
}

/* ---- All of them ---------------------------------------------------------------------------------------------------- */

struct listing {
	struct piommu_pci_function *at;
	size_t n;
	size_t capacity;
};

static int make_room(struct listing *list)
{
	size_t capacity = list->capacity ? list->capacity * 2 : 64;
	struct piommu_pci_function *grown;

	if (list->n < list->capacity)
		return 0;
	grown = realloc(list->at, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->at = grown;
	list->capacity = capacity;
	return 0;
}

/*
 * Leaves out what is no function, or not any more, or not for us to see. Any other error ends the listing: what is not in it is
 * taken to be gone, and a device must not be so because we are out of files or memory for a moment.
 */
static int add_function(const struct linux_platform *lp, const char *name, struct listing *list)
{
	struct piommu_sbdf sbdf;
	int err;

	if (piommu_sbdf_parse(name, &sbdf))
		return 0;
	if (make_room(list))
		return -ENOMEM;
	err = read_function(lp, sbdf, &list->at[list->n]);
	if (!err) {
		list->n++;
		return 0;
	}
	if (err == -ENOENT || err == -ENODEV)
		return 0;
	log_warn(lp->plat.log, "pci: %s: its configuration space cannot be read: %s", name, strerror(-err));
	return err == -EACCES || err == -EPERM ? 0 : err;
}

/* A function that stays is in it once, whatever comes and goes beside it: the kernel's directories are read so. */
static int list_functions(const struct linux_platform *lp, struct listing *list)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int err = linux_path(lp, path, "/sys/bus/pci/devices");
	DIR *dir;

	if (err)
		return err;
	dir = opendir(path);
	if (!dir)
		return -errno;
	err = make_room(list);
	while (!err) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			err = -errno;
			break;
		}
		err = add_function(lp, entry->d_name, list);
	}
	closedir(dir);
	return err;
}

/* Without a list of names they are unknown. */
static void name_functions(struct linux_platform *lp, struct listing *list)
{
	int err = 0;

	mutex_lock(&lp->lock);
	if (!lp->names)
		err = platform_pci_open_names(lp->plat.log, &lp->names);
	for (size_t i = 0; !err && i < list->n; i++)
		platform_pci_name(lp->names, &list->at[i]);
	mutex_unlock(&lp->lock);
}

/* @return 0; -ENOENT: a machine without PCI; or -errno */
int linux_pci_functions(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n)
{
	struct linux_platform *lp = to_linux(plat);
	struct listing list = { NULL, 0, 0 };
	int err = list_functions(lp, &list);

	if (err) {
		free(list.at);
		return err;
	}
	name_functions(lp, &list);
	platform_pci_sort(list.at, list.n);
	*out = list.at;
	*n = list.n;
	return 0;
}

void linux_pci_fini(struct linux_platform *lp)
{
	mutex_assert_unshared(&lp->lock);
	platform_pci_close(lp->names);
	lp->names = NULL;
}
