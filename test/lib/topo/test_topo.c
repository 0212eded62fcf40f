/* SPDX-License-Identifier: BSD-3-Clause */
/* Grouping over hand-made machines: each test is one shape and the groups that the rule of doc/grouping.md gives it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "piommu_topo.h"
#include "suite.h"

#define ALL_BITS 0x7f
#define ISOLATION 0x1d /* SV RR CR UF, PCIe 7.7.11.2 */

struct machine {
	struct piommu_pci_function fns[40];
	unsigned n;
	struct piommu_topo *topo;
	char why[256];
};

static struct piommu_sbdf at(const char *text)
{
	struct piommu_sbdf sbdf = { 0, 0, 0 };

	CU_ASSERT_EQUAL_FATAL(piommu_sbdf_parse(text, &sbdf), 0);
	return sbdf;
}

static struct piommu_pci_function *add(struct machine *m, const char *bdf, unsigned pcie_type)
{
	struct piommu_pci_function *fn = &m->fns[m->n++];

	memset(fn, 0, sizeof(*fn));
	fn->sbdf = at(bdf);
	fn->vendor = 0x1234;
	fn->device = 0x5678;
	fn->pcie_type = (uint16_t)pcie_type;
	fn->acs = PIOMMU_ABSENT;
	fn->ari = PIOMMU_ABSENT;
	return fn;
}

static struct piommu_pci_function *bridge(struct machine *m, const char *bdf, unsigned pcie_type, uint8_t secondary,
					  uint8_t last)
{
	struct piommu_pci_function *fn = add(m, bdf, pcie_type);

	fn->header_type = 1;
	fn->secondary = secondary;
	fn->subordinate = last;
	return fn;
}

static struct piommu_pci_function *multi(struct piommu_pci_function *fn)
{
	fn->multifunction = true;
	return fn;
}

static struct piommu_pci_function *acs(struct piommu_pci_function *fn, uint16_t cap, uint16_t ctl)
{
	fn->acs = PIOMMU_PRESENT;
	fn->acs_cap = cap;
	fn->acs_ctl = ctl;
	return fn;
}

static void build(struct machine *m)
{
	CU_ASSERT_EQUAL_FATAL(piommu_topo_build(m->fns, m->n, PIOMMU_TOPO_LINUX, &m->topo, m->why), 0);
}

static const struct piommu_topo_node *node(const struct machine *m, const char *bdf)
{
	int i = piommu_topo_find(m->topo, at(bdf));

	CU_ASSERT_FATAL(i >= 0);
	return &m->topo->nodes[i];
}

static bool together(const struct machine *m, const char *a, const char *b)
{
	return node(m, a)->group == node(m, b)->group;
}

/* The group of `bdf` has this fact about `about` (and `other`, if given). */
static bool has_fact(const struct machine *m, const char *bdf, enum piommu_topo_fact fact, const char *about, const char *other)
{
	const struct piommu_topo_group *group = &m->topo->groups[node(m, bdf)->group];

	for (unsigned i = 0; i < group->nreasons; i++) {
		const struct piommu_topo_reason *reason = &group->reasons[i];

		if (reason->fact == fact && piommu_sbdf_compare(reason->at, at(about)) == 0 &&
		    (!other || piommu_sbdf_compare(reason->other, at(other)) == 0))
			return true;
	}
	return false;
}

static void root_port_with_acs_isolates_what_is_below(void)
{
	struct machine m = { .n = 0 };

	acs(bridge(&m, "00:1c.0", PIOMMU_PCIE_ROOT_PORT, 1, 1), ALL_BITS, ISOLATION);
	add(&m, "01:00.0", PIOMMU_PCIE_ENDPOINT);
	build(&m);
	CHECK_EQ(m.topo->ngroups, 2);
	CHECK_EQ(node(&m, "01:00.0")->parent, 0);
	CHECK_EQ(node(&m, "00:1c.0")->parent, -1);
	CU_ASSERT(has_fact(&m, "01:00.0", PIOMMU_FACT_ALONE, "01:00.0", NULL));
	piommu_topo_free(m.topo);
}

static void root_port_without_acs_shares_a_group_with_its_device(void)
{
	struct machine m = { .n = 0 };

	bridge(&m, "00:1c.0", PIOMMU_PCIE_ROOT_PORT, 1, 1);
	add(&m, "01:00.0", PIOMMU_PCIE_ENDPOINT);
	build(&m);
	CU_ASSERT(together(&m, "00:1c.0", "01:00.0"));
	CU_ASSERT(has_fact(&m, "01:00.0", PIOMMU_FACT_NO_ACS, "00:1c.0", NULL));
	CU_ASSERT(has_fact(&m, "01:00.0", PIOMMU_FACT_BRIDGE_BELOW, "01:00.0", "00:1c.0"));
	piommu_topo_free(m.topo);
}

static void clear_control_bit_is_named(void)
{
	struct machine m = { .n = 0 };
	const struct piommu_topo_group *group;

	acs(bridge(&m, "00:1c.0", PIOMMU_PCIE_ROOT_PORT, 1, 1), ALL_BITS, ISOLATION & ~PIOMMU_ACS_RR);
	add(&m, "01:00.0", PIOMMU_PCIE_ENDPOINT);
	build(&m);
	CU_ASSERT(together(&m, "00:1c.0", "01:00.0"));
	CU_ASSERT(has_fact(&m, "01:00.0", PIOMMU_FACT_ACS_BITS_CLEAR, "00:1c.0", NULL));
	group = &m.topo->groups[node(&m, "01:00.0")->group];
	CHECK_HEX(group->reasons[0].acs_missing, PIOMMU_ACS_RR);
	piommu_topo_free(m.topo);
}

static void bits_that_are_not_implemented_need_not_be_enabled(void)
{
	struct machine m = { .n = 0 };

	acs(bridge(&m, "00:1c.0", PIOMMU_PCIE_ROOT_PORT, 1, 1), 0, 0);
	add(&m, "01:00.0", PIOMMU_PCIE_ENDPOINT);
	acs(bridge(&m, "00:1d.0", PIOMMU_PCIE_ROOT_PORT, 2, 2), PIOMMU_ACS_SV, PIOMMU_ACS_SV);
	add(&m, "02:00.0", PIOMMU_PCIE_ENDPOINT);
	build(&m);
	CHECK_EQ(m.topo->ngroups, 4);
	piommu_topo_free(m.topo);
}

static void unknown_acs_counts_as_absent_and_says_unknown(void)
{
	struct machine m = { .n = 0 };

	bridge(&m, "00:1c.0", PIOMMU_PCIE_ROOT_PORT, 1, 1)->acs = PIOMMU_UNKNOWN;
	add(&m, "01:00.0", PIOMMU_PCIE_ENDPOINT);
	bridge(&m, "00:1d.0", PIOMMU_PCIE_UNKNOWN, 2, 2)->acs = PIOMMU_UNKNOWN;
	add(&m, "02:00.0", PIOMMU_PCIE_UNKNOWN);
	build(&m);
	CU_ASSERT(together(&m, "00:1c.0", "01:00.0"));
	CU_ASSERT(together(&m, "00:1d.0", "02:00.0"));
	CU_ASSERT(has_fact(&m, "01:00.0", PIOMMU_FACT_ACS_UNKNOWN, "00:1c.0", NULL));
	CU_ASSERT(!has_fact(&m, "01:00.0", PIOMMU_FACT_NO_ACS, "00:1c.0", NULL));
	CU_ASSERT(has_fact(&m, "02:00.0", PIOMMU_FACT_ACS_UNKNOWN, "00:1d.0", NULL));
	piommu_topo_free(m.topo);
}

/* A root port with ACS, and a switch with two downstream ports below it. */
static void add_switch(struct machine *m, uint16_t control)
{
	acs(bridge(m, "00:01.0", PIOMMU_PCIE_ROOT_PORT, 1, 4), ALL_BITS, ISOLATION);
	bridge(m, "01:00.0", PIOMMU_PCIE_UPSTREAM, 2, 4);
	acs(bridge(m, "02:00.0", PIOMMU_PCIE_DOWNSTREAM, 3, 3), ALL_BITS, control);
	acs(bridge(m, "02:01.0", PIOMMU_PCIE_DOWNSTREAM, 4, 4), ALL_BITS, control);
	add(m, "03:00.0", PIOMMU_PCIE_ENDPOINT);
	add(m, "04:00.0", PIOMMU_PCIE_ENDPOINT);
}

static void switch_with_acs_isolates_its_ports(void)
{
	struct machine m = { .n = 0 };

	add_switch(&m, ISOLATION);
	build(&m);
	CHECK_EQ(m.topo->ngroups, 6);
	piommu_topo_free(m.topo);
}

static void switch_without_enabled_acs_merges_each_port_with_its_device(void)
{
	struct machine m = { .n = 0 };

	add_switch(&m, 0);
	build(&m);
	CU_ASSERT(together(&m, "02:00.0", "03:00.0"));
	CU_ASSERT(together(&m, "02:01.0", "04:00.0"));
	CU_ASSERT(!together(&m, "01:00.0", "02:00.0"));
	piommu_topo_free(m.topo);
}

static void root_port_without_acs_merges_the_whole_switch_below(void)
{
	struct machine m = { .n = 0 };

	add_switch(&m, ISOLATION);
	m.fns[0].acs = PIOMMU_ABSENT;
	build(&m);
	CHECK_EQ(m.topo->ngroups, 1);
	CU_ASSERT(has_fact(&m, "04:00.0", PIOMMU_FACT_NO_ACS, "00:01.0", NULL));
	CU_ASSERT(has_fact(&m, "04:00.0", PIOMMU_FACT_BRIDGE_BELOW, "04:00.0", "02:01.0"));
	piommu_topo_free(m.topo);
}

static void pcie_to_pci_bridge_takes_ids_and_merges_its_bus(void)
{
	struct machine m = { .n = 0 };

	acs(bridge(&m, "00:1c.0", PIOMMU_PCIE_ROOT_PORT, 1, 2), ALL_BITS, ISOLATION);
	bridge(&m, "01:00.0", PIOMMU_PCIE_PCI_BRIDGE, 2, 2);
	add(&m, "02:01.0", PIOMMU_PCIE_NONE);
	add(&m, "02:02.0", PIOMMU_PCIE_NONE);
	build(&m);
	CHECK_EQ(node(&m, "02:01.0")->nrids, 2);
	CHECK_HEX(node(&m, "02:01.0")->rids[0], 0x0208);
	CHECK_HEX(node(&m, "02:01.0")->rids[1], 0x0200);
	CHECK_EQ(node(&m, "01:00.0")->nrids, 1);
	CU_ASSERT(together(&m, "02:01.0", "02:02.0"));
	CU_ASSERT(together(&m, "02:01.0", "01:00.0"));
	CU_ASSERT(!together(&m, "01:00.0", "00:1c.0"));
	CU_ASSERT(has_fact(&m, "02:02.0", PIOMMU_FACT_PCI_BUS, "02:02.0", "01:00.0"));
	CU_ASSERT(has_fact(&m, "02:02.0", PIOMMU_FACT_ALIAS, "02:02.0", "02:01.0"));
	piommu_topo_free(m.topo);
}

static void conventional_bridge_gives_its_own_id(void)
{
	struct machine m = { .n = 0 };

	bridge(&m, "00:1e.0", PIOMMU_PCIE_NONE, 5, 6); /* as an i82801b11 */
	bridge(&m, "05:01.0", PIOMMU_PCIE_NONE, 6, 6);
	add(&m, "05:02.0", PIOMMU_PCIE_NONE);
	add(&m, "06:03.0", PIOMMU_PCIE_NONE);
	build(&m);
	CHECK_EQ(m.topo->ngroups, 1);
	CHECK_EQ(node(&m, "05:02.0")->nrids, 2);
	CHECK_HEX(node(&m, "05:02.0")->rids[1], 0x00f0);
	CHECK_EQ(node(&m, "06:03.0")->nrids, 3);
	CHECK_HEX(node(&m, "06:03.0")->rids[1], 0x0508);
	CHECK_HEX(node(&m, "06:03.0")->rids[2], 0x00f0);
	piommu_topo_free(m.topo);
}

static void shared_ids_are_told_once_for_two_functions(void)
{
	struct machine m = { .n = 0 };
	unsigned told = 0;

	bridge(&m, "00:1e.0", PIOMMU_PCIE_NONE, 5, 6);
	bridge(&m, "05:01.0", PIOMMU_PCIE_NONE, 6, 6);
	add(&m, "06:03.0", PIOMMU_PCIE_NONE);
	add(&m, "06:04.0", PIOMMU_PCIE_NONE); /* shares two ids with its neighbour */
	build(&m);
	for (unsigned i = 0; i < m.topo->groups[0].nreasons; i++) {
		const struct piommu_topo_reason *reason = &m.topo->groups[0].reasons[i];

		told += reason->fact == PIOMMU_FACT_ALIAS && piommu_sbdf_compare(reason->at, at("06:04.0")) == 0;
	}
	CHECK_EQ(told, 1);
	piommu_topo_free(m.topo);
}

static void pci_to_pcie_bridge_gives_its_own_id(void)
{
	struct machine m = { .n = 0 };

	bridge(&m, "00:05.0", PIOMMU_PCIE_PCIE_BRIDGE, 1, 1);
	add(&m, "01:00.0", PIOMMU_PCIE_ENDPOINT);
	build(&m);
	CHECK_HEX(node(&m, "01:00.0")->rids[1], 0x0028);
	CU_ASSERT(together(&m, "00:05.0", "01:00.0"));
	CU_ASSERT(has_fact(&m, "01:00.0", PIOMMU_FACT_PCI_BUS, "00:05.0", NULL));
	piommu_topo_free(m.topo);
}

static void many_bridges_keep_the_outermost_id(void)
{
	struct machine m = { .n = 0 };
	char bdf[16];

	for (unsigned i = 0; i < 12; i++) {
		snprintf(bdf, sizeof(bdf), "%02x:01.0", i);
		bridge(&m, bdf, PIOMMU_PCIE_NONE, (uint8_t)(i + 1), 12);
	}
	add(&m, "0c:02.0", PIOMMU_PCIE_NONE);
	build(&m);
	CHECK_EQ(node(&m, "0c:02.0")->nrids, 8);
	CHECK_HEX(node(&m, "0c:02.0")->rids[0], 0x0c10);
	CHECK_HEX(node(&m, "0c:02.0")->rids[7], 0x0008);
	piommu_topo_free(m.topo);
}

static void root_bus_devices_are_alone(void)
{
	struct machine m = { .n = 0 };

	add(&m, "00:03.0", PIOMMU_PCIE_NONE);
	add(&m, "00:04.0", PIOMMU_PCIE_NONE);
	build(&m);
	CHECK_EQ(m.topo->ngroups, 2);
	CHECK_EQ(node(&m, "00:03.0")->nrids, 1);
	piommu_topo_free(m.topo);
}

static void functions_of_a_slot_merge_without_acs(void)
{
	struct machine m = { .n = 0 };

	acs(bridge(&m, "00:01.0", PIOMMU_PCIE_ROOT_PORT, 1, 1), ALL_BITS, ISOLATION);
	multi(add(&m, "01:00.0", PIOMMU_PCIE_ENDPOINT));
	multi(add(&m, "01:00.1", PIOMMU_PCIE_ENDPOINT));
	acs(multi(add(&m, "01:00.2", PIOMMU_PCIE_ENDPOINT)), 0, 0);
	multi(add(&m, "00:1f.0", PIOMMU_PCIE_NONE));
	add(&m, "00:1f.3", PIOMMU_PCIE_NONE);
	add(&m, "00:1e.2", PIOMMU_PCIE_RC_INTEGRATED); /* only function 0 must have the bit (PCI 3.0 6.2.1) */
	add(&m, "00:1e.3", PIOMMU_PCIE_RC_INTEGRATED);
	build(&m);
	CU_ASSERT(together(&m, "01:00.0", "01:00.1"));
	CU_ASSERT(!together(&m, "01:00.0", "01:00.2"));
	CU_ASSERT(!together(&m, "01:00.0", "00:01.0"));
	CU_ASSERT(together(&m, "00:1f.0", "00:1f.3"));
	CU_ASSERT(together(&m, "00:1e.2", "00:1e.3"));
	CU_ASSERT(has_fact(&m, "01:00.0", PIOMMU_FACT_MULTIFUNCTION, "01:00.1", "01:00.0"));
	piommu_topo_free(m.topo);
}

static void root_ports_of_one_slot_merge_with_everything_below(void)
{
	struct machine m = { .n = 0 };

	multi(bridge(&m, "00:1c.0", PIOMMU_PCIE_ROOT_PORT, 1, 1));
	multi(bridge(&m, "00:1c.4", PIOMMU_PCIE_ROOT_PORT, 2, 2));
	add(&m, "01:00.0", PIOMMU_PCIE_ENDPOINT);
	add(&m, "02:00.0", PIOMMU_PCIE_ENDPOINT);
	build(&m);
	CHECK_EQ(m.topo->ngroups, 1);
	piommu_topo_free(m.topo);
}

static void virtual_functions_are_apart_even_on_a_bus_of_their_own(void)
{
	struct machine m = { .n = 0 };
	struct piommu_pci_function *vf;

	acs(bridge(&m, "00:01.0", PIOMMU_PCIE_ROOT_PORT, 1, 2), ALL_BITS, ISOLATION);
	multi(add(&m, "01:00.0", PIOMMU_PCIE_ENDPOINT))->ari = PIOMMU_PRESENT;
	multi(add(&m, "01:00.1", PIOMMU_PCIE_ENDPOINT))->ari = PIOMMU_PRESENT;
	for (unsigned i = 0; i < 3; i++) {
		static const char *const vfs[] = { "01:00.2", "01:00.3", "02:10.0" };

		vf = multi(add(&m, vfs[i], PIOMMU_PCIE_ENDPOINT));
		vf->is_virtfn = true;
		vf->physfn = at("01:00.0");
	}
	build(&m);
	CHECK_EQ(node(&m, "02:10.0")->parent, piommu_topo_find(m.topo, at("00:01.0")));
	CU_ASSERT(together(&m, "01:00.0", "01:00.1"));
	CU_ASSERT(!together(&m, "01:00.0", "01:00.2"));
	CU_ASSERT(!together(&m, "01:00.2", "01:00.3"));
	CHECK_EQ(m.topo->ngroups, 5);
	piommu_topo_free(m.topo);
}

static void bus_without_a_bridge_of_its_own_is_below_the_innermost(void)
{
	struct machine m = { .n = 0 };

	bridge(&m, "00:01.0", PIOMMU_PCIE_ROOT_PORT, 1, 9);
	bridge(&m, "01:00.0", PIOMMU_PCIE_UPSTREAM, 2, 9);
	bridge(&m, "02:00.0", PIOMMU_PCIE_DOWNSTREAM, 3, 5);
	bridge(&m, "02:01.0", PIOMMU_PCIE_DOWNSTREAM, 6, 9);
	add(&m, "04:00.0", PIOMMU_PCIE_ENDPOINT);
	add(&m, "20:00.0", PIOMMU_PCIE_ENDPOINT);
	build(&m);
	CHECK_EQ(node(&m, "04:00.0")->parent, piommu_topo_find(m.topo, at("02:00.0")));
	CHECK_EQ(node(&m, "20:00.0")->parent, -1);
	piommu_topo_free(m.topo);
}

/* The bridge's id is the device's own; and one id merges even what a vendor fact would keep apart. */
static void shared_id_merges_by_itself(void)
{
	struct machine m = { .n = 0 };

	acs(bridge(&m, "00:1c.0", PIOMMU_PCIE_ROOT_PORT, 1, 2), ALL_BITS, ISOLATION);
	bridge(&m, "01:00.0", PIOMMU_PCIE_PCI_BRIDGE, 2, 2)->known_isolated = true;
	add(&m, "02:00.0", PIOMMU_PCIE_NONE);
	add(&m, "02:02.0", PIOMMU_PCIE_NONE);
	build(&m);
	CHECK_EQ(node(&m, "02:00.0")->nrids, 1);
	CU_ASSERT(together(&m, "02:00.0", "02:02.0"));
	CU_ASSERT(!together(&m, "02:00.0", "01:00.0"));
	piommu_topo_free(m.topo);
}

static void intel_integrated_endpoints_are_apart_and_others_are_not(void)
{
	struct machine m = { .n = 0 };

	multi(add(&m, "00:14.0", PIOMMU_PCIE_NONE))->vendor = 0x8086;
	multi(add(&m, "00:14.2", PIOMMU_PCIE_NONE))->vendor = 0x8086;
	multi(add(&m, "00:14.3", PIOMMU_PCIE_RC_INTEGRATED))->vendor = 0x8086;
	multi(add(&m, "00:01.0", PIOMMU_PCIE_RC_INTEGRATED))->vendor = 0x1002;
	multi(add(&m, "00:01.1", PIOMMU_PCIE_RC_INTEGRATED))->vendor = 0x1002;
	build(&m);
	CU_ASSERT(together(&m, "00:14.0", "00:14.2"));
	CU_ASSERT(!together(&m, "00:14.0", "00:14.3"));
	CU_ASSERT(has_fact(&m, "00:14.3", PIOMMU_FACT_QUIRK_ISOLATED, "00:14.3", NULL));
	CU_ASSERT(together(&m, "00:01.0", "00:01.1"));
	piommu_topo_free(m.topo);
}

static void vendor_fact_given_with_a_port_isolates_it(void)
{
	struct machine m = { .n = 0 };

	acs(bridge(&m, "00:1b.0", PIOMMU_PCIE_ROOT_PORT, 1, 1), 0x1f, 0)->known_isolated = true;
	acs(bridge(&m, "00:1c.0", PIOMMU_PCIE_ROOT_PORT, 2, 2), 0x1f, 0);
	add(&m, "01:00.0", PIOMMU_PCIE_ENDPOINT);
	add(&m, "02:00.0", PIOMMU_PCIE_ENDPOINT);
	build(&m);
	CU_ASSERT(!together(&m, "00:1b.0", "01:00.0"));
	CU_ASSERT(has_fact(&m, "01:00.0", PIOMMU_FACT_QUIRK_ISOLATED, "00:1b.0", "01:00.0"));
	CU_ASSERT(together(&m, "00:1c.0", "02:00.0"));
	piommu_topo_free(m.topo);
}

static void segments_are_apart(void)
{
	struct machine m = { .n = 0 };

	bridge(&m, "0000:00:01.0", PIOMMU_PCIE_ROOT_PORT, 1, 1);
	add(&m, "10000:01:00.0", PIOMMU_PCIE_ENDPOINT);
	add(&m, "10000:00:01.0", PIOMMU_PCIE_ENDPOINT);
	build(&m);
	CHECK_EQ(node(&m, "10000:01:00.0")->parent, -1);
	CHECK_EQ(m.topo->ngroups, 3);
	piommu_topo_free(m.topo);
}

static void duplicate_address_is_refused(void)
{
	struct machine m = { .n = 0 };

	add(&m, "00:03.0", PIOMMU_PCIE_NONE);
	add(&m, "00:04.0", PIOMMU_PCIE_NONE);
	add(&m, "00:03.0", PIOMMU_PCIE_NONE);
	CHECK_EQ(piommu_topo_build(m.fns, m.n, PIOMMU_TOPO_LINUX, &m.topo, m.why), -EINVAL);
	CHECK_HAS(m.why, "0000:00:03.0");
	CU_ASSERT_PTR_NULL(m.topo);
}

static void bridges_in_a_cycle_are_refused(void)
{
	struct machine m = { .n = 0 };

	bridge(&m, "01:00.0", PIOMMU_PCIE_NONE, 2, 2);
	bridge(&m, "02:00.0", PIOMMU_PCIE_NONE, 1, 1);
	add(&m, "02:01.0", PIOMMU_PCIE_NONE);
	CHECK_EQ(piommu_topo_build(m.fns, m.n, PIOMMU_TOPO_LINUX, &m.topo, m.why), -EINVAL);
	CHECK_HAS(m.why, "above itself");
	m.n = 0;
	bridge(&m, "03:00.0", PIOMMU_PCIE_NONE, 3, 3);
	CHECK_EQ(piommu_topo_build(m.fns, m.n, PIOMMU_TOPO_LINUX, &m.topo, m.why), -EINVAL);
	CHECK_HAS(m.why, "0000:03:00.0");
}

static void bridge_without_buses_is_nobodys_parent(void)
{
	struct machine m = { .n = 0 };

	bridge(&m, "00:1c.0", PIOMMU_PCIE_ROOT_PORT, 0, 0);
	add(&m, "00:02.0", PIOMMU_PCIE_NONE);
	build(&m);
	CHECK_EQ(node(&m, "00:02.0")->parent, -1);
	CHECK_EQ(m.topo->ngroups, 2);
	piommu_topo_free(m.topo);
}

static void empty_machine_has_no_groups(void)
{
	struct machine m = { .n = 0 };

	build(&m);
	CHECK_EQ(m.topo->nnodes, 0);
	CHECK_EQ(m.topo->ngroups, 0);
	CHECK_EQ(piommu_topo_find(m.topo, at("00:00.0")), -1);
	piommu_topo_free(m.topo);
	piommu_topo_free(NULL);
}

static void reasons_read_as_lines(void)
{
	struct piommu_topo_reason reason = { PIOMMU_FACT_ACS_BITS_CLEAR, at("00:1c.0"), at("00:1c.0"),
					     PIOMMU_ACS_SV | PIOMMU_ACS_UF };
	char text[160];

	piommu_topo_reason_text(&reason, text, sizeof(text));
	CHECK_HAS(text, "0000:00:1c.0");
	CHECK_HAS(text, " SV UF");
	for (unsigned fact = PIOMMU_FACT_ALONE; fact <= PIOMMU_FACT_QUIRK_ISOLATED; fact++) {
		reason.fact = (enum piommu_topo_fact)fact;
		piommu_topo_reason_text(&reason, text, sizeof(text));
		CHECK_HAS(text, "0000:00:1c.0");
		CU_ASSERT_STRING_NOT_EQUAL(piommu_topo_fact_name(reason.fact), "unknown");
	}
	CU_ASSERT_STRING_EQUAL(piommu_topo_fact_name(PIOMMU_FACT_NO_ACS), "no-acs");
	CU_ASSERT_STRING_EQUAL(piommu_topo_fact_name((enum piommu_topo_fact)99), "unknown");
}

static const struct suite_test tests[] = {
	SUITE_TEST(root_port_with_acs_isolates_what_is_below),
	SUITE_TEST(root_port_without_acs_shares_a_group_with_its_device),
	SUITE_TEST(clear_control_bit_is_named),
	SUITE_TEST(bits_that_are_not_implemented_need_not_be_enabled),
	SUITE_TEST(unknown_acs_counts_as_absent_and_says_unknown),
	SUITE_TEST(switch_with_acs_isolates_its_ports),
	SUITE_TEST(switch_without_enabled_acs_merges_each_port_with_its_device),
	SUITE_TEST(root_port_without_acs_merges_the_whole_switch_below),
	SUITE_TEST(pcie_to_pci_bridge_takes_ids_and_merges_its_bus),
	SUITE_TEST(conventional_bridge_gives_its_own_id),
	SUITE_TEST(shared_ids_are_told_once_for_two_functions),
	SUITE_TEST(pci_to_pcie_bridge_gives_its_own_id),
	SUITE_TEST(many_bridges_keep_the_outermost_id),
	SUITE_TEST(root_bus_devices_are_alone),
	SUITE_TEST(functions_of_a_slot_merge_without_acs),
	SUITE_TEST(root_ports_of_one_slot_merge_with_everything_below),
	SUITE_TEST(virtual_functions_are_apart_even_on_a_bus_of_their_own),
	SUITE_TEST(bus_without_a_bridge_of_its_own_is_below_the_innermost),
	SUITE_TEST(shared_id_merges_by_itself),
	SUITE_TEST(intel_integrated_endpoints_are_apart_and_others_are_not),
	SUITE_TEST(vendor_fact_given_with_a_port_isolates_it),
	SUITE_TEST(segments_are_apart),
	SUITE_TEST(duplicate_address_is_refused),
	SUITE_TEST(bridges_in_a_cycle_are_refused),
	SUITE_TEST(bridge_without_buses_is_nobodys_parent),
	SUITE_TEST(empty_machine_has_no_groups),
	SUITE_TEST(reasons_read_as_lines),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "topo", tests, sizeof(tests) / sizeof(tests[0]));
}
