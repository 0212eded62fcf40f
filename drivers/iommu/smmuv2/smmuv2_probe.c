/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An SMMUv2's life: found, its capabilities read, brought up, shut down. Everything that writes sCR0 is here. Slow path, one thread
 * at a time for a unit. Specification: 2.1 (stream mapping), 9.6 (sCR0, IDR0 to IDR7), 9.2 (the address space).
 *
 * A stream that no mapping matches passes (USFCFG is off): that is what keeps devices working that nobody claimed, with as few
 * mappings as units have. A device takes mappings when it is first attached to anything else, and gives them back when it is released.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arm_group.h"
#include "drivers.h"
#include "piommu_bringup.h"
#include "smmuv2.h"

/* Whoever wants these is an operating system's driver: firmware does not, and a manager polls. */
#define SCR0_INTERRUPTS (SMMUV2_SCR0_GFIE | SMMUV2_SCR0_GCFGFIE)
/* Of what we found, what becomes of streams that pass is left as it is: memory types, shareability, hints. */
#define SCR0_OURS \
	(SMMUV2_SCR0_CLIENTPD | SMMUV2_SCR0_GFRE | SMMUV2_SCR0_EXIDENABLE | SMMUV2_SCR0_GCFGFRE | SCR0_INTERRUPTS | \
	 SMMUV2_SCR0_STALLD | SMMUV2_SCR0_GSE | SMMUV2_SCR0_USFCFG | SMMUV2_SCR0_VMIDPNE | SMMUV2_SCR0_PTM | SMMUV2_SCR0_FB | \
	 SMMUV2_SCR0_BSU | SMMUV2_SCR0_SMCFCFG | SMMUV2_SCR0_VMID16EN)

#define RESERVING_BANKS 8u /* with so many, one can be set aside */

/* A GPU that switches its own contexts writes to their banks behind our back: its unit is its driver's. */
static bool match(const struct piommu_fw_unit *fw)
{
	return fw->family == PIOMMU_FAMILY_SMMUV2 && !(fw->flags & PIOMMU_FW_UNIT_GPU);
}

/* ---- Probe ------------------------------------------------------------------------------------------------------------------ */

/* Also called by enable: the kernel may have come back since probe. */
static int refuse_if_driven(const struct smmuv2 *smmu)
{
	const struct piommu_unit *unit = smmu->unit;
	uint32_t scr0 = piommu_read32(smmu->window, smmu->ns + SMMUV2_SCR0);
	int err = piommu_bringup_alive(unit, scr0);

	if (err || scr0 & SMMUV2_SCR0_CLIENTPD || !(scr0 & SCR0_INTERRUPTS))
		return err;
	log_err(unit->log,
		"%s: somebody drives it (sCR0 0x%08x: it translates, and has fault interrupts on): the kernel, then boot with "
		"initcall_blacklist=arm_smmu_driver_init on its command line, or unbind it from its driver",
		unit->name, scr0);
	return -EBUSY;
}

void smmuv2_read_layout(struct smmuv2 *smmu)
{
	unsigned npages;

	for (unsigned i = 0; i < 3; i++)
		smmu->idr[i] = piommu_read32(smmu->window, SMMUV2_IDR0 + 4 * i);
	npages = 1u << (field_get32(SMMUV2_IDR1_NUMPAGENDXB, smmu->idr[1]) + 1);
	smmu->page_len = smmu->idr[1] & SMMUV2_IDR1_PAGESIZE ? 0x10000 : 0x1000;
	smmu->banks_at = npages * smmu->page_len;
	smmu->nbanks = field_get32(SMMUV2_IDR1_NUMCB, smmu->idr[1]);
	smmu->matching = smmu->idr[0] & SMMUV2_IDR0_SMS;
	smmu->nstreams = smmu->matching ? field_get32(SMMUV2_IDR0_NUMSMRG, smmu->idr[0])
					: 1u << field_get32(SMMUV2_IDR0_NUMSIDB, smmu->idr[0]);
	if (smmu->nstreams > SMMUV2_STREAMS_MAX)
		smmu->nstreams = SMMUV2_STREAMS_MAX; /* as many as have registers */
	if (smmu->nbanks > SMMUV2_BANKS_MAX)
		smmu->nbanks = SMMUV2_BANKS_MAX;
}

/* What only firmware tells. @return 0 or -ENOTSUP */
static int read_model(struct smmuv2 *smmu)
{
	const struct piommu_unit *unit = smmu->unit;
	const struct piommu_fw_unit *fw = unit->fw;

	smmu->version1 = fw->version == 1;
	smmu->ns = fw->flags & PIOMMU_FW_UNIT_SECURE_ACCESS ? SMMUV2_NS_ALIAS : 0;
	smmu->mmu500 = fw->model == PIOMMU_FW_MODEL_MMU_500 || fw->model == PIOMMU_FW_MODEL_QCOM_500 ||
		       fw->model == PIOMMU_FW_MODEL_MARVELL_500;
	/* Armada's interconnect takes no accesses of 64 bits (erratum 582743). Version 1 has no registers that need them. */
	smmu->halves = smmu->version1 || fw->model == PIOMMU_FW_MODEL_MARVELL_500;
	if (!fw->nmirrors)
		return 0;
	log_err(unit->log, "%s: is %u units that have to be written alike, which piommu does not do: leave it to the kernel",
		unit->name, fw->nmirrors + 1);
	return -ENOTSUP;
}

/* The page tables that it walks and piommu builds. AArch64's, by what invalidations take, need registers of 64 bits. */
static int choose_format(struct smmuv2 *smmu)
{
	const struct piommu_unit *unit = smmu->unit;
	uint32_t idr0 = smmu->idr[0], idr2 = smmu->idr[2];

	smmu->aarch64 = idr2 & SMMUV2_IDR2_PTFSV8 && !smmu->halves;
	smmu->granule_lg2 = !smmu->aarch64 || idr2 & SMMUV2_IDR2_PTFSV8_4K ? 12 : idr2 & SMMUV2_IDR2_PTFSV8_16K ? 14 : 16;
	if (!smmu->aarch64 && field_get32(SMMUV2_IDR0_PTFS, idr0) > 1) {
		log_err(unit->log, "%s: walks no page tables of the long format or of AArch64 (IDR0 0x%08x, IDR2 0x%08x)",
			unit->name, idr0, idr2);
		return -ENOTSUP;
	}
	/* AArch32's stage 1 has 32 bits, too few for a device whose addresses are physical ones; its stage 2 has 40. */
	if (smmu->aarch64)
		smmu->stage2 = !(idr0 & SMMUV2_IDR0_S1TS);
	else
		smmu->stage2 = idr0 & SMMUV2_IDR0_S2TS;
	if (idr0 & (SMMUV2_IDR0_S1TS | SMMUV2_IDR0_S2TS))
		return 0;
	log_err(unit->log, "%s: has neither stage of translation (IDR0 0x%08x)", unit->name, idr0);
	return -ENOTSUP;
}

/*
 * ThunderX's units share one TLB (erratum 27704): what is told apart by ASID and VMID must be so among all of them. Their names are
 * numbered.
 */
static int choose_tags(struct smmuv2 *smmu)
{
	const struct piommu_unit *unit = smmu->unit;
	const char *digits = strpbrk(unit->name, "0123456789");

	if (unit->fw->model != PIOMMU_FW_MODEL_CAVIUM_V2)
		return 0;
	smmu->tag_base = digits ? (unsigned)strtoul(digits, NULL, 10) * SMMUV2_BANKS_MAX : 0;
	smmu->wide_tags = true;
	if (smmu->idr[2] & SMMUV2_IDR2_VMID16S && smmu->aarch64 && smmu->tag_base + SMMUV2_BANKS_MAX < 0x10000)
		return 0;
	log_err(unit->log, "%s: shares its TLB with other units, and has too few ASIDs to keep them apart (erratum 27704)",
		unit->name);
	return -ENOTSUP;
}

/*
 * Stage 1 is not for the banks that come first. One bank is set aside where S2CR may turn out not to take bypass: firmware that traps it
 * is Qualcomm's, and ACPI does not name that.
 */
static int choose_banks(struct smmuv2 *smmu)
{
	struct piommu_unit *unit = smmu->unit;
	unsigned first = smmu->stage2 ? 0 : field_get32(SMMUV2_IDR1_NUMS2CB, smmu->idr[1]);
	enum piommu_fw_model model = unit->fw->model;
	bool qualcomm = model == PIOMMU_FW_MODEL_QCOM_V2 || model == PIOMMU_FW_MODEL_QCOM_500;
	bool reserve = smmu->matching && (qualcomm || (!smmu->version1 && smmu->nbanks >= first + RESERVING_BANKS));

	if (smmu->nbanks <= first + reserve) {
		log_err(unit->log, "%s: has no context bank to translate with (%u, of which %u are for stage 2 alone%s)",
			unit->name, smmu->nbanks, first, reserve ? ", and one is set aside" : "");
		return -ENOTSUP;
	}
	smmu->bypass_bank = smmu->nbanks - reserve;
	unit->caps.first_tag = first;
	unit->caps.ntags = smmu->bypass_bank;
	return 0;
}

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void fill_caps(const struct smmuv2 *smmu)
{
	static const uint64_t blocks[] = { [12] = BIT64(21) | BIT64(30), [14] = BIT64(25), [16] = BIT64(29) };
	struct piommu_unit_caps *caps = &smmu->unit->caps;
	unsigned ias = smmuv2_address_bits(field_get32(SMMUV2_IDR2_IAS, smmu->idr[2]));
	unsigned oas = smmuv2_address_bits(field_get32(SMMUV2_IDR2_OAS, smmu->idr[2]));
	unsigned ubs = smmuv2_address_bits(field_get32(SMMUV2_IDR2_UBS, smmu->idr[2]));
	unsigned host = smmu->unit->host_address_width;

	if (smmu->aarch64)
		caps->iova_bits = smmu->stage2 ? ias : ubs;
	else
		caps->iova_bits = smmu->stage2 ? min(ias, 40) : 32;
	caps->pa_bits = smmu->stage2 ? oas : min(ias, oas); /* past stage 1 it is an intermediate address that goes out */
	caps->pa_bits = min(caps->pa_bits, smmu->aarch64 ? 48 : 40);
	caps->pa_bits = host ? min(caps->pa_bits, host) : caps->pa_bits;
	caps->page_sizes = BIT64(smmu->granule_lg2) | blocks[smmu->granule_lg2];
	caps->passthrough = true;
	/* Firmware's word: CTTW says what the unit can do, not that the bus it is on does. */
	caps->coherent = smmu->unit->fw->flags & PIOMMU_FW_UNIT_COHERENT;
	caps->caches_not_present = false;
	caps->queued = false;
	caps->hole = (struct piommu_span){ 1, 0 };
}

static int check_window(const struct smmuv2 *smmu)
{
	const struct piommu_unit *unit = smmu->unit;
	uint64_t end = smmu->banks_at + (uint64_t)smmu->nbanks * smmu->page_len;

	if (!smmu->nstreams) {
		log_err(unit->log, "%s: maps no streams (IDR0 0x%08x)", unit->name, smmu->idr[0]);
		return -ENOTSUP;
	}
	return piommu_bringup_reaches(unit, smmu->window, end);
}

static int read_caps(struct smmuv2 *smmu)
{
	int err;

	smmuv2_read_layout(smmu);
	smmu->extended = smmu->matching && smmu->idr[0] & SMMUV2_IDR0_EXIDS;
	err = check_window(smmu);
	if (!err)
		err = choose_format(smmu);
	if (!err)
		err = choose_tags(smmu);
	if (!err)
		err = choose_banks(smmu);
	if (!err)
		fill_caps(smmu);
	return err;
}

static int probe(struct piommu_unit *unit, struct piommu_window *window)
{
	struct smmuv2 *smmu = calloc(1, sizeof(*smmu));
	int err;

	if (!smmu)
		return -ENOMEM;
	smmu->unit = unit;
	smmu->window = window;
	err = read_model(smmu);
	if (!err)
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

static void remove_unit(struct piommu_unit *unit)
{
	free(unit->priv);
	unit->priv = NULL;
}

/* ---- Bring-up and shutdown ---------------------------------------------------------------------------------------------------- */

static void write_scr0(const struct smmuv2 *smmu, uint32_t scr0)
{
	piommu_write32(smmu->window, smmu->ns + SMMUV2_SCR0, scr0);
}

static uint32_t wanted_scr0(const struct smmuv2 *smmu)
{
	return (smmu->found.scr0 & ~SCR0_OURS) | SMMUV2_SCR0_GFRE | SMMUV2_SCR0_GCFGFRE | SMMUV2_SCR0_VMIDPNE |
	       SMMUV2_SCR0_PTM | SMMUV2_SCR0_SMCFCFG | (smmu->extended ? SMMUV2_SCR0_EXIDENABLE : 0) |
	       (smmu->wide_tags ? SMMUV2_SCR0_VMID16EN : 0);
}

/*
 * While mappings change, nothing faults that did not: what is not matched passes, and so does what is matched twice, where it did. With
 * EXIDENABLE all mappings change their meaning at once, so then everything passes meanwhile, as it does where the unit was off.
 */
static uint32_t interim_scr0(const struct smmuv2 *smmu)
{
	uint32_t found = smmu->found.scr0;
	uint32_t interim = wanted_scr0(smmu) & ~SMMUV2_SCR0_SMCFCFG;

	if ((found ^ interim) & (SMMUV2_SCR0_EXIDENABLE | SMMUV2_SCR0_VMID16EN))
		interim |= SMMUV2_SCR0_CLIENTPD;
	return interim | (found & (SMMUV2_SCR0_CLIENTPD | SMMUV2_SCR0_SMCFCFG));
}

static void remember(struct smmuv2 *smmu)
{
	struct smmuv2_found *found = &smmu->found;

	found->scr0 = piommu_read32(smmu->window, smmu->ns + SMMUV2_SCR0);
	found->sacr = smmu->mmu500 ? piommu_read32(smmu->window, SMMUV2_SACR) : 0;
	for (unsigned i = 0; i < smmu->nstreams; i++) {
		found->s2cr[i] = piommu_read32(smmu->window, SMMUV2_S2CR(i));
		found->smr[i] = smmu->matching ? piommu_read32(smmu->window, SMMUV2_SMR(i)) : 0;
	}
}

/*
 * MMU-500: ACTLR is read-only while CACHE_LOCK is set (r2p0 on), and its prefetcher is behind several errata (841119, 826419): off, bank by
 * bank. That the TLB keeps streams that pass makes those as fast as they were.
 */
static void prepare_mmu500(const struct smmuv2 *smmu)
{
	uint32_t sacr = smmu->found.sacr | SMMUV2_SACR_SMTNMB_TLBEN | SMMUV2_SACR_S2CRB_TLBEN;

	if (!smmu->mmu500)
		return;
	if (field_get32(SMMUV2_IDR7_MAJOR, piommu_read32(smmu->window, SMMUV2_IDR0 + 4 * 7)) >= 2)
		sacr &= ~SMMUV2_SACR_CACHE_LOCK;
	piommu_write32(smmu->window, SMMUV2_SACR, sacr);
	for (unsigned bank = 0; bank < smmu->nbanks; bank++) {
		unsigned off = smmuv2_cb(smmu, bank, SMMUV2_CB_ACTLR);

		piommu_write32(smmu->window, off, piommu_read32(smmu->window, off) & ~SMMUV2_ACTLR_CPRE);
	}
}

static void stop_banks(struct smmuv2 *smmu)
{
	for (unsigned bank = 0; bank < smmu->nbanks; bank++)
		smmuv2_bank_stop(smmu, bank);
}

static int turn_on(struct smmuv2 *smmu)
{
	int err;

	write_scr0(smmu, interim_scr0(smmu));
	err = smmuv2_streams_explore(smmu);
	if (err)
		return err;
	if (smmu->emulate_bypass)
		smmuv2_bank_stop(smmu, smmu->bypass_bank);
	smmuv2_streams_take(smmu);
	/* What firmware translated passes from here on; its banks stop when nothing is under way through them. */
	err = smmuv2_inv_all(smmu);
	if (err)
		return err;
	stop_banks(smmu);
	prepare_mmu500(smmu);
	smmuv2_fault_reset(smmu);
	write_scr0(smmu, wanted_scr0(smmu));
	return 0;
}

/*
 * The mappings that were there come back, but for those that translated: the tables may be somebody else's memory by now, so they pass.
 * Everything does meanwhile.
 */
static int turn_off(struct smmuv2 *smmu)
{
	int err;

	write_scr0(smmu, (piommu_read32(smmu->window, smmu->ns + SMMUV2_SCR0) | SMMUV2_SCR0_CLIENTPD) & ~SMMUV2_SCR0_USFCFG);
	err = smmuv2_inv_all(smmu);
	if (err)
		return err;
	stop_banks(smmu);
	write_scr0(smmu, smmu->found.scr0 | SMMUV2_SCR0_CLIENTPD);
	smmuv2_streams_give_back(smmu);
	err = smmuv2_inv_all(smmu);
	if (smmu->mmu500)
		piommu_write32(smmu->window, SMMUV2_SACR, smmu->found.sacr);
	write_scr0(smmu, smmu->found.scr0);
	return err;
}

/* @return 0: the unit holds nothing of ours any more; -EIO: it may, so it stays allocated */
static int give_back(struct smmuv2 *smmu)
{
	int err = turn_off(smmu);

	smmu->enabled = false;
	return piommu_bringup_undone(smmu->unit, err);
}

static int enable(struct piommu_unit *unit)
{
	struct smmuv2 *smmu = smmuv2_of(unit);
	int err = refuse_if_driven(smmu);

	if (err)
		return err;
	remember(smmu);
	smmuv2_inv_init(smmu);
	smmu->lost = smmu->streams_unknown = false;
	err = turn_on(smmu);
	if (!err) {
		smmu->enabled = true;
		return 0;
	}
	log_err(unit->log, "%s: was not brought up: %s (sCR0 0x%08x)", unit->name,
		err == -ETIMEDOUT ? "an invalidation was not acknowledged in time" : "it does not do as told",
		piommu_read32(smmu->window, smmu->ns + SMMUV2_SCR0));
	give_back(smmu);
	return err;
}

static int shutdown_unit(struct piommu_unit *unit)
{
	struct smmuv2 *smmu = smmuv2_of(unit);

	if (!smmu->enabled)
		return unit->keep_memory ? -EIO : 0; /* never enabled, or shut down before */
	return give_back(smmu);
}

const struct piommu_driver smmuv2_driver = {
	.name = "smmuv2",
	.family = PIOMMU_FAMILY_SMMUV2,
	.needs_firmware = true,
	.match = match,
	.probe = probe,
	.remove = remove_unit,
	.enable = enable,
	.shutdown = shutdown_unit,
	.probe_device = smmuv2_probe_device,
	.release_device = smmuv2_release_device,
	.device_group = arm_device_group,
	.default_domain = smmuv2_default_domain,
	.domain_create = smmuv2_domain_create,
	.domain_fits = smmuv2_domain_fits,
	.attach = smmuv2_attach,
	.flush_tag = smmuv2_flush_tag,
	.poll = smmuv2_poll,
	.decode = smmuv2_decode,
	.walk = smmuv2_walk,
	.describe = smmuv2_describe,
	.version = smmuv2_version,
	.inv_stats = smmuv2_inv_stats,
};
