/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An SMMUv3 unit's life: found, its capabilities read, brought up, shut down. Everything that sets or clears a bit of CR0 is
 * here. Slow path, one thread at a time for a unit.
 * Specification: 3.11 (reset, enable and initialisation), 6.3 (registers, and when each may be written).
 */
#include <errno.h>
#include <stdlib.h>

#include "arm_group.h"
#include "drivers.h"
#include "piommu_bringup.h"
#include "smmuv3.h"

static bool match(const struct piommu_fw_unit *fw)
{
	return fw->family == PIOMMU_FAMILY_SMMUV3;
}

void smmuv3_writeback(const struct smmuv3 *smmu, const void *va, size_t len)
{
	if (!smmu->unit->caps.coherent)
		piommu_plat_writeback(smmu->unit->plat, va, len);
}

/* ---- Probe ------------------------------------------------------------------------------------------------------------------ */

/* Also called by enable: the kernel may have come back since probe. */
static int refuse_if_driven(struct smmuv3 *smmu)
{
	const struct piommu_unit *unit = smmu->unit;
	uint32_t cr0 = piommu_read32(smmu->window, SMMUV3_CR0);
	int err = piommu_bringup_alive(unit, cr0);

	if (err || !(cr0 & SMMUV3_CR0_ENABLES))
		return err;
	log_err(unit->log,
		"%s: somebody drives it (CR0 0x%08x:%s%s%s%s on): the kernel, then boot with "
		"initcall_blacklist=arm_smmu_driver_init on its command line; or a manager that was killed, then reboot",
		unit->name, cr0, cr0 & SMMUV3_CR0_SMMUEN ? " translation" : "", cr0 & SMMUV3_CR0_CMDQEN ? " command queue" : "",
		cr0 & SMMUV3_CR0_EVENTQEN ? " event queue" : "", cr0 & SMMUV3_CR0_PRIQEN ? " page request queue" : "");
	return -EBUSY;
}

static int refuse(const struct smmuv3 *smmu, const char *why)
{
	log_err(smmu->unit->log, "%s: cannot be driven: %s (IDR0 0x%08x, IDR1 0x%08x, IDR5 0x%08x)", smmu->unit->name, why,
		smmu->idr0, smmu->idr1, smmu->idr5);
	return -ENOTSUP;
}

static bool has_two_levels(const struct smmuv3 *smmu)
{
	return field_get32(SMMUV3_IDR0_ST_LEVEL, smmu->idr0) == 1;
}

/* What this driver would need, and the unit does not have. NULL: nothing. */
static const char *what_is_missing(const struct smmuv3 *smmu)
{
	uint32_t idr0 = smmu->idr0;
	uint32_t idr1 = smmu->idr1;

	if (idr1 & SMMUV3_IDR1_TABLES_PRESET)
		return "its stream table is fixed in hardware (TABLES_PRESET)";
	if (idr1 & SMMUV3_IDR1_QUEUES_PRESET)
		return "its queues are fixed in hardware (QUEUES_PRESET)";
	if (!(idr0 & (SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P)))
		return "it has no translation stage";
	if (!(field_get32(SMMUV3_IDR0_TTF, idr0) & SMMUV3_TTF_AARCH64))
		return "it walks no AArch64 page tables (TTF)";
	if (field_get32(SMMUV3_IDR0_TTENDIAN, idr0) == SMMUV3_TTENDIAN_BIG)
		return "it walks big-endian page tables only (TTENDIAN)";
	if (field_get32(SMMUV3_IDR0_STALL_MODEL, idr0) == SMMUV3_STALL_FORCED)
		return "it stalls every access that faults, until software answers (STALL_MODEL)";
	if (!(smmu->idr5 & (SMMUV3_IDR5_GRAN4K | SMMUV3_IDR5_GRAN16K | SMMUV3_IDR5_GRAN64K)))
		return "it has no page size";
	if (field_get32(SMMUV3_IDR1_SIDSIZE, idr1) > 32)
		return "its stream ids are wider than 32 bits";
	if (field_get32(SMMUV3_IDR1_SIDSIZE, idr1) > SMMUV3_LINEAR_MAX && !has_two_levels(smmu))
		return "a linear stream table for its stream ids would be too large (SIDSIZE, ST_LEVEL)";
	if (field_get32(SMMUV3_IDR1_CMDQS, idr1) < 2)
		return "its command queue has no room for a command and its CMD_SYNC (CMDQS)";
	return NULL;
}

static uint64_t page_sizes(unsigned granule_lg2)
{
	switch (granule_lg2) {
	case 12:
		return BIT64(12) | BIT64(21) | BIT64(30);
	case 14:
		return BIT64(14) | BIT64(25);
	default:
		return BIT64(16) | BIT64(29);
	}
}

static void choose_granule(struct smmuv3 *smmu)
{
	unsigned oas = field_get32(SMMUV3_IDR5_OAS, smmu->idr5);
	unsigned widest;

	smmu->granule_lg2 = smmu->idr5 & SMMUV3_IDR5_GRAN4K ? 12 : smmu->idr5 & SMMUV3_IDR5_GRAN16K ? 14 : 16;
	widest = smmu->granule_lg2 == 16 ? 6 : 5; /* 52 bits fit an entry of 64 KiB tables, 48 the others */
	smmu->oas = oas < widest ? oas : widest;
}

/*
 * IORT's flag adds to what the register says (DEN0049). A device tree's word is the last: what it does not call coherent is not, whatever
 * the unit could do on another bus.
 */
static bool is_coherent(const struct smmuv3 *smmu)
{
	const struct piommu_unit *unit = smmu->unit;
	bool could = smmu->idr0 & SMMUV3_IDR0_COHACC;
	bool stated = unit->fw->flags & PIOMMU_FW_UNIT_COHERENT;

	if (!unit->fw->path)
		return could || stated;
	if (could != stated)
		log_info(unit->log,
			 "%s: snoops by its registers: %s (COHACC); by the device tree: %s (dma-coherent), which counts",
			 unit->name, could ? "yes" : "no", stated ? "yes" : "no");
	return stated;
}

static void fill_caps(struct smmuv3 *smmu)
{
	struct piommu_unit *unit = smmu->unit;
	struct piommu_unit_caps *caps = &unit->caps;
	unsigned pa_bits = smmuv3_address_bits(smmu->oas);
	unsigned host_bits = unit->host_address_width;
	bool wide_tags = smmu->idr0 & (smmu->stage2 ? SMMUV3_IDR0_VMID16 : SMMUV3_IDR0_ASID16);

	caps->iova_bits = smmuv3_iova_bits(smmu);
	caps->pa_bits = host_bits && host_bits < pa_bits ? host_bits : pa_bits;
	caps->page_sizes = page_sizes(smmu->granule_lg2);
	caps->ntags = wide_tags ? 65536 : 256;
	caps->first_tag = SMMUV3_TAG_FIRST;
	caps->passthrough = true;
	caps->coherent = is_coherent(smmu);
	caps->caches_not_present = false;
	caps->queued = true;
	caps->hole = (struct piommu_span){ 1, 0 };
}

static int read_caps(struct smmuv3 *smmu)
{
	struct piommu_window *window = smmu->window;
	const char *missing;

	smmu->idr0 = piommu_read32(window, SMMUV3_IDR0);
	smmu->idr1 = piommu_read32(window, SMMUV3_IDR1);
	smmu->idr3 = piommu_read32(window, SMMUV3_IDR3);
	smmu->idr5 = piommu_read32(window, SMMUV3_IDR5);
	smmu->events.regs = smmu->unit->fw->flags & PIOMMU_FW_UNIT_ONE_PAGE ? 0 : SMMUV3_PAGE1;
	missing = what_is_missing(smmu);
	if (missing)
		return refuse(smmu, missing);
	smmu->stage2 = !(smmu->idr0 & SMMUV3_IDR0_S1P);
	choose_granule(smmu);
	fill_caps(smmu);
	return piommu_bringup_reaches(smmu->unit, window, smmu->events.regs + SMMUV3_EVENTQ_CONS + 4);
}

static int probe(struct piommu_unit *unit, struct piommu_window *window)
{
	struct smmuv3 *smmu = calloc(1, sizeof(*smmu));
	int err;

	if (!smmu)
		return -ENOMEM;
	smmu->unit = unit;
	smmu->window = window;
	err = refuse_if_driven(smmu);
	if (!err)
		err = read_caps(smmu);
	if (err) {
		free(smmu);
		return err;
	}
	unit->priv = smmu;
	return 0;
}

/* What hardware may still use stays allocated, where unit->keep_memory says so. */
static void free_memory(struct smmuv3 *smmu)
{
	smmuv3_events_destroy(smmu);
	smmuv3_inv_destroy(smmu);
	smmuv3_tables_destroy(smmu);
}

static void remove_unit(struct piommu_unit *unit)
{
	struct smmuv3 *smmu = smmuv3_of(unit);

	if (!smmu)
		return;
	free_memory(smmu);
	unit->priv = NULL;
	free(smmu);
}

/* ---- Bring-up and shutdown ---------------------------------------------------------------------------------------------------- */

/* Until the unit has followed in the bits of `mask`. */
static int set_cr0(struct smmuv3 *smmu, uint32_t value, uint32_t mask)
{
	piommu_write32(smmu->window, SMMUV3_CR0, value);
	return piommu_wait32(smmu->unit, smmu->window, SMMUV3_CR0ACK, mask, value & mask);
}

/* Whether the unit was asked for something that it has not done, and may do yet. */
static bool has_unfollowed(struct smmuv3 *smmu)
{
	uint32_t asked = piommu_read32(smmu->window, SMMUV3_CR0);
	uint32_t done = piommu_read32(smmu->window, SMMUV3_CR0ACK);

	return (asked ^ done) & SMMUV3_CR0_ENABLES;
}

static int set_interrupts(struct smmuv3 *smmu, uint32_t value)
{
	piommu_write32(smmu->window, SMMUV3_IRQ_CTRL, value);
	return piommu_wait32(smmu->unit, smmu->window, SMMUV3_IRQ_CTRLACK, UINT32_MAX, value);
}

static void remember(struct smmuv3 *smmu)
{
	struct piommu_window *window = smmu->window;
	struct smmuv3_found *found = &smmu->found;

	found->cr0 = piommu_read32(window, SMMUV3_CR0);
	found->cr1 = piommu_read32(window, SMMUV3_CR1);
	found->cr2 = piommu_read32(window, SMMUV3_CR2);
	found->strtab_base = piommu_read64(window, SMMUV3_STRTAB_BASE);
	found->strtab_cfg = piommu_read32(window, SMMUV3_STRTAB_BASE_CFG);
	found->cmdq_base = piommu_read64(window, SMMUV3_CMDQ_BASE);
	found->eventq_base = piommu_read64(window, SMMUV3_EVENTQ_BASE);
	found->irq_ctrl = piommu_read32(window, SMMUV3_IRQ_CTRL);
}

/* Errors from before our time are acknowledged: what follows them is news. */
static void forget_errors(struct smmuv3 *smmu)
{
	uint32_t gerror = piommu_read32(smmu->window, SMMUV3_GERROR);

	piommu_write32(smmu->window, SMMUV3_GERRORN, gerror);
	atomic_store_explicit(&smmu->inv.gerrorn, gerror, memory_order_relaxed);
	smmu->lost = false;
}

/* What may only be written while everything is off (6.3.9 and on). GBPA is not ours: until SMMUEN is set, it rules as before. */
static void set_up(struct smmuv3 *smmu)
{
	struct piommu_window *window = smmu->window;

	piommu_write32(window, SMMUV3_CR1, smmuv3_cr1(smmu->unit->caps.coherent));
	piommu_write32(window, SMMUV3_CR2, SMMUV3_CR2_PTM | SMMUV3_CR2_RECINVSID);
	piommu_write64(window, SMMUV3_STRTAB_BASE, smmuv3_strtab_base(smmu));
	piommu_write32(window, SMMUV3_STRTAB_BASE_CFG, smmuv3_strtab_cfg(smmu));
	piommu_write64(window, SMMUV3_CMDQ_BASE,
		       smmu->inv.mem.pa | SMMUV3_QUEUE_ALLOCATE | field_prep(SMMUV3_QUEUE_LOG2SIZE, smmu->inv.nslots_lg2));
	piommu_write32(window, SMMUV3_CMDQ_PROD, 0);
	piommu_write32(window, SMMUV3_CMDQ_CONS, 0);
	smmuv3_events_start(smmu);
}

static int turn_on(struct smmuv3 *smmu)
{
	uint32_t cr0 = smmu->found.cr0;
	int err;

	smmu->touched = true;
	err = set_interrupts(smmu, 0);
	if (err)
		return err;
	forget_errors(smmu);
	set_up(smmu);
	cr0 |= SMMUV3_CR0_CMDQEN;
	err = set_cr0(smmu, cr0, SMMUV3_CR0_ENABLES);
	if (!err)
		err = smmuv3_inv_all(smmu); /* nothing that is cached is ours, and caches start as they like (3.11) */
	if (err)
		return err;
	cr0 |= SMMUV3_CR0_EVENTQEN;
	err = set_cr0(smmu, cr0, SMMUV3_CR0_ENABLES);
	if (err)
		return err;
	return set_cr0(smmu, cr0 | SMMUV3_CR0_SMMUEN, SMMUV3_CR0_ENABLES);
}

/* Undoes as much of turn_on() as was done. What the unit may still use is not taken from under it. */
static int turn_off(struct smmuv3 *smmu)
{
	struct piommu_window *window = smmu->window;
	const struct smmuv3_found *found = &smmu->found;
	uint32_t cr0 = piommu_read32(window, SMMUV3_CR0);
	int err;

	if (!smmu->touched)
		return 0;
	if (cr0 == UINT32_MAX)
		return -EIO;
	/* First translation alone: acknowledged when the last access that was translated is done (6.3.9), GBPA rules from then on. */
	err = set_cr0(smmu, cr0 & ~SMMUV3_CR0_SMMUEN, SMMUV3_CR0_SMMUEN);
	if (err)
		return err; /* it goes on translating: leave it its queues and its tables */
	err = set_cr0(smmu, found->cr0, SMMUV3_CR0_ENABLES);
	if (err)
		return err; /* it may still read its queues */
	piommu_write32(window, SMMUV3_GERRORN, piommu_read32(window, SMMUV3_GERROR));
	piommu_write64(window, SMMUV3_EVENTQ_BASE, found->eventq_base);
	piommu_write64(window, SMMUV3_CMDQ_BASE, found->cmdq_base);
	piommu_write32(window, SMMUV3_STRTAB_BASE_CFG, found->strtab_cfg);
	piommu_write64(window, SMMUV3_STRTAB_BASE, found->strtab_base);
	piommu_write32(window, SMMUV3_CR2, found->cr2);
	piommu_write32(window, SMMUV3_CR1, found->cr1);
	err = set_interrupts(smmu, found->irq_ctrl);
	smmu->touched = err != 0;
	return err;
}

/* @return 0: the unit holds nothing of ours any more, it is freed; -EIO: it may, so it stays allocated */
static int give_back(struct smmuv3 *smmu)
{
	int err = piommu_bringup_undone(smmu->unit, turn_off(smmu));

	if (!err)
		free_memory(smmu);
	return err;
}

static int create_memory(struct smmuv3 *smmu)
{
	int err = smmuv3_tables_create(smmu);

	if (!err)
		err = smmuv3_inv_create(smmu);
	if (!err)
		err = smmuv3_events_create(smmu);
	if (err)
		free_memory(smmu);
	return err;
}

static int enable(struct piommu_unit *unit)
{
	struct smmuv3 *smmu = smmuv3_of(unit);
	int err = refuse_if_driven(smmu);

	if (err)
		return err;
	remember(smmu);
	smmu->keeps_abort = piommu_read32(smmu->window, SMMUV3_GBPA) & SMMUV3_GBPA_ABORT;
	err = create_memory(smmu);
	if (err)
		return err;
	if (smmu->keeps_abort)
		log_info(unit->log,
			 "%s: found with all DMA aborted (GBPA.ABORT): that of devices that nobody claims stays aborted",
			 unit->name);
	err = turn_on(smmu);
	if (!err)
		return 0;
	log_err(unit->log, "%s: was not brought up: %s (CR0 0x%08x, CR0ACK 0x%08x, GERROR 0x%08x)", unit->name,
		err == -ETIMEDOUT ? "a command was not acknowledged in time" : "it reports an error",
		piommu_read32(smmu->window, SMMUV3_CR0), piommu_read32(smmu->window, SMMUV3_CR0ACK),
		piommu_read32(smmu->window, SMMUV3_GERROR));
	/* What was asked for and not acknowledged may still come on by itself. */
	unit->keep_memory = has_unfollowed(smmu);
	give_back(smmu);
	return err;
}

static int shutdown_unit(struct piommu_unit *unit)
{
	struct smmuv3 *smmu = smmuv3_of(unit);

	if (!smmu->strtab)
		return unit->keep_memory ? -EIO : 0; /* never enabled, or shut down before */
	return give_back(smmu);
}

/* What firmware, or the kernel, let nowhere is not let through because another device is used. */
static enum piommu_default default_domain(const struct piommu_device *device)
{
	return smmuv3_of(device->unit)->keeps_abort ? PIOMMU_DEFAULT_BLOCKING : PIOMMU_DEFAULT_ANY;
}

const struct piommu_driver smmuv3_driver = {
	.name = "smmuv3",
	.family = PIOMMU_FAMILY_SMMUV3,
	.match = match,
	.probe = probe,
	.remove = remove_unit,
	.enable = enable,
	.shutdown = shutdown_unit,
	.device_group = arm_device_group,
	.default_domain = default_domain,
	.domain_create = smmuv3_domain_create,
	.domain_fits = smmuv3_domain_fits,
	.attach = smmuv3_attach,
	.flush_tag = smmuv3_flush_tag,
	.poll = smmuv3_poll,
	.decode = smmuv3_decode,
	.walk = smmuv3_walk,
	.describe = smmuv3_describe,
	.version = smmuv3_version,
	.fence_done = smmuv3_fence_done,
	.fence_wait = smmuv3_fence_wait,
	.inv_stats = smmuv3_inv_stats,
};
