/* SPDX-License-Identifier: BSD-3-Clause */
/* Facts out of configuration space: bytes written by hand from the PCI and PCI Express specifications. */
#include <errno.h>
#include <string.h>

#include "piommu_topo.h"
#include "suite.h"

struct space {
	uint8_t bytes[4096];
	unsigned readable; /* beyond it: -EACCES, as for a process without rights */
	unsigned reads;
};

static int read_space(void *ctx, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value)
{
	struct space *space = ctx;

	(void)sbdf;
	space->reads++;
	CU_ASSERT_FATAL(width == 1 || width == 2 || width == 4);
	CU_ASSERT_FATAL(off % width == 0 && off + width <= sizeof(space->bytes));
	if (off + width > space->readable)
		return -EACCES;
	*value = 0;
	memcpy(value, space->bytes + off, width);
	return 0;
}

static void put16(struct space *space, unsigned off, unsigned value)
{
	space->bytes[off] = (uint8_t)value;
	space->bytes[off + 1] = (uint8_t)(value >> 8);
}

static void put32(struct space *space, unsigned off, uint32_t value)
{
	put16(space, off, value & 0xffff);
	put16(space, off + 2, value >> 16);
}

/* A root port 8086:7ec4, function 0 of several, buses 20 to 49; capabilities at 40 (PM), 50 (MSI), 80 (PCI Express). */
static void make_root_port(struct space *space)
{
	memset(space, 0, sizeof(*space));
	space->readable = 4096;
	put32(space, 0x00, 0x7ec48086);
	put16(space, 0x06, 0x0010);
	put32(space, 0x08, 0x06040002);
	space->bytes[0x0e] = 0x81;
	put32(space, 0x18, 0x00492000);
	space->bytes[0x34] = 0x40;
	put16(space, 0x40, 0x5001);
	put16(space, 0x50, 0x8005);
	put16(space, 0x80, 0x0010);
	put16(space, 0x82, 0x0142); /* version 2, type 4, slot implemented */
	/* AER at 100, ACS at 220, ARI at 150 */
	put32(space, 0x100, 0x22310001); /* the low two bits of a next pointer are reserved */
	put32(space, 0x220, 0x1501000d);
	put16(space, 0x224, 0x001f);
	put16(space, 0x226, 0x001d);
	put32(space, 0x150, 0x0001000e);
}

static int decode(struct space *space, struct piommu_pci_function *fn)
{
	static const struct piommu_sbdf sbdf = { 0, 0, 0x38 };

	space->reads = 0;
	return piommu_topo_decode_function(read_space, space, sbdf, fn);
}

static void root_port_is_read_whole(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_HEX(fn.sbdf.devfn, 0x38);
	CHECK_HEX(fn.vendor, 0x8086);
	CHECK_HEX(fn.device, 0x7ec4);
	CHECK_HEX(fn.class_code, 0x060400);
	CHECK_EQ(fn.header_type, 1);
	CU_ASSERT(fn.multifunction);
	CHECK_HEX(fn.secondary, 0x20);
	CHECK_HEX(fn.subordinate, 0x49);
	CHECK_EQ(fn.pcie_type, PIOMMU_PCIE_ROOT_PORT);
	CHECK_EQ(fn.acs, PIOMMU_PRESENT);
	CHECK_HEX(fn.acs_cap, 0x1f);
	CHECK_HEX(fn.acs_ctl, 0x1d);
	CHECK_EQ(fn.ari, PIOMMU_PRESENT);
}

static void no_function_answers_all_ones_or_zero(void)
{
	struct space space;
	struct piommu_pci_function fn;

	memset(&space, 0xff, sizeof(space));
	space.readable = 4096;
	CHECK_EQ(decode(&space, &fn), -ENODEV);
	memset(space.bytes, 0, sizeof(space.bytes));
	CHECK_EQ(decode(&space, &fn), -ENODEV);
	space.readable = 0;
	CHECK_EQ(decode(&space, &fn), -EACCES);
}

static void beyond_64_bytes_everything_is_unknown(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	space.readable = 64;
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_HEX(fn.secondary, 0x20);
	CHECK_EQ(fn.pcie_type, PIOMMU_PCIE_UNKNOWN);
	CHECK_EQ(fn.acs, PIOMMU_UNKNOWN);
	CHECK_EQ(fn.ari, PIOMMU_UNKNOWN);
}

static void beyond_256_bytes_acs_is_unknown_and_the_type_known(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	space.readable = 256;
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.pcie_type, PIOMMU_PCIE_ROOT_PORT);
	CHECK_EQ(fn.acs, PIOMMU_UNKNOWN);
	CHECK_EQ(fn.ari, PIOMMU_UNKNOWN);
}

static void extended_list_that_ends_well_makes_the_rest_absent(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	put32(&space, 0x100, 0x00010001);
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.acs, PIOMMU_ABSENT);
	CHECK_EQ(fn.ari, PIOMMU_ABSENT);
	put32(&space, 0x100, 0);
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.acs, PIOMMU_ABSENT);
	put32(&space, 0x100, 0xffffffff);
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.acs, PIOMMU_UNKNOWN);
}

static void conventional_function_has_no_acs(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	put16(&space, 0x06, 0);
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.pcie_type, PIOMMU_PCIE_NONE);
	CHECK_EQ(fn.acs, PIOMMU_ABSENT);
	CHECK_EQ(fn.ari, PIOMMU_ABSENT);
}

static void capability_list_that_loops_is_cut(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	put16(&space, 0x50, 0x4005);
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.pcie_type, PIOMMU_PCIE_UNKNOWN);
	CHECK_EQ(fn.acs, PIOMMU_UNKNOWN);
	CU_ASSERT(space.reads < 100);
	put16(&space, 0x50, 0x2005); /* into the header */
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.pcie_type, PIOMMU_PCIE_UNKNOWN);
}

static void extended_list_that_loops_keeps_what_it_showed(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	put32(&space, 0x220, 0x1001000d); /* back to AER, ARI never reached */
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.acs, PIOMMU_PRESENT);
	CHECK_EQ(fn.ari, PIOMMU_UNKNOWN);
	CU_ASSERT(space.reads < 1000);
	put32(&space, 0x100, 0x04010001); /* next at 0x40: not in extended space */
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.acs, PIOMMU_UNKNOWN);
}

static void acs_at_the_very_end_is_not_read_past_it(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	put32(&space, 0x100, 0xffc10001);
	put32(&space, 0xffc, 0x0001000d);
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.acs, PIOMMU_UNKNOWN);
}

static void pcie_capability_at_the_very_end_is_not_read_past_it(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	put16(&space, 0x40, 0xfc01);
	put16(&space, 0xfc, 0x0010);
	put16(&space, 0xfe, 0x0002);
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.pcie_type, PIOMMU_PCIE_ENDPOINT);
}

static void sunrise_point_control_is_two_bytes_further(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	put32(&space, 0x00, 0xa1108086);
	put32(&space, 0x224, 0x0000000f); /* capability, a double word */
	put32(&space, 0x228, 0x0000000d); /* control */
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_HEX(fn.acs_cap, 0x0f);
	CHECK_HEX(fn.acs_ctl, 0x0d);
	CU_ASSERT(!fn.known_isolated);
	CU_ASSERT(piommu_topo_acs_elsewhere(0x8086, 0x9d18));
	CU_ASSERT(!piommu_topo_acs_elsewhere(0x8086, 0xa120));
	CU_ASSERT(!piommu_topo_acs_elsewhere(0x1022, 0xa110));
}

static void cardbus_bridge_keeps_its_list_elsewhere(void)
{
	struct space space;
	struct piommu_pci_function fn;

	make_root_port(&space);
	space.bytes[0x0e] = 0x02;
	space.bytes[0x34] = 0;
	space.bytes[0x14] = 0x80;
	CU_ASSERT_EQUAL_FATAL(decode(&space, &fn), 0);
	CHECK_EQ(fn.header_type, 2);
	CU_ASSERT(!fn.multifunction);
	CHECK_HEX(fn.secondary, 0x20);
	CHECK_EQ(fn.pcie_type, PIOMMU_PCIE_ROOT_PORT);
}

static const struct suite_test tests[] = {
	SUITE_TEST(root_port_is_read_whole),
	SUITE_TEST(no_function_answers_all_ones_or_zero),
	SUITE_TEST(beyond_64_bytes_everything_is_unknown),
	SUITE_TEST(beyond_256_bytes_acs_is_unknown_and_the_type_known),
	SUITE_TEST(extended_list_that_ends_well_makes_the_rest_absent),
	SUITE_TEST(conventional_function_has_no_acs),
	SUITE_TEST(capability_list_that_loops_is_cut),
	SUITE_TEST(extended_list_that_loops_keeps_what_it_showed),
	SUITE_TEST(acs_at_the_very_end_is_not_read_past_it),
	SUITE_TEST(pcie_capability_at_the_very_end_is_not_read_past_it),
	SUITE_TEST(sunrise_point_control_is_two_bytes_further),
	SUITE_TEST(cardbus_bridge_keeps_its_list_elsewhere),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "decode", tests, sizeof(tests) / sizeof(tests[0]));
}
