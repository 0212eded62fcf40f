/* SPDX-License-Identifier: BSD-3-Clause */
/* QEMU's edu device (its documentation: specs/edu) and physical memory, from userspace. */
#include "edu.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define REG_ID 0x00
#define ID UINT32_C(0x010000ed)
#define REG_SRC 0x80
#define REG_DST 0x88
#define REG_COUNT 0x90
#define REG_CMD 0x98
#define CMD_START 1u
#define CMD_TO_MEMORY 2u
#define BUFFER 0x40000
#define BUFFER_LEN 4096
#define BAR_LEN 0x100000

#define PCI_COMMAND 4
#define COMMAND_MEMORY_AND_MASTER 0x6u

#define HUGEPAGE ((size_t)2 << 20)

static void write_reg(struct edu *edu, unsigned off, uint64_t value)
{
	*(volatile uint64_t *)(volatile void *)(edu->bar + off) = value;
}

static uint64_t read_reg(struct edu *edu, unsigned off)
{
	return *(volatile uint64_t *)(volatile void *)(edu->bar + off);
}

static int enable_mastering(const char *bdf)
{
	char path[128];
	uint16_t command;
	int err = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pread(fd, &command, 2, PCI_COMMAND) != 2)
		err = -EIO;
	command |= COMMAND_MEMORY_AND_MASTER;
	if (!err && pwrite(fd, &command, 2, PCI_COMMAND) != 2)
		err = -EIO;
	close(fd);
	return err;
}

static int map_bar(const char *path, int flags, off_t offset, struct edu *edu)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | flags);
	void *bar;
	int err;

	if (fd < 0)
		return -errno;
	bar = mmap(NULL, BAR_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	err = bar == MAP_FAILED ? -errno : 0;
	close(fd);
	if (!err)
		edu->bar = bar;
	return err;
}

/* The first line of its resources: start, end, flags. */
static int find_bar(const char *bdf, uint64_t *pa)
{
	char path[128];
	FILE *file;
	int n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", bdf);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	n = fscanf(file, "%" SCNx64, pa);
	fclose(file);
	return n == 1 ? 0 : -EIO;
}

int edu_open(const char *bdf, struct edu *edu)
{
	char path[128];
	int err = piommu_sbdf_parse(bdf, &edu->sbdf);

	if (!err)
		err = enable_mastering(bdf);
	if (!err)
		err = find_bar(bdf, &edu->bar_pa);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", bdf);
	return err ? err : map_bar(path, 0, 0, edu);
}

int edu_open_physical(struct edu *edu)
{
	return map_bar("/dev/mem", O_SYNC, (off_t)edu->bar_pa, edu);
}

void edu_close(struct edu *edu)
{
	munmap((void *)(uintptr_t)edu->bar, BAR_LEN);
	edu->bar = NULL;
}

bool edu_answers(struct edu *edu)
{
	return *(volatile uint32_t *)(volatile void *)(edu->bar + REG_ID) == ID;
}

/* The device takes 100 ms for a transfer; five seconds is a guest that hardly runs. */
static int transfer(struct edu *edu, uint64_t src, uint64_t dst, size_t len, unsigned flags)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	if (len > BUFFER_LEN)
		return -EINVAL;
	write_reg(edu, REG_SRC, src);
	write_reg(edu, REG_DST, dst);
	write_reg(edu, REG_COUNT, len);
	write_reg(edu, REG_CMD, CMD_START | flags);
	for (int i = 0; i < 2500; i++) {
		if (!(read_reg(edu, REG_CMD) & CMD_START))
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

int edu_read_memory(struct edu *edu, uint64_t bus, size_t len)
{
	return transfer(edu, bus, BUFFER, len, 0);
}

int edu_write_memory(struct edu *edu, uint64_t bus, size_t len)
{
	return transfer(edu, BUFFER, bus, len, CMD_TO_MEMORY);
}

/* Documentation/admin-guide/mm/pagemap: bit 63 present, bits 54:0 the frame. */
static int frame_of(const void *va, uint64_t *pa)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	bool whole;

	if (fd < 0)
		return -errno;
	whole = pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)va / 4096 * sizeof(entry))) == (ssize_t)sizeof(entry);
	close(fd);
	if (!whole || !(entry >> 63) || !(entry << 9))
		return -EPERM;
	*pa = (entry & ((UINT64_C(1) << 55) - 1)) * 4096;
	return 0;
}

int phys_page_alloc(struct phys_page *page)
{
	page->va =
		mmap(NULL, HUGEPAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (page->va == MAP_FAILED)
		return -errno;
	memset(page->va, 0, HUGEPAGE);
	return frame_of(page->va, &page->pa);
}

volatile uint32_t *phys_map(uint64_t pa, size_t len)
{
	int fd = open("/dev/mem", O_RDONLY | O_SYNC | O_CLOEXEC);
	void *at;

	if (fd < 0)
		return NULL;
	at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, (off_t)pa);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

void phys_unmap(volatile uint32_t *at, size_t len)
{
	if (at)
		munmap((void *)(uintptr_t)at, len);
}
