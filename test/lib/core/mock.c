/* SPDX-License-Identifier: BSD-3-Clause */
/* See mock.h. The machine and its platform; what happened; hooks. The drivers are in mock_driver.c. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_driver.h"
#include "suite.h"

/* DRHD: bridge 00:1c.0 in segment 0; INCLUDE_PCI_ALL of segment 0; INCLUDE_PCI_ALL of segment 2. VT-d specification, chapter 8. */
static const uint8_t dmar[104] = {
	'D', 'M', 'A', 'R', 104, 0,   0,    0,   1, 0x6b, 'M',  'O',  'C', 'K', ' ', ' ',
	'M', 'O', 'C', 'K', 'T', 'A', 'B',  'L', 1, 0,    0,    0,    'M', 'O', 'C', 'K',
	1,   0,   0,   0,   45,  0,   0,    0,   0, 0,    0,    0,    0,   0,   0,   0, /* header */
	0,   0,   24,  0,   0,   0,   0,    0,   0, 0,    0xd9, 0xfe, 0,   0,   0,   0,
	2,   8,   0,   0,   0,   0,   0x1c, 0,                                          /* dmar0 */
	0,   0,   16,  0,   1,   0,   0,    0,   0, 0x10, 0xd9, 0xfe, 0,   0,   0,   0, /* dmar1 */
	0,   0,   16,  0,   1,   0,   2,    0,   0, 0,    0xda, 0xfe, 0,   0,   0,   0, /* dmar2 */
};

static struct mock *self(struct piommu_platform *plat)
{
	return (struct mock *)(void *)plat;
}

/* ---- What happened ---- */

void mock_broken(struct mock *mock, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pthread_mutex_lock(&mock->lock);
	if (!mock->broken[0])
		vsnprintf(mock->broken, sizeof(mock->broken), fmt, ap);
	pthread_mutex_unlock(&mock->lock);
	va_end(ap);
}

struct mock_slot *mock_slot(struct mock *mock, const char *name)
{
	for (unsigned i = 0; i < mock->nslots; i++)
		if (!strcmp(mock->slots[i].name, name))
			return &mock->slots[i];
	if (mock->nslots == MOCK_DEVICES) {
		printf("FAIL mock: more than %u devices\n", MOCK_DEVICES);
		exit(1);
	}
	snprintf(mock->slots[mock->nslots].name, sizeof(mock->slots[0].name), "%s", name);
	return &mock->slots[mock->nslots++];
}

void mock_note(struct mock *mock, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pthread_mutex_lock(&mock->lock);
	if (mock->nlog < MOCK_LOG)
		vsnprintf(mock->log[mock->nlog++], sizeof(mock->log[0]), fmt, ap);
	pthread_mutex_unlock(&mock->lock);
	va_end(ap);
}

int mock_enter(struct mock_call *call)
{
	struct mock *mock = call->mock;
	mock_hook fn;
	void *ctx;

	atomic_fetch_add(&mock->count[call->op], 1);
	pthread_mutex_lock(&mock->lock);
	if (call->device)
		atomic_fetch_add(&mock_slot(mock, call->device->name)->count[call->op], 1);
	fn = mock->hooks[call->op].fn;
	ctx = mock->hooks[call->op].ctx;
	pthread_mutex_unlock(&mock->lock);
	return fn ? fn(call, ctx) : 0;
}

unsigned mock_count(struct mock *mock, enum mock_op op, const char *device)
{
	unsigned n;

	if (!device)
		return atomic_load(&mock->count[op]);
	pthread_mutex_lock(&mock->lock);
	n = atomic_load(&mock_slot(mock, device)->count[op]);
	pthread_mutex_unlock(&mock->lock);
	return n;
}

int mock_find(struct mock *mock, unsigned from, const char *what)
{
	int found = -1;

	pthread_mutex_lock(&mock->lock);
	for (unsigned i = from; i < mock->nlog && found < 0; i++)
		if (!strcmp(mock->log[i], what))
			found = (int)i;
	pthread_mutex_unlock(&mock->lock);
	return found;
}

unsigned mock_mark(struct mock *mock)
{
	unsigned n;

	pthread_mutex_lock(&mock->lock);
	n = mock->nlog;
	pthread_mutex_unlock(&mock->lock);
	return n;
}

static void remember(void *ctx, enum piommu_log_level level, const char *line)
{
	struct mock *mock = ctx;
	size_t used;

	(void)level;
	pthread_mutex_lock(&mock->lock);
	used = strlen(mock->messages);
	snprintf(mock->messages + used, sizeof(mock->messages) - used, "%s\n", line);
	pthread_mutex_unlock(&mock->lock);
}

bool mock_said(struct mock *mock, const char *part)
{
	bool said;

	pthread_mutex_lock(&mock->lock);
	said = strstr(mock->messages, part) != NULL;
	pthread_mutex_unlock(&mock->lock);
	return said;
}

/* ---- Hooks ---- */

void mock_hook_set(struct mock *mock, enum mock_op op, mock_hook fn, void *ctx)
{
	pthread_mutex_lock(&mock->lock);
	mock->hooks[op].fn = fn;
	mock->hooks[op].ctx = ctx;
	pthread_mutex_unlock(&mock->lock);
}

void mock_stop_init(struct mock_stop *stop, const char *device)
{
	*stop = (struct mock_stop){ .device = device };
	atomic_init(&stop->times, 1);
	gate_init(&stop->gate);
}

void mock_stop_fini(struct mock_stop *stop)
{
	gate_fini(&stop->gate);
}

int mock_stop_hook(struct mock_call *call, void *ctx)
{
	struct mock_stop *stop = ctx;
	const char *name = call->device ? call->device->name : call->unit ? call->unit->name : "";

	if (stop->device && strcmp(stop->device, name) != 0)
		return 0;
	if (stop->of_type && stop->type != call->type)
		return 0;
	if (atomic_fetch_sub(&stop->times, 1) <= 0)
		return 0;
	if (!gate_stop(&stop->gate))
		mock_broken(call->mock, "nobody opened the gate that %s stood at", name);
	return stop->result;
}

/* ---- The platform ---- */

static int fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	if (memcmp(sig, "DMAR", 4) != 0 || nth)
		return -ENOENT;
	*bytes = self(plat)->dmar;
	*len = sizeof(dmar);
	return 0;
}

/* A copy of one of the machine's lists, as it is at this moment. */
static int copy_list(struct mock *mock, enum mock_op op, const void *list, size_t size, const unsigned *n, void **out,
		     size_t *nout)
{
	struct mock_call call = { .mock = mock, .op = op };
	int result;

	pthread_mutex_lock(&mock->lock);
	*nout = *n;
	*out = malloc(*n ? *n * size : 1);
	if (*out)
		memcpy(*out, list, *n * size);
	pthread_mutex_unlock(&mock->lock);
	if (!*out)
		return -ENOMEM;
	result = mock_enter(&call);
	if (result < 0)
		free(*out);
	return result < 0 ? result : 0;
}

static int pci_functions(struct piommu_platform *plat, struct piommu_pci_function **out, size_t *n)
{
	struct mock *mock = self(plat);
	void *list = NULL;
	int err = copy_list(mock, MOCK_PCI_FUNCTIONS, mock->fns, sizeof(mock->fns[0]), &mock->nfns, &list, n);

	if (!err)
		*out = list;
	return err;
}

static int nodes(struct piommu_platform *plat, struct piommu_node **out, size_t *n)
{
	struct mock *mock = self(plat);
	void *list = NULL;
	int err = copy_list(mock, MOCK_NODES, mock->nodes, sizeof(mock->nodes[0]), &mock->nnodes, &list, n);

	if (!err)
		*out = list;
	return err;
}

static int window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		      struct piommu_window *out)
{
	struct mock_call call = { .mock = self(plat), .op = MOCK_WINDOW_MAP };
	int result = mock_enter(&call);

	if (!unit->len)
		mock_broken(self(plat), "%s has no register window, and is asked for one", unit->name);
	if (access == PIOMMU_WINDOW_INSPECT)
		return -EACCES;
	*out = (struct piommu_window){ .pa = unit->base, .len = 4096 };
	return result < 0 ? result : 0;
}

static void window_unmap(struct piommu_platform *plat, struct piommu_window *window)
{
	if (!window->len)
		mock_broken(self(plat), "a window is unmapped that was never mapped");
}

static int mem_alloc(struct piommu_platform *plat, size_t len, size_t align, int node, struct piommu_mem *out)
{
	return piommu_env_mem_alloc(self(plat)->mem, len, align, node, out);
}

static void mem_free(struct piommu_platform *plat, struct piommu_mem *mem)
{
	piommu_env_mem_free(self(plat)->mem, mem);
}

static void close_nothing(struct piommu_platform *plat)
{
	(void)plat;
}

static const struct piommu_platform_ops mock_platform_ops = {
	.name = "mock",
	.fw_table = fw_table,
	.pci_functions = pci_functions,
	.nodes = nodes,
	.window_map = window_map,
	.window_unmap = window_unmap,
	.mem_alloc = mem_alloc,
	.mem_free = mem_free,
	.close = close_nothing,
};

/* ---- The machine ---- */

void mock_plug(struct mock *mock, const char *name)
{
	struct piommu_pci_function fn = {
		.sbdf = mock_sbdf(name),
		.vendor = 0x1234,
		.class_code = 0x020000,
		.pcie_type = PIOMMU_PCIE_ENDPOINT,
		.acs = PIOMMU_ABSENT,
		.ari = PIOMMU_ABSENT,
		.multifunction = !strcmp(name + 8, "05.0") || !strcmp(name + 8, "05.1"),
	};

	if (!strcmp(name, "0000:00:1c.0")) {
		fn.pcie_type = PIOMMU_PCIE_ROOT_PORT;
		fn.class_code = 0x060400;
		fn.header_type = 1;
		fn.secondary = fn.subordinate = 1;
		fn.acs = PIOMMU_PRESENT;
		fn.acs_cap = fn.acs_ctl = PIOMMU_ACS_ISOLATION;
	} else if (!fn.multifunction && !fn.sbdf.bus) {
		fn.pcie_type = PIOMMU_PCIE_RC_INTEGRATED;
	}
	pthread_mutex_lock(&mock->lock);
	if (mock->nfns < MOCK_DEVICES)
		mock->fns[mock->nfns++] = fn;
	pthread_mutex_unlock(&mock->lock);
}

void mock_unplug(struct mock *mock, const char *name)
{
	struct piommu_sbdf sbdf = mock_sbdf(name);

	pthread_mutex_lock(&mock->lock);
	for (unsigned i = 0; i < mock->nfns; i++)
		if (!piommu_sbdf_compare(mock->fns[i].sbdf, sbdf))
			mock->fns[i--] = mock->fns[--mock->nfns];
	pthread_mutex_unlock(&mock->lock);
}

void mock_plug_node(struct mock *mock, const char *name, uint32_t id)
{
	struct piommu_node node = { .ids = { { .id = id } }, .nids = 1 };

	snprintf(node.name, sizeof(node.name), "%s", name);
	pthread_mutex_lock(&mock->lock);
	if (mock->nnodes < sizeof(mock->nodes) / sizeof(mock->nodes[0]))
		mock->nodes[mock->nnodes++] = node;
	pthread_mutex_unlock(&mock->lock);
}

void mock_unplug_node(struct mock *mock, const char *name)
{
	pthread_mutex_lock(&mock->lock);
	for (unsigned i = 0; i < mock->nnodes; i++)
		if (!strcmp(mock->nodes[i].name, name))
			mock->nodes[i--] = mock->nodes[--mock->nnodes];
	pthread_mutex_unlock(&mock->lock);
}

void mock_own(struct mock *mock, const char *name, const char *unit)
{
	pthread_mutex_lock(&mock->lock);
	snprintf(mock_slot(mock, name)->owner, sizeof(mock->slots[0].owner), "%s", unit ? unit : "");
	pthread_mutex_unlock(&mock->lock);
}

void mock_own_three(struct mock *mock, const char *unit)
{
	mock_own(mock, "0001:00:01.0", unit);
	mock_own(mock, "0001:00:02.0", unit);
	mock_own(mock, "0001:00:03.0", unit);
}

void mock_init(struct mock *mock)
{
	/* In no order: groups are numbered by address all the same. */
	static const char *const there[] = { "0001:00:03.0", "0000:00:1c.0", "0000:00:05.1", "0002:00:01.0",
					     "0001:00:05.1", "0000:00:04.0", "0001:00:01.0", "0000:01:00.0",
					     "0000:00:05.0", "0001:00:05.0", "0001:00:02.0" };

	memset(mock, 0, sizeof(*mock));
	pthread_mutex_init(&mock->lock, NULL);
	mock->plat.ops = &mock_platform_ops;
	memcpy(mock->dmar, dmar, sizeof(dmar));
	CU_ASSERT_FATAL(!piommu_env_heap_create(64u << 20, UINT64_C(4) << 30, &mock->mem));
	mock->plat.va_off = piommu_env_mem_va_off(mock->mem);
	mock_drivers_init(mock);
	for (unsigned i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		mock_plug(mock, there[i]);
}

void mock_fini(struct mock *mock)
{
	CHECK_EQ(mock->ndomains, 0);
	for (unsigned i = 0; i < mock->nslots; i++) {
		if (mock->slots[i].taken)
			printf("mock: %s was never released\n", mock->slots[i].name);
		CHECK_EQ(mock->slots[i].taken, 0);
	}
	if (mock->broken[0])
		printf("mock: %s\n", mock->broken);
	CHECK_EQ(mock->broken[0] != '\0', false);
	piommu_env_mem_destroy(mock->mem);
	pthread_mutex_destroy(&mock->lock);
}

struct piommu_config mock_config(struct mock *mock)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;

	config.drivers = mock->table;
	config.platforms = NULL;
	config.platform = NULL;
	config.instance = &mock->plat;
	config.log = (struct piommu_log){ remember, mock, PIOMMU_LOG_WARN };
	return config;
}
