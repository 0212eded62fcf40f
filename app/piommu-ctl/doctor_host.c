/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Linux shows of this machine: who has the units, hugepages, ways to the registers, rights, other managers. Reads small
 * files below a root directory and changes nothing; what cannot be read counts as not there.
 */
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

struct host {
	struct report *report;
	const char *root;
	enum doctor_kind kind;
};

static __attribute__((format(printf, 3, 4))) void host_path(const struct host *host, char path[PATH_MAX], const char *fmt, ...)
{
	size_t used = (size_t)snprintf(path, PATH_MAX, "%s", host->root);
	va_list ap;

	va_start(ap, fmt);
	if (used < PATH_MAX)
		vsnprintf(path + used, PATH_MAX - used, fmt, ap);
	va_end(ap);
}

static bool host_has(const struct host *host, const char *name)
{
	char path[PATH_MAX];

	host_path(host, path, "%s", name);
	return access(path, F_OK) == 0;
}

/* The file's beginning, "" where there is none, without the last newline. @return whether it is there */
static bool host_read(const struct host *host, const char *name, char *text, size_t len)
{
	char path[PATH_MAX];
	FILE *file;
	size_t n;

	text[0] = '\0';
	host_path(host, path, "%s", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	n = fread(text, 1, len - 1, file);
	text[n] = '\0';
	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	fclose(file);
	return true;
}

/* Names in a directory that start so, blank between them. @return how many */
static unsigned host_list(const struct host *host, const char *dir, const char *prefix, char *names, size_t len)
{
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned n = 0;
	DIR *at;

	names[0] = '\0';
	host_path(host, path, "%s", dir);
	at = opendir(path);
	while (at && (entry = readdir(at))) {
		if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		if (strlen(names) + strlen(entry->d_name) + 2 < len) {
			strcat(names, n ? " " : "");
			strcat(names, entry->d_name);
		}
		n++;
	}
	if (at)
		closedir(at);
	return n;
}

/* By what firmware describes. A machine that goes by a device tree is an Arm one. */
static enum doctor_kind find_kind(const struct host *host)
{
	static const struct {
		const char *file;
		enum doctor_kind kind;
	} tables[] = {
		{ "/sys/firmware/acpi/tables/DMAR", DOCTOR_INTEL },
		{ "/sys/firmware/acpi/tables/IVRS", DOCTOR_AMD },
		{ "/sys/firmware/acpi/tables/IORT", DOCTOR_ARM },
		{ "/sys/firmware/fdt", DOCTOR_ARM },
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (host_has(host, tables[i].file))
			return tables[i].kind;
	return DOCTOR_INTEL;
}

static void check_command_line(const struct host *host)
{
	char text[4096];

	if (host_read(host, "/proc/cmdline", text, sizeof(text)))
		doctor_cmdline(host->report, host->kind, text);
	else
		report_add(host->report, "command-line", FINDING_WARN, "mount /proc", "/proc/cmdline cannot be read");
}

static void check_kernel_iommu(const struct host *host)
{
	char names[256];

	if (host_list(host, "/sys/class/iommu", "", names, sizeof(names)))
		report_add(host->report, "kernel-iommu", FINDING_FAIL, doctor_boot_remedy(host->kind), "the kernel drives %s",
			   names);
	else
		report_add(host->report, "kernel-iommu", FINDING_OK, NULL, "the kernel drives no IOMMU");
}

/* Interrupt controllers that remap are called "IR-PCI-MSI", "IR-IO-APIC". */
static void check_interrupt_remapping(const struct host *host)
{
	char path[PATH_MAX];
	char *line = NULL;
	size_t cap = 0;
	bool on = false;
	FILE *file;

	host_path(host, path, "/proc/interrupts");
	file = fopen(path, "re");
	while (file && !on && getline(&line, &cap, file) > 0)
		on = strstr(line, " IR-") != NULL;
	free(line);
	if (!file)
		report_add(host->report, "interrupt-remapping", FINDING_WARN, "mount /proc", "/proc/interrupts cannot be read");
	else if (on)
		report_add(host->report, "interrupt-remapping", FINDING_FAIL, "boot with: intremap=off",
			   "the kernel remaps interrupts through the units");
	else
		report_add(host->report, "interrupt-remapping", FINDING_OK, NULL, "not in use");
	if (file)
		fclose(file);
}

static unsigned long long hugepage_count(const struct host *host, const char *pool, const char *what)
{
	char path[PATH_MAX];
	char text[64];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%.200s/%s", pool, what);
	host_read(host, path, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

/* Of the size that the kernel takes by default: 2 MiB, or 512 MiB where its pages are of 64 KiB. */
static unsigned long long hugepages_wanted(const struct host *host)
{
	const unsigned long long wanted_kb = 256 * 1024;
	unsigned long long size_kb = 0;
	char text[8192];
	const char *at;

	host_read(host, "/proc/meminfo", text, sizeof(text));
	at = strstr(text, "Hugepagesize:");
	if (at)
		size_kb = strtoull(at + strlen("Hugepagesize:"), NULL, 10);
	if (!size_kb)
		size_kb = 2048;
	return size_kb < wanted_kb ? wanted_kb / size_kb : 1;
}

static void check_hugepages(const struct host *host)
{
	char names[256], remedy[80];
	char *rest = names;
	char *pool;
	unsigned found = 0;

	snprintf(remedy, sizeof(remedy), "as root: echo %llu > /proc/sys/vm/nr_hugepages", hugepages_wanted(host));
	if (!host_list(host, "/sys/kernel/mm/hugepages", "hugepages-", names, sizeof(names)))
		names[0] = '\0';
	while ((pool = strsep(&rest, " "))) {
		unsigned long long all = hugepage_count(host, pool, "nr_hugepages");
		unsigned long long unused = hugepage_count(host, pool, "free_hugepages");

		if (!all)
			continue;
		found++;
		report_add(host->report, "hugepages", unused ? FINDING_OK : FINDING_FAIL, unused ? NULL : remedy,
			   "%llu of %llu pages of %s free", unused, all, pool + strlen("hugepages-"));
	}
	if (!found)
		report_add(host->report, "hugepages", FINDING_FAIL, remedy, "none: tables and buffers live in them");
}

static void check_uio(const struct host *host)
{
	char names[256];
	char *rest = names;
	char *name;

	if (!host_list(host, "/sys/class/uio", "uio", names, sizeof(names))) {
		report_add(host->report, "uio", FINDING_WARN,
			   "bind uio_pdrv_genirq to the units (doc/linux.md), or use --platform linux:devmem", "no UIO device");
		return;
	}
	while ((name = strsep(&rest, " "))) {
		char path[PATH_MAX];
		char base[64], title[64];

		snprintf(path, sizeof(path), "/sys/class/uio/%.100s/maps/map0/addr", name);
		host_read(host, path, base, sizeof(base));
		snprintf(path, sizeof(path), "/sys/class/uio/%.100s/name", name);
		host_read(host, path, title, sizeof(title));
		report_add(host->report, "uio", FINDING_OK, NULL, "%s (%s) %s%s", name, title[0] ? title : "no name",
			   base[0] ? "maps " : "has no map", base);
	}
}

static void check_dev_mem(const struct host *host)
{
	char lockdown[64];

	host_read(host, "/sys/kernel/security/lockdown", lockdown, sizeof(lockdown));
	if (!host_has(host, "/dev/mem"))
		report_add(host->report, "dev-mem", FINDING_WARN, "only needed without UIO; a kernel with CONFIG_DEVMEM has it",
			   "there is no /dev/mem");
	else if (lockdown[0] && !strstr(lockdown, "[none]"))
		report_add(host->report, "dev-mem", FINDING_WARN, "only needed without UIO; turn secure boot off",
			   "closed: the kernel is locked down (%s)", lockdown);
	else
		report_add(host->report, "dev-mem", FINDING_OK, NULL, "there; used when asked for: --platform linux:devmem");
}

/* No unit that is driven here needs VFIO: the devices under it may. */
static void check_vfio(const struct host *host)
{
	char mode[16];

	host_read(host, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", mode, sizeof(mode));
	if (mode[0] == 'Y' || mode[0] == '1')
		report_add(host->report, "vfio", FINDING_OK, NULL, "no-IOMMU mode is on: devices can be bound to vfio-pci");
	else
		report_add(host->report, "vfio", FINDING_OK, NULL,
			   "no-IOMMU mode is off: bind devices to UIO instead of vfio-pci");
}

static void check_rights(const struct host *host, bool is_superuser)
{
	if (is_superuser)
		report_add(host->report, "rights", FINDING_OK, NULL, "root");
	else
		report_add(host->report, "rights", FINDING_FAIL, "run as root",
			   "not root: registers, physical addresses and ACS are out of reach");
}

/* A manager's lock file names its process; one that died left the name, and the kernel dropped the lock. */
static void check_locks(const struct host *host)
{
	static const char *const dirs[] = { "/run/lock", "/run" };
	unsigned held = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char names[1024];
		char *rest = names;
		char *name;

		host_list(host, dirs[i], "piommu-", names, sizeof(names));
		while ((name = strsep(&rest, " ")) && *name) {
			char path[PATH_MAX];
			char text[32];
			long pid;

			snprintf(path, sizeof(path), "%s/%.200s", dirs[i], name);
			host_read(host, path, text, sizeof(text));
			pid = strtol(text, NULL, 10);
			snprintf(path, sizeof(path), "/proc/%ld", pid);
			if (pid <= 0 || !host_has(host, path))
				continue;
			held++;
			report_add(host->report, "locks", FINDING_WARN, "end it before another manager starts",
				   "process %ld drives a unit (%s)", pid, name);
		}
	}
	if (!held)
		report_add(host->report, "locks", FINDING_OK, NULL, "no other manager");
}

void doctor_host(struct report *report, const char *root, bool is_superuser)
{
	struct host host = { report, root, DOCTOR_INTEL };

	host.kind = find_kind(&host);
	check_command_line(&host);
	check_kernel_iommu(&host);
	check_interrupt_remapping(&host);
	check_hugepages(&host);
	check_uio(&host);
	check_dev_mem(&host);
	check_vfio(&host);
	check_rights(&host, is_superuser);
	check_locks(&host);
}
