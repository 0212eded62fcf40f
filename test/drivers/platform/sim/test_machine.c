/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated machine: its words, firmware tables (read by lib/fw, whose parser it shares nothing with), PCI, memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static void firmware_of_one_unit(void)
{
	struct piommu_fw fw;
	struct rig rig;

	rig_open(&rig, "");
	rig_load_fw(&rig, &fw);
	CHECK_EQ(fw.nunits, 1);
	CHECK_HEX(fw.units[0].base, 0xfed90000);
	CHECK_EQ(fw.units[0].include_all, true);
	CHECK_EQ(fw.nreserved, 0);
	CHECK_EQ(fw.host_address_width, 46);
	CHECK_EQ(fw.dmar_flags, 1);
	CHECK_EQ(fw.nwarnings, 0);
	CHECK_EQ(fw.necam, 1);
	CHECK_HEX(fw.ecam[0].base, 0xb0000000);
	piommu_fw_free(&fw);
	rig_close(&rig);
}

static void firmware_of_eight_units_shares_the_devices_out(void)
{
	struct piommu_fw fw;
	struct rig rig;

	rig_open(&rig, "vtd,units=8,rmrr=1,ir=0");
	rig_load_fw(&rig, &fw);
	CHECK_EQ(fw.nunits, 8);
	for (unsigned i = 0; i < 8; i++) {
		CHECK_HEX(fw.units[i].base, 0xfed90000 + i * 0x1000);
		CHECK_EQ(fw.units[i].include_all, i == 7);
		CHECK_EQ(fw.units[i].scopes.n, i == 5 ? 2 : 1);
	}
	CHECK_EQ(fw.units[0].scopes.at[0].type, PIOMMU_FW_SCOPE_PCI_ENDPOINT);
	CHECK_EQ(fw.units[0].scopes.at[0].path[0].device, 2);
	CHECK_EQ(fw.units[1].scopes.at[0].type, PIOMMU_FW_SCOPE_PCI_BRIDGE);
	CHECK_EQ(fw.units[7].scopes.at[0].type, PIOMMU_FW_SCOPE_IOAPIC);
	CHECK_EQ(fw.nreserved, 1);
	CHECK_HEX(fw.reserved[0].span.start, 0x7b800000);
	CHECK_HEX(fw.reserved[0].span.last, 0x7bffffff);
	CHECK_EQ(fw.reserved[0].scopes.n, 1);
	CHECK_EQ(fw.reserved[0].scopes.at[0].path[0].device, 2);
	CHECK_EQ(fw.dmar_flags, 0);
	piommu_fw_free(&fw);
	rig_close(&rig);
}

/* A fault shows which unit a device's requests reach. */
static void each_device_reaches_the_unit_that_firmware_names(void)
{
	static const struct {
		struct piommu_sbdf device;
		unsigned unit;
	} owners[] = {
		{ { 0, 0, 0x10 }, 0 }, { { 0, 1, 0x00 }, 1 }, { { 0, 0, 0xe0 }, 1 }, { { 0, 0, 0x18 }, 2 },
		{ { 0, 3, 0x00 }, 3 }, { { 0, 4, 0x08 }, 3 }, { { 0, 0, 0x20 }, 4 }, { { 0, 0, 0x29 }, 5 },
		{ { 0, 2, 0x00 }, 6 }, { { 0, 7, 0x00 }, 7 },
	};
	struct piommu_sim_counts counts;
	struct rig rig;

	rig_open(&rig, "vtd,units=8");
	for (unsigned i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		piommu_sim_set(rig.plat, owners[i].unit, PIOMMU_SIM_DEAD, 1);
		CHECK_EQ(rig_write(&rig, owners[i].device, rig.mem.pa, 1), -EFAULT);
		piommu_sim_set(rig.plat, owners[i].unit, PIOMMU_SIM_DEAD, 0);
		CHECK_EQ(rig_write(&rig, owners[i].device, rig.mem.pa, 1), 0);
		CHECK_EQ(piommu_sim_counts(rig.plat, owners[i].unit, &counts), 0);
		CHECK_EQ(counts.dma_blocked >= 1, true);
	}
	CHECK_EQ(piommu_sim_counts(rig.plat, 8, &counts), -ENOENT);
	rig_close(&rig);
}

static void pci_functions_have_the_shapes_that_matter(void)
{
	struct piommu_pci_function *functions;
	struct piommu_topo *topo;
	struct rig rig;
	char why[256];
	size_t n;
	int host, port, lone, pci;

	rig_open(&rig, "");
	CHECK_EQ(rig.plat->ops->pci_functions(rig.plat, &functions, &n), 0);
	CHECK_EQ(piommu_topo_build(functions, n, PIOMMU_TOPO_LINUX, &topo, why), 0);
	host = piommu_topo_find(topo, (struct piommu_sbdf){ 0, 0, 0 });
	port = piommu_topo_find(topo, (struct piommu_sbdf){ 0, 0, 0xe0 });
	lone = piommu_topo_find(topo, (struct piommu_sbdf){ 0, 1, 0 });
	pci = piommu_topo_find(topo, (struct piommu_sbdf){ 0, 4, 0x08 });
	CHECK_EQ(topo->nodes[host].fn.pcie_type, PIOMMU_PCIE_NONE);
	CHECK_EQ(topo->nodes[port].fn.pcie_type, PIOMMU_PCIE_ROOT_PORT);
	CHECK_EQ(topo->nodes[port].fn.secondary, 1);
	CHECK_HEX(topo->nodes[port].fn.acs_ctl, PIOMMU_ACS_ISOLATION);
	CHECK_EQ(topo->nodes[lone].parent, port);
	CHECK_EQ(topo->groups[topo->nodes[lone].group].nnodes, 1);
	/* Both PCI devices and their bridge are one group; the model's requester id is among the aliases. */
	CHECK_EQ(topo->groups[topo->nodes[pci].group].nnodes, 3);
	CHECK_HEX(topo->nodes[pci].rids[topo->nodes[pci].nrids - 1], 0x0400);
	/* 00:05.0 and .1 are one group; 02:00.0 shares its port's. */
	CHECK_EQ(topo->nodes[piommu_topo_find(topo, (struct piommu_sbdf){ 0, 0, 0x28 })].group,
		 topo->nodes[piommu_topo_find(topo, (struct piommu_sbdf){ 0, 0, 0x29 })].group);
	CHECK_EQ(topo->nodes[piommu_topo_find(topo, (struct piommu_sbdf){ 0, 2, 0 })].group,
		 topo->nodes[piommu_topo_find(topo, (struct piommu_sbdf){ 0, 0, 0xe1 })].group);
	piommu_topo_free(topo);
	free(functions);
	rig_close(&rig);
}

static void configuration_space_answers_like_a_bus(void)
{
	const struct piommu_sbdf port = { 0, 0, 0xe0 }, host = { 0, 0, 0 }, none = { 0, 9, 0 };
	uint32_t value;
	struct rig rig;

	rig_open(&rig, "");
	CHECK_EQ(rig.plat->ops->cfg_read(rig.plat, none, 0, 4, &value), 0);
	CHECK_HEX(value, 0xffffffff);
	CHECK_EQ(rig.plat->ops->cfg_read(rig.plat, host, 0x100, 2, &value), 0);
	CHECK_HEX(value, 0xffff);
	CHECK_EQ(rig.plat->ops->cfg_read(rig.plat, port, 0x101, 2, &value), -EINVAL);
	CHECK_EQ(rig.plat->ops->cfg_read(rig.plat, port, 0x106, 2, &value), 0);
	CHECK_HEX(value, 0x1d);
	CHECK_EQ(rig.plat->ops->cfg_write(rig.plat, port, 0x106, 2, 0xffff), 0);
	CHECK_EQ(rig.plat->ops->cfg_read(rig.plat, port, 0x106, 2, &value), 0);
	CHECK_HEX(value, 0x5f);
	CHECK_EQ(rig.plat->ops->cfg_write(rig.plat, port, 0x00, 4, 0), 0);
	CHECK_EQ(rig.plat->ops->cfg_read(rig.plat, port, 0x00, 4, &value), 0);
	CHECK_HEX(value, 0x50101234);
	rig_close(&rig);
}

static void memory_is_where_the_words_say(void)
{
	struct piommu_span *spans;
	struct piommu_mem mem;
	struct rig rig;
	size_t n;

	rig_open(&rig, "vtd,mem=16m");
	CHECK_EQ(rig.plat->ops->phys_spans(rig.plat, &spans, &n), 0);
	CHECK_EQ(n, 2);
	CHECK_HEX(spans[0].start, 0x7b000000);
	CHECK_HEX(spans[1].start, 0x100000000);
	CHECK_HEX(spans[1].last, 0x100ffffff);
	free(spans);
	CHECK_EQ(rig.plat->ops->mem_alloc(rig.plat, 16u << 20, 4096, -1, &mem), -ENOMEM);
	CHECK_EQ(rig.plat->ops->mem_at(rig.plat, 0x7b800000, 8u << 20) != NULL, true);
	CHECK_EQ(rig.plat->ops->mem_at(rig.plat, 0x101000000, 1) == NULL, true);
	rig_close(&rig);
}

static char said[512];

static void listen(void *ctx, enum piommu_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	snprintf(said, sizeof(said), "%s", line);
}

static void wrong_words_are_refused_with_one_clear_line(void)
{
	static const struct {
		const char *args, *says;
	} wrong[] = {
		{ "amdvi", "amdvi is not in this version; it has vtd, smmuv3, smmuv2" },
		{ "smmuv3,aw=48", "the keys are units, stage, granule" },
		{ "smmuv2,thread=1", "the keys are units, model" },
		{ "smmuv3,oas=39", "oas=39: oas takes 32, 36, 40" },
		{ "smmuv2,model=v1,oas=48", "40 bits at most" },
		{ "smmuv2,rmr=1", "rmr=1 needs nodes=1" },
		{ "smmuv3,pa=va,oas=44", "pa=va needs oas=48" },
		{ "via", "unknown IOMMU family \"via\"" },
		{ "vtd,colour=red", "the keys are units, aw, pages, all, nodes" },
		{ "vtd,units=9", "units takes 1 to 8" },
		{ "vtd,units=0", "units takes 1 to 8" },
		{ "vtd,units=", "units takes 1 to 8" },
		{ "vtd,units=2x", "units takes 1 to 8" },
		{ "vtd,units=-1", "units takes 1 to 8" },
		{ "vtd,aw=40", "39, 48 or 57" },
		{ "vtd,cm=yes", "0 or 1" },
		{ "vtd,mem=3m", "a multiple of 2m" },
		{ "vtd,mem=99999999999999999999g", "mem takes" },
		{ "vtd,mem=64q", "mem takes" },
		{ "vtd,thread", "not key=value" },
		{ "vtd,", "not key=value" },
		{ "units=2,vtd", "not key=value" },
		{ "vtd,pa=va,aw=39", "pa=va needs" },
		{ "vtd,thread=1,qi=0", "thread=1 needs qi=1" },
	};
	const struct piommu_log log = { listen, NULL, PIOMMU_LOG_DEBUG };

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct piommu_platform *plat = NULL;

		said[0] = 0;
		CHECK_EQ(sim_platform.open(wrong[i].args, &log, &plat), -EINVAL);
		CHECK_HAS(said, wrong[i].says);
		CHECK_EQ(plat == NULL, true);
	}
}

static void every_key_is_taken(void)
{
	static const char *const right[] = {
		"",
		"vtd",
		"units=2",
		"vtd,units=2,nodes=1,aw=48,pages=2m,cm=1,coherent=0,rwbf=1,qi=0,pt=0,ir=0",
		"vtd,plmr=1,nfr=16,rmrr=1,mem=0x4000000,pa=low,thread=1,latency_ns=1000,state=off",
		"vtd,state=on,pt=0,coherent=0",
		"vtd,pa=va,mem=1g,all=0",
		"vtd,mem=65536k",
	};

	for (unsigned i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		struct rig rig;

		rig_open(&rig, right[i]);
		CHECK_EQ(rig_write(&rig, (struct piommu_sbdf){ 0, 8, 0 }, rig.mem.pa, 1) == -EIO, false);
		CHECK_EQ(strcmp(rig.said, ""), 0);
		rig_close(&rig);
	}
}

static void other_platforms_are_refused(void)
{
	struct piommu_platform other = { 0 };
	struct piommu_sim_counts counts;

	CHECK_EQ(piommu_sim_set(&other, 0, PIOMMU_SIM_DEAD, 1), -EINVAL);
	CHECK_EQ(piommu_sim_counts(&other, 0, &counts), -EINVAL);
	CHECK_EQ(piommu_sim_dma(NULL, DEV_03, 0, &counts, 1, false), -EINVAL);
}

static const struct suite_test tests[] = {
	SUITE_TEST(firmware_of_one_unit),
	SUITE_TEST(firmware_of_eight_units_shares_the_devices_out),
	SUITE_TEST(each_device_reaches_the_unit_that_firmware_names),
	SUITE_TEST(pci_functions_have_the_shapes_that_matter),
	SUITE_TEST(configuration_space_answers_like_a_bus),
	SUITE_TEST(memory_is_where_the_words_say),
	SUITE_TEST(wrong_words_are_refused_with_one_clear_line),
	SUITE_TEST(every_key_is_taken),
	SUITE_TEST(other_platforms_are_refused),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_machine", tests, sizeof(tests) / sizeof(tests[0]));
}
