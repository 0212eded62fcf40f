/* SPDX-License-Identifier: BSD-3-Clause */
/* See fake.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "suite.h"

static __attribute__((format(printf, 2, 3))) void note(struct fake *fake, const char *fmt, ...)
{
	va_list ap;

	if (fake->nlog == FAKE_LOG)
		return;
	va_start(ap, fmt);
	vsnprintf(fake->log[fake->nlog++], sizeof(fake->log[0]), fmt, ap);
	va_end(ap);
}

static bool fails_now(unsigned *countdown)
{
	return *countdown && --*countdown == 0;
}

static struct fake *fake_of(const struct piommu_unit *unit)
{
	return (struct fake *)(void *)unit->plat;
}

/* ---- the platform ---- */

static int fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	struct fake *fake = (struct fake *)(void *)plat;

	if (memcmp(sig, "DMAR", 4) != 0 || nth || !fake->dmar_len)
		return -ENOENT;
	if (fake->unreadable)
		return -EACCES;
	*bytes = fake->dmar;
	*len = fake->dmar_len;
	return 0;
}

static int pci_functions(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n)
{
	struct fake *fake = (struct fake *)(void *)plat;

	*out = malloc(sizeof(fake->fns));
	memcpy(*out, fake->fns, sizeof(fake->fns));
	*n = fake->nfns;
	return 0;
}

static int window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		      struct piommu_window *out)
{
	if (access == PIOMMU_WINDOW_INSPECT)
		return -EACCES;
	note((struct fake *)(void *)plat, "map %s", unit->name);
	*out = (struct piommu_window){ .pa = unit->base, .len = 4096 };
	return 0;
}

static void window_unmap(struct piommu_platform *plat, struct piommu_window *window)
{
	(void)window;
	note((struct fake *)(void *)plat, "unmap window");
}

static int mem_alloc(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out)
{
	return piommu_env_mem_alloc(((struct fake *)(void *)plat)->mem, len, align, node, out);
}

static void mem_free(struct piommu_platform *plat, struct piommu_mem *mem)
{
	piommu_env_mem_free(((struct fake *)(void *)plat)->mem, mem);
}

static void close_nothing(struct piommu_platform *plat)
{
	(void)plat;
}

static const struct piommu_platform_ops fake_platform_ops = {
	.name = "fake",
	.fw_table = fw_table,
	.pci_functions = pci_functions,
	.window_map = window_map,
	.window_unmap = window_unmap,
	.mem_alloc = mem_alloc,
	.mem_free = mem_free,
	.close = close_nothing,
};

/* The same without registers or memory, as a dump of another machine is. */
static const struct piommu_platform_ops fake_dump_ops = {
	.name = "fake",
	.fw_table = fw_table,
	.pci_functions = pci_functions,
	.close = close_nothing,
};

/* ---- the driver ---- */

static int dom_lookup(struct piommu_domain *domain, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	const struct fake_maps *maps = &((struct fake_domain *)(void *)domain)->maps;

	for (unsigned i = 0; i < maps->n; i++) {
		if (maps->iova[i] != align_down(iova, 4096))
			continue;
		*leaf = (struct piommu_pt_leaf){ .pa = maps->pa[i] + iova % 4096, .size = 4096, .prot = PIOMMU_RW };
		return 0;
	}
	return -ENOENT;
}

static int dom_map(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	struct fake_domain *fd = (struct fake_domain *)(void *)domain;
	struct piommu_pt_leaf leaf;

	(void)prot;
	for (uint64_t at = 0; at < len; at += 4096)
		if (!dom_lookup(domain, iova + at, &leaf))
			return -EEXIST;
	for (uint64_t at = 0; at < len && fd->maps.n < 64; at += 4096) {
		fd->maps.iova[fd->maps.n] = iova + at;
		fd->maps.pa[fd->maps.n++] = pa + at;
	}
	note(fd->fake, "map %c %llx %llx", fd->name, (unsigned long long)iova, (unsigned long long)len);
	return 0;
}

static int dom_unmap(struct piommu_domain *domain, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	struct fake_domain *fd = (struct fake_domain *)(void *)domain;

	if (gather)
		piommu_gather_add(gather, iova, iova + len - 1);
	*unmapped = len;
	note(fd->fake, "unmap %c %llx", fd->name, (unsigned long long)iova);
	return 0;
}

static int dom_flush(struct piommu_domain *domain, struct piommu_gather *gather)
{
	(void)domain;
	piommu_gather_init(gather);
	return 0;
}

static void dom_destroy(struct piommu_domain *domain)
{
	struct fake_domain *fd = (struct fake_domain *)(void *)domain;

	fd->fake->ndomains--;
	free(fd);
}

static const struct piommu_domain_ops fake_domain_ops = { dom_map, dom_unmap, dom_flush, dom_lookup, dom_destroy };

static bool drv_match(const struct piommu_fw_unit *fw)
{
	(void)fw;
	return true;
}

static int drv_probe(struct piommu_unit *unit, struct piommu_window *window)
{
	(void)window;
	unit->caps = (struct piommu_unit_caps){
		.iova_bits = 48,
		.pa_bits = 46,
		.page_sizes = BIT64(12),
		.ntags = fake_of(unit)->ntags,
		.first_tag = 1,
		.hole = { 0xfee00000, 0xfeefffff },
	};
	note(fake_of(unit), "probe %s", unit->name);
	return 0;
}

static void drv_remove(struct piommu_unit *unit)
{
	note(fake_of(unit), "remove %s", unit->name);
}

static int drv_enable(struct piommu_unit *unit)
{
	note(fake_of(unit), "enable %s", unit->name);
	return fails_now(&fake_of(unit)->fail_enable) ? -ETIMEDOUT : 0;
}

static int drv_shutdown(struct piommu_unit *unit)
{
	note(fake_of(unit), "shutdown %s", unit->name);
	return 0;
}

static int drv_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits,
			     struct piommu_domain **out)
{
	struct fake_domain *fd = calloc(1, sizeof(*fd));

	fd->fake = fake_of(unit);
	fd->domain.ops = &fake_domain_ops;
	fd->domain.type = type;
	fd->domain.iova_bits = iova_bits ? iova_bits : 48;
	fd->domain.page_sizes = BIT64(12);
	fd->domain.pool = unit->pool;
	fd->name = type == PIOMMU_DOMAIN_IDENTITY ? 'i' : type == PIOMMU_DOMAIN_BLOCKING ? 'b' : fd->fake->next_domain++;
	fd->fake->ndomains++;
	*out = &fd->domain;
	return 0;
}

static int drv_fits(const struct piommu_domain *domain, struct piommu_unit *unit)
{
	(void)domain;
	(void)unit;
	return 0;
}

static int drv_attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	struct fake_domain *fd = (struct fake_domain *)(void *)domain;
	char at[PIOMMU_SBDF_STRLEN];

	note(fd->fake, "attach %s %c %u", piommu_sbdf_format(device->sbdf, at) + 5, fd->name, tag);
	return fails_now(&fd->fake->fail_attach) ? fd->fake->fail_with : 0;
}

static int drv_flush_tag(struct piommu_unit *unit, uint32_t tag)
{
	note(fake_of(unit), "flush %s %u", unit->name, tag);
	return fails_now(&fake_of(unit)->fail_flush_tag) ? -ETIMEDOUT : 0;
}

static unsigned drv_poll(struct piommu_unit *unit, const struct piommu_event_sink *sink)
{
	struct fake *fake = fake_of(unit);

	if (!fake->nevents)
		return 0;
	fake->nevents--;
	fake->event.iova += 4096;
	sink->emit(sink->ctx, &fake->event);
	return 1;
}

static void drv_inv_stats(const struct piommu_unit *unit, struct piommu_ring_stats *out)
{
	(void)unit;
	*out = (struct piommu_ring_stats){ 0 };
}

static void drv_version(const struct piommu_unit_facts *facts, struct piommu_window *window, char *text, size_t len)
{
	(void)facts;
	(void)window;
	snprintf(text, len, "1.0");
}

const struct piommu_driver fake_driver = {
	.name = "fake",
	.match = drv_match,
	.probe = drv_probe,
	.remove = drv_remove,
	.enable = drv_enable,
	.shutdown = drv_shutdown,
	.domain_create = drv_domain_create,
	.domain_fits = drv_fits,
	.attach = drv_attach,
	.flush_tag = drv_flush_tag,
	.poll = drv_poll,
	.version = drv_version,
	.inv_stats = drv_inv_stats,
};

/* ---- the machine ---- */

static void put(struct fake *fake, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++) {
		fake->dmar[fake->dmar_len++] = (uint8_t)value;
		value >>= 8;
	}
}

/* Header, DRHD with bridge scope 00:1c.0, DRHD INCLUDE_ALL, two RMRRs of 00:02.0: VT-d specification, chapter 8. */
static void make_dmar(struct fake *fake)
{
	uint8_t sum = 0;

	memcpy(fake->dmar, "DMAR\0\0\0\0\1\0FAKE  FAKETABL\1\0\0\0FAKE\1\0\0\0", 36);
	fake->dmar_len = 36;
	put(fake, 45, 1); /* host address width 46 */
	put(fake, 0, 11);
	put(fake, 0 | 24 << 16, 4);
	put(fake, 0, 4);
	put(fake, 0xfed90000, 8);
	put(fake, 0x0000000000000802, 6); /* PCI bridge, 8 bytes */
	put(fake, 0x001c, 2);
	put(fake, 0 | 16 << 16, 4);
	put(fake, 1, 4); /* INCLUDE_PCI_ALL */
	put(fake, 0xfed91000, 8);
	put(fake, 1 | 32 << 16, 4);
	put(fake, 0, 4);
	put(fake, 0x7b800000, 8);
	put(fake, 0x7b801fff, 8);
	put(fake, 0x0000000000000801, 6);
	put(fake, 0x0002, 2);
	put(fake, 1 | 32 << 16, 4);
	put(fake, 0, 4);
	put(fake, 0x7c000000, 8);
	put(fake, 0x7c000fff, 8);
	put(fake, 0x0000000000000801, 6);
	put(fake, 0x0002, 2);
	fake->dmar[4] = (uint8_t)fake->dmar_len;
	for (size_t i = 0; i < fake->dmar_len; i++)
		sum = (uint8_t)(sum + fake->dmar[i]);
	fake->dmar[9] = (uint8_t)-sum;
}

static struct piommu_pci_function *add_function(struct fake *fake, const char *bdf, unsigned pcie_type)
{
	struct piommu_pci_function *fn = &fake->fns[fake->nfns++];

	*fn = (struct piommu_pci_function){
		.vendor = 0x1234,
		.device = (uint16_t)fake->nfns,
		.class_code = 0x020000,
		.pcie_type = (uint16_t)pcie_type,
		.acs = PIOMMU_ABSENT,
		.ari = PIOMMU_ABSENT,
	};
	CU_ASSERT_FATAL(!piommu_sbdf_parse(bdf, &fn->sbdf));
	return fn;
}

static void remember(void *ctx, enum piommu_log_level level, const char *line)
{
	struct fake *fake = ctx;
	size_t used = strlen(fake->messages);

	(void)level;
	snprintf(fake->messages + used, sizeof(fake->messages) - used, "%s\n", line);
}

void fake_init(struct fake *fake)
{
	struct piommu_pci_function *fn;

	memset(fake, 0, sizeof(*fake));
	fake->plat.ops = &fake_platform_ops;
	fake->ntags = 64;
	fake->fail_with = -ETIMEDOUT;
	fake->next_domain = 'A';
	CU_ASSERT_FATAL(!piommu_env_heap_create(64u << 20, UINT64_C(4) << 30, &fake->mem));
	fake->plat.va_off = piommu_env_mem_va_off(fake->mem);
	make_dmar(fake);
	add_function(fake, "00:02.0", PIOMMU_PCIE_RC_INTEGRATED);
	add_function(fake, "00:04.0", PIOMMU_PCIE_RC_INTEGRATED);
	for (unsigned f = 0; f < 3; f++) {
		fn = add_function(fake, "00:05.0", PIOMMU_PCIE_ENDPOINT);
		fn->sbdf.devfn = (uint8_t)(5 << 3 | f);
		fn->multifunction = true;
	}
	fn = add_function(fake, "00:1c.0", PIOMMU_PCIE_ROOT_PORT);
	fn->class_code = 0x060400;
	fn->header_type = 1;
	fn->secondary = fn->subordinate = 1;
	fn->acs = PIOMMU_PRESENT;
	fn->acs_cap = fn->acs_ctl = PIOMMU_ACS_ISOLATION;
	add_function(fake, "01:00.0", PIOMMU_PCIE_ENDPOINT);
}

void fake_fini(struct fake *fake)
{
	CHECK_EQ(fake->ndomains, 0);
	piommu_env_mem_destroy(fake->mem);
}

int fake_create(struct fake *fake, bool inspect, struct piommu **out)
{
	static const struct piommu_driver *const drivers[] = { &fake_driver, NULL };
	struct piommu_config config = PIOMMU_CONFIG_INIT;

	if (fake->no_registers)
		fake->plat.ops = &fake_dump_ops;
	config.drivers = drivers;
	config.instance = &fake->plat;
	config.inspect = inspect;
	config.log = (struct piommu_log){ remember, fake, PIOMMU_LOG_WARN };
	return piommu_create(&config, out);
}

int fake_find(const struct fake *fake, unsigned from, const char *what)
{
	for (unsigned i = from; i < fake->nlog; i++)
		if (!strcmp(fake->log[i], what))
			return (int)i;
	return -1;
}

struct piommu_group *fake_group(struct piommu *p, const char *bdf)
{
	struct piommu_group *group = NULL;
	struct piommu_sbdf sbdf;

	CU_ASSERT_FATAL(!piommu_sbdf_parse(bdf, &sbdf));
	CU_ASSERT_FATAL(!piommu_group_find(p, sbdf, &group));
	return group;
}
