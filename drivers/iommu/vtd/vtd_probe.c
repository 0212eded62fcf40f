/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VT-d unit's life: found, its capabilities read, brought up, shut down. Everything that sets or clears a bit of GCMD is
 * here, but for the write-buffer flush. Slow path, one thread at a time for a unit.
 * Specification: 10 (programming considerations), 11.4.1 to 11.4.5, 11.4.8 (protected memory).
 */
#include <errno.h>
#include <stdlib.h>

#include "drivers.h"
#include "piommu_bringup.h"
#include "vtd.h"

#define INTERRUPT_FIRST UINT64_C(0xfee00000)
#define INTERRUPT_LAST UINT64_C(0xfeefffff)

static bool match(const struct piommu_fw_unit *fw)
{
	return fw->family == PIOMMU_FAMILY_VTD;
}

unsigned vtd_max_levels(uint64_t cap)
{
	uint64_t sagaw = field_get(VTD_CAP_SAGAW, cap) & (BIT64(1) | BIT64(2) | BIT64(3));

	return sagaw ? ilog2_u64(sagaw) + 2 : 0;
}

void vtd_writeback(const struct vtd *vtd, const void *va, size_t len)
{
	if (!vtd->unit->caps.coherent)
		piommu_plat_writeback(vtd->unit->plat, va, len);
}

uint64_t vtd_table_pa(const struct vtd *vtd, const void *table)
{
	return (uintptr_t)table - piommu_pool_va_off(vtd->unit->pool);
}

/* ---- Probe ------------------------------------------------------------------------------------------------------------------ */

/* Also called by enable: the kernel may have come back since probe. */
static int refuse_if_driven(struct vtd *vtd)
{
	const struct piommu_unit *unit = vtd->unit;
	uint32_t status = piommu_read32(vtd->window, VTD_GSTS);
	int err = piommu_bringup_alive(unit, status);

	if (err || !(status & (VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_IRE)))
		return err;
	log_err(unit->log,
		"%s: somebody drives it (status 0x%08x:%s%s%s on): the kernel, then boot with intel_iommu=off intremap=off on "
		"its command line; or a manager that was killed, then reboot",
		unit->name, status, status & VTD_GCMD_TE ? " translation" : "", status & VTD_GCMD_QIE ? " queue" : "",
		status & VTD_GCMD_IRE ? " interrupt remapping" : "");
	return -EBUSY;
}

static void fill_caps(struct piommu_unit *unit, uint64_t cap, uint64_t ecap)
{
	struct piommu_unit_caps *caps = &unit->caps;
	unsigned table_bits = 9 * vtd_max_levels(cap) + 12;
	unsigned guest_bits = (unsigned)field_get(VTD_CAP_MGAW, cap) + 1;
	unsigned host_bits = unit->host_address_width;
	unsigned nd = (unsigned)field_get(VTD_CAP_ND, cap);
	uint64_t large = field_get(VTD_CAP_SLLPS, cap);

	caps->iova_bits = guest_bits < table_bits ? guest_bits : table_bits;
	caps->pa_bits = host_bits && host_bits < 52 ? host_bits : 52;
	caps->page_sizes = BIT64(12) | (large & 1 ? BIT64(21) : 0) | (large & 2 ? BIT64(30) : 0);
	caps->ntags = nd >= 6 ? 65536 : 1u << (4 + 2 * nd);
	caps->first_tag = VTD_DID_FIRST;
	caps->passthrough = ecap & VTD_ECAP_PT;
	caps->coherent = ecap & VTD_ECAP_C;
	caps->caches_not_present = cap & VTD_CAP_CM;
	caps->queued = ecap & VTD_ECAP_QI;
	caps->hole = (struct piommu_span){ INTERRUPT_FIRST, INTERRUPT_LAST };
}

static int check_window(const struct vtd *vtd)
{
	uint64_t faults_end = 16 * (field_get(VTD_CAP_FRO, vtd->cap) + field_get(VTD_CAP_NFR, vtd->cap) + 1);
	uint64_t iotlb_end = 16 * (field_get(VTD_ECAP_IRO, vtd->ecap) + 1);

	return piommu_bringup_reaches(vtd->unit, vtd->window, faults_end > iotlb_end ? faults_end : iotlb_end);
}

static int read_caps(struct vtd *vtd)
{
	struct piommu_unit *unit = vtd->unit;

	vtd->cap = piommu_read64(vtd->window, VTD_CAP);
	vtd->ecap = piommu_read64(vtd->window, VTD_ECAP);
	if (!vtd_max_levels(vtd->cap)) {
		log_err(unit->log, "%s: translates no addresses (CAP 0x%016llx has no usable SAGAW), it only remaps interrupts",
			unit->name, (unsigned long long)vtd->cap);
		return -ENOTSUP;
	}
	fill_caps(unit, vtd->cap, vtd->ecap);
	return check_window(vtd);
}

static int probe(struct piommu_unit *unit, struct piommu_window *window)
{
	struct vtd *vtd = calloc(1, sizeof(*vtd));
	int err;

	if (!vtd)
		return -ENOMEM;
	vtd->unit = unit;
	vtd->window = window;
	err = refuse_if_driven(vtd);
	if (!err)
		err = read_caps(vtd);
	if (err) {
		free(vtd);
		return err;
	}
	unit->priv = vtd;
	return 0;
}

static void remove_unit(struct piommu_unit *unit)
{
	struct vtd *vtd = vtd_of(unit);

	if (!vtd)
		return;
	vtd_inv_destroy(vtd);
	unit->priv = NULL;
	free(vtd);
}

/* ---- Bring-up and shutdown ---------------------------------------------------------------------------------------------------- */

/* One bit at a time on top of what the status says is on, and wait for it (11.4.4.1). */
static int command(struct vtd *vtd, uint32_t bit, bool on)
{
	uint32_t status = piommu_read32(vtd->window, VTD_GSTS);
	uint32_t kept = status & ~VTD_GSTS_ONE_SHOT;

	if (status == UINT32_MAX)
		return -EIO;
	piommu_write32(vtd->window, VTD_GCMD, on ? kept | bit : kept & ~bit);
	return piommu_wait32(vtd->unit, vtd->window, VTD_GSTS, bit, on ? bit : 0);
}

static int set_root(struct vtd *vtd, uint64_t rtaddr)
{
	piommu_write64(vtd->window, VTD_RTADDR, rtaddr);
	return command(vtd, VTD_GCMD_SRTP, true);
}

static int queue_start(struct vtd *vtd)
{
	const struct vtd_inv *inv = &vtd->inv;

	if (!inv->ring)
		return 0;
	piommu_write32(vtd->window, VTD_IECTL, VTD_IECTL_IM);
	piommu_write64(vtd->window, VTD_IQT, 0);
	piommu_write64(vtd->window, VTD_IQA, inv->mem.pa | field_prep(VTD_IQA_QS, VTD_QUEUE_LG2 - 8));
	vtd->queue_on = true;
	return command(vtd, VTD_GCMD_QIE, true);
}

static int queue_stop(struct vtd *vtd)
{
	uint64_t tail = piommu_read64(vtd->window, VTD_IQT);
	int err = piommu_wait64(vtd->unit, vtd->window, VTD_IQH, VTD_IQ_INDEX, tail & VTD_IQ_INDEX);

	/* A queue that has stopped is switched off all the same: it is why we are here, more often than not. */
	if (err == -ETIMEDOUT)
		log_warn(vtd->unit->log, "%s: invalidation queue still holds descriptors, switching it off", vtd->unit->name);
	err = command(vtd, VTD_GCMD_QIE, false);
	if (err)
		return err;
	piommu_write64(vtd->window, VTD_IQA, vtd->found.iqa);
	piommu_write32(vtd->window, VTD_IECTL, vtd->found.iectl);
	vtd->queue_on = false;
	return 0;
}

static bool has_protected_memory(const struct vtd *vtd)
{
	return vtd->cap & (VTD_CAP_PLMR | VTD_CAP_PHMR);
}

static int protect_memory(struct vtd *vtd, bool on)
{
	uint32_t pmen = piommu_read32(vtd->window, VTD_PMEN);

	piommu_write32(vtd->window, VTD_PMEN, on ? pmen | VTD_PMEN_EPM : pmen & ~VTD_PMEN_EPM);
	return piommu_wait32(vtd->unit, vtd->window, VTD_PMEN, VTD_PMEN_PRS, on ? VTD_PMEN_PRS : 0);
}

static void remember(struct vtd *vtd)
{
	struct vtd_found *found = &vtd->found;

	found->rtaddr = piommu_read64(vtd->window, VTD_RTADDR);
	found->fectl = piommu_read32(vtd->window, VTD_FECTL);
	if (vtd->unit->caps.queued) {
		found->iqa = piommu_read64(vtd->window, VTD_IQA);
		found->iectl = piommu_read32(vtd->window, VTD_IECTL);
	}
	if (has_protected_memory(vtd))
		found->pmen = piommu_read32(vtd->window, VTD_PMEN);
}

static int turn_on(struct vtd *vtd)
{
	int err;

	vtd_fault_reset(vtd);
	err = vtd_inv_write_buffers(vtd);
	if (!err)
		err = queue_start(vtd);
	if (err)
		return err;
	vtd->root_set = true;
	err = set_root(vtd, vtd_table_pa(vtd, vtd->root));
	if (!err)
		err = vtd_inv_all(vtd); /* after a new root pointer, before translation (11.4.5) */
	if (err)
		return err;
	vtd->translation_on = true;
	err = command(vtd, VTD_GCMD_TE, true);
	if (err)
		return err;
	if (!(vtd->found.pmen & VTD_PMEN_EPM))
		return 0;
	/* Only now: until translation was on, these ranges were all that kept devices from firmware's memory. */
	vtd->pmen_off = true;
	return protect_memory(vtd, false);
}

/* Undoes as much of turn_on() as was done. What the unit may still use is not taken from under it. */
static int turn_off(struct vtd *vtd)
{
	int err = 0;

	if (vtd->pmen_off) {
		err = protect_memory(vtd, true);
		vtd->pmen_off = err != 0;
	}
	if (vtd->translation_on) {
		int off = command(vtd, VTD_GCMD_TE, false);

		if (off)
			return off; /* it goes on translating: leave it its queue and its root table */
		vtd->translation_on = false;
	}
	if (vtd->queue_on) {
		int stopped = queue_stop(vtd);

		err = err ? err : stopped;
	}
	if (vtd->root_set) {
		int root = set_root(vtd, vtd->found.rtaddr);

		vtd->root_set = root != 0;
		err = err ? err : root;
	}
	piommu_write32(vtd->window, VTD_FECTL, vtd->found.fectl);
	return err;
}

static void free_memory(struct vtd *vtd)
{
	vtd_inv_destroy(vtd);
	vtd_tables_destroy(vtd);
	vtd_identity_destroy(vtd);
}

/* @return 0: the unit holds nothing of ours any more, it is freed; -EIO: it may, so it stays allocated */
static int give_back(struct vtd *vtd)
{
	int err = piommu_bringup_undone(vtd->unit, turn_off(vtd));

	if (!err)
		free_memory(vtd);
	return err;
}

static int enable(struct piommu_unit *unit)
{
	struct vtd *vtd = vtd_of(unit);
	int err = refuse_if_driven(vtd);

	if (err)
		return err;
	remember(vtd);
	if (!unit->caps.passthrough)
		err = vtd_identity_create(vtd);
	if (!err)
		err = vtd_tables_create(vtd);
	if (!err)
		err = vtd_inv_create(vtd);
	if (err) {
		free_memory(vtd);
		return err;
	}
	err = turn_on(vtd);
	if (!err)
		return 0;
	log_err(unit->log, "%s: was not brought up: %s (status 0x%08x)", unit->name,
		err == -ETIMEDOUT ? "a command was not acknowledged in time" : "it reports an error",
		piommu_read32(vtd->window, VTD_GSTS));
	/* Translation that was asked for and not acknowledged may still come on by itself. */
	vtd->unit->keep_memory = vtd->translation_on && err == -ETIMEDOUT;
	give_back(vtd);
	return err;
}

static int shutdown_unit(struct piommu_unit *unit)
{
	struct vtd *vtd = vtd_of(unit);

	if (!vtd->root)
		return vtd->unit->keep_memory ? -EIO : 0; /* never enabled, or shut down before */
	return give_back(vtd);
}

const struct piommu_driver vtd_driver = {
	.name = "vtd",
	.family = PIOMMU_FAMILY_VTD,
	.match = match,
	.probe = probe,
	.remove = remove_unit,
	.enable = enable,
	.shutdown = shutdown_unit,
	.domain_create = vtd_domain_create,
	.domain_fits = vtd_domain_fits,
	.attach = vtd_attach,
	.flush_tag = vtd_flush_tag,
	.poll = vtd_poll,
	.decode = vtd_decode,
	.walk = vtd_walk,
	.describe = vtd_describe,
	.version = vtd_version,
	.fence_done = vtd_fence_done,
	.fence_wait = vtd_fence_wait,
	.inv_stats = vtd_inv_stats,
};
