/* SPDX-License-Identifier: BSD-3-Clause */
/* Hugepages, rights and RAM as /sys and /proc state them. Slow path, any thread. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "piommu_bits.h"

#define HUGEPAGES "/sys/kernel/mm/hugepages"

size_t env_hugepages_free(void)
{
	DIR *dir = opendir(HUGEPAGES);
	struct dirent *entry;
	size_t total = 0;

	while (dir && (entry = readdir(dir))) {
		char path[sizeof(HUGEPAGES) + sizeof(entry->d_name) + 20];
		size_t n = 0;
		FILE *file;

		snprintf(path, sizeof(path), HUGEPAGES "/%s/free_hugepages", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fscanf(file, "%zu", &n) == 1)
			total += n;
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return total;
}

bool env_sees_physical(void)
{
	uint64_t entry = 0;
	volatile char touched = 1; /* so that its page is there */
	off_t at = (off_t)((uintptr_t)&touched / (uintptr_t)sysconf(_SC_PAGESIZE) * sizeof(entry));
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = pread(fd, &entry, sizeof(entry), at);
	close(fd);
	/* Without the capability the page frame number reads as 0. */
	return got == sizeof(entry) && (entry & GENMASK64(54, 0));
}

uint64_t env_ram_end(void)
{
	FILE *file = fopen("/proc/iomem", "r");
	uint64_t end = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		uint64_t start, last;

		if (strstr(line, ": System RAM") && sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &last) == 2 && last > end)
			end = last + 1;
	}
	if (file)
		fclose(file);
	return end;
}
