/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions and platform nodes that come and go, under the eyes of other threads, and functions that are behind no unit. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define AT(bus, device, function) ((struct piommu_sbdf){ 0, (bus), (uint8_t)((device) << 3 | (function)) })
#define NFUNCTIONS 21 /* as a machine starts */
#define WORD 0x10000  /* in the rig's memory, beyond its pages */

static bool listed_in(const struct piommu_pci_function *functions, size_t n, struct piommu_sbdf sbdf)
{
	for (size_t i = 0; i < n; i++)
		if (!piommu_sbdf_compare(functions[i].sbdf, sbdf))
			return true;
	return false;
}

static size_t count_listed(struct rig *rig)
{
	struct piommu_pci_function *functions = NULL;
	size_t n = 0;

	CHECK_EQ(rig->plat->ops->pci_functions(rig->plat, &functions, &n), 0);
	free(functions);
	return n;
}

static bool listed(struct rig *rig, struct piommu_sbdf sbdf)
{
	struct piommu_pci_function *functions = NULL;
	bool found;
	size_t n = 0;

	CHECK_EQ(rig->plat->ops->pci_functions(rig->plat, &functions, &n), 0);
	found = listed_in(functions, n, sbdf);
	free(functions);
	return found;
}

static uint32_t cfg(struct rig *rig, struct piommu_sbdf sbdf, unsigned off, unsigned width)
{
	uint32_t value = 0;

	CHECK_EQ(rig->plat->ops->cfg_read(rig->plat, sbdf, off, width, &value), 0);
	return value;
}

static void check_absent(struct rig *rig, struct piommu_sbdf sbdf)
{
	CHECK_EQ(listed(rig, sbdf), false);
	CHECK_HEX(cfg(rig, sbdf, 0, 4), 0xffffffff);
	CHECK_EQ(rig_write(rig, sbdf, rig->mem.pa, 1), -ENOENT);
}

static void check_present(struct rig *rig, struct piommu_sbdf sbdf)
{
	CHECK_EQ(listed(rig, sbdf), true);
	CHECK_HEX(cfg(rig, sbdf, 0, 2), 0x1234);
	CHECK_EQ(rig_write(rig, sbdf, rig->mem.pa, 1), 0);
}

static void unplugged_function_is_gone_for_everyone(void)
{
	struct rig rig;

	rig_open(&rig, "");
	CHECK_EQ(count_listed(&rig), NFUNCTIONS);
	check_present(&rig, DEV_03);
	CHECK_EQ(piommu_sim_unplug(rig.plat, DEV_03), 0);
	check_absent(&rig, DEV_03);
	CHECK_EQ(count_listed(&rig), NFUNCTIONS - 1);
	check_present(&rig, DEV_04);
	CHECK_EQ(piommu_sim_unplug(rig.plat, DEV_03), -ENOENT);
	CHECK_EQ(piommu_sim_plug(rig.plat, DEV_03), 0);
	check_present(&rig, DEV_03);
	CHECK_EQ(piommu_sim_plug(rig.plat, DEV_03), -EEXIST);
	CHECK_EQ(count_listed(&rig), NFUNCTIONS);
	rig_close(&rig);
}

static void functions_that_start_unplugged_can_be_plugged(void)
{
	const struct piommu_sbdf later[] = { AT(0, 6, 0), AT(0, 7, 0), AT(1, 0, 1), AT(2, 0, 1) };
	struct rig rig;

	rig_open(&rig, "");
	for (unsigned i = 0; i < 4; i++) {
		check_absent(&rig, later[i]);
		CHECK_EQ(piommu_sim_plug(rig.plat, later[i]), 0);
		check_present(&rig, later[i]);
	}
	CHECK_EQ(count_listed(&rig), NFUNCTIONS + 4);
	CHECK_HEX(cfg(&rig, AT(1, 0, 1), 0x0e, 1), 0x80);
	CHECK_EQ(piommu_sim_plug(rig.plat, AT(0, 9, 0)), -ENOENT);
	CHECK_EQ(piommu_sim_unplug(rig.plat, AT(0, 9, 0)), -ENOENT);
	rig_close(&rig);
}

static void plugged_function_has_its_power_on_configuration(void)
{
	struct rig rig;

	rig_open(&rig, "");
	CHECK_EQ(rig.plat->ops->cfg_write(rig.plat, DEV_03, 0x04, 2, 0x0402), 0);
	CHECK_HEX(cfg(&rig, DEV_03, 0x04, 2), 0x0402);
	CHECK_EQ(piommu_sim_unplug(rig.plat, DEV_03), 0);
	CHECK_EQ(rig.plat->ops->cfg_write(rig.plat, DEV_03, 0x04, 2, 0x0402), 0);
	CHECK_EQ(piommu_sim_plug(rig.plat, DEV_03), 0);
	CHECK_HEX(cfg(&rig, DEV_03, 0x04, 2), 0x0006);
	rig_close(&rig);
}

/* The switch 05:00.0 has buses 6 to 8 below it. */
static void bridge_takes_everything_behind_it_along(void)
{
	struct rig rig;

	rig_open(&rig, "");
	CHECK_EQ(piommu_sim_unplug(rig.plat, AT(5, 0, 0)), 0);
	CHECK_EQ(count_listed(&rig), NFUNCTIONS - 5);
	check_absent(&rig, AT(7, 0, 0));
	check_present(&rig, AT(4, 1, 0));
	CHECK_EQ(piommu_sim_plug(rig.plat, AT(7, 0, 0)), -ENODEV);
	CHECK_EQ(piommu_sim_plug(rig.plat, AT(5, 0, 0)), 0);
	CHECK_EQ(piommu_sim_plug(rig.plat, AT(7, 0, 0)), -ENODEV);
	CHECK_EQ(piommu_sim_plug(rig.plat, AT(6, 0, 0)), 0);
	CHECK_EQ(piommu_sim_plug(rig.plat, AT(7, 0, 0)), 0);
	check_present(&rig, AT(7, 0, 0));
	rig_close(&rig);
}

static void other_platforms_have_no_slots(void)
{
	struct piommu_platform other = { 0 };

	CHECK_EQ(piommu_sim_plug(&other, DEV_03), -EINVAL);
	CHECK_EQ(piommu_sim_unplug(NULL, DEV_03), -EINVAL);
}

/* ---- Several threads ---- */

struct traffic {
	struct rig *rig;
	_Atomic bool stop;
	_Atomic unsigned done, failed;
};

static void *write_all_the_time(void *arg)
{
	struct traffic *traffic = arg;

	while (!traffic->stop)
		traffic->done += !rig_write(traffic->rig, DEV_03, traffic->rig->mem.pa + WORD, 1);
	return NULL;
}

/* What the device wrote is overwritten when unplug has returned, and stays so. */
static void no_access_is_under_way_when_unplug_returns(void)
{
	struct traffic traffic = { 0 };
	pthread_t threads[2];
	struct rig rig;

	rig_open(&rig, "");
	traffic.rig = &rig;
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, write_all_the_time, &traffic), 0);
	for (unsigned round = 0; round < 100; round++) {
		unsigned before = traffic.done;

		while (traffic.done == before)
			rig.plat->ops->relax(rig.plat);
		CHECK_EQ(piommu_sim_unplug(rig.plat, DEV_03), 0);
		rig_put_dirty(&rig, rig.mem.pa + WORD, 0, 0);
		for (unsigned i = 0; i < 1000; i++)
			rig.plat->ops->relax(rig.plat);
		CHECK_EQ(rig_get(&rig, rig.mem.pa + WORD, 0), 0);
		CHECK_EQ(piommu_sim_plug(rig.plat, DEV_03), 0);
	}
	traffic.stop = true;
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	rig_close(&rig);
}

static void *unplug_and_plug_the_switch(void *arg)
{
	const struct piommu_sbdf below[] = { AT(5, 0, 0), AT(6, 0, 0), AT(6, 1, 0), AT(7, 0, 0), AT(8, 0, 0) };
	struct traffic *traffic = arg;

	for (; !traffic->stop; traffic->done++) {
		traffic->failed += piommu_sim_unplug(traffic->rig->plat, below[0]) != 0;
		for (unsigned i = 0; i < 5; i++)
			traffic->failed += piommu_sim_plug(traffic->rig->plat, below[i]) != 0;
	}
	return NULL;
}

/* Parents come first and go last, so a list of one moment never has a child without its parent. */
static void list_is_of_one_moment(void)
{
	struct traffic traffic = { 0 };
	pthread_t thread;
	struct rig rig;

	rig_open(&rig, "");
	traffic.rig = &rig;
	CHECK_EQ(pthread_create(&thread, NULL, unplug_and_plug_the_switch, &traffic), 0);
	for (unsigned i = 0; i < 5000 || !traffic.done; i++) {
		struct piommu_pci_function *functions = NULL;
		bool whole;
		size_t n = 0;

		CHECK_EQ(rig.plat->ops->pci_functions(rig.plat, &functions, &n), 0);
		whole = !listed_in(functions, n, AT(7, 0, 0)) || listed_in(functions, n, AT(6, 0, 0));
		whole &= !listed_in(functions, n, AT(6, 0, 0)) || listed_in(functions, n, AT(5, 0, 0));
		free(functions);
		CHECK_EQ(whole, true);
	}
	traffic.stop = true;
	pthread_join(thread, NULL);
	CHECK_EQ(traffic.failed, 0);
	CHECK_EQ(count_listed(&rig), NFUNCTIONS);
	rig_close(&rig);
}

/* ---- all=0 ---- */

static void last_unit_without_all_names_what_is_left(void)
{
	static const struct {
		const char *args;
		unsigned nscopes[8]; /* with the last one's I/O APIC */
	} machines[] = {
		{ "vtd,all=0", { 9 } },
		{ "vtd,all=0,units=3", { 1, 1, 7 } },
		{ "vtd,all=0,units=8", { 1, 1, 1, 1, 1, 2, 1, 1 } },
	};

	for (unsigned i = 0; i < 3; i++) {
		struct piommu_fw fw;
		struct rig rig;

		rig_open(&rig, machines[i].args);
		rig_load_fw(&rig, &fw);
		for (unsigned unit = 0; unit < fw.nunits; unit++) {
			CHECK_EQ(fw.units[unit].include_all, false);
			CHECK_EQ(fw.units[unit].scopes.n, machines[i].nscopes[unit]);
		}
		piommu_fw_free(&fw);
		rig_close(&rig);
	}
}

/* The unit is on and its tables are empty: what it translates is blocked. */
static void functions_behind_no_unit_are_not_translated(void)
{
	const struct piommu_sbdf behind[] = { DEV_02, AT(0, 5, 1), AT(1, 0, 0), AT(4, 2, 0), AT(2, 0, 0) };
	const struct piommu_sbdf beside[] = { AT(0, 0, 0), AT(0, 6, 0), AT(0, 7, 0), AT(0, 0x1f, 0), AT(7, 0, 0) };
	uint32_t value = 0;
	struct rig rig;

	rig_open(&rig, "vtd,all=0");
	CHECK_EQ(piommu_sim_plug(rig.plat, AT(0, 6, 0)), 0);
	CHECK_EQ(piommu_sim_plug(rig.plat, AT(0, 7, 0)), 0);
	rig_enable(&rig);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(rig_write(&rig, behind[i], rig.mem.pa + WORD, 1), -EFAULT);
		CHECK_EQ(rig_write(&rig, beside[i], rig.mem.pa + WORD, 7 + i), 0);
		CHECK_EQ(rig_read(&rig, beside[i], rig.mem.pa + WORD, &value), 0);
		CHECK_EQ(value, 7 + i);
	}
	CHECK_EQ(rig_counts(&rig).dma_ok, 0);
	CHECK_EQ(rig_write(&rig, beside[0], 0x1000, 1), -EIO);
	CHECK_EQ(rig_write(&rig, beside[0], 0xfee00000, 1), -EIO);
	rig_close(&rig);
}

/* ---- nodes=1 ---- */

#define I2C "\\_SB.I2C0"
#define UART "\\_SB.UART0"

static void nodes_are_named_in_the_table(void)
{
	struct piommu_fw fw;
	struct rig rig;

	rig_open(&rig, "vtd,units=2,nodes=1");
	rig_load_fw(&rig, &fw);
	CHECK_EQ(fw.nwarnings, 0);
	CHECK_EQ(fw.nnames, 2);
	CHECK_EQ(fw.names[0].id, 1);
	CHECK_EQ(strcmp(fw.names[0].name, I2C), 0);
	CHECK_EQ(fw.names[1].id, 2);
	CHECK_EQ(strcmp(fw.names[1].name, UART), 0);
	CHECK_EQ(fw.units[0].scopes.n, 1);
	CHECK_EQ(fw.units[1].scopes.n, 3); /* the I/O APIC first */
	CHECK_EQ(fw.units[1].scopes.at[2].type, PIOMMU_FW_SCOPE_ACPI_NAMESPACE);
	CHECK_EQ(fw.units[1].scopes.at[2].id, 2);
	CHECK_EQ(fw.units[1].scopes.at[2].start_bus, 0);
	CHECK_EQ(fw.units[1].scopes.at[2].path[0].device, 0x15);
	CHECK_EQ(fw.units[1].scopes.at[2].path[0].function, 1);
	piommu_fw_free(&fw);
	rig_close(&rig);
}

static size_t list_nodes(struct rig *rig, struct piommu_node at[2])
{
	struct piommu_node *nodes = NULL;
	size_t n = 0;

	CHECK_EQ(rig->plat->ops->nodes(rig->plat, &nodes, &n), 0);
	CHECK_EQ(n <= 2, true);
	memcpy(at, nodes, n * sizeof(*nodes));
	free(nodes);
	return n;
}

static void nodes_are_listed_and_do_dma_but_are_no_functions(void)
{
	struct piommu_sim_counts counts;
	struct piommu_node nodes[2];
	struct rig rig;

	rig_open(&rig, "vtd,units=2,nodes=1");
	CHECK_EQ(list_nodes(&rig, nodes), 2);
	CHECK_EQ(strcmp(nodes[1].name, UART), 0);
	CHECK_EQ(strcmp(nodes[1].unit, "dmar1"), 0);
	CHECK_EQ(nodes[1].nids, 1);
	CHECK_HEX(nodes[1].ids[0].id, 0x00a9);
	CHECK_EQ(rig_write(&rig, AT(0, 0x15, 1), rig.mem.pa + WORD, 7), 0);
	CHECK_EQ(piommu_sim_counts(rig.plat, 1, &counts), 0);
	CHECK_EQ(counts.dma_ok, 1);
	CHECK_EQ(count_listed(&rig), NFUNCTIONS);
	CHECK_HEX(cfg(&rig, AT(0, 0x15, 1), 0, 4), 0xffffffff);
	CHECK_EQ(rig.plat->ops->cfg_write(rig.plat, AT(0, 0x15, 1), 4, 2, 0), 0);
	CHECK_EQ(piommu_sim_unplug(rig.plat, AT(0, 0x15, 1)), -ENOENT);
	rig_close(&rig);
}

static void nodes_come_and_go(void)
{
	struct piommu_node nodes[2];
	struct rig rig;

	rig_open(&rig, "vtd,nodes=1");
	CHECK_EQ(piommu_sim_plug_node(rig.plat, I2C, true), -EEXIST);
	CHECK_EQ(piommu_sim_plug_node(rig.plat, I2C, false), 0);
	CHECK_EQ(piommu_sim_plug_node(rig.plat, I2C, false), -ENOENT);
	CHECK_EQ(list_nodes(&rig, nodes), 1);
	CHECK_EQ(strcmp(nodes[0].name, UART), 0);
	CHECK_EQ(rig_write(&rig, AT(0, 0x15, 0), rig.mem.pa + WORD, 7), -ENOENT);
	CHECK_EQ(rig_write(&rig, AT(0, 0x15, 1), rig.mem.pa + WORD, 7), 0);
	CHECK_EQ(piommu_sim_plug_node(rig.plat, I2C, true), 0);
	CHECK_EQ(list_nodes(&rig, nodes), 2);
	CHECK_EQ(rig_write(&rig, AT(0, 0x15, 0), rig.mem.pa + WORD, 7), 0);
	CHECK_EQ(piommu_sim_plug_node(rig.plat, "\\_SB.SPI0", true), -ENOENT);
	rig_close(&rig);
}

static void machine_has_no_nodes_unless_asked(void)
{
	struct piommu_node nodes[2];
	struct piommu_fw fw;
	struct rig rig;

	rig_open(&rig, "vtd");
	rig_load_fw(&rig, &fw);
	CHECK_EQ(fw.nnames, 0);
	CHECK_EQ(fw.units[0].scopes.n, 1);
	CHECK_EQ(list_nodes(&rig, nodes), 0);
	CHECK_EQ(piommu_sim_plug_node(rig.plat, I2C, true), -ENOENT);
	CHECK_EQ(rig_write(&rig, AT(0, 0x15, 0), rig.mem.pa + WORD, 7), -ENOENT);
	piommu_fw_free(&fw);
	rig_close(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(unplugged_function_is_gone_for_everyone),
	SUITE_TEST(functions_that_start_unplugged_can_be_plugged),
	SUITE_TEST(plugged_function_has_its_power_on_configuration),
	SUITE_TEST(bridge_takes_everything_behind_it_along),
	SUITE_TEST(other_platforms_have_no_slots),
	SUITE_TEST(no_access_is_under_way_when_unplug_returns),
	SUITE_TEST(list_is_of_one_moment),
	SUITE_TEST(last_unit_without_all_names_what_is_left),
	SUITE_TEST(functions_behind_no_unit_are_not_translated),
	SUITE_TEST(nodes_are_named_in_the_table),
	SUITE_TEST(nodes_are_listed_and_do_dma_but_are_no_functions),
	SUITE_TEST(nodes_come_and_go),
	SUITE_TEST(machine_has_no_nodes_unless_asked),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_plug", tests, sizeof(tests) / sizeof(tests[0]));
}
