/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device trees: what is in front of SMMUs, and which ids it carries there. Maps are those of the examples of pci-iommu.txt, and
 * shapes that real trees have.
 */
#include <errno.h>
#include <string.h>

#include "dt_tree.h"
#include "suite.h"

static void goes_to(const struct piommu_fw_source *source, uint32_t id, uint32_t unit, uint32_t want, uint32_t mask)
{
	struct piommu_fw_route route = { 0 };

	CHECK_EQ(piommu_fw_source_route(source, id, &route), 0);
	CHECK_EQ(route.unit, unit);
	CHECK_HEX(route.id, want);
	CHECK_HEX(route.mask, mask);
}

static void goes_nowhere(const struct piommu_fw_source *source, uint32_t id)
{
	struct piommu_fw_route route;

	CHECK_EQ(piommu_fw_source_route(source, id, &route), -ENOENT);
}

static void refused(const char *why)
{
	CHECK_EQ(tree_parse(), -EINVAL);
	CHECK_HAS(err.text, why);
	CHECK_EQ(fw.nunits + fw.nsources + fw.nwarnings, 0);
}

/* A PCI host, to be ended by its caller. */
static void begin_host(const char *name)
{
	fdt_make_begin(&tree, name);
	fdt_make_text(&tree, "device_type", "pci");
	FDT_CELLS(&tree, "#address-cells", 3);
	FDT_CELLS(&tree, "#size-cells", 2);
}

/* ---- iommus ------------------------------------------------------------------------------------------------------------- */

static void each_specifier_is_an_id(void)
{
	tree_start();
	tree_smmu("arm,smmu-v3", 1, 1);
	tree_smmu("arm,mmu-500", 2, 2);
	fdt_make_begin(&tree, "video@0");
	FDT_CELLS(&tree, "iommus", 1, 0x80000001, 2, 0x10a0, 0x8, 2, 0x10a8, 0x0);
	FDT_FLAG(&tree, "dma-can-stall");
	FDT_CELLS(&tree, "pasid-num-bits", 5);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 1);
	CU_ASSERT_STRING_EQUAL(fw.sources[0].name, "/video@0");
	CHECK_EQ(fw.sources[0].is_pci, false);
	CHECK_HEX(fw.sources[0].flags, PIOMMU_FW_SOURCE_STALL);
	CHECK_EQ(fw.sources[0].pasid_bits, 5);
	CHECK_EQ(fw.sources[0].to_units.n, 3);
	goes_to(&fw.sources[0], 0, 0, 0x80000001, 0);
	goes_to(&fw.sources[0], 1, 1, 0x10a0, 0x8);
	goes_to(&fw.sources[0], 2, 1, 0x10a8, 0);
	piommu_fw_free(&fw);
}

static void other_iommus_in_the_list_are_passed_over(void)
{
	tree_start();
	tree_smmu("arm,mmu-500", 1, 1);
	fdt_make_begin(&tree, "iommu-of-another-kind");
	FDT_CELLS(&tree, "phandle", 2);
	FDT_CELLS(&tree, "#iommu-cells", 0);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "dma@0");
	FDT_CELLS(&tree, "iommus", 2, 1, 0x42, 2);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "dma@1");
	FDT_CELLS(&tree, "iommus", 2);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 1);
	CHECK_EQ(fw.sources[0].to_units.n, 1);
	CHECK_HEX(fw.sources[0].to_units.at[0].to, 0x42);
	piommu_fw_free(&fw);
}

static void the_match_mask_of_a_unit_is_that_of_ids_without_one(void)
{
	tree_start();
	fdt_make_begin(&tree, "smmu@50000");
	fdt_make_text(&tree, "compatible", "arm,mmu-500");
	FDT_CELLS(&tree, "reg", 0, 0x50000, 0, 0x10000);
	FDT_CELLS(&tree, "phandle", 1);
	FDT_CELLS(&tree, "#iommu-cells", 1);
	FDT_CELLS(&tree, "stream-match-mask", 0x7c00);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "dma@0");
	FDT_CELLS(&tree, "iommus", 1, 0x22);
	fdt_make_end(&tree);
	begin_host("pcie@0");
	FDT_CELLS(&tree, "iommu-map", 0, 1, 0x0, 0x100);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	goes_to(&fw.sources[0], 0, 0, 0x22, 0x7c00);
	goes_to(&fw.sources[1], 0x10, 0, 0x10, 0x7c00);
	piommu_fw_free(&fw);
}

static void ids_of_a_v3_unit_have_no_mask(void)
{
	tree_start();
	tree_smmu("arm,smmu-v3", 1, 2);
	fdt_make_begin(&tree, "dma@0");
	FDT_CELLS(&tree, "iommus", 1, 0x22, 0x7);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	goes_to(&fw.sources[0], 0, 0, 0x22, 0);
	piommu_fw_free(&fw);
}

static void coherence_is_inherited_and_can_be_taken_back(void)
{
	tree_start();
	tree_smmu("arm,mmu-500", 1, 1);
	fdt_make_begin(&tree, "soc");
	FDT_FLAG(&tree, "dma-coherent");
	fdt_make_begin(&tree, "dma@0");
	FDT_CELLS(&tree, "iommus", 1, 1);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "dma@1");
	FDT_FLAG(&tree, "dma-noncoherent");
	FDT_CELLS(&tree, "iommus", 1, 2);
	fdt_make_end(&tree);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CHECK_HEX(fw.sources[0].flags, PIOMMU_FW_SOURCE_COHERENT);
	CHECK_HEX(fw.sources[1].flags, 0);
	piommu_fw_free(&fw);
}

static void bad_specifiers_are_refused(void)
{
	tree_start();
	tree_smmu("arm,mmu-500", 1, 2);
	fdt_make_begin(&tree, "dma@0");
	FDT_CELLS(&tree, "iommus", 1, 0x22);
	fdt_make_end(&tree);
	refused("/dma@0: iommus ends amid an entry");
	tree_start();
	tree_smmu("arm,mmu-500", 1, 1);
	fdt_make_begin(&tree, "dma@0");
	FDT_CELLS(&tree, "iommus", 9, 0x22);
	fdt_make_end(&tree);
	refused("names phandle 0x9");
	tree_start();
	tree_smmu("arm,mmu-500", 1, 1);
	fdt_make_begin(&tree, "dma@0");
	FDT_CELLS(&tree, "iommus", 0xff, 0x22); /* the interrupt controller */
	fdt_make_end(&tree);
	refused("no #iommu-cells");
	tree_start();
	tree_smmu("arm,mmu-500", 1, 1);
	fdt_make_begin(&tree, "dma@0");
	FDT_CELLS(&tree, "iommus", 1, 0x10000);
	fdt_make_end(&tree);
	refused("more bits than such a unit has");
}

/* ---- iommu-map ---------------------------------------------------------------------------------------------------------- */

/* Examples 1 to 4 of pci-iommu.txt. */
static void the_examples_of_the_binding_map_as_they_say(void)
{
	tree_start();
	tree_smmu("arm,smmu-v3", 1, 1);
	tree_smmu("arm,smmu-v3", 2, 1);
	tree_smmu("arm,smmu-v3", 3, 1);
	begin_host("pci@1");
	FDT_CELLS(&tree, "linux,pci-domain", 1);
	FDT_CELLS(&tree, "iommu-map", 0x0, 1, 0x0, 0x10000);
	fdt_make_end(&tree);
	begin_host("pci@2");
	FDT_CELLS(&tree, "linux,pci-domain", 2);
	FDT_CELLS(&tree, "iommu-map", 0x0, 1, 0x0, 0x10000);
	FDT_CELLS(&tree, "iommu-map-mask", 0xfff8);
	fdt_make_end(&tree);
	begin_host("pci@3");
	FDT_CELLS(&tree, "linux,pci-domain", 3);
	FDT_CELLS(&tree, "iommu-map", 0x0000, 1, 0x8000, 0x8000, 0x8000, 1, 0x0000, 0x8000);
	fdt_make_end(&tree);
	begin_host("pci@4");
	FDT_CELLS(&tree, "linux,pci-domain", 4);
	FDT_CELLS(&tree, "iommu-map", 0x0000, 1, 0x0000, 0x4000, 0x4000, 2, 0x0000, 0x4000, 0x8000, 3, 0x0000, 0x8000);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 4);
	CHECK_EQ(fw.sources[3].is_pci, true);
	CHECK_EQ(fw.sources[3].segment, 4);
	CU_ASSERT_PTR_EQUAL(piommu_fw_source_of_pci(&fw, (struct piommu_sbdf){ 2, 1, 0 }), &fw.sources[1]);
	goes_to(&fw.sources[0], 0x1234, 0, 0x1234, 0);
	goes_nowhere(&fw.sources[0], 0x10000);
	goes_to(&fw.sources[1], 0x1237, 0, 0x1230, 0);
	goes_to(&fw.sources[2], 0x1234, 0, 0x9234, 0);
	goes_to(&fw.sources[2], 0x9234, 0, 0x1234, 0);
	goes_to(&fw.sources[3], 0x3fff, 0, 0x3fff, 0);
	goes_to(&fw.sources[3], 0x4000, 1, 0x0000, 0);
	goes_to(&fw.sources[3], 0xffff, 2, 0x7fff, 0);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void entries_of_four_cells_are_told_from_those_of_five(void)
{
	tree_start();
	tree_smmu("arm,mmu-500", 1, 2);
	tree_smmu("arm,mmu-500", 2, 1);
	begin_host("pci@1"); /* the target has two cells, the entries do not */
	FDT_CELLS(&tree, "linux,pci-domain", 1);
	FDT_CELLS(&tree, "iommu-map", 0x0, 1, 0x1c00, 0x1, 0x100, 1, 0x1c01, 0x1);
	fdt_make_end(&tree);
	begin_host("pci@2"); /* as the binding wants them */
	FDT_CELLS(&tree, "linux,pci-domain", 2);
	FDT_CELLS(&tree, "iommu-map", 0x0, 1, 0x1c00, 0xf, 0x1, 0x100, 1, 0x1c10, 0x3, 0x1);
	fdt_make_end(&tree);
	begin_host("pci@3"); /* mixed */
	FDT_CELLS(&tree, "linux,pci-domain", 3);
	FDT_CELLS(&tree, "iommu-map", 0x0, 1, 0x80, 0x7, 0x1, 0x100, 2, 0x90, 0x2);
	fdt_make_end(&tree);
	begin_host("pci@4"); /* four cells, two targets: what the cells of the targets give is no whole number of entries */
	FDT_CELLS(&tree, "linux,pci-domain", 4);
	FDT_CELLS(&tree, "iommu-map", 0x0, 1, 0x200, 0x1, 0x100, 2, 0x201, 0x1);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 4);
	goes_to(&fw.sources[0], 0x100, 0, 0x1c01, 0);
	goes_nowhere(&fw.sources[0], 0x1);
	goes_to(&fw.sources[1], 0x0, 0, 0x1c00, 0xf);
	goes_to(&fw.sources[1], 0x100, 0, 0x1c10, 0x3);
	goes_to(&fw.sources[2], 0x0, 0, 0x80, 0x7);
	goes_to(&fw.sources[2], 0x101, 1, 0x91, 0);
	goes_to(&fw.sources[3], 0x0, 0, 0x200, 0);
	goes_to(&fw.sources[3], 0x100, 1, 0x201, 0);
	piommu_fw_free(&fw);
}

/* Twenty cells are five entries or four; what stands where phandles of entries of five cells would, is that number by chance. */
static void entries_of_one_phandle_in_every_fourth_cell_have_four(void)
{
	tree_start();
	tree_smmu("arm,mmu-500", 1, 2);
	begin_host("pci@1");
	FDT_CELLS(&tree, "iommu-map", 0x0, 1, 0x10, 1, 0x100, 1, 0x1, 1, 0x200, 1, 0x12, 1, 0x300, 1, 0x13, 1, 0x1, 1, 0x14, 1);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 1);
	CHECK_EQ(fw.sources[0].to_units.n, 5);
	goes_to(&fw.sources[0], 0x100, 0, 0x1, 0);
	goes_to(&fw.sources[0], 0x1, 0, 0x14, 0);
	piommu_fw_free(&fw);
}

static void empty_maps_and_holes_map_nothing(void)
{
	tree_start();
	tree_smmu("arm,smmu-v3", 1, 1);
	begin_host("pci@1");
	FDT_CELLS(&tree, "linux,pci-domain", 1);
	FDT_FLAG(&tree, "iommu-map");
	fdt_make_end(&tree);
	begin_host("pci@2");
	FDT_CELLS(&tree, "linux,pci-domain", 2);
	FDT_CELLS(&tree, "iommu-map", 0, 1, 0, 0);
	fdt_make_end(&tree);
	begin_host("pci@3"); /* one id is left out */
	FDT_CELLS(&tree, "linux,pci-domain", 3);
	FDT_CELLS(&tree, "iommu-map", 0, 1, 0, 8, 9, 1, 9, 0xfff7);
	fdt_make_end(&tree);
	begin_host("pci@4"); /* mask 0: every function is the same */
	FDT_CELLS(&tree, "linux,pci-domain", 4);
	FDT_CELLS(&tree, "iommu-map", 0, 1, 0x500, 1);
	FDT_CELLS(&tree, "iommu-map-mask", 0);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 2);
	goes_to(&fw.sources[0], 7, 0, 7, 0);
	goes_nowhere(&fw.sources[0], 8);
	goes_to(&fw.sources[0], 0xffff, 0, 0xffff, 0);
	goes_to(&fw.sources[1], 0x1234, 0, 0x500, 0);
	piommu_fw_free(&fw);
}

static void bad_maps_are_refused(void)
{
	static const struct {
		uint32_t cells[5];
		size_t n;
		const char *why;
	} maps[] = {
		{ { 0, 1, 0 }, 3, "no whole entries" },     { { 0, 1, 0, 1, 0 }, 5, "no whole entries" },
		{ { 0, 7, 0, 1 }, 4, "no whole entries" },  { { 0x10, 1, 0, 0xffffffff }, 4, "runs past 32 bits" },
		{ { 0, 1, 0xfff0, 0x11 }, 4, "more bits" },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		tree_start();
		tree_smmu("arm,mmu-500", 1, 1);
		begin_host("pci@1");
		fdt_make_cells(&tree, "iommu-map", maps[i].cells, maps[i].n);
		fdt_make_end(&tree);
		refused(maps[i].why);
	}
}

static void hosts_without_a_number_are_counted_with_a_warning(void)
{
	tree_start();
	tree_smmu("arm,smmu-v3", 1, 1);
	begin_host("pci@1");
	fdt_make_end(&tree);
	begin_host("pci@2");
	FDT_CELLS(&tree, "bus-range", 0x10, 0x1f);
	FDT_CELLS(&tree, "iommu-map", 0, 1, 0, 0x10000);
	begin_host("pcie@0"); /* a root port is no host */
	fdt_make_end(&tree);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 1);
	CHECK_EQ(fw.sources[0].segment, 1);
	CHECK_HEX(fw.sources[0].start_bus, 0x10);
	CHECK_HEX(fw.sources[0].last_bus, 0x1f);
	CU_ASSERT_PTR_EQUAL(piommu_fw_source_of_pci(&fw, (struct piommu_sbdf){ 1, 0x10, 0 }), &fw.sources[0]);
	CU_ASSERT_PTR_EQUAL(piommu_fw_source_of_pci(&fw, (struct piommu_sbdf){ 1, 0x1f, 0xff }), &fw.sources[0]);
	CU_ASSERT_PTR_NULL(piommu_fw_source_of_pci(&fw, (struct piommu_sbdf){ 1, 0x0f, 0 }));
	CU_ASSERT_PTR_NULL(piommu_fw_source_of_pci(&fw, (struct piommu_sbdf){ 1, 0x20, 0 }));
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], "2 PCI hosts have no linux,pci-domain");
	piommu_fw_free(&fw);
}

static void maps_of_other_buses_are_no_pci(void)
{
	tree_start();
	tree_smmu("arm,mmu-500", 1, 1);
	fdt_make_begin(&tree, "fsl-mc@80c000000");
	FDT_CELLS(&tree, "iommu-map", 0x17, 1, 0x17, 0x29);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 1);
	CHECK_EQ(fw.sources[0].is_pci, false);
	goes_to(&fw.sources[0], 0x18, 0, 0x18, 0);
	piommu_fw_free(&fw);
}

/* ---- mmu-masters -------------------------------------------------------------------------------------------------------- */

/* The example of the older binding: two masters with ids of their own. */
static void begin_legacy(void)
{
	tree_start();
	fdt_make_begin(&tree, "smmu@ba5e0000");
	fdt_make_text(&tree, "compatible", "arm,smmu-v1");
	FDT_CELLS(&tree, "reg", 0, 0xba5e0000, 0, 0x10000);
}

static void end_legacy(void)
{
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "dma0");
	FDT_CELLS(&tree, "phandle", 10);
	FDT_CELLS(&tree, "#stream-id-cells", 2);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "dma1");
	FDT_CELLS(&tree, "phandle", 11);
	FDT_CELLS(&tree, "#stream-id-cells", 1);
	fdt_make_end(&tree);
	begin_host("pci@0");
	FDT_CELLS(&tree, "phandle", 12);
	FDT_CELLS(&tree, "#stream-id-cells", 1);
	fdt_make_end(&tree);
}

static void masters_of_the_older_binding_have_their_ids(void)
{
	begin_legacy();
	FDT_CELLS(&tree, "mmu-masters", 10, 0xd01d, 0xd01e, 11, 0xd11c);
	end_legacy();
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 2);
	CU_ASSERT_STRING_EQUAL(fw.sources[0].name, "/dma0");
	goes_to(&fw.sources[0], 0, 0, 0xd01d, 0);
	goes_to(&fw.sources[0], 1, 0, 0xd01e, 0);
	CU_ASSERT_STRING_EQUAL(fw.sources[1].name, "/dma1");
	goes_to(&fw.sources[1], 0, 0, 0xd11c, 0);
	piommu_fw_free(&fw);
}

static void a_pci_host_of_the_older_binding_sends_requester_ids(void)
{
	begin_legacy();
	FDT_CELLS(&tree, "mmu-masters", 12, 0x77);
	end_legacy();
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nsources, 1);
	CHECK_EQ(fw.sources[0].is_pci, true);
	goes_to(&fw.sources[0], 0x108, 0, 0x108, 0);
	piommu_fw_free(&fw);
}

static void the_newer_binding_goes_before_the_older(void)
{
	begin_legacy();
	FDT_CELLS(&tree, "mmu-masters", 10, 1, 2);
	FDT_CELLS(&tree, "#iommu-cells", 1);
	end_legacy();
	CHECK_EQ(tree_parse(), 0);
	CHECK_EQ(fw.nsources, 0);
	piommu_fw_free(&fw);
}

static void bad_masters_are_refused(void)
{
	begin_legacy();
	FDT_CELLS(&tree, "mmu-masters", 10, 1);
	end_legacy();
	refused("/smmu@ba5e0000: mmu-masters");
	begin_legacy();
	FDT_CELLS(&tree, "mmu-masters", 99, 1);
	end_legacy();
	refused("a phandle of no node");
}

/* ---- Reserved memory ---------------------------------------------------------------------------------------------------- */

/* `with_reg`: the region has memory of its own. */
static void reserve(bool with_reg, const uint32_t *addresses, size_t n)
{
	tree_start();
	tree_smmu("arm,mmu-500", 1, 1);
	fdt_make_begin(&tree, "display@0");
	FDT_CELLS(&tree, "phandle", 2);
	FDT_CELLS(&tree, "iommus", 1, 0x880);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "reserved-memory");
	FDT_CELLS(&tree, "#address-cells", 2);
	FDT_CELLS(&tree, "#size-cells", 2);
	FDT_FLAG(&tree, "ranges");
	fdt_make_begin(&tree, "splash@9d400000");
	if (with_reg)
		FDT_CELLS(&tree, "reg", 0, 0x9d400000, 0, 0x2400000);
	fdt_make_cells(&tree, "iommu-addresses", addresses, n);
	fdt_make_end(&tree);
	fdt_make_end(&tree);
}

static void memory_used_where_it_is_stays_mapped(void)
{
	reserve(true, (const uint32_t[]){ 2, 0, 0x9d400000, 0, 0x2400000 }, 5);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nreserved, 1);
	CHECK_EQ(fw.reserved[0].kind, PIOMMU_FW_RESERVED_RMR);
	CHECK_HEX(fw.reserved[0].span.start, 0x9d400000);
	CHECK_HEX(fw.reserved[0].span.last, 0x9f7fffff);
	CHECK_EQ(piommu_fw_ids_have(&fw.reserved[0].ids, &(struct piommu_fw_route){ 0, 0x880, 0 }), true);
	CHECK_EQ(fw.ncarveouts + fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void addresses_without_memory_are_kept_free(void)
{
	reserve(false, (const uint32_t[]){ 2, 0x1, 0x0, 0, 0x1000 }, 5);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.ncarveouts, 1);
	CHECK_EQ(fw.carveouts[0].kind, PIOMMU_FW_RESERVED_HOLE);
	CHECK_HEX(fw.carveouts[0].span.start, 0x100000000);
	CHECK_HEX(fw.carveouts[0].span.last, 0x100000fff);
	CHECK_EQ(fw.nreserved + fw.nwarnings, 0);
	piommu_fw_free(&fw);
	reserve(true, (const uint32_t[]){ 2, 0, 0x9d400000, 0, 0x1000 }, 5); /* only a part of the memory */
	CHECK_EQ(tree_parse(), 0);
	CHECK_EQ(fw.ncarveouts, 1);
	CHECK_EQ(fw.nreserved, 0);
	piommu_fw_free(&fw);
	reserve(true, (const uint32_t[]){ 2, 0x1, 0x0, 0, 0x1000 }, 5);
	CHECK_EQ(tree_parse(), 0);
	CHECK_EQ(fw.ncarveouts, 1);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], "at other addresses");
	piommu_fw_free(&fw);
}

static void bad_reservations_are_refused(void)
{
	reserve(true, (const uint32_t[]){ 2, 0, 0x9d400000, 0 }, 4);
	refused("no list of devices");
	reserve(true, (const uint32_t[]){ 99, 0, 0x9d400000, 0, 1 }, 5);
	refused("no list of devices");
	reserve(true, (const uint32_t[]){ 2, 0xffffffff, 0xfffff000, 0, 0x1001 }, 5);
	refused("run past the address space");
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(each_specifier_is_an_id),
		SUITE_TEST(other_iommus_in_the_list_are_passed_over),
		SUITE_TEST(the_match_mask_of_a_unit_is_that_of_ids_without_one),
		SUITE_TEST(ids_of_a_v3_unit_have_no_mask),
		SUITE_TEST(coherence_is_inherited_and_can_be_taken_back),
		SUITE_TEST(bad_specifiers_are_refused),
		SUITE_TEST(the_examples_of_the_binding_map_as_they_say),
		SUITE_TEST(entries_of_four_cells_are_told_from_those_of_five),
		SUITE_TEST(entries_of_one_phandle_in_every_fourth_cell_have_four),
		SUITE_TEST(empty_maps_and_holes_map_nothing),
		SUITE_TEST(bad_maps_are_refused),
		SUITE_TEST(hosts_without_a_number_are_counted_with_a_warning),
		SUITE_TEST(maps_of_other_buses_are_no_pci),
		SUITE_TEST(masters_of_the_older_binding_have_their_ids),
		SUITE_TEST(a_pci_host_of_the_older_binding_sends_requester_ids),
		SUITE_TEST(the_newer_binding_goes_before_the_older),
		SUITE_TEST(bad_masters_are_refused),
		SUITE_TEST(memory_used_where_it_is_stays_mapped),
		SUITE_TEST(addresses_without_memory_are_kept_free),
		SUITE_TEST(bad_reservations_are_refused),
	};

	return suite_run(argc, argv, "dt-sources", tests, sizeof(tests) / sizeof(tests[0]));
}
