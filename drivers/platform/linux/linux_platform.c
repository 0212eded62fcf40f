/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The linux platform's table of ops, its arguments, and the small readers of sysfs files that its parts share.
 * Opening touches nothing: each part reads what it needs when it is first asked.
 */
#include "linux.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"

int linux_path(const struct linux_platform *lp, char path[PATH_MAX], const char *fmt, ...)
{
	size_t used = (size_t)snprintf(path, PATH_MAX, "%s", lp->root);
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(path + used, PATH_MAX - used, fmt, args);
	va_end(args);
	return n < 0 || (size_t)n >= PATH_MAX - used ? -ENAMETOOLONG : 0;
}

int linux_read_line(const char *path, char *line, size_t len)
{
	FILE *file = fopen(path, "re");
	int err = 0;

	if (!file)
		return -errno;
	if (!fgets(line, (int)len, file)) {
		err = ferror(file) ? -EIO : 0;
		line[0] = '\0';
	}
	line[strcspn(line, "\n")] = '\0';
	fclose(file);
	return err;
}

int linux_read_u64(const char *path, int base, uint64_t *value)
{
	char line[64];
	char *end;
	unsigned long long number;
	int err = linux_read_line(path, line, sizeof(line));

	if (err)
		return err;
	errno = 0;
	number = strtoull(line, &end, base);
	if (end == line || *end || errno)
		return -EINVAL;
	*value = number;
	return 0;
}

static void platform_close(struct piommu_platform *plat)
{
	struct linux_platform *lp = to_linux(plat);

	linux_window_fini(lp);
	linux_mem_fini(lp);
	linux_pci_fini(lp);
	linux_fw_fini(lp);
	mutex_fini(&lp->lock);
	free(lp);
}

static const struct piommu_platform_ops ops = {
	.name = "linux",
	.fw_table = linux_fw_table,
	.pci_functions = linux_pci_functions,
	.cfg_read = linux_cfg_read,
	.cfg_write = linux_cfg_write,
	.unit_facts = linux_unit_facts,
	.window_map = linux_window_map,
	.window_unmap = linux_window_unmap,
	.mem_start = linux_mem_start,
	.mem_alloc = linux_mem_alloc,
	.mem_free = linux_mem_free,
	.mem_at = linux_mem_at,
	.phys_spans = linux_phys_spans,
	.close = platform_close,
};

static int parse_arg(struct linux_platform *lp, const char *arg, const struct piommu_log *log)
{
	if (strcmp(arg, "devmem") == 0) {
		lp->devmem = true;
		return 0;
	}
	if (strncmp(arg, "root=", 5) == 0 && arg[5] == '/' && strlen(arg + 5) < sizeof(lp->root)) {
		strcpy(lp->root, arg + 5);
		return 0;
	}
	log_err(log, "platform linux: \"%s\" is not an argument it knows; use linux, linux:devmem or linux:root=/DIR", arg);
	return -EINVAL;
}

static int parse_args(struct linux_platform *lp, const char *args, const struct piommu_log *log)
{
	char *copy = strdup(args);
	char *rest = copy;
	char *arg;
	int err = copy ? 0 : -ENOMEM;

	while (!err && *args && (arg = strsep(&rest, ",")))
		err = parse_arg(lp, arg, log);
	free(copy);
	return err;
}

static int platform_open(const char *args, const struct piommu_log *log, struct piommu_platform **out)
{
	struct linux_platform *lp = calloc(1, sizeof(*lp));
	int err;

	if (!lp)
		return -ENOMEM;
	lp->plat.ops = &ops;
	lp->plat.log = log;
	err = parse_args(lp, args, log);
	if (err) {
		free(lp);
		return err;
	}
	mutex_init(&lp->lock, LOCK_LEAF);
	*out = &lp->plat;
	return 0;
}

const struct piommu_platform_driver linux_platform = {
	.name = "linux",
	.usage = "linux[:devmem]  this machine; devmem: registers through /dev/mem where no UIO device has them",
	.open = platform_open,
};
