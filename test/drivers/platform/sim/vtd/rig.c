/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static void listen(void *ctx, enum piommu_log_level level, const char *line)
{
	struct rig *rig = ctx;

	(void)level;
	snprintf(rig->said, sizeof(rig->said), "%s", line);
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "rig: %s\n", what);
	exit(1);
}

void rig_open(struct rig *rig, const char *args)
{
	const struct piommu_fw_unit unit = { .name = "dmar0", .base = 0xfed90000, .len = 0x1000 };

	memset(rig, 0, sizeof(*rig));
	rig->log = (struct piommu_log){ listen, rig, PIOMMU_LOG_WARN };
	need(!sim_platform.open(args, &rig->log, &rig->plat), "open");
	need(!rig->plat->ops->window_map(rig->plat, &unit, PIOMMU_WINDOW_CONTROL, &rig->regs), "window_map");
	need(!rig->plat->ops->mem_start(rig->plat), "mem_start");
	need(!rig->plat->ops->mem_alloc(rig->plat, 8u << 20, 2u << 20, -1, &rig->mem), "mem_alloc");
	rig->next = rig->mem.pa;
	rig->root = rig_page(rig);
	rig->ctx = rig_page(rig);
	rig->queue = rig_page(rig);
	rig->status = rig_page(rig);
	rig_put(rig, rig->root, 0, rig->ctx | 1);
}

void rig_close(struct rig *rig)
{
	rig->plat->ops->window_unmap(rig->plat, &rig->regs);
	rig->plat->ops->mem_free(rig->plat, &rig->mem);
	rig->plat->ops->close(rig->plat);
}

void rig_load_fw(struct rig *rig, struct piommu_fw *fw)
{
	struct piommu_fw_error err = { "" };
	const void *bytes;
	size_t len;

	memset(fw, 0, sizeof(*fw));
	CHECK_EQ(rig->plat->ops->fw_table(rig->plat, "DMAR", 0, &bytes, &len), 0);
	CHECK_EQ(piommu_fw_parse_dmar(bytes, len, fw, &err), 0);
	CHECK_EQ(strcmp(err.text, ""), 0);
	CHECK_EQ(rig->plat->ops->fw_table(rig->plat, "MCFG", 0, &bytes, &len), 0);
	CHECK_EQ(piommu_fw_parse_mcfg(bytes, len, fw, &err), 0);
	CHECK_EQ(rig->plat->ops->fw_table(rig->plat, "DMAR", 1, &bytes, &len), -ENOENT);
	CHECK_EQ(rig->plat->ops->fw_table(rig->plat, "IVRS", 0, &bytes, &len), -ENOENT);
}

static uint64_t *at(struct rig *rig, uint64_t pa)
{
	return (uint64_t *)(uintptr_t)(pa + rig->plat->va_off);
}

uint64_t rig_page(struct rig *rig)
{
	uint64_t pa = rig->next;

	rig->next += 4096;
	need(rig->next <= rig->mem.pa + rig->mem.len, "out of pages");
	rig->plat->ops->writeback(rig->plat, at(rig, pa), 4096);
	return pa;
}

void rig_put_dirty(struct rig *rig, uint64_t pa, unsigned index, uint64_t word)
{
	entry_publish(at(rig, pa) + index, word);
}

void rig_put(struct rig *rig, uint64_t pa, unsigned index, uint64_t word)
{
	rig_put_dirty(rig, pa, index, word);
	rig->plat->ops->writeback(rig->plat, at(rig, pa) + index, 8);
}

uint64_t rig_get(struct rig *rig, uint64_t pa, unsigned index)
{
	return entry_load(at(rig, pa) + index);
}

void rig_forget_all(struct rig *rig)
{
	if (piommu_read32(&rig->regs, 0x1c) & 0x04000000) {
		rig_submit(rig, 1 | 1 << 4, 0);
		rig_submit(rig, 2 | 1 << 4, 0);
		CHECK_EQ(rig_wait(rig, 0xa11), true);
		return;
	}
	piommu_write64(&rig->regs, 0x28, UINT64_C(1) << 63 | UINT64_C(1) << 61);
	CHECK_HEX(piommu_read64(&rig->regs, 0x28) >> 63, 0);
	piommu_write64(&rig->regs, 0xf8, UINT64_C(1) << 63 | UINT64_C(1) << 60);
	CHECK_HEX(piommu_read64(&rig->regs, 0xf8) >> 63, 0);
}

void rig_enable(struct rig *rig)
{
	piommu_write64(&rig->regs, 0x20, rig->root);
	piommu_write32(&rig->regs, 0x18, (piommu_read32(&rig->regs, 0x1c) & 0x06000000) | 0x40000000);
	CHECK_HEX(piommu_read32(&rig->regs, 0x1c) & 0x40000000, 0x40000000);
	rig_forget_all(rig);
	piommu_write32(&rig->regs, 0x18, (piommu_read32(&rig->regs, 0x1c) & 0x06000000) | 0x80000000);
	CHECK_HEX(piommu_read32(&rig->regs, 0x1c) & 0xc0000000, 0xc0000000);
}

void rig_queue_on(struct rig *rig)
{
	piommu_write64(&rig->regs, 0x88, 0);
	piommu_write64(&rig->regs, 0x90, rig->queue);
	piommu_write32(&rig->regs, 0x18, (piommu_read32(&rig->regs, 0x1c) & 0x82000000) | 0x04000000);
	CHECK_HEX(piommu_read32(&rig->regs, 0x1c) & 0x04000000, 0x04000000);
	rig->tail = 0;
}

void rig_submit(struct rig *rig, uint64_t lo, uint64_t hi)
{
	rig_put(rig, rig->queue, 2 * rig->tail, lo);
	rig_put(rig, rig->queue, 2 * rig->tail + 1, hi);
	rig->tail = (rig->tail + 1) % 256;
	piommu_write64(&rig->regs, 0x88, rig->tail << 4);
}

static uint32_t status_word(struct rig *rig)
{
	return __atomic_load_n((uint32_t *)(void *)at(rig, rig->status), __ATOMIC_ACQUIRE);
}

bool rig_wait(struct rig *rig, uint32_t data)
{
	uint64_t end = piommu_env_now_ns() + 2000000000u;

	rig_submit(rig, 5 | 1 << 5 | (uint64_t)data << 32, rig->status);
	while (status_word(rig) != data && piommu_env_now_ns() < end && !(piommu_read32(&rig->regs, 0x34) & 0x70))
		rig->plat->ops->relax(rig->plat);
	return status_word(rig) == data;
}

void rig_context(struct rig *rig, unsigned devfn, uint64_t table, unsigned did)
{
	rig_put(rig, rig->ctx, 2 * devfn + 1, 2 | did << 8);
	rig_put(rig, rig->ctx, 2 * devfn, table | 1);
}

uint64_t rig_map(struct rig *rig, uint64_t table, uint64_t iova, uint64_t pa, unsigned bits)
{
	for (unsigned level = 4; level > 1; level--) {
		unsigned index = (iova >> (12 + 9 * (level - 1))) & 0x1ff;

		if (!(rig_get(rig, table, index) & 3))
			rig_put(rig, table, index, rig_page(rig) | 3);
		table = rig_get(rig, table, index) & ~UINT64_C(0xfff);
	}
	rig_put(rig, table, (iova >> 12) & 0x1ff, pa | bits);
	return table + ((iova >> 12) & 0x1ff) * 8;
}

int rig_write(struct rig *rig, struct piommu_sbdf dev, uint64_t iova, uint32_t value)
{
	return piommu_sim_dma(rig->plat, dev, iova, &value, sizeof(value), true);
}

int rig_read(struct rig *rig, struct piommu_sbdf dev, uint64_t iova, uint32_t *value)
{
	return piommu_sim_dma(rig->plat, dev, iova, value, sizeof(*value), false);
}

struct piommu_sim_counts rig_counts(struct rig *rig)
{
	struct piommu_sim_counts counts;

	need(!piommu_sim_counts(rig->plat, 0, &counts), "counts");
	return counts;
}

void rig_take_fault(struct rig *rig, uint64_t record[2])
{
	record[0] = piommu_read64(&rig->regs, 0x220);
	record[1] = piommu_read64(&rig->regs, 0x228);
	piommu_write32(&rig->regs, 0x22c, 0x80000000);
	piommu_write32(&rig->regs, 0x34, 1);
}

void rig_check_fault(struct rig *rig, unsigned reason, unsigned sid, uint64_t iova, bool is_read)
{
	uint64_t record[2];

	CHECK_HEX(piommu_read32(&rig->regs, 0x34) & 2, 2);
	rig_take_fault(rig, record);
	CHECK_HEX(record[0], iova);
	CHECK_HEX(record[1], (UINT64_C(1) << 63) | (is_read ? UINT64_C(1) << 62 : 0) | (uint64_t)reason << 32 | sid);
	CHECK_HEX(piommu_read32(&rig->regs, 0x34), 0);
}

const char *rig_complaint(struct rig *rig)
{
	static _Thread_local char text[256];

	need(!piommu_sim_complaint(rig->plat, 0, text, sizeof(text)), "complaint");
	return text;
}
