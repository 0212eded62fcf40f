/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include "fake_machine.h"
#include "suite.h"

static struct fake_machine *machine_of(struct piommu_platform *plat)
{
	return (struct fake_machine *)(void *)plat;
}

static int mem_alloc(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out)
{
	struct fake_machine *machine = machine_of(plat);

	if (machine->fail_alloc && !--machine->fail_alloc)
		return -ENOMEM;
	return piommu_env_mem_alloc(machine->mem, len, align, node, out);
}

static void mem_free(struct piommu_platform *plat, struct piommu_mem *mem)
{
	piommu_env_mem_free(machine_of(plat)->mem, mem);
}

static void *mem_at(struct piommu_platform *plat, uint64_t pa, size_t len)
{
	return piommu_env_mem_at(machine_of(plat)->mem, pa, len);
}

static void writeback(struct piommu_platform *plat, const void *va, size_t len)
{
	(void)va, (void)len;
	machine_of(plat)->writebacks++;
}

/* Time passes by looking at it: a wait of a millisecond is a thousand looks. */
static uint64_t now_ns(struct piommu_platform *plat)
{
	return machine_of(plat)->now += 1000;
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
	struct fake_machine *machine = ctx;

	(void)level;
	snprintf(machine->said, sizeof(machine->said), "%s", line);
}

void fake_machine_init(struct fake_machine *machine, size_t memory, size_t page_size)
{
	struct piommu_pool_source source = { .alloc = pool_alloc, .free = pool_free, .node = -1, .page_size = page_size };

	CHECK_EQ(piommu_env_heap_create(memory, UINT64_MAX, &machine->mem), 0);
	source.ctx = machine->mem;
	CHECK_EQ(piommu_pool_create(&source, &machine->pool), 0);
	machine->log = (struct piommu_log){ remember_line, machine, PIOMMU_LOG_WARN };
	machine->plat.ops = &plat_ops;
}

void fake_machine_fini(struct fake_machine *machine)
{
	CHECK_EQ(machine->width_errors, 0);
	piommu_pool_destroy(machine->pool);
	piommu_env_mem_destroy(machine->mem);
}

struct piommu_unit fake_machine_unit(struct fake_machine *machine, const struct piommu_driver *driver,
				     const struct piommu_fw_unit *fw)
{
	return (struct piommu_unit){
		.name = fw->name,
		.fw = fw,
		.driver = driver,
		.plat = &machine->plat,
		.log = &machine->log,
		.pool = machine->pool,
		.timeout_ns = 1000000,
	};
}

void fake_machine_wrote(struct fake_machine *machine, unsigned off, unsigned width, uint64_t value)
{
	if (machine->nwrites < 256)
		machine->writes[machine->nwrites++] = (struct fake_write){ off, width, value };
}

void fake_machine_expect(struct fake_machine *machine, unsigned from, const struct fake_write *expected, unsigned n)
{
	CHECK_EQ(machine->nwrites - from, n);
	for (unsigned i = 0; i < n && from + i < machine->nwrites; i++) {
		CHECK_HEX(machine->writes[from + i].off, expected[i].off);
		CHECK_EQ(machine->writes[from + i].width, expected[i].width);
		CHECK_HEX(machine->writes[from + i].value, expected[i].value);
	}
}

static void emit(void *ctx, const struct piommu_event *event)
{
	struct fake_machine *machine = ctx;

	if (machine->nevents < 16)
		machine->events[machine->nevents++] = *event;
}

unsigned fake_machine_poll(struct fake_machine *machine, struct piommu_unit *unit)
{
	struct piommu_event_sink sink = { emit, machine };

	machine->nevents = 0;
	return unit->driver->poll(unit, &sink);
}
