/* SPDX-License-Identifier: BSD-3-Clause */
/* What lib/fw makes of the tables of a machine with Arm units: units, whose stream ids go where, reserved memory. */
#include <stdlib.h>

#include "drivers.h"
#include "piommu_driver.h"
#include "suite.h"

struct machine {
	struct piommu_platform *plat;
	struct piommu_fw fw;
};

static int table(void *ctx, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	struct machine *m = ctx;

	return m->plat->ops->fw_table(m->plat, sig, nth, bytes, len);
}

static void open_machine(struct machine *m, const char *args)
{
	static const struct piommu_log silent = { 0 };
	struct piommu_fw_error err = { "" };

	*m = (struct machine){ 0 };
	CU_ASSERT_EQUAL_FATAL(sim_platform.open(args, &silent, &m->plat), 0);
	CHECK_EQ(piommu_fw_load(&m->fw, table, m, &err), 0);
	CHECK_EQ(err.text[0], 0);
	CHECK_EQ(m->fw.nwarnings, 0);
}

static void close_machine(struct machine *m)
{
	piommu_fw_free(&m->fw);
	m->plat->ops->close(m->plat);
}

/* Where the DMA of a PCI function goes; unit PIOMMU_FW_NONE: past every unit. */
static struct piommu_fw_route route_of(const struct machine *m, uint8_t bus, uint8_t devfn)
{
	const struct piommu_fw_source *host = piommu_fw_source_of_pci(&m->fw, (struct piommu_sbdf){ 0, bus, devfn });
	struct piommu_fw_route route = { .unit = PIOMMU_FW_NONE };

	if (host) /* the tree's has the buses that there are */
		piommu_fw_source_route(host, (uint32_t)bus << 8 | devfn, &route);
	return route;
}

static void check_route(const struct machine *m, uint8_t bus, uint8_t devfn, uint32_t unit, uint32_t mask)
{
	const struct piommu_fw_route route = route_of(m, bus, devfn);

	CHECK_EQ(route.unit, unit);
	CHECK_HEX(route.id, 0x1000u + ((uint32_t)bus << 8 | devfn));
	CHECK_HEX(route.mask, mask);
}

/* doc/sim.md, "The machine": the first units have scopes in a certain order. */
static void check_spread(const struct machine *m, uint32_t mask)
{
	check_route(m, 0, 0x02 << 3, 0, mask);
	check_route(m, 0, 0x1c << 3, 1, mask);
	check_route(m, 1, 0, 1, mask);
	check_route(m, 0, 0x03 << 3, 2, mask);
	check_route(m, 0, 0x04 << 3, 2, mask);
	check_route(m, 0, 0x05 << 3 | 1, 2, mask);
	check_route(m, 4, 0, 2, mask);
	check_route(m, 8, 0, 2, mask);
	CHECK_EQ(route_of(m, 0x10, 0).unit, PIOMMU_FW_NONE); /* no such bus */
}

static void iort_names_units_and_whose_dma_they_see(void)
{
	struct machine m;

	open_machine(&m, "smmuv3,units=3");
	CU_ASSERT_EQUAL_FATAL(m.fw.nunits, 3);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(m.fw.units[i].family, PIOMMU_FAMILY_SMMUV3);
		CHECK_HEX(m.fw.units[i].base, 0x09050000 + i * 0x20000);
		CHECK_HEX(m.fw.units[i].len, 0x20000);
		CHECK_EQ(m.fw.units[i].flags & PIOMMU_FW_UNIT_COHERENT, PIOMMU_FW_UNIT_COHERENT);
	}
	check_spread(&m, 0);
	CHECK_EQ(m.fw.nsources, 1);
	CHECK_EQ(m.fw.necam, 1);
	CHECK_EQ(m.fw.nmsis, 1);
	close_machine(&m);
}

static void device_tree_names_units_and_whose_dma_they_see(void)
{
	struct machine m;

	open_machine(&m, "smmuv2,units=3,model=mmu500,tbu=1,coherent=0");
	CU_ASSERT_EQUAL_FATAL(m.fw.nunits, 3);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(m.fw.units[i].family, PIOMMU_FAMILY_SMMUV2);
		CHECK_EQ(m.fw.units[i].model, PIOMMU_FW_MODEL_MMU_500);
		CHECK_HEX(m.fw.units[i].base, 0x20000000 + i * 0x1000000);
		CHECK_EQ(m.fw.units[i].flags & PIOMMU_FW_UNIT_COHERENT, 0);
		CHECK_EQ(m.fw.units[i].nirqs, 2);
	}
	check_spread(&m, 0x6000);
	close_machine(&m);
}

/* The display, and what is on the last unit's root ports, go past every unit where that one has scopes only. */
static void what_no_unit_has_goes_past_all(void)
{
	static const char *const args[] = { "smmuv3,units=8,all=0", "smmuv2,units=8,all=0" };
	struct machine m;

	for (unsigned i = 0; i < 2; i++) {
		open_machine(&m, args[i]);
		CHECK_EQ(m.fw.nunits, 8);
		check_route(&m, 0, 0x1c << 3 | 1, 6, 0);
		check_route(&m, 2, 0, 6, 0);
		CHECK_EQ(route_of(&m, 0, 0x06 << 3).unit, PIOMMU_FW_NONE);
		CHECK_EQ(route_of(&m, 5, 0).unit, PIOMMU_FW_NONE);
		close_machine(&m);
	}
}

static const struct piommu_fw_source *source_named(const struct machine *m, const char *name)
{
	for (unsigned i = 0; i < m->fw.nsources; i++)
		if (!m->fw.sources[i].is_pci && !strcmp(m->fw.sources[i].name, name))
			return &m->fw.sources[i];
	return NULL;
}

/* What firmware says of a node is what the platform says of it. */
static void check_nodes(const char *args, const char *first, const char *second, uint32_t second_id, uint32_t mask)
{
	const char *const names[] = { first, second };
	const uint32_t ids[] = { 0x20, second_id };
	struct piommu_node *nodes;
	struct machine m;
	size_t n;

	open_machine(&m, args);
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->nodes(m.plat, &nodes, &n), 0);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct piommu_fw_source *source = source_named(&m, names[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(source);
		CU_ASSERT_EQUAL_FATAL(source->to_units.n, 1);
		CHECK_EQ(source->to_units.at[0].target, 1);
		CHECK_HEX(source->to_units.at[0].to, ids[i]);
		CHECK_HEX(source->to_units.at[0].mask, mask);
		CU_ASSERT_STRING_EQUAL(nodes[i].name, names[i]);
		CU_ASSERT_STRING_EQUAL(nodes[i].unit, m.fw.units[1].name);
		CHECK_EQ(nodes[i].nids, 1);
		CHECK_HEX(nodes[i].ids[0].id, ids[i]);
		CHECK_HEX(nodes[i].ids[0].mask, mask);
	}
	free(nodes);
	close_machine(&m);
}

static void platform_nodes_are_as_firmware_says(void)
{
	check_nodes("smmuv3,units=2,nodes=1", "\\_SB.I2C0", "\\_SB.UART0", 0x24, 0);
	check_nodes("smmuv3,units=2,nodes=shared", "\\_SB.I2C0", "\\_SB.UART0", 0x20, 0);
	check_nodes("smmuv2,units=2,nodes=1,tbu=1", "/i2c@9080000", "/serial@9090000", 0x24, 0x6000);
	check_nodes("smmuv2,units=2,nodes=shared", "/i2c@9080000", "/serial@9090000", 0x20, 0);
}

static void rmr_is_the_displays(void)
{
	struct piommu_fw_route route;
	struct machine m;

	open_machine(&m, "smmuv3,rmr=1");
	CU_ASSERT_EQUAL_FATAL(m.fw.nreserved, 1);
	CHECK_HEX(m.fw.reserved[0].span.start, 0x7b800000);
	CHECK_HEX(m.fw.reserved[0].span.last, 0x7bffffff);
	route = route_of(&m, 0, 0x02 << 3);
	CHECK_EQ(piommu_fw_ids_have(&m.fw.reserved[0].ids, &route), true);
	route = route_of(&m, 0, 0x03 << 3);
	CHECK_EQ(piommu_fw_ids_have(&m.fw.reserved[0].ids, &route), false);
	close_machine(&m);
}

static void reserved_memory_of_a_device_tree_is_a_nodes(void)
{
	struct machine m;

	open_machine(&m, "smmuv2,rmr=1,nodes=1,tbu=1,units=2");
	CU_ASSERT_EQUAL_FATAL(m.fw.nreserved, 1);
	CHECK_EQ(m.fw.ncarveouts, 0);
	CHECK_HEX(m.fw.reserved[0].span.start, 0x7b800000);
	CHECK_HEX(m.fw.reserved[0].span.last, 0x7bffffff);
	CU_ASSERT_EQUAL_FATAL(m.fw.reserved[0].ids.n, 1);
	CHECK_EQ(m.fw.reserved[0].ids.at[0].target, 1);
	CHECK_HEX(m.fw.reserved[0].ids.at[0].to, 0x20);
	CHECK_HEX(m.fw.reserved[0].ids.at[0].mask, 0x6000);
	close_machine(&m);
}

static void device_tree_names_the_implementation(void)
{
	static const struct {
		const char *args;
		enum piommu_fw_model model;
		unsigned version;
	} models[] = {
		{ "smmuv2,model=v1", PIOMMU_FW_MODEL_GENERIC, 1 },     { "smmuv2", PIOMMU_FW_MODEL_GENERIC, 2 },
		{ "smmuv2,model=mmu401", PIOMMU_FW_MODEL_MMU_401, 1 }, { "smmuv2,model=mmu500", PIOMMU_FW_MODEL_MMU_500, 2 },
		{ "smmuv2,model=qcom", PIOMMU_FW_MODEL_QCOM_500, 2 },
	};
	struct machine m;

	for (unsigned i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		open_machine(&m, models[i].args);
		CU_ASSERT_EQUAL_FATAL(m.fw.nunits, 1);
		CHECK_EQ(m.fw.units[0].model, models[i].model);
		CHECK_EQ(m.fw.units[0].version, models[i].version);
		close_machine(&m);
	}
}

static const struct suite_test tests[] = {
	SUITE_TEST(iort_names_units_and_whose_dma_they_see),
	SUITE_TEST(device_tree_names_units_and_whose_dma_they_see),
	SUITE_TEST(what_no_unit_has_goes_past_all),
	SUITE_TEST(platform_nodes_are_as_firmware_says),
	SUITE_TEST(rmr_is_the_displays),
	SUITE_TEST(reserved_memory_of_a_device_tree_is_a_nodes),
	SUITE_TEST(device_tree_names_the_implementation),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_firmware", tests, sizeof(tests) / sizeof(tests[0]));
}
