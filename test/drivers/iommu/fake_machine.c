/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_machine.h"
#include "suite.h"

/* ---- Registers ---- */

static struct fake_machine *of(struct fake *fake)
{
	return (struct fake_machine *)(void *)fake;
}

static const struct fake_machine *as_it_is(const struct fake *fake)
{
	return (const struct fake_machine *)(const void *)fake;
}

uint64_t fake_reg(const struct fake *fake, unsigned off, unsigned width)
{
	const struct fake_machine *machine = as_it_is(fake);
	uint64_t value = 0;

	CU_ASSERT_FATAL(off + width <= sizeof(machine->regs));
	memcpy(&value, (const char *)machine->regs + off, width);
	return value;
}

void fake_set(struct fake *fake, unsigned off, unsigned width, uint64_t value)
{
	CU_ASSERT_FATAL(off + width <= sizeof(of(fake)->regs));
	memcpy((char *)of(fake)->regs + off, &value, width);
}

static uint64_t read_reg(struct piommu_window *window, unsigned off, unsigned width)
{
	struct fake_machine *machine = window->ctx;

	if (machine->dead)
		return width == 8 ? UINT64_MAX : UINT32_MAX;
	machine->width_errors += !machine->kind->width_is_right(window->ctx, off, width);
	return fake_reg(window->ctx, off, width);
}

static void write_reg(struct piommu_window *window, unsigned off, unsigned width, uint64_t value)
{
	struct fake_machine *machine = window->ctx;

	machine->width_errors += !machine->kind->width_is_right(window->ctx, off, width);
	if (machine->nwrites < sizeof(machine->writes) / sizeof(machine->writes[0]))
		machine->writes[machine->nwrites++] = (struct fake_write){ off, width, value };
	machine->kind->written(window->ctx, off, width, value);
}

static const struct piommu_window_ops window_ops = { read_reg, write_reg };

/* ---- The machine around them ---- */

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

/* ---- From the first to the last ---- */

void fake_machine_init(struct fake_machine *machine, const struct fake_kind *kind)
{
	CHECK_EQ(piommu_env_heap_create(kind->memory, UINT64_MAX, &machine->mem), 0);
	machine->plat.ops = &plat_ops;
	machine->log = (struct piommu_log){ remember_line, machine, PIOMMU_LOG_WARN };
	machine->kind = kind;
	machine->window = (struct piommu_window){ .len = kind->window, .ops = &window_ops, .ctx = machine };
	machine->fw = kind->fw;
	machine->unit = (struct piommu_unit){
		.name = machine->fw.name,
		.fw = &machine->fw,
		.driver = kind->driver,
		.plat = &machine->plat,
		.log = &machine->log,
		.timeout_ns = 1000000,
	};
}

void fake_machine_pool(struct fake_machine *machine, size_t page_size)
{
	struct piommu_pool_source source = { .alloc = pool_alloc, .free = pool_free, .node = -1, .page_size = page_size };

	source.ctx = machine->mem;
	CHECK_EQ(piommu_pool_create(&source, &machine->pool), 0);
	machine->unit.pool = machine->pool;
}

void fake_fini(struct fake *fake)
{
	struct fake_machine *machine = of(fake);

	fake_domain_end(fake);
	if (machine->a) {
		machine->a->ops->destroy(machine->a);
		machine->b->ops->destroy(machine->b);
	}
	if (machine->unit.priv) {
		machine->kind->driver->shutdown(&machine->unit);
		machine->kind->driver->remove(&machine->unit);
	}
	CHECK_EQ(machine->width_errors, 0);
	piommu_pool_destroy(machine->pool);
	if (machine->pages.va)
		piommu_env_mem_free(machine->mem, &machine->pages);
	piommu_env_mem_destroy(machine->mem);
}

/* ---- What a test looks at ---- */

void fake_expect(struct fake *fake, unsigned from, const struct fake_write *expected, unsigned n)
{
	const struct fake_machine *machine = of(fake);

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

unsigned fake_poll(struct fake *fake)
{
	struct fake_machine *machine = of(fake);
	struct piommu_event_sink sink = { emit, machine };

	machine->nevents = 0;
	return machine->kind->driver->poll(&machine->unit, &sink);
}

/* ---- Domains ---- */

void fake_domain(struct fake *fake, uint32_t tag)
{
	struct fake_machine *machine = of(fake);

	machine->domain = fake_domain_of_type(fake, PIOMMU_DOMAIN_PAGING);
	machine->units = calloc(1, sizeof(*machine->units) + 2 * sizeof(machine->units->at[0]));
	CU_ASSERT_PTR_NOT_NULL_FATAL(machine->units);
	machine->domain->units = machine->units;
	fake_domain_on(fake, fake, tag);
	machine->nwrites = 0;
}

void fake_domain_on(struct fake *fake, struct fake *other, uint32_t tag)
{
	struct piommu_domain_units *units = of(fake)->units;

	units->at[units->n++] = (struct piommu_domain_unit){ &of(other)->unit, tag, 1, NULL };
}

void fake_domain_end(struct fake *fake)
{
	struct fake_machine *machine = of(fake);

	if (machine->domain)
		machine->domain->ops->destroy(machine->domain);
	machine->domain = NULL;
	free(machine->units);
	machine->units = NULL;
}

void fake_domain_fits(struct fake *fake, struct fake *other, const char *why)
{
	struct piommu_domain *domain = fake_domain_of_type(fake, PIOMMU_DOMAIN_PAGING);

	CHECK_EQ(of(fake)->kind->driver->domain_fits(domain, &of(other)->unit), why ? -EINVAL : 0);
	if (why)
		CHECK_HAS(of(other)->said, why);
	domain->ops->destroy(domain);
}

void fake_domains_without_tables(struct fake *fake)
{
	static const enum piommu_domain_type types[] = { PIOMMU_DOMAIN_IDENTITY, PIOMMU_DOMAIN_BLOCKING };
	struct fake_machine *machine = of(fake);

	for (unsigned i = 0; i < 2; i++) {
		struct piommu_domain *domain = fake_domain_of_type(fake, types[i]);
		size_t unmapped = 1;

		CHECK_EQ(domain->ops->map(domain, 0x40005000, 0x12345000, 0x1000, PIOMMU_RW), -EINVAL);
		CHECK_EQ(domain->ops->unmap(domain, 0x40005000, 0x1000, NULL, &unmapped), -EINVAL);
		CHECK_EQ(unmapped, 0);
		CHECK_EQ(machine->kind->driver->domain_fits(domain, &machine->unit), 0);
		domain->ops->destroy(domain);
	}
}

struct piommu_gather fake_gather(uint64_t start, uint64_t last)
{
	struct piommu_gather gather;

	piommu_gather_init(&gather);
	piommu_gather_add(&gather, start, last);
	return gather;
}

/* ---- A device ---- */

struct piommu_domain *fake_domain_of_type(struct fake *fake, enum piommu_domain_type type)
{
	struct piommu_domain *domain = NULL;

	CU_ASSERT_FATAL(!of(fake)->kind->driver->domain_create(&of(fake)->unit, type, 0, &domain));
	return domain;
}

void fake_device(struct fake *fake)
{
	struct fake_machine *machine = of(fake);

	machine->device = (struct piommu_device){
		.name = "dev", .sbdf = { 0, 8, 0x20 }, .unit = &machine->unit, .ids = { { 0x0820, 0 } }, .nids = 1
	};
	machine->a = fake_domain_of_type(fake, PIOMMU_DOMAIN_PAGING);
	machine->b = fake_domain_of_type(fake, PIOMMU_DOMAIN_PAGING);
}

#if defined(__x86_64__) && !defined(UNDER_TSAN)
void fake_attach_stepping(struct fake *fake, struct piommu_domain *domain, uint32_t tag, void (*look)(int signal))
{
	const struct piommu_driver *driver = of(fake)->kind->driver;
	int err;

	signal(SIGTRAP, look);
	__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
	err = driver->attach(&of(fake)->device, domain, tag);
	__asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
	signal(SIGTRAP, SIG_DFL);
	CHECK_EQ(err, 0);
}
#endif

/* ---- Walks and words ---- */

void fake_pages(struct fake *fake, unsigned n)
{
	struct fake_machine *machine = of(fake);

	CU_ASSERT_FATAL(!piommu_env_mem_alloc(machine->mem, 0x1000 * (size_t)n, 0x10000, -1, &machine->pages));
}

uint64_t *fake_page(struct fake *fake, unsigned i)
{
	return (uint64_t *)(void *)((char *)of(fake)->pages.va + 0x1000 * (size_t)i);
}

uint64_t fake_page_pa(const struct fake *fake, unsigned i)
{
	return as_it_is(fake)->pages.pa + 0x1000 * (uint64_t)i;
}

const char *fake_walk(struct fake *fake, uint32_t id, uint64_t iova)
{
	struct fake_machine *machine = of(fake);

	machine->nsteps = machine->kind->driver->walk(&machine->plat, &machine->window, id, iova, machine->steps, FAKE_STEPS);
	CU_ASSERT_FATAL(machine->nsteps > 0);
	CHECK_EQ(machine->nwrites, 0);
	return fake_result(fake);
}

const char *fake_result(const struct fake *fake)
{
	return as_it_is(fake)->steps[as_it_is(fake)->nsteps - 1].text;
}

static void collect(void *ctx, const char *name, const char *text)
{
	char *words = ctx;
	size_t used = strlen(words);

	snprintf(words + used, FAKE_WORDS - used, "%s=%s;", name, text);
}

void fake_describe(struct fake *fake, const struct piommu_unit_facts *facts, struct piommu_window *window,
		   char words[FAKE_WORDS])
{
	words[0] = '\0';
	of(fake)->kind->driver->describe(facts, window, collect, words);
}
