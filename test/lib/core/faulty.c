/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine of faulty.h: platform, firmware table, functions. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faulty_driver.h"
#include "suite.h"

#define NODE "/soc/dma"

static struct faulty *self(struct piommu_platform *plat)
{
	return (struct faulty *)(void *)plat;
}

void faulty_broken(struct faulty *m, const char *fmt, ...)
{
	va_list ap;

	if (m->broken[0])
		return;
	va_start(ap, fmt);
	vsnprintf(m->broken, sizeof(m->broken), fmt, ap);
	va_end(ap);
}

struct faulty_unit *faulty_unit(struct faulty *m, const char *name)
{
	for (unsigned i = 0; i < FAULTY_UNITS; i++)
		if (!strcmp(m->units[i].name, name))
			return &m->units[i];
	CU_FAIL_FATAL("no such unit");
	return NULL;
}

/* ---- The platform ---- */

static int fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	if (memcmp(sig, "DMAR", 4) != 0 || nth)
		return -ENOENT;
	if (fault_here(FAULT_CALLBACK, "fw_table"))
		return -EACCES;
	*bytes = self(plat)->dmar;
	*len = self(plat)->dmar_len;
	return 0;
}

static int pci_functions(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n)
{
	struct faulty *m = self(plat);
	struct piommu_pci_function *fns;

	if (fault_here(FAULT_CALLBACK, "pci_functions"))
		return -EIO;
	fns = calloc(m->nfns, sizeof(*fns));
	if (!fns)
		return -ENOMEM;
	memcpy(fns, m->fns, m->nfns * sizeof(*fns));
	*out = fns;
	*n = m->nfns;
	return 0;
}

static int nodes(struct piommu_platform *plat, struct piommu_node **out, size_t *n)
{
	struct piommu_node *node;

	if (fault_here(FAULT_CALLBACK, "nodes"))
		return -EIO;
	*n = self(plat)->has_node;
	*out = NULL;
	if (!*n)
		return 0;
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	*node = (struct piommu_node){ .name = NODE, .unit = "dmar1", .ids = { { .id = 0x1000 } }, .nids = 1 };
	*out = node;
	return 0;
}

static int window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		      struct piommu_window *out)
{
	struct faulty_unit *hw = faulty_unit(self(plat), unit->name);

	if (access == PIOMMU_WINDOW_INSPECT || fault_here(FAULT_CALLBACK, "window_map"))
		return -EACCES;
	hw->mapped = true;
	*out = (struct piommu_window){ .pa = unit->base, .len = PIOMMU_PAGE_SIZE, .ctx = hw };
	return 0;
}

static void window_unmap(struct piommu_platform *plat, struct piommu_window *window)
{
	struct faulty_unit *hw = window->ctx;

	if (!hw->mapped || hw->on)
		faulty_broken(self(plat), "%s: unmapped while %s", hw->name, hw->on ? "on" : "not mapped");
	hw->mapped = false;
}

static int mem_start(struct piommu_platform *plat)
{
	(void)plat;
	return fault_here(FAULT_CALLBACK, "mem_start") ? -ENOMEM : 0;
}

static int mem_alloc(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out)
{
	int err = piommu_env_mem_alloc(self(plat)->mem, len, align, node, out);

	self(plat)->nmem += !err;
	return err;
}

static void mem_free(struct piommu_platform *plat, struct piommu_mem *mem)
{
	piommu_env_mem_free(self(plat)->mem, mem);
	self(plat)->nmem--;
}

static void close_nothing(struct piommu_platform *plat)
{
	(void)plat;
}

/* ---- Firmware: VT-d specification, chapter 8 ---- */

static void put(struct faulty *m, uint64_t value, unsigned width)
{
	for (; width; width--, value >>= 8)
		m->dmar[m->dmar_len++] = (uint8_t)value;
}

static void put_rmrr(struct faulty *m, uint64_t start, uint64_t last)
{
	put(m, 1 | 32 << 16, 4);
	put(m, 0, 4);
	put(m, start, 8);
	put(m, last, 8);
	put(m, 0x0801, 6); /* endpoint, 8 bytes */
	put(m, 0x0002, 2); /* 02.0 */
}

static void make_dmar(struct faulty *m)
{
	uint8_t sum = 0;

	memcpy(m->dmar, "DMAR\0\0\0\0\1\0FAULTYFAULTTAB\1\0\0\0FALT\1\0\0\0", 36);
	m->dmar_len = 36;
	put(m, 45, 1); /* host address width 46 */
	put(m, 0, 11);
	put(m, 0 | 24 << 16, 4);
	put(m, 0, 4);
	put(m, 0xfed90000, 8);
	put(m, 0x0802, 6); /* bridge, 8 bytes */
	put(m, 0x001c, 2);
	put(m, 0 | 16 << 16, 4);
	put(m, 1, 4); /* INCLUDE_PCI_ALL */
	put(m, 0xfed91000, 8);
	put_rmrr(m, 0x7b800000, 0x7b801fff);
	put_rmrr(m, 0x7c000000, 0x7c000fff);
	m->dmar[4] = (uint8_t)m->dmar_len;
	for (size_t i = 0; i < m->dmar_len; i++)
		sum = (uint8_t)(sum + m->dmar[i]);
	m->dmar[9] = (uint8_t)-sum;
}

struct piommu_fw_unit faulty_bare(void)
{
	return (struct piommu_fw_unit){ .name = "bare", .segment = 1, .numa_node = -1 };
}

/* ---- Devices ---- */

struct piommu_sbdf faulty_sbdf(const char *name)
{
	struct piommu_sbdf sbdf = { 0 };

	CU_ASSERT_FATAL(!piommu_sbdf_parse(name, &sbdf));
	return sbdf;
}

void faulty_plug(struct faulty *m, const char *name)
{
	struct piommu_pci_function *fn = &m->fns[m->nfns++];

	if (!strcmp(name, NODE)) {
		m->nfns--;
		m->has_node = true;
		return;
	}
	*fn = (struct piommu_pci_function){
		.sbdf = faulty_sbdf(name),
		.vendor = 0x1234,
		.class_code = 0x020000,
		.pcie_type = PIOMMU_PCIE_RC_INTEGRATED,
		.acs = PIOMMU_ABSENT,
		.ari = PIOMMU_ABSENT,
	};
	if (fn->sbdf.bus)
		fn->pcie_type = PIOMMU_PCIE_ENDPOINT;
	fn->multifunction = fn->sbdf.devfn >> 3 == 5;
	if (fn->multifunction)
		fn->pcie_type = PIOMMU_PCIE_ENDPOINT;
	if (fn->sbdf.devfn != 0x1c << 3)
		return;
	fn->pcie_type = PIOMMU_PCIE_ROOT_PORT;
	fn->class_code = 0x060400;
	fn->header_type = 1;
	fn->secondary = fn->subordinate = 1;
	fn->acs = PIOMMU_PRESENT;
	fn->acs_cap = fn->acs_ctl = PIOMMU_ACS_ISOLATION;
}

void faulty_unplug(struct faulty *m, const char *name)
{
	unsigned at = 0;

	if (!strcmp(name, NODE)) {
		m->has_node = false;
		return;
	}
	while (piommu_sbdf_compare(m->fns[at].sbdf, faulty_sbdf(name)))
		at++;
	memmove(&m->fns[at], &m->fns[at + 1], (--m->nfns - at) * sizeof(m->fns[0]));
}

struct piommu_group *faulty_group(struct piommu *p, const char *name)
{
	struct piommu_group *group = NULL;

	CU_ASSERT_FATAL(!piommu_group_find(p, faulty_sbdf(name), &group));
	return group;
}

/* ---- Life ---- */

void faulty_init(struct faulty *m)
{
	static const char *const there[] = { "00:02.0", "00:04.0", "00:05.0", "00:05.1",      "00:05.2",
					     "00:1c.0", "01:00.0", NODE,      "0001:00:01.0", "0001:00:02.0" };

	memset(m, 0, sizeof(*m));
	m->ops = (struct piommu_platform_ops){
		.name = "faulty",
		.fw_table = fw_table,
		.pci_functions = pci_functions,
		.nodes = nodes,
		.window_map = window_map,
		.window_unmap = window_unmap,
		.mem_start = mem_start,
		.mem_alloc = mem_alloc,
		.mem_free = mem_free,
		.close = close_nothing,
	};
	m->plat.ops = &m->ops;
	CU_ASSERT_FATAL(!piommu_env_heap_create(64u << 20, UINT64_C(4) << 30, &m->mem));
	m->plat.va_off = piommu_env_mem_va_off(m->mem);
	memcpy(m->units[0].name, "dmar0", sizeof("dmar0"));
	memcpy(m->units[1].name, "dmar1", sizeof("dmar1"));
	memcpy(m->units[2].name, "bare", sizeof("bare"));
	make_dmar(m);
	faulty_make_drivers(m);
	for (unsigned i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		faulty_plug(m, there[i]);
}

void faulty_fini(struct faulty *m)
{
	char text[64];

	CHECK_EQ(m->nmem, 0);
	CHECK_EQ(m->ndevices, 0);
	CU_ASSERT_PTR_NULL(m->domains);
	for (unsigned i = 0; i < FAULTY_UNITS; i++) {
		snprintf(text, sizeof(text), "%s%s%s%s", m->units[i].name, m->units[i].on ? " is on" : "",
			 m->units[i].probed ? " is probed" : "", m->units[i].mapped ? " is mapped" : "");
		CU_ASSERT_STRING_EQUAL(text, m->units[i].name);
	}
	CU_ASSERT_STRING_EQUAL(m->broken, "");
	if (m->broken[0])
		fprintf(stderr, "broken: %s\n", m->broken);
	piommu_env_mem_destroy(m->mem);
}

static struct piommu_wish wish(void *ctx, const char *device)
{
	bool paging = !strncmp(device, "0001:", 5) || !strcmp(device, "0000:01:00.0");

	(void)ctx;
	return (struct piommu_wish){ .kind = paging ? PIOMMU_DEFAULT_PAGING : PIOMMU_DEFAULT_ANY };
}

static void remember(void *ctx, enum piommu_log_level level, const char *line)
{
	struct faulty *m = ctx;
	size_t used = strlen(m->said);

	(void)level;
	snprintf(m->said + used, sizeof(m->said) - used, "%s\n", line);
}

struct piommu_config faulty_config(struct faulty *m, bool late)
{
	static const struct piommu_driver *none[1], *both[3];
	struct piommu_config config = PIOMMU_CONFIG_INIT;

	both[0] = &m->fw;
	both[1] = &m->bare;
	config.drivers = late ? none : both;
	config.late_drivers = late;
	config.instance = &m->plat;
	config.wish_fn = wish;
	config.log = (struct piommu_log){ remember, m, PIOMMU_LOG_WARN };
	return config;
}

int faulty_create(struct faulty *m, bool late, struct piommu **out)
{
	struct piommu_config config = faulty_config(m, late);

	return piommu_create(&config, out);
}

struct piommu *faulty_start(struct faulty *m)
{
	struct piommu *p = NULL;

	faulty_init(m);
	CU_ASSERT_FATAL(!faulty_create(m, false, &p));
	return p;
}

void faulty_stop(struct faulty *m, struct piommu *p)
{
	CHECK_EQ(piommu_destroy(p), 0);
	faulty_fini(m);
}

/* ---- Looking ---- */

static const char *type_name(const struct piommu_domain *domain)
{
	if (!domain)
		return "identity";
	return domain->type == PIOMMU_DOMAIN_PAGING     ? "paging"
	       : domain->type == PIOMMU_DOMAIN_BLOCKING ? "blocking"
							: "identity";
}

const char *faulty_goes(const struct faulty *m, const char *unit, uint32_t id, uint32_t pasid)
{
	const struct faulty_unit *hw = faulty_unit((struct faulty *)(uintptr_t)m, unit);

	for (unsigned i = 0; i < FAULTY_ENTRIES; i++)
		if (hw->entries[i].domain && hw->entries[i].id == id && hw->entries[i].pasid == pasid)
			return type_name(hw->entries[i].domain);
	return pasid ? "nowhere" : "identity";
}

/* In the order of ids, whatever place an entry has. */
static void dump_entries(FILE *to, const struct faulty_unit *hw, enum dump_how how)
{
	for (uint32_t key = 0; key < 0x2000 * 4; key++)
		for (unsigned i = 0; i < FAULTY_ENTRIES; i++) {
			const struct faulty_entry *entry = &hw->entries[i];

			if (!entry->domain || entry->id * 4 + entry->pasid != key)
				continue;
			fprintf(to, "  %04x PASID %u: %s", entry->id, entry->pasid, type_name(entry->domain));
			if (how == DUMP_EXACT)
				fprintf(to, ", tag %u", entry->tag);
			fprintf(to, "\n");
		}
}

char *faulty_dump(const struct faulty *m, enum dump_how how)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	CU_ASSERT_FATAL(to != NULL);
	for (unsigned i = 0; i < FAULTY_UNITS; i++) {
		const struct faulty_unit *hw = &m->units[i];

		fprintf(to, "hardware %s:%s%s%s\n", hw->name, hw->mapped ? " mapped" : "", hw->probed ? " probed" : "",
			hw->on ? " on" : "");
		dump_entries(to, hw, how);
	}
	for (const struct faulty_domain *fd = m->domains; fd; fd = fd->next) {
		fprintf(to, "  table, %s\n", type_name(&fd->domain));
		for (unsigned i = 0; i < fd->nmaps; i++)
			fprintf(to, "    0x%llx-0x%llx\n", (unsigned long long)fd->maps[i].start,
				(unsigned long long)fd->maps[i].last);
	}
	fprintf(to, "taken: %u blocks, %u devices\n", m->nmem, m->ndevices);
	fclose(to);
	return text;
}
