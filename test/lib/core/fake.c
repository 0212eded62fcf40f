/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine of fake.h, and what tests ask of it. The driver: fake_driver.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "suite.h"

/* ---- the platform ---- */

static int fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	struct fake *fake = (struct fake *)(void *)plat;

	if (fake->tree && memcmp(sig, PIOMMU_FW_FDT, 4) == 0 && !nth) {
		*bytes = fake->tree;
		*len = fake->tree_len;
		return 0;
	}
	if (fake->tree || memcmp(sig, "DMAR", 4) != 0 || nth || !fake->dmar_len)
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
	pthread_mutex_lock(&fake->mutex);
	memcpy(*out, fake->fns, sizeof(fake->fns));
	*n = fake->nfns;
	pthread_mutex_unlock(&fake->mutex);
	return fake->hook ? fake->hook(fake->hook_ctx, "functions listed") : 0;
}

static int nodes(struct piommu_platform *plat, struct piommu_node **out, size_t *n)
{
	struct fake *fake = (struct fake *)(void *)plat;

	*out = malloc(sizeof(fake->nodes));
	pthread_mutex_lock(&fake->mutex);
	memcpy(*out, fake->nodes, sizeof(fake->nodes));
	*n = fake->nnodes;
	pthread_mutex_unlock(&fake->mutex);
	return 0;
}

static int window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		      struct piommu_window *out)
{
	if (access == PIOMMU_WINDOW_INSPECT)
		return -EACCES;
	fake_note((struct fake *)(void *)plat, "map %s", unit->name);
	*out = (struct piommu_window){ .pa = unit->base, .len = 4096 };
	return 0;
}

static void window_unmap(struct piommu_platform *plat, struct piommu_window *window)
{
	(void)window;
	fake_note((struct fake *)(void *)plat, "unmap window");
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
	.nodes = nodes,
	.window_map = window_map,
	.window_unmap = window_unmap,
	.mem_alloc = mem_alloc,
	.mem_free = mem_free,
	.close = close_nothing,
};

/* The same where nodes are what firmware says. */
static const struct piommu_platform_ops fake_tree_ops = {
	.name = "fake",
	.fw_table = fw_table,
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

	CU_ASSERT_FATAL(fake->nfns <= sizeof(fake->fns) / sizeof(fake->fns[0]));
	*fn = (struct piommu_pci_function){
		.sbdf = fake_sbdf(bdf),
		.vendor = 0x1234,
		.device = (uint16_t)fake->nfns,
		.class_code = 0x020000,
		.pcie_type = (uint16_t)pcie_type,
		.acs = PIOMMU_ABSENT,
		.ari = PIOMMU_ABSENT,
	};
	return fn;
}

void fake_plug(struct fake *fake, const char *bdf, bool multifunction)
{
	pthread_mutex_lock(&fake->mutex);
	add_function(fake, bdf, PIOMMU_PCIE_ENDPOINT)->multifunction = multifunction;
	pthread_mutex_unlock(&fake->mutex);
}

void fake_unplug(struct fake *fake, const char *bdf)
{
	const struct piommu_sbdf sbdf = fake_sbdf(bdf);

	pthread_mutex_lock(&fake->mutex);
	for (unsigned i = 0; i < fake->nfns; i++)
		if (!piommu_sbdf_compare(fake->fns[i].sbdf, sbdf))
			fake->fns[i] = fake->fns[--fake->nfns];
	pthread_mutex_unlock(&fake->mutex);
}

void fake_plug_node(struct fake *fake, const char *name, uint32_t stream)
{
	struct piommu_node node = { .unit = "dmar1", .ids = { { .id = stream } }, .nids = 1 };

	snprintf(node.name, sizeof(node.name), "%s", name);
	pthread_mutex_lock(&fake->mutex);
	if (fake->nnodes < sizeof(fake->nodes) / sizeof(fake->nodes[0]))
		fake->nodes[fake->nnodes++] = node;
	pthread_mutex_unlock(&fake->mutex);
}

void fake_unplug_node(struct fake *fake, const char *name)
{
	pthread_mutex_lock(&fake->mutex);
	for (unsigned i = 0; i < fake->nnodes; i++)
		if (!strcmp(fake->nodes[i].name, name))
			fake->nodes[i] = fake->nodes[--fake->nnodes];
	pthread_mutex_unlock(&fake->mutex);
}

struct fake_dev *fake_dev(struct fake *fake, const char *name)
{
	char full[PIOMMU_NAME_LEN];
	struct piommu_sbdf sbdf;
	struct fake_dev *dev;
	unsigned i = 0;

	snprintf(full, sizeof(full), "%s", name);
	if (!piommu_sbdf_parse(name, &sbdf))
		piommu_sbdf_format(sbdf, full);
	pthread_mutex_lock(&fake->mutex);
	while (i < fake->ndevs && strcmp(fake->devs[i].name, full))
		i++;
	dev = &fake->devs[i < FAKE_DEVS ? i : FAKE_DEVS - 1];
	if (i == fake->ndevs && i < FAKE_DEVS) {
		memcpy(dev->name, full, sizeof(full));
		dev->on = 'i';
		fake->ndevs++;
	}
	pthread_mutex_unlock(&fake->mutex);
	return dev;
}

static void remember(void *ctx, enum piommu_log_level level, const char *line)
{
	struct fake *fake = ctx;
	size_t used;

	(void)level;
	pthread_mutex_lock(&fake->mutex);
	used = strlen(fake->messages);
	snprintf(fake->messages + used, sizeof(fake->messages) - used, "%s\n", line);
	pthread_mutex_unlock(&fake->mutex);
}

static struct piommu_wish wish(void *ctx, const char *device)
{
	return fake_dev(ctx, device)->wish;
}

void fake_init(struct fake *fake)
{
	struct piommu_pci_function *fn;

	memset(fake, 0, sizeof(*fake));
	pthread_mutex_init(&fake->mutex, NULL);
	fake->plat.ops = &fake_platform_ops;
	fake->ntags = 64;
	fake->page_sizes = BIT64(12);
	fake->fail_with = -ETIMEDOUT;
	fake->next_domain = 'A';
	CU_ASSERT_FATAL(!piommu_env_heap_create(64u << 20, UINT64_C(4) << 30, &fake->mem));
	fake->plat.va_off = piommu_env_mem_va_off(fake->mem);
	make_dmar(fake);
	add_function(fake, "00:02.0", PIOMMU_PCIE_RC_INTEGRATED);
	add_function(fake, "00:04.0", PIOMMU_PCIE_RC_INTEGRATED);
	fake_plug(fake, "00:05.0", true);
	fake_plug(fake, "00:05.1", true);
	fake_plug(fake, "00:05.2", true);
	fn = add_function(fake, "00:1c.0", PIOMMU_PCIE_ROOT_PORT);
	fn->class_code = 0x060400;
	fn->header_type = 1;
	fn->secondary = fn->subordinate = 1;
	fn->acs = PIOMMU_PRESENT;
	fn->acs_cap = fn->acs_ctl = PIOMMU_ACS_ISOLATION;
	fake_plug(fake, "01:00.0", false);
}

void fake_fini(struct fake *fake)
{
	CHECK_EQ(fake->ndomains, 0);
	for (unsigned i = 0; i < fake->ndevs; i++)
		if (fake->devs[i].probed)
			CU_FAIL("a device is left with the driver");
	CHECK_HAS(fake->wrong[0] ? fake->wrong : "nothing", "nothing");
	piommu_env_mem_destroy(fake->mem);
	pthread_mutex_destroy(&fake->mutex);
}

int fake_create(struct fake *fake, bool inspect, struct piommu **out)
{
	static const struct piommu_driver *const drivers[] = { &fake_driver, NULL };
	struct piommu_config config = PIOMMU_CONFIG_INIT;

	if (fake->tree)
		fake->plat.ops = &fake_tree_ops;
	if (fake->no_registers)
		fake->plat.ops = &fake_dump_ops;
	config.drivers = drivers;
	config.instance = &fake->plat;
	config.inspect = inspect;
	config.log = (struct piommu_log){ remember, fake, PIOMMU_LOG_WARN };
	config.default_domain = fake->default_domain;
	config.wish_fn = wish;
	config.wish_ctx = fake;
	return piommu_create(&config, out);
}

struct piommu *fake_start(struct fake *fake)
{
	struct piommu *p = NULL;

	CU_ASSERT_FATAL(!fake_create(fake, false, &p));
	return p;
}

void fake_stop(struct fake *fake, struct piommu *p)
{
	CHECK_EQ(piommu_destroy(p), 0);
	fake_fini(fake);
}

int fake_find(const struct fake *fake, unsigned from, const char *what)
{
	for (unsigned i = from; i < fake->nlog; i++)
		if (!strcmp(fake->log[i], what))
			return (int)i;
	return -1;
}

int fake_find_start(const struct fake *fake, unsigned from, const char *start)
{
	for (unsigned i = from; i < fake->nlog; i++)
		if (!strncmp(fake->log[i], start, strlen(start)))
			return (int)i;
	return -1;
}

unsigned fake_count(const struct fake *fake, unsigned from, const char *start)
{
	unsigned n = 0;

	for (unsigned i = from; i < fake->nlog; i++)
		n += !strncmp(fake->log[i], start, strlen(start));
	return n;
}

struct piommu_sbdf fake_sbdf(const char *bdf)
{
	struct piommu_sbdf sbdf = { 0 };

	if (piommu_sbdf_parse(bdf, &sbdf))
		abort(); /* a mistake in a test, on any thread */
	return sbdf;
}

struct piommu_group *fake_group(struct piommu *p, const char *bdf)
{
	struct piommu_group *group = NULL;

	CU_ASSERT_FATAL(!piommu_group_find(p, fake_sbdf(bdf), &group));
	return group;
}

struct piommu_device *fake_device(struct piommu *p, const char *bdf)
{
	struct piommu_device *device = NULL;

	CU_ASSERT_FATAL(!piommu_device_find(p, fake_sbdf(bdf), &device));
	return device;
}

struct piommu_domain *fake_domain_for(struct piommu_group *group)
{
	struct piommu_domain *domain = NULL;

	CU_ASSERT_FATAL(!piommu_domain_create(group, NULL, &domain));
	return domain;
}

char fake_name(const struct piommu_domain *domain)
{
	return ((const struct fake_domain *)(const void *)domain)->name;
}

unsigned fake_count_on(const struct piommu_domain *domain)
{
	struct piommu_domain_info info;

	piommu_domain_info(domain, &info);
	return info.ndevices;
}
