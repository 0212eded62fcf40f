/* SPDX-License-Identifier: BSD-3-Clause */
/* The platform seam (piommu_driver.h) over a running QEMU. One thread at a time. */
#include <errno.h>
#include <stdlib.h>

#include "qtest_machine.h"

#define VTD_VER 0x00
#define VTD_CAP 0x08
#define VTD_ECAP 0x10
#define VTD_GSTS 0x1c

uint32_t qtest_vtd_read32(struct qtest *qt, unsigned off)
{
	return (uint32_t)qtest_mmio_read(&qt->link, QTEST_VTD_BASE + off, 4);
}

uint64_t qtest_vtd_read64(struct qtest *qt, unsigned off)
{
	return qtest_mmio_read(&qt->link, QTEST_VTD_BASE + off, 8);
}

void qtest_vtd_write32(struct qtest *qt, unsigned off, uint32_t value)
{
	qtest_mmio_write(&qt->link, QTEST_VTD_BASE + off, 4, value);
}

void qtest_vtd_write64(struct qtest *qt, unsigned off, uint64_t value)
{
	qtest_mmio_write(&qt->link, QTEST_VTD_BASE + off, 8, value);
}

static uint64_t window_read(struct piommu_window *window, unsigned off, unsigned width)
{
	struct qtest *qt = ((struct qtest_view *)window->ctx)->qt;

	return qtest_mmio_read(&qt->link, window->pa + off, width);
}

static void window_write(struct piommu_window *window, unsigned off, unsigned width, uint64_t value)
{
	struct qtest *qt = ((struct qtest_view *)window->ctx)->qt;

	qtest_mmio_write(&qt->link, window->pa + off, width, value);
}

static const struct piommu_window_ops window_ops = {
	.read = window_read,
	.write = window_write,
};

static int unit_facts(struct piommu_platform *plat, const struct piommu_fw_unit *unit, struct piommu_unit_facts *out)
{
	struct qtest *qt = (struct qtest *)plat;

	if (unit->base != QTEST_VTD_BASE)
		return -ENOENT;
	*out = (struct piommu_unit_facts){ .route = "qtest", .caps_known = true };
	out->cap[0] = qtest_vtd_read64(qt, VTD_CAP);
	out->cap[1] = qtest_vtd_read64(qt, VTD_ECAP);
	out->version = qtest_vtd_read32(qt, VTD_VER);
	return 0;
}

static int window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		      struct piommu_window *out)
{
	struct qtest *qt = (struct qtest *)plat;

	if (unit->base != QTEST_VTD_BASE) {
		log_err(plat->log, "%s: no registers at 0x%llx in this machine", unit->name, (unsigned long long)unit->base);
		return -ENOENT;
	}
	if (access == PIOMMU_WINDOW_CONTROL && qt->controlled) {
		log_err(plat->log, "%s: another manager drives this unit; destroy that one first", unit->name);
		return -EBUSY;
	}
	if (access == PIOMMU_WINDOW_CONTROL)
		qt->controlled = true;
	qt->view[access] = (struct qtest_view){ qt, access };
	*out = (struct piommu_window){ .pa = unit->base, .len = unit->len, .ops = &window_ops, .ctx = &qt->view[access] };
	return 0;
}

static void window_unmap(struct piommu_platform *plat, struct piommu_window *window)
{
	if (((struct qtest_view *)window->ctx)->access == PIOMMU_WINDOW_CONTROL)
		((struct qtest *)plat)->controlled = false;
}

static int mem_start(struct piommu_platform *plat)
{
	(void)plat; /* RAM is there from the start */
	return 0;
}

/* RAM, and the window that BARs come out of. */
static int phys_spans(struct piommu_platform *plat, struct piommu_span **out, size_t *n)
{
	struct piommu_span *spans = calloc(2, sizeof(*spans));

	(void)plat;
	if (!spans)
		return -ENOMEM;
	spans[0] = (struct piommu_span){ 0, QTEST_RAM_BYTES - 1 };
	spans[1] = (struct piommu_span){ QTEST_BAR_FIRST, QTEST_BAR_LAST };
	*out = spans;
	*n = 2;
	return 0;
}

/* A cheap access lets QEMU, on the same processor, go on. A sleep would cost ten times as much. */
static void relax(struct piommu_platform *plat)
{
	(void)qtest_vtd_read32((struct qtest *)plat, VTD_GSTS);
}

static void platform_close(struct piommu_platform *plat)
{
	qtest_close((struct qtest *)plat);
}

static const struct piommu_platform_ops platform_ops = {
	.name = "qtest",
	.fw_table = qtest_fw_table,
	.pci_functions = qtest_pci_functions,
	.cfg_read = qtest_cfg_read,
	.cfg_write = qtest_cfg_write,
	.unit_facts = unit_facts,
	.window_map = window_map,
	.window_unmap = window_unmap,
	.mem_start = mem_start,
	.mem_alloc = qtest_mem_alloc,
	.mem_free = qtest_mem_free,
	.mem_at = qtest_mem_at,
	.phys_spans = phys_spans,
	.relax = relax,
	.close = platform_close,
};

int qtest_open(const struct qtest_options *options, struct qtest **out)
{
	struct qtest *qt = calloc(1, sizeof(*qt));
	int rc;

	if (!qt)
		return -ENOMEM;
	qt->options = *options;
	rc = qtest_qemu_start(qt);
	if (rc)
		goto stop;
	qt->plat = (struct piommu_platform){ &platform_ops, options->log, (uintptr_t)qt->ram };
	rc = qtest_pci_setup(qt);
	if (!rc)
		rc = qtest_fw_setup(qt);
	if (rc)
		goto stop;
	*out = qt;
	return 0;
stop:
	qtest_close(qt);
	return rc;
}

void qtest_close(struct qtest *qt)
{
	if (!qt)
		return;
	qtest_fw_release(qt);
	qtest_qemu_stop(qt);
	free(qt);
}

struct piommu_platform *qtest_platform(struct qtest *qt)
{
	return &qt->plat;
}

struct piommu_span qtest_rmrr(const struct qtest *qt)
{
	return (struct piommu_span){ qt->rmrr.pa, qt->rmrr.pa + qt->rmrr.len - 1 };
}
