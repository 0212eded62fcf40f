/* SPDX-License-Identifier: BSD-3-Clause */
/* Device trees: the SMMUs in them, and trees that are broken. Values as the bindings and their examples have them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dt_tree.h"
#include "suite.h"

static void check_irq(const struct piommu_fw_irq *irq, enum piommu_fw_irq_kind kind, uint32_t number, bool edge)
{
	CHECK_EQ(irq->kind, kind);
	CHECK_EQ(irq->wired, true);
	CHECK_EQ(irq->number, number);
	CHECK_EQ(irq->edge, edge);
}

/* The example of arm,smmu.yaml: an MMU-400 whose two global interrupts come first. */
static void the_example_of_the_binding_is_read(void)
{
	tree_start();
	fdt_make_begin(&tree, "iommu@ba5e0000");
	fdt_make_text(&tree, "compatible", "arm,smmu-v1");
	FDT_CELLS(&tree, "reg", 0, 0xba5e0000, 0, 0x10000);
	FDT_CELLS(&tree, "#global-interrupts", 2);
	FDT_CELLS(&tree, "interrupts", 0, 32, 4, 0, 33, 4, 0, 34, 4, 0, 35, 1);
	FDT_CELLS(&tree, "#iommu-cells", 1);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nunits, 1);
	CU_ASSERT_STRING_EQUAL(fw.units[0].name, "smmu0");
	CU_ASSERT_STRING_EQUAL(fw.units[0].path, "/iommu@ba5e0000");
	CHECK_EQ(fw.units[0].family, PIOMMU_FAMILY_SMMUV2);
	CHECK_EQ(fw.units[0].version, 1);
	CHECK_EQ(fw.units[0].model, PIOMMU_FW_MODEL_GENERIC);
	CHECK_HEX(fw.units[0].base, 0xba5e0000);
	CHECK_HEX(fw.units[0].len, 0x10000);
	CHECK_HEX(fw.units[0].flags, 0);
	CHECK_EQ(fw.units[0].numa_node, -1);
	CU_ASSERT_EQUAL_FATAL(fw.units[0].nirqs, 4);
	check_irq(&fw.units[0].irqs[0], PIOMMU_FW_IRQ_GLOBAL, 64, false);
	check_irq(&fw.units[0].irqs[1], PIOMMU_FW_IRQ_GLOBAL, 65, false);
	check_irq(&fw.units[0].irqs[2], PIOMMU_FW_IRQ_CONTEXT, 66, false);
	check_irq(&fw.units[0].irqs[3], PIOMMU_FW_IRQ_CONTEXT, 67, true);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

/* The example of arm,smmu-v3.yaml. */
static void the_example_of_the_v3_binding_is_read(void)
{
	static const char names[] = "eventq\0gerror\0priq\0cmdq-sync";

	tree_start();
	fdt_make_begin(&tree, "iommu@2b400000");
	fdt_make_text(&tree, "compatible", "arm,smmu-v3");
	FDT_CELLS(&tree, "reg", 0, 0x2b400000, 0, 0x20000);
	FDT_CELLS(&tree, "interrupts", 0, 74, 1, 0, 79, 1, 0, 75, 1, 0, 77, 1);
	fdt_make_bytes(&tree, "interrupt-names", names, sizeof(names));
	FDT_FLAG(&tree, "dma-coherent");
	FDT_FLAG(&tree, "hisilicon,broken-prefetch-cmd");
	FDT_CELLS(&tree, "numa-node-id", 1);
	FDT_CELLS(&tree, "#iommu-cells", 1);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nunits, 1);
	CHECK_EQ(fw.units[0].family, PIOMMU_FAMILY_SMMUV3);
	CHECK_EQ(fw.units[0].version, 3);
	CHECK_HEX(fw.units[0].flags, PIOMMU_FW_UNIT_COHERENT | PIOMMU_FW_UNIT_NO_PREFETCH);
	CHECK_EQ(fw.units[0].numa_node, 1);
	CU_ASSERT_EQUAL_FATAL(fw.units[0].nirqs, 4);
	check_irq(&fw.units[0].irqs[0], PIOMMU_FW_IRQ_EVENT, 106, true);
	check_irq(&fw.units[0].irqs[1], PIOMMU_FW_IRQ_ERROR, 111, true);
	check_irq(&fw.units[0].irqs[2], PIOMMU_FW_IRQ_PRI, 107, true);
	check_irq(&fw.units[0].irqs[3], PIOMMU_FW_IRQ_SYNC, 109, true);
	piommu_fw_free(&fw);
}

#define KIND(text) text, sizeof(text)

static void names_say_the_model(void)
{
	static const struct {
		const char *names;
		size_t len;
		enum piommu_family family;
		unsigned version;
		enum piommu_fw_model model;
		uint32_t flags;
	} kinds[] = {
		{ KIND("arm,smmu-v2"), PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_GENERIC, 0 },
		{ KIND("arm,mmu-400\0arm,smmu-v1"), PIOMMU_FAMILY_SMMUV2, 1, PIOMMU_FW_MODEL_MMU_400, 0 },
		{ KIND("arm,mmu-401"), PIOMMU_FAMILY_SMMUV2, 1, PIOMMU_FW_MODEL_MMU_401, 0 },
		{ KIND("arm,mmu-500"), PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_MMU_500, 0 },
		{ KIND("cavium,smmu-v2"), PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_CAVIUM_V2, 0 },
		{ KIND("marvell,ap806-smmu-500\0arm,mmu-500"), PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_MARVELL_500, 0 },
		{ KIND("nvidia,tegra234-smmu\0nvidia,smmu-500"), PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_NVIDIA_500, 0 },
		{ KIND("qcom,msm8996-smmu-v2\0qcom,smmu-v2"), PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_QCOM_V2, 0 },
		{ KIND("qcom,sc7180-smmu-500\0arm,mmu-500"), PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_QCOM_500, 0 },
		{ KIND("qcom,x1e80100-smmu-500\0qcom,adreno-smmu\0qcom,smmu-500\0arm,mmu-500"), PIOMMU_FAMILY_SMMUV2, 2,
		  PIOMMU_FW_MODEL_QCOM_500, PIOMMU_FW_UNIT_GPU },
		{ KIND("qcom,sdm845-smmu-v2\0qcom,adreno-smmu\0qcom,smmu-v2"), PIOMMU_FAMILY_SMMUV2, 2, PIOMMU_FW_MODEL_QCOM_V2,
		  PIOMMU_FW_UNIT_GPU },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		tree_start();
		fdt_make_begin(&tree, "iommu@10000");
		fdt_make_bytes(&tree, "compatible", kinds[i].names, kinds[i].len);
		FDT_CELLS(&tree, "reg", 0, 0x10000, 0, 0x10000);
		FDT_CELLS(&tree, "#iommu-cells", 1);
		fdt_make_end(&tree);
		CHECK_EQ(tree_parse(), 0);
		CU_ASSERT_EQUAL_FATAL(fw.nunits, 1);
		CHECK_EQ(fw.units[0].family, kinds[i].family);
		CHECK_EQ(fw.units[0].version, kinds[i].version);
		CHECK_EQ(fw.units[0].model, kinds[i].model);
		CHECK_HEX(fw.units[0].flags, kinds[i].flags);
		piommu_fw_free(&fw);
	}
}

/* As devices do: the nearest word counts. */
static void a_unit_takes_coherence_from_the_bus_above_it(void)
{
	for (unsigned i = 0; i < 4; i++) {
		tree_start();
		fdt_make_begin(&tree, "soc");
		FDT_CELLS(&tree, "#address-cells", 2);
		FDT_CELLS(&tree, "#size-cells", 2);
		FDT_FLAG(&tree, "ranges");
		if (i & 1)
			FDT_FLAG(&tree, "dma-coherent");
		fdt_make_begin(&tree, "iommu@10000");
		fdt_make_text(&tree, "compatible", "arm,smmu-v3");
		FDT_CELLS(&tree, "reg", 0, 0x10000, 0, 0x20000);
		FDT_CELLS(&tree, "#iommu-cells", 1);
		if (i & 2)
			FDT_FLAG(&tree, "dma-noncoherent");
		fdt_make_end(&tree);
		fdt_make_end(&tree);
		CHECK_EQ(tree_parse(), 0);
		CU_ASSERT_EQUAL_FATAL(fw.nunits, 1);
		CHECK_HEX(fw.units[0].flags, i == 1 ? PIOMMU_FW_UNIT_COHERENT : 0);
		piommu_fw_free(&fw);
	}
}

static void other_iommus_are_no_units(void)
{
	static const char *const names[] = { "samsung,exynos-sysmmu", "rockchip,iommu", "arm,smmu", "qcom,smmu-v2x",
					     "qcom,-smmu-v2" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		tree_start();
		fdt_make_begin(&tree, "iommu@10000");
		fdt_make_text(&tree, "compatible", names[i]);
		FDT_CELLS(&tree, "reg", 0, 0x10000, 0, 0x10000);
		FDT_CELLS(&tree, "#iommu-cells", 0);
		fdt_make_end(&tree);
		CHECK_EQ(tree_parse(), 0);
		CHECK_EQ(fw.nunits + fw.nsources + fw.nwarnings, 0);
		piommu_fw_free(&fw);
	}
}

static void nvidia_units_have_mirrors(void)
{
	tree_start();
	fdt_make_begin(&tree, "iommu@12000000");
	fdt_make_bytes(&tree, "compatible", "nvidia,tegra194-smmu\0nvidia,smmu-500", 37);
	FDT_CELLS(&tree, "reg", 0, 0x12000000, 0, 0x800000, 0, 0x11000000, 0, 0x800000);
	FDT_CELLS(&tree, "#iommu-cells", 1);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CHECK_HEX(fw.units[0].base, 0x12000000);
	CU_ASSERT_EQUAL_FATAL(fw.units[0].nmirrors, 1);
	CHECK_HEX(fw.units[0].mirror[0], 0x11000000);
	piommu_fw_free(&fw);
}

static void addresses_are_translated_over_every_bus(void)
{
	tree_start();
	fdt_make_begin(&tree, "soc");
	FDT_CELLS(&tree, "#address-cells", 1);
	FDT_CELLS(&tree, "#size-cells", 1);
	FDT_CELLS(&tree, "ranges", 0x0, 0x1, 0x0, 0x1000, 0x40000000, 0x2, 0x80000000, 0x10000000);
	fdt_make_begin(&tree, "bus@40000000");
	FDT_CELLS(&tree, "#address-cells", 2);
	FDT_CELLS(&tree, "#size-cells", 1);
	FDT_CELLS(&tree, "ranges", 0x0, 0x500000, 0x40100000, 0x100000);
	tree_unit("iommu@500000", "arm,mmu-500", 1, 1, (const uint32_t[]){ 0, 0x540000, 0x8000 }, 3);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "bus@0"); /* ranges without entries: the same addresses */
	FDT_CELLS(&tree, "#address-cells", 1);
	FDT_CELLS(&tree, "#size-cells", 1);
	FDT_FLAG(&tree, "ranges");
	tree_unit("iommu@40200000", "arm,mmu-500", 2, 1, (const uint32_t[]){ 0x40200000, 0x8000 }, 2);
	tree_unit("iommu@5000", "arm,mmu-500", 3, 1, (const uint32_t[]){ 0x5000, 0x1000 }, 2);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "i2c"); /* none at all: not addresses of the CPUs */
	FDT_CELLS(&tree, "#address-cells", 1);
	FDT_CELLS(&tree, "#size-cells", 1);
	tree_unit("iommu@1000", "arm,mmu-500", 4, 1, (const uint32_t[]){ 0x1000, 0x1000 }, 2);
	fdt_make_end(&tree);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nunits, 4);
	CHECK_HEX(fw.units[0].base, 0x280140000);
	CHECK_HEX(fw.units[0].len, 0x8000);
	CHECK_HEX(fw.units[1].base, 0x280200000);
	CHECK_HEX(fw.units[2].base, 0);
	CHECK_HEX(fw.units[3].base, 0);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 2);
	CHECK_HAS(fw.warnings[0], "/soc/bus@0/iommu@5000");
	CHECK_HAS(fw.warnings[0], "cannot be driven");
	CHECK_HAS(fw.warnings[1], "/soc/i2c/iommu@1000");
	piommu_fw_free(&fw);
}

static void disabled_units_and_those_below_what_is_disabled_are_none(void)
{
	tree_start();
	fdt_make_begin(&tree, "iommu@10000");
	fdt_make_text(&tree, "compatible", "arm,smmu-v3");
	fdt_make_text(&tree, "status", "disabled");
	FDT_CELLS(&tree, "reg", 0, 0x10000, 0, 0x20000);
	FDT_CELLS(&tree, "phandle", 1);
	FDT_CELLS(&tree, "#iommu-cells", 1);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "bus");
	fdt_make_text(&tree, "status", "fail");
	tree_unit("iommu@50000", "arm,smmu-v3", 2, 1, (const uint32_t[]){ 0, 0x50000, 0, 0x20000 }, 4);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "iommu@90000");
	fdt_make_text(&tree, "compatible", "arm,smmu-v3");
	fdt_make_text(&tree, "status", "okay");
	FDT_CELLS(&tree, "reg", 0, 0x90000, 0, 0x20000);
	FDT_CELLS(&tree, "#iommu-cells", 1);
	fdt_make_end(&tree);
	fdt_make_begin(&tree, "dma@0");
	FDT_CELLS(&tree, "iommus", 1, 7, 2, 8);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.nunits, 1);
	CU_ASSERT_STRING_EQUAL(fw.units[0].path, "/iommu@90000");
	CHECK_EQ(fw.nsources, 0); /* its DMA passes no unit that is on */
	piommu_fw_free(&fw);
}

/* ---- Broken ------------------------------------------------------------------------------------------------------------- */

static void refused(const char *why)
{
	CHECK_EQ(tree_parse(), -EINVAL);
	CHECK_HAS(err.text, why);
	CHECK_EQ(fw.nunits + fw.nsources + fw.nwarnings, 0);
}

static void a_tree_that_is_cut_or_none_is_refused(void)
{
	uint8_t *copy;

	tree_start();
	tree_unit("iommu@50000", "arm,smmu-v3", 2, 1, (const uint32_t[]){ 0, 0x50000, 0, 0x20000 }, 4);
	CHECK_EQ(tree_parse(), 0);
	piommu_fw_free(&fw);
	for (size_t len = 0; len < tree.len; len++) {
		copy = malloc(len + 1); /* exactly as long, and off alignment */
		memcpy(copy + 1, tree.bytes, len);
		CHECK_EQ(piommu_fw_parse_fdt(copy + 1, len, &fw, &err), -EINVAL);
		CHECK_EQ(fw.nunits, 0);
		free(copy);
	}
	CHECK_EQ(piommu_fw_parse_fdt("this is no device tree, but long enough", 40, &fw, &err), -EINVAL);
	CHECK_HAS(err.text, "magic");
}

static void old_versions_of_the_format_are_refused(void)
{
	tree_start();
	tree_unit("iommu@50000", "arm,smmu-v3", 2, 1, (const uint32_t[]){ 0, 0x50000, 0, 0x20000 }, 4);
	CHECK_EQ(tree_parse(), 0);
	piommu_fw_free(&fw);
	for (uint8_t version = 0; version < 17; version++) {
		tree.bytes[0x17] = version;
		tree.bytes[0x1b] = version < 16 ? version : 16; /* the oldest that it can be read as */
		CHECK_EQ(piommu_fw_parse_fdt(tree.bytes, tree.len, &fw, &err), -EINVAL);
		CHECK_HAS(err.text, "byte 0x14");
	}
}

/* Offsets in the structure block of the tree that tree_start() begins: the root's first property. */
#define ROOT_BEGIN 0u
#define ROOT_PROP 8u

static void structure_set(size_t at, uint32_t value)
{
	size_t structure = (size_t)tree.bytes[0xa] << 8 | tree.bytes[0xb];

	for (unsigned i = 0; i < 4; i++)
		tree.bytes[structure + at + i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The first two made libfdt's own check loop for ever, or crash. */
static void broken_structure_is_refused_before_libfdt_sees_it(void)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *why;
	} breaks[] = {
		{ ROOT_PROP + 4, 0xfffffff4, "runs past the structure" }, { ROOT_BEGIN + 4, 0x41000000, "one with a name" },
		{ ROOT_PROP + 8, 0xffffff, "not among the strings" },     { ROOT_PROP, 0x7, "neither node nor property" },
		{ ROOT_BEGIN, 0x4, "a property outside every node" }, /* a NOP, then the name as one: none */
		{ ROOT_BEGIN, 0x2, "ends that did not begin" },           { ROOT_BEGIN, 0x9, "ends amid a node, or has none" },
	};

	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		tree_start();
		CHECK_EQ(tree_parse(), 0);
		piommu_fw_free(&fw);
		structure_set(breaks[i].at, breaks[i].value);
		if (i == 4)
			structure_set(4, 0x4);
		CHECK_EQ(piommu_fw_parse_fdt(tree.bytes, tree.len, &fw, &err), -EINVAL);
		CHECK_HAS(err.text, breaks[i].why);
	}
}

static void every_changed_byte_is_clean(void)
{
	struct fdt_make sound;

	tree_start();
	tree_unit("iommu@50000", "arm,mmu-500", 2, 1, (const uint32_t[]){ 0, 0x50000, 0, 0x20000 }, 4);
	fdt_make_begin(&tree, "dma@0");
	FDT_CELLS(&tree, "iommus", 2, 7, 2, 8);
	fdt_make_end(&tree);
	CHECK_EQ(tree_parse(), 0);
	piommu_fw_free(&fw);
	sound = tree;
	for (size_t at = 0; at < sound.len; at++) {
		static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

		for (unsigned v = 0; v < sizeof(values); v++) {
			uint8_t *copy = malloc(sound.len);
			int rc;

			memcpy(copy, sound.bytes, sound.len);
			copy[at] = values[v];
			memset(&fw, 0, sizeof(fw));
			rc = piommu_fw_parse_fdt(copy, sound.len, &fw, &err);
			CU_ASSERT(rc == 0 || rc == -EINVAL);
			CU_ASSERT(rc == 0 || (err.text[0] && !strchr(err.text, '\n') && !fw.nunits));
			piommu_fw_free(&fw);
			free(copy);
		}
	}
}

static void nonsense_is_refused_with_the_node(void)
{
	tree_start();
	tree_unit("iommu@50000", "arm,smmu-v3", 2, 1, (const uint32_t[]){ 0, 0x50000, 0, 0x20000 }, 4);
	fdt_make_begin(&tree, "dma@0");
	fdt_make_bytes(&tree, "iommus", "12345", 5);
	fdt_make_end(&tree);
	refused("/dma@0: iommus has 5 bytes");
	tree_start();
	tree_unit("iommu@50000", "arm,smmu-v3", 2, 1, (const uint32_t[]){ 0, 0x50000, 0, 0x20000 }, 4);
	tree_unit("iommu@70000", "arm,smmu-v3", 2, 1, (const uint32_t[]){ 0, 0x70000, 0, 0x20000 }, 4);
	refused("phandle 0x2 is both /iommu@50000's and /iommu@70000's");
	tree_start();
	for (unsigned i = 0; i < 40; i++)
		fdt_make_begin(&tree, "deep");
	for (unsigned i = 0; i < 40; i++)
		fdt_make_end(&tree);
	refused("deep");
}

static void units_without_an_address_are_a_warning(void)
{
	tree_start();
	tree_unit("iommu@0", "arm,smmu-v3", 2, 1, (const uint32_t[]){ 0, 0, 0, 0x20000 }, 4);
	tree_unit("iommu@1", "arm,smmu-v3", 3, 1, (const uint32_t[]){ 0, 1 }, 2);
	tree_unit("iommu@10000", "arm,smmu-v3", 4, 1, (const uint32_t[]){ 0, 0x10000, 0, 0x20000 }, 4);
	tree_unit("smmu@10000", "arm,smmu-v3", 5, 1, (const uint32_t[]){ 0, 0x10000, 0, 0x20000 }, 4);
	CHECK_EQ(tree_parse(), 0);
	CHECK_EQ(fw.nunits, 4);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 3);
	CHECK_HAS(fw.warnings[0], "/iommu@0");
	CHECK_HAS(fw.warnings[1], "/iommu@1");
	CHECK_HAS(fw.warnings[2], "smmu2 and smmu3 have the same register base 0x10000");
	piommu_fw_free(&fw);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(the_example_of_the_binding_is_read),
		SUITE_TEST(the_example_of_the_v3_binding_is_read),
		SUITE_TEST(names_say_the_model),
		SUITE_TEST(a_unit_takes_coherence_from_the_bus_above_it),
		SUITE_TEST(other_iommus_are_no_units),
		SUITE_TEST(nvidia_units_have_mirrors),
		SUITE_TEST(addresses_are_translated_over_every_bus),
		SUITE_TEST(disabled_units_and_those_below_what_is_disabled_are_none),
		SUITE_TEST(a_tree_that_is_cut_or_none_is_refused),
		SUITE_TEST(old_versions_of_the_format_are_refused),
		SUITE_TEST(broken_structure_is_refused_before_libfdt_sees_it),
		SUITE_TEST(every_changed_byte_is_clean),
		SUITE_TEST(nonsense_is_refused_with_the_node),
		SUITE_TEST(units_without_an_address_are_a_warning),
	};

	return suite_run(argc, argv, "dt", tests, sizeof(tests) / sizeof(tests[0]));
}
