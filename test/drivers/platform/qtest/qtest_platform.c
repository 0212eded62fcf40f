/* SPDX-License-Identifier: BSD-3-Clause */
/* The platform seam (piommu_driver.h) over a running QEMU. One thread at a time. */
#include <errno.h>
#include <stdlib.h>

#include "qtest_machine.h"

const struct qtest_board *qtest_board_of(enum piommu_family family)
{
	static const struct qtest_board *const boards[] = { &qtest_vtd_board, &qtest_smmuv3_board };

	for (unsigned i = 0; i < sizeof(boards) / sizeof(boards[0]); i++)
		if (boards[i]->family == family)
			return boards[i];
	return NULL;
}

const char *qtest_absent(enum piommu_family family)
{
	const struct qtest_board *board = qtest_board_of(family);
	char path[512];

	if (!board)
		return "QEMU models no IOMMU of this family";
	return qtest_qemu_find(board, path, sizeof(path)) ? board->absent : NULL;
}

uint32_t qtest_unit_read32(struct qtest *qt, unsigned off)
{
	return (uint32_t)qtest_mmio_read(&qt->link, qt->board->unit_base + off, 4);
}

uint64_t qtest_unit_read64(struct qtest *qt, unsigned off)
{
	return qtest_mmio_read(&qt->link, qt->board->unit_base + off, 8);
}

void qtest_unit_write32(struct qtest *qt, unsigned off, uint32_t value)
{
	qtest_mmio_write(&qt->link, qt->board->unit_base + off, 4, value);
}

void qtest_unit_write64(struct qtest *qt, unsigned off, uint64_t value)
{
	qtest_mmio_write(&qt->link, qt->board->unit_base + off, 8, value);
}

bool qtest_blocked(struct qtest *qt)
{
	return qt->board->blocked(qt);
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

	if (unit->base != qt->board->unit_base)
		return -ENOENT;
	*out = (struct piommu_unit_facts){ .route = "qtest" };
	if (qt->board->facts)
		qt->board->facts(qt, out);
	return 0;
}

static int window_map(struct piommu_platform *plat, const struct piommu_fw_unit *unit, enum piommu_window_access access,
		      struct piommu_window *out)
{
	struct qtest *qt = (struct qtest *)plat;

	if (unit->base != qt->board->unit_base) {
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
	const struct qtest_board *board = ((struct qtest *)plat)->board;
	struct piommu_span *spans = calloc(2, sizeof(*spans));

	if (!spans)
		return -ENOMEM;
	spans[0] = (struct piommu_span){ board->ram_base, board->ram_base + QTEST_RAM_BYTES - 1 };
	spans[1] = board->bars;
	*out = spans;
	*n = 2;
	return 0;
}

/* A cheap access lets QEMU, on the same processor, go on. A sleep would cost ten times as much. */
static void relax(struct piommu_platform *plat)
{
	struct qtest *qt = (struct qtest *)plat;

	(void)qtest_unit_read32(qt, qt->board->quiet_register);
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
	const struct qtest_board *board = qtest_board_of(options->family);
	struct qtest *qt;
	int rc;

	if (!board)
		return -EINVAL;
	qt = calloc(1, sizeof(*qt));
	if (!qt)
		return -ENOMEM;
	qt->options = *options;
	qt->board = board;
	rc = qtest_qemu_start(qt);
	if (rc)
		goto stop;
	qt->plat = (struct piommu_platform){ &platform_ops, options->log, (uintptr_t)qt->ram - board->ram_base };
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
