/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define MEMORY ((size_t)8 << 20)

uint64_t fake_reg(const struct fake *fake, unsigned off, unsigned width)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)fake->regs + off, width);
	return value;
}

void fake_set(struct fake *fake, unsigned off, unsigned width, uint64_t value)
{
	memcpy((char *)fake->regs + off, &value, width);
}

void fake_stream(struct fake *fake, unsigned n, uint32_t smr, uint32_t s2cr)
{
	fake_set(fake, 0x800 + 4 * n, 4, smr);
	fake_set(fake, 0xc00 + 4 * n, 4, s2cr);
}

/* ---- What becomes of a stream (2.1) ---- */

static unsigned fate_of_s2cr(const struct fake *fake, uint32_t s2cr)
{
	unsigned bank = s2cr & 0xff;

	if ((s2cr >> 16 & 3) == 1)
		return FAKE_PASS;
	if (s2cr >> 16 & 3)
		return FAKE_BLOCKED;
	return fake_reg(fake, FAKE_CB(bank), 4) & 1 ? FAKE_BANK + bank : FAKE_PASS;
}

unsigned fake_fate(const struct fake *fake, uint32_t id)
{
	uint32_t scr0 = (uint32_t)fake_reg(fake, 0, 4);
	uint32_t idr0 = (uint32_t)fake_reg(fake, 0x20, 4);
	bool extended = scr0 & 8;
	unsigned found = 0;
	uint32_t s2cr = 0;

	if (scr0 & 1)
		return FAKE_PASS;
	if (!(idr0 & 0x08000000))
		return fate_of_s2cr(fake, (uint32_t)fake_reg(fake, 0xc00 + 4 * id, 4));
	for (unsigned n = 0; n < (idr0 & 0xff); n++) {
		uint32_t smr = (uint32_t)fake_reg(fake, 0x800 + 4 * n, 4);
		uint32_t one = (uint32_t)fake_reg(fake, 0xc00 + 4 * n, 4);
		uint32_t mask = extended ? smr >> 16 : smr >> 16 & 0x7fff;

		if (!(extended ? one & 0x400 : smr & 0x80000000) ||
		    ((smr ^ id) & 0xffff & ~mask & (extended ? 0xffff : 0x7fff)))
			continue;
		s2cr = one;
		found++;
	}
	if (found > 1)
		return scr0 & 0x200000 ? FAKE_BLOCKED : FAKE_PASS;
	if (!found)
		return scr0 & 0x400 ? FAKE_BLOCKED : FAKE_PASS;
	return fate_of_s2cr(fake, s2cr);
}

static void look(struct fake *fake)
{
	for (unsigned i = 0; i < fake->nwatched; i++) {
		unsigned fate = fake_fate(fake, fake->watched[i]);

		fake->seen[i] |= BIT64(fate >= FAKE_BANK ? 8 + fate - FAKE_BANK : fate);
	}
}

void fake_watch(struct fake *fake, uint32_t id)
{
	fake->seen[fake->nwatched] = 0;
	fake->watched[fake->nwatched++] = id;
}

/* ---- Registers ---- */

/* Widths of chapters 9, 10 and 16. The invalidations by address are as wide as their format. */
static bool width_is_right(const struct fake *fake, unsigned off, unsigned width)
{
	unsigned in_bank = off & 0xfff;
	bool wide = off == 0x40 || (off >= 0x8000 && (in_bank == 0x20 || in_bank == 0x28 || in_bank == 0x60));

	if (off >= 0x8000 && in_bank >= 0x600 && in_bank < 0x640 && in_bank != 0x610 && in_bank != 0x618)
		return width == (fake->narrow ? 4 : 8);
	if (off == 0x44 || (off >= 0x8000 && (in_bank == 0x24 || in_bank == 0x2c || in_bank == 0x64)))
		return width == 4; /* the upper half */
	if (wide)
		return width == 4 || !fake->narrow;
	return width == 4;
}

static struct fake *fake_of(struct piommu_window *window)
{
	return window->ctx;
}

static uint64_t read_reg(struct piommu_window *window, unsigned off, unsigned width)
{
	struct fake *fake = fake_of(window);

	if (fake->dead)
		return width == 8 ? UINT64_MAX : UINT32_MAX;
	fake->width_errors += !width_is_right(fake, off, width);
	return fake_reg(fake, off, width);
}

static void write_global(struct fake *fake, unsigned off, uint32_t value)
{
	if (off >= 0x20 && off < 0x40) {
		fake->width_errors++; /* IDR0 to IDR7 are read-only */
		return;
	}
	if (off == 0x48 || off == 0x448)
		value = (uint32_t)fake_reg(fake, off, 4) & ~value;
	if (off == 0x70 || off == 0x470) {
		bool stuck = fake->syncs_stuck || (fake->stuck_after && ++fake->nsyncs >= fake->stuck_after);

		fake_set(fake, off + 4, 4, stuck);
	}
	if (off >= 0x800 && off < 0xa00)
		value &= fake->smr_bits;
	if (off >= 0xc00 && off < 0xe00 && fake->traps_bypass && (value >> 16 & 3) == 2)
		return;
	if (off >= 0xc00 && off < 0xe00 && fake->traps_bypass && (value >> 16 & 3) == 1)
		value = (value & ~0x30000u) | 0x20000;
	fake_set(fake, off, 4, value);
}

static void write_bank(struct fake *fake, unsigned off, unsigned width, uint64_t value)
{
	unsigned in_bank = off & 0xfff;

	if (in_bank == 0x58)
		value = fake_reg(fake, off, 4) & ~value;
	if (in_bank == 0x4 && fake->locked && fake_reg(fake, 0x10, 4) & 0x04000000)
		return;
	if (in_bank == 0x7f0)
		fake_set(fake, off + 4, 4, fake->syncs_stuck);
	fake_set(fake, off, width, value);
}

static void write_reg(struct piommu_window *window, unsigned off, unsigned width, uint64_t value)
{
	struct fake *fake = fake_of(window);

	fake->width_errors += !width_is_right(fake, off, width);
	if (fake->nwrites < sizeof(fake->writes) / sizeof(fake->writes[0]))
		fake->writes[fake->nwrites++] = (struct fake_write){ off, width, value };
	if (off < FAKE_GR1)
		write_global(fake, off, (uint32_t)value);
	else if (off < FAKE_CB(0))
		fake_set(fake, off, width, value);
	else
		write_bank(fake, off, width, value);
	look(fake);
}

static const struct piommu_window_ops window_ops = { read_reg, write_reg };

/* ---- The machine around it ---- */

static struct fake *of_plat(struct piommu_platform *plat)
{
	return (struct fake *)(void *)plat;
}

static int mem_alloc(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out)
{
	return piommu_env_mem_alloc(of_plat(plat)->mem, len, align, node, out);
}

static void mem_free(struct piommu_platform *plat, struct piommu_mem *mem)
{
	piommu_env_mem_free(of_plat(plat)->mem, mem);
}

static void *mem_at(struct piommu_platform *plat, uint64_t pa, size_t len)
{
	return piommu_env_mem_at(of_plat(plat)->mem, pa, len);
}

static void writeback(struct piommu_platform *plat, const void *va, size_t len)
{
	(void)plat, (void)va, (void)len;
}

/* Time passes by looking at it: a wait of a millisecond is a thousand looks. */
static uint64_t now_ns(struct piommu_platform *plat)
{
	return of_plat(plat)->now += 1000;
}

static const struct piommu_platform_ops plat_ops = {
	.name = "fake",
	.mem_alloc = mem_alloc,
	.mem_free = mem_free,
	.mem_at = mem_at,
	.writeback = writeback,
	.now_ns = now_ns,
};

static int pool_alloc(void *ctx, size_t len, size_t align, int node, struct piommu_mem *out)
{
	return piommu_env_mem_alloc(ctx, len, align, node, out);
}

static void pool_free(void *ctx, struct piommu_mem *mem)
{
	piommu_env_mem_free(ctx, mem);
}

static void remember_line(void *ctx, enum piommu_log_level level, const char *line)
{
	struct fake *fake = ctx;

	(void)level;
	snprintf(fake->said, sizeof(fake->said), "%s", line);
}

void fake_ids(struct fake *fake, uint32_t idr0, uint32_t idr1, uint32_t idr2)
{
	fake_set(fake, 0x20, 4, idr0);
	fake_set(fake, 0x24, 4, idr1);
	fake_set(fake, 0x28, 4, idr2);
}

void fake_model(struct fake *fake, enum piommu_fw_model model, unsigned version)
{
	fake->fw.model = model;
	fake->fw.version = version;
}

void fake_init(struct fake *fake)
{
	memset(fake, 0, sizeof(*fake));
	CHECK_EQ(piommu_env_heap_create(MEMORY, UINT64_MAX, &fake->mem), 0);
	fake->log = (struct piommu_log){ remember_line, fake, PIOMMU_LOG_WARN };
	fake->plat.ops = &plat_ops;
	fake->window = (struct piommu_window){ .len = FAKE_LEN, .ops = &window_ops, .ctx = fake };
	fake->fw = (struct piommu_fw_unit){
		.name = "smmu0",
		.family = PIOMMU_FAMILY_SMMUV2,
		.base = 0x2b400000,
		.numa_node = -1,
		.version = 2,
		.flags = PIOMMU_FW_UNIT_COHERENT,
	};
	fake->unit = (struct piommu_unit){
		.name = fake->fw.name,
		.fw = &fake->fw,
		.driver = &smmuv2_driver,
		.plat = &fake->plat,
		.log = &fake->log,
		.timeout_ns = 1000000,
	};
	fake->smr_bits = UINT32_MAX;
	fake_ids(fake, FAKE_IDR0, FAKE_IDR1, FAKE_IDR2);
	fake_set(fake, 0, 4, 1);
}

/* Pages of the pool are as large as the unit's, which is known after probe. */
static void make_pool(struct fake *fake)
{
	struct piommu_pool_source source = { .alloc = pool_alloc, .free = pool_free, .ctx = fake->mem, .node = -1 };

	source.page_size = BIT64(ctz_u64(fake->unit.caps.page_sizes));
	CHECK_EQ(piommu_pool_create(&source, &fake->pool), 0);
	fake->unit.pool = fake->pool;
}

void fake_start(struct fake *fake)
{
	CHECK_EQ(smmuv2_driver.probe(&fake->unit, &fake->window), 0);
	make_pool(fake);
	CHECK_EQ(smmuv2_driver.enable(&fake->unit), 0);
	fake->nwrites = 0;
}

void fake_fini(struct fake *fake)
{
	if (fake->unit.priv) {
		smmuv2_driver.shutdown(&fake->unit);
		smmuv2_driver.remove(&fake->unit);
	}
	CHECK_EQ(fake->width_errors, 0);
	piommu_pool_destroy(fake->pool);
	piommu_env_mem_destroy(fake->mem);
}

void fake_expect(struct fake *fake, unsigned from, const struct fake_write *expected, unsigned n)
{
	CHECK_EQ(fake->nwrites - from, n);
	for (unsigned i = 0; i < n && from + i < fake->nwrites; i++) {
		CHECK_HEX(fake->writes[from + i].off, expected[i].off);
		CHECK_EQ(fake->writes[from + i].width, expected[i].width);
		CHECK_HEX(fake->writes[from + i].value, expected[i].value);
	}
}

static void emit(void *ctx, const struct piommu_event *event)
{
	struct fake *fake = ctx;

	if (fake->nevents < 16)
		fake->events[fake->nevents++] = *event;
}

unsigned fake_poll(struct fake *fake)
{
	struct piommu_event_sink sink = { emit, fake };

	fake->nevents = 0;
	return smmuv2_driver.poll(&fake->unit, &sink);
}
