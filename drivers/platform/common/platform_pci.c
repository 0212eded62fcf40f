/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libpci behind a narrow interface: saved dumps as the decoder of lib/topo wants them, names. libpci reports errors through
 * a function that must not return, and knows nothing of a caller's context: the errors of a call come back by longjmp to
 * the thread that made it, so no call is made with something held that only its return would let go.
 */
#include "platform_pci.h"

#include <errno.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform_sriov.h"

#define CFG_SPACE 4096u

struct platform_pci {
	struct pci_access *acc;
	const struct piommu_log *log;
};

struct escape {
	jmp_buf env;
	char text[160];
};

static _Thread_local struct escape *escape;

static void __attribute__((noreturn, format(printf, 1, 2))) on_error(char *fmt, ...)
{
	va_list args;

	if (!escape)
		abort(); /* libpci ran out of memory in a call that cannot fail otherwise */
	va_start(args, fmt);
	vsnprintf(escape->text, sizeof(escape->text), fmt, args);
	va_end(args);
	longjmp(escape->env, 1);
}

static void __attribute__((format(printf, 1, 2))) on_warning(char *fmt, ...)
{
	(void)fmt; /* what cannot be read shows as unknown */
}

/* Runs `op` and turns libpci's errors into -EIO and one line. What libpci allocated on the way may be lost. */
static int guarded(const struct platform_pci *pci, void (*op)(void *ctx), void *ctx)
{
	struct escape here;

	if (setjmp(here.env) != 0) {
		escape = NULL;
		log_warn(pci->log, "pci: %s", here.text);
		return -EIO;
	}
	escape = &here;
	op(ctx);
	escape = NULL;
	return 0;
}

static int create(const struct piommu_log *log, struct platform_pci **out)
{
	struct platform_pci *pci = calloc(1, sizeof(*pci));

	if (!pci)
		return -ENOMEM;
	pci->log = log;
	pci->acc = pci_alloc();
	pci->acc->error = on_error;
	pci->acc->warning = on_warning;
	pci->acc->debug = on_warning;
	*out = pci;
	return 0;
}

static void scan(void *ctx)
{
	struct platform_pci *pci = ctx;

	pci_init(pci->acc);
	pci_scan_bus(pci->acc);
}

int platform_pci_open_dump(const struct piommu_log *log, const char *path, struct platform_pci **out)
{
	char name[] = "dump.name"; /* libpci wants both as plain char and copies them */
	struct platform_pci *pci;
	char *value;
	int err = create(log, &pci);

	if (err)
		return err;
	pci->acc->method = PCI_ACCESS_DUMP;
	value = strdup(path);
	err = value ? 0 : -ENOMEM;
	if (!err)
		pci_set_param(pci->acc, name, value);
	free(value);
	if (!err)
		err = guarded(pci, scan, pci);
	if (err) {
		platform_pci_close(pci);
		return err;
	}
	*out = pci;
	return 0;
}

int platform_pci_open_names(const struct piommu_log *log, struct platform_pci **out)
{
	return create(log, out);
}

void platform_pci_close(struct platform_pci *pci)
{
	if (!pci)
		return;
	pci_cleanup(pci->acc);
	free(pci);
}

static struct piommu_sbdf sbdf_of(const struct pci_dev *dev)
{
	return (struct piommu_sbdf){
		.segment = (uint32_t)dev->domain,
		.bus = dev->bus,
		.devfn = (uint8_t)(dev->dev << 3 | dev->func),
	};
}

static struct pci_dev *find(const struct platform_pci *pci, struct piommu_sbdf sbdf)
{
	struct pci_dev *dev = pci->acc->devices;

	while (dev && piommu_sbdf_compare(sbdf_of(dev), sbdf) != 0)
		dev = dev->next;
	return dev;
}

bool platform_pci_is_access(unsigned off, unsigned width)
{
	return (width == 1 || width == 2 || width == 4) && off <= CFG_SPACE - width;
}

uint32_t platform_pci_value(const uint8_t bytes[4])
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static int read_dev(struct pci_dev *dev, unsigned off, unsigned width, uint32_t *value)
{
	uint8_t bytes[4] = { 0 };

	if (!platform_pci_is_access(off, width))
		return -EINVAL;
	if (!pci_read_block(dev, (int)off, bytes, (int)width))
		return -EACCES;
	*value = platform_pci_value(bytes);
	return 0;
}

int platform_pci_read(struct platform_pci *pci, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	struct pci_dev *dev = find(pci, sbdf);

	return dev ? read_dev(dev, off, width, value) : -ENOENT;
}

/* All functions of a machine on their way to facts. */
struct listing {
	struct platform_pci *pci;
	struct pci_dev *dev; /* the one at work */
	struct platform_sriov *pfs;
	size_t npfs;
	struct piommu_pci_function *fns;
	size_t n;
	int err;
};

/* A virtual function's own ids read as all ones (PCIe 9.3.4.1.1): its physical function has them. */
static int read_for_decode(void *ctx, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	struct pci_dev *dev = ctx;
	int err = read_dev(dev, off, width, value);

	(void)sbdf;
	if (!err && off == PCI_VENDOR_ID && width == 4 && *value == UINT32_MAX)
		*value = (uint32_t)dev->device_id << 16 | dev->vendor_id;
	return err;
}

static void find_pf(void *ctx)
{
	struct listing *l = ctx;

	pci_fill_info(l->dev, PCI_FILL_IDENT);
	l->npfs += platform_sriov_read(l->dev, &l->pfs[l->npfs]);
}

/* Gives a virtual function that has no ids those that its physical function states. */
static const struct pci_dev *adopt(const struct listing *l, struct pci_dev *dev)
{
	for (size_t i = 0; i < l->npfs; i++) {
		if (dev->vendor_id != 0xffff || !platform_sriov_owns(&l->pfs[i], dev))
			continue;
		dev->vendor_id = l->pfs[i].pf->vendor_id;
		dev->device_id = l->pfs[i].device;
		return l->pfs[i].pf;
	}
	return NULL;
}

static void decode(void *ctx)
{
	struct listing *l = ctx;
	struct piommu_pci_function *fn = &l->fns[l->n];
	const struct pci_dev *pf;

	pci_fill_info(l->dev, PCI_FILL_IDENT);
	pf = adopt(l, l->dev);
	l->err = piommu_topo_decode_function(read_for_decode, l->dev, sbdf_of(l->dev), fn);
	if (l->err || !pf)
		return;
	fn->is_virtfn = true;
	fn->physfn = sbdf_of(pf);
}

struct naming {
	struct platform_pci *pci;
	struct piommu_pci_function *fn;
};

static void look_up(void *ctx)
{
	const struct naming *naming = ctx;
	struct piommu_pci_function *fn = naming->fn;
	char text[sizeof(fn->name)];

	if (pci_lookup_name(naming->pci->acc, text, sizeof(text), PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE, fn->vendor,
			    fn->device))
		memcpy(fn->name, text, sizeof(text));
}

void platform_pci_name(struct platform_pci *pci, struct piommu_pci_function *fn)
{
	struct naming naming = { pci, fn };

	if (fn->vendor)
		guarded(pci, look_up, &naming); /* the list may have a line that makes no sense */
}

static int compare_functions(const void *a, const void *b)
{
	const struct piommu_pci_function *left = a;
	const struct piommu_pci_function *right = b;

	return piommu_sbdf_compare(left->sbdf, right->sbdf);
}

void platform_pci_sort(struct piommu_pci_function *fns, size_t n)
{
	if (n)
		qsort(fns, n, sizeof(*fns), compare_functions);
}

static void decode_all(struct listing *l)
{
	char bdf[PIOMMU_SBDF_STRLEN];

	for (l->dev = l->pci->acc->devices; l->dev; l->dev = l->dev->next)
		guarded(l->pci, find_pf, l);
	for (l->dev = l->pci->acc->devices; l->dev; l->dev = l->dev->next) {
		int err = guarded(l->pci, decode, l);

		if (!err && l->err == -EACCES)
			log_warn(l->pci->log, "pci: %s: no configuration space to read; left out",
				 piommu_sbdf_format(sbdf_of(l->dev), bdf));
		if (err || l->err)
			continue; /* gone, or not there: the others still count */
		platform_pci_name(l->pci, &l->fns[l->n++]);
	}
}

int platform_pci_functions(struct platform_pci *pci, struct piommu_pci_function **out, size_t *n)
{
	struct listing l = { .pci = pci };
	size_t count = 1;

	for (const struct pci_dev *dev = pci->acc->devices; dev; dev = dev->next)
		count++;
	l.fns = calloc(count, sizeof(*l.fns));
	l.pfs = calloc(count, sizeof(*l.pfs));
	if (!l.fns || !l.pfs) {
		free(l.fns);
		free(l.pfs);
		return -ENOMEM;
	}
	decode_all(&l);
	free(l.pfs);
	platform_pci_sort(l.fns, l.n);
	*out = l.fns;
	*n = l.n;
	return 0;
}
