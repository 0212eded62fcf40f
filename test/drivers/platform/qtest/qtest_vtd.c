/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's q35 with a VT-d unit. VT-d specification 10.4 (registers), 8.4 (RMRR); QEMU: docs/specs/fw_cfg.rst (ports).
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qtest_machine.h"

#define VTD_VER 0x00
#define VTD_CAP 0x08
#define VTD_ECAP 0x10
#define VTD_GSTS 0x1c
#define VTD_FSTS 0x34
#define VTD_FSTS_PPF 2u

#define PORT_CFG_ADDRESS 0xcf8
#define PORT_CFG_DATA 0xcfc
#define PORT_DMA_HIGH 0x514
#define PORT_DMA_LOW 0x518
#define Q35_PCIEXBAR 0x60
#define Q35_PCIEXBAR_ON 1u
#define ECAM_BASE 0xb0000000u
#define ROM_BYTES 65536u

/* The processor starts at the last 16 bytes of the ROM: cli; hlt; jmp back. */
static int make_rom(int fd)
{
	static const uint8_t reset_vector[] = { 0xfa, 0xf4, 0xeb, 0xfd };

	if (ftruncate(fd, ROM_BYTES))
		return -errno;
	return pwrite(fd, reset_vector, sizeof(reset_vector), ROM_BYTES - 16) == sizeof(reset_vector) ? 0 : -EIO;
}

static int add_args(const struct qtest_options *o, const char *program, struct qtest_args *args)
{
	const char *const words[] = { "-bios", "/dev/fd/5", "-machine",
				      /* The periodic timers of HPET and PIT would keep QEMU spinning. */
				      "q35,memory-backend=gram,hpet=off,pit=off,sata=off,smbus=off,usb=off,vmport=off",
				      "-device", args->text };

	(void)program;
	snprintf(args->text, sizeof(args->text), "intel-iommu,aw-bits=%u,intremap=%s,caching-mode=%s,pt=%s",
		 o->aw_bits ? o->aw_bits : 48, o->no_intremap ? "off" : "on", o->caching_mode ? "on" : "off",
		 o->no_passthrough ? "off" : "on");
	qtest_args_add(args, words, sizeof(words) / sizeof(words[0]));
	return 0;
}

/* The ECAM is off after reset: one access through the ports. */
static void ecam_on(struct qtest *qt)
{
	qtest_pio_write(&qt->link, PORT_CFG_ADDRESS, 4, BIT32(31) | Q35_PCIEXBAR);
	qtest_pio_write(&qt->link, PORT_CFG_DATA, 4, ECAM_BASE | Q35_PCIEXBAR_ON);
}

static void fw_request(struct qtest *qt, uint64_t pa)
{
	qtest_pio_write(&qt->link, PORT_DMA_HIGH, 4, htobe32((uint32_t)(pa >> 32)));
	qtest_pio_write(&qt->link, PORT_DMA_LOW, 4, htobe32((uint32_t)pa));
}

#define RMRR_BYTES 32u
#define RMRR_TYPE 1u
#define SCOPE_BYTES 8u
#define SCOPE_ENDPOINT 1u

#define SDT_LEN 4u
#define SDT_CHECKSUM 9u

/* QEMU's DMAR with one more structure (VT-d specification 8.4): 00:02.0 uses two pages of RAM. */
static int fw_amend(struct qtest *qt)
{
	size_t len;
	const uint8_t *table;
	uint8_t *dmar, *rmrr;
	uint64_t base, last;
	uint32_t total;
	int rc;

	if (!qt->options.rmrr)
		return 0;
	table = qtest_fw_find(qt, "DMAR", 0, &len);
	if (!table)
		return -ENOENT;
	if ((rc = qtest_mem_alloc(&qt->plat, 2 * PIOMMU_PAGE_SIZE, 0, -1, &qt->rmrr)))
		return rc;
	dmar = calloc(1, len + RMRR_BYTES);
	if (!dmar)
		return -ENOMEM;
	memcpy(dmar, table, len);
	rmrr = dmar + len;
	base = htole64(qt->rmrr.pa);
	last = htole64(qt->rmrr.pa + qt->rmrr.len - 1);
	rmrr[0] = RMRR_TYPE;
	rmrr[2] = RMRR_BYTES;
	memcpy(rmrr + 8, &base, 8);
	memcpy(rmrr + 16, &last, 8);
	rmrr[24] = SCOPE_ENDPOINT;
	rmrr[25] = SCOPE_BYTES;
	rmrr[30] = 2; /* device; the bus and the function are 0 */
	qt->dmar = dmar;
	qt->dmar_len = len + RMRR_BYTES;
	total = htole32((uint32_t)qt->dmar_len);
	memcpy(dmar + SDT_LEN, &total, 4);
	dmar[SDT_CHECKSUM] = (uint8_t)(dmar[SDT_CHECKSUM] - qtest_fw_sum(dmar, qt->dmar_len));
	return 0;
}

struct piommu_span qtest_rmrr(const struct qtest *qt)
{
	return (struct piommu_span){ qt->rmrr.pa, qt->rmrr.pa + qt->rmrr.len - 1 };
}

static void facts(struct qtest *qt, struct piommu_unit_facts *out)
{
	out->caps_known = true;
	out->cap[0] = qtest_unit_read64(qt, VTD_CAP);
	out->cap[1] = qtest_unit_read64(qt, VTD_ECAP);
	out->version = qtest_unit_read32(qt, VTD_VER);
}

static bool blocked(struct qtest *qt)
{
	return qtest_unit_read32(qt, VTD_FSTS) & VTD_FSTS_PPF;
}

const struct qtest_board qtest_vtd_board = {
	.family = PIOMMU_FAMILY_VTD,
	.program = "qemu-system-x86_64",
	.env = "PIOMMU_QEMU",
	.absent = "no qemu-system-x86_64 here (Debian: qemu-system-x86)",
	.ecam_base = ECAM_BASE,
	.unit_base = 0xfed90000,
	.bars = { 0xe0000000, 0xfebfffff },
	.quiet_register = VTD_GSTS,
	.fill_file = make_rom,
	.add_args = add_args,
	.ecam_on = ecam_on,
	.fw_request = fw_request,
	.fw_amend = fw_amend,
	.facts = facts,
	.blocked = blocked,
};
