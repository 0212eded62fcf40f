/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU's Arm `virt` with an SMMUv3. QEMU: docs/system/arm/virt.rst, docs/specs/fw_cfg.rst (registers); Arm IHI 0070, chapter 6.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "qtest_machine.h"

#define SMMU_CR0ACK 0x24
#define FW_CFG_DMA UINT64_C(0x09020010)

/* What a model can do came with these versions: stage 2 with 8.1, both stages in one unit with 9.1. */
#define NEW_ENOUGH 10u

static unsigned qemu_version(const char *program)
{
	char command[600];
	unsigned version = 0;
	FILE *out;

	snprintf(command, sizeof(command), "exec '%s' --version", program);
	out = popen(command, "r");
	if (!out)
		return 0;
	if (fscanf(out, "QEMU emulator version %u", &version) != 1)
		version = 0;
	pclose(out);
	return version;
}

/*
 * The machine as QEMU 7.2 had it: newer ones still know it by that name, and its unit has stage 1 unless told otherwise. Nobody
 * runs code on its processor. What the unit blocks is logged in the board's own file: an aborted
 * stream by a trace, all else, recorded as an event or not, as a guest's error.
 */
static int add_args(const struct qtest_options *o, const char *program, struct qtest_args *args)
{
	const char *const words[] = { "-machine", "virt-7.2,iommu=smmuv3,memory-backend=gram,gic-version=2",
				      "-cpu",     "cortex-a57,start-powered-off=on",
				      "-D",       "/dev/fd/5",
				      "-d",       "guest_errors",
				      "-trace",   "smmuv3_translate_abort" };
	const char *const global[] = { "-global",
				       o->stages == QTEST_STAGE_2 ? "arm-smmuv3.stage=2" : "arm-smmuv3.stage=nested" };

	qtest_args_add(args, words, sizeof(words) / sizeof(words[0]));
	if (!o->stages || o->stages == QTEST_STAGE_1)
		return 0;
	if (qemu_version(program) < NEW_ENOUGH) {
		log_err(o->log, "qtest: %s is too old for stage 2 of an SMMUv3: it takes QEMU %u", program, NEW_ENOUGH);
		return -ENOTSUP;
	}
	qtest_args_add(args, global, 2);
	return 0;
}

static void fw_request(struct qtest *qt, uint64_t pa)
{
	qtest_mmio_write(&qt->link, FW_CFG_DMA, 8, htobe64(pa));
}

/* QEMU writes a line for each access that it refuses, and has done so when it answers. */
static off_t logged(const struct qtest *qt)
{
	struct stat trace = { 0 };

	fstat(qt->own_fd, &trace);
	return trace.st_size;
}

static void dma_begins(struct qtest *qt)
{
	qt->seen = logged(qt);
}

static bool blocked(struct qtest *qt)
{
	return logged(qt) != qt->seen;
}

const struct qtest_board qtest_smmuv3_board = {
	.family = PIOMMU_FAMILY_SMMUV3,
	.program = "qemu-system-aarch64",
	.env = "PIOMMU_QEMU_ARM",
	.absent = "no qemu-system-aarch64 here (Debian: qemu-system-arm)",
	.ram_base = 0x40000000,
	.ecam_base = UINT64_C(0x4010000000),
	.unit_base = 0x09050000,
	.bars = { 0x10000000, 0x3efeffff },
	.quiet_register = SMMU_CR0ACK,
	.add_args = add_args,
	.fw_request = fw_request,
	.dma_begins = dma_begins,
	.blocked = blocked,
};
