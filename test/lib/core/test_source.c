/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware that describes devices by the ids that their DMA carries: units, ids there, reserved memory and nodes, over a dump of a
 * machine with an IORT or a device tree. Nothing is driven: no family that is described so has a driver yet.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fdt_make.h"
#include "iort_make.h"
#include "piommu.h"
#include "suite.h"
#include "tempdir.h"

#define FUNCTION(bdf) bdf "\t-\t020000\t-:-\t0\tEndpoint\t-\t-\t-\t-\t-\n"

static struct tempdir files;
static char platform[300];
static struct piommu *p;
static char said[512];

static void keep_line(void *ctx, enum piommu_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	snprintf(said, sizeof(said), "%s", line);
}

static void look(const char *functions)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;

	if (functions)
		tempdir_text(&files, "pci.tsv", functions);
	snprintf(platform, sizeof(platform), "dump:%s", files.dir);
	config.platform = platform;
	config.inspect = true;
	config.log = (struct piommu_log){ keep_line, NULL, PIOMMU_LOG_INFO };
	said[0] = '\0';
	CU_ASSERT_EQUAL_FATAL(piommu_create(&config, &p), 0);
}

static void end(void)
{
	piommu_destroy(p);
	tempdir_remove(&files);
}

/* The group of a device that is there, and the device. */
static void find(const char *name, struct piommu_group_info *group_info, struct piommu_device_info *device)
{
	struct piommu_group *group;
	bool found = false;

	for (unsigned i = 0; !found && (group = piommu_group_at(p, i)); i++) {
		piommu_group_info(group, group_info);
		for (unsigned d = 0; !found && piommu_group_device(group, d, device) == 0; d++)
			found = strcmp(device->name, name) == 0;
		piommu_group_put(group);
	}
	CU_ASSERT_EQUAL_FATAL(found, true);
}

static void is_behind(const char *name, const char *unit, uint32_t id)
{
	struct piommu_group_info group;
	struct piommu_device_info device;

	find(name, &group, &device);
	CU_ASSERT_PTR_NOT_NULL_FATAL(group.unit);
	CU_ASSERT_STRING_EQUAL(group.unit, unit);
	CHECK_EQ(device.nids, 1);
	CHECK_HEX(device.ids[0].id, id);
}

static void make_iort(void)
{
	static struct iort_make make;
	uint32_t its, first, second;

	iort_make_start(&make, "PIOMMUTESTTABL");
	its = iort_make_its(&make, 0);
	first = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	second = iort_make_smmu(&make, 0x40000);
	iort_make_root(&make, 1);
	iort_make_map(&make, 0x0, 0xff, 0x0, first, 0);
	iort_make_map(&make, 0x100, 0xff, 0x8000, second, 0);
	iort_make_map(&make, 0x200, 0xff, 0x200, its, 0);
	iort_make_named(&make, "\\_SB.GPU0");
	iort_make_map(&make, 0, 0, 0x42, second, 1);
	iort_make_rmr(&make, 0, 0x80000000, 0x10000);
	iort_make_map(&make, 0, 0, 0x8008, second, 1);
	iort_make_seal(&make);
	tempdir_create(&files);
	tempdir_write(&files, "IORT.bin", make.bytes, make.len);
}

static void functions_are_behind_the_unit_that_their_id_goes_to(void)
{
	struct piommu_group_info group;
	struct piommu_device_info device;

	make_iort();
	look(FUNCTION("0001:00:02.0") FUNCTION("0001:01:01.0") FUNCTION("0001:02:00.0") FUNCTION("0000:00:03.0"));
	is_behind("0001:00:02.0", "smmu0", 0x10);
	is_behind("0001:01:01.0", "smmu1", 0x8008);
	find("0001:02:00.0", &group, &device); /* straight to the ITS */
	CU_ASSERT_PTR_NULL(group.unit);
	CHECK_HEX(device.ids[0].id, 0x200);
	find("0000:00:03.0", &group, &device); /* of a segment that no root complex has */
	CU_ASSERT_PTR_NULL(group.unit);
	end();
}

/* Behind a bridge to conventional PCI a function may carry the bridge's id: bus 1, function 0. */
static void an_alias_that_goes_to_another_unit_is_none_of_its_ids(void)
{
	static struct iort_make make;
	struct piommu_group_info group;
	struct piommu_device_info device;
	uint32_t first, second;

	iort_make_start(&make, "PIOMMUTESTTABL");
	first = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	second = iort_make_smmu(&make, 0x40000);
	iort_make_root(&make, 1);
	iort_make_map(&make, 0x0, 0x107, 0x0, first, 0);
	iort_make_map(&make, 0x108, 0x7, 0x8000, second, 0);
	iort_make_map(&make, 0x110, 0x7, 0x500, first, 0);
	iort_make_seal(&make);
	tempdir_create(&files);
	tempdir_write(&files, "IORT.bin", make.bytes, make.len);
	look("0001:00:1c.0\t-\t060400\t-:-\t1\tPCI Express to PCI/PCI-X\t01-01\t-\t-\t-\t-\n"
	     "0001:01:01.0\t-\t020000\t-:-\t0\tconventional\t-\t-\t-\t-\t-\n"
	     "0001:01:02.0\t-\t020000\t-:-\t0\tconventional\t-\t-\t-\t-\t-\n");
	find("0001:01:01.0", &group, &device);
	CHECK_EQ(device.nids, 1);
	CHECK_HEX(device.ids[0].id, 0x8000);
	find("0001:01:02.0", &group, &device);
	CHECK_EQ(device.nids, 2);
	CHECK_HEX(device.ids[0].id, 0x500);
	CHECK_HEX(device.ids[1].id, 0x100);
	end();
}

static void memory_reserved_by_id_is_its_devices(void)
{
	struct piommu_group_info group;
	struct piommu_device_info device;
	struct piommu_reserved_ids ids;

	make_iort();
	look(FUNCTION("0001:01:01.0") FUNCTION("0001:01:02.0"));
	find("0001:01:01.0", &group, &device);
	CHECK_EQ(group.has_reserved, true);
	find("0001:01:02.0", &group, &device);
	CHECK_EQ(group.has_reserved, false);
	CHECK_EQ(piommu_reserved_ids(p, 0, 0, &ids), 0);
	CU_ASSERT_STRING_EQUAL(ids.unit, "smmu1");
	CHECK_HEX(ids.first, 0x8008);
	CHECK_HEX(ids.last, 0x8008);
	CHECK_EQ(piommu_reserved_ids(p, 0, 1, &ids), -ENOENT);
	end();
}

static void devices_that_are_no_functions_are_nodes(void)
{
	make_iort();
	look(NULL);
	is_behind("\\_SB.GPU0", "smmu1", 0x42);
	end();
}

static void each_unit_lists_what_comes_to_it(void)
{
	struct piommu_source_info source;

	make_iort();
	look(NULL);
	CHECK_EQ(piommu_unit_source(p, 1, 0, &source), 0);
	CHECK_EQ(source.is_pci, true);
	CU_ASSERT_PTR_NULL(source.name);
	CHECK_EQ(source.segment, 1);
	CHECK_HEX(source.first, 0x100);
	CHECK_HEX(source.last, 0x1ff);
	CHECK_HEX(source.to, 0x8000);
	CHECK_EQ(piommu_unit_source(p, 1, 1, &source), 0);
	CU_ASSERT_STRING_EQUAL(source.name, "\\_SB.GPU0");
	CHECK_EQ(piommu_unit_source(p, 1, 2, &source), -ENOENT);
	CHECK_EQ(piommu_unit_source(p, 2, 0, &source), -ENOENT);
	end();
}

/* A device of `n` ids, of which bits of `mask` do not count. */
static void make_masked_tree(unsigned n, uint32_t mask)
{
	static struct fdt_make make;
	uint32_t iommus[2 * (PIOMMU_IDS_MAX + 1)];

	for (unsigned i = 0; i < n; i++) {
		iommus[2 * i] = 1;
		iommus[2 * i + 1] = 0x100 + i;
	}
	fdt_make_start(&make, 1);
	fdt_make_begin(&make, "smmu@50000");
	fdt_make_text(&make, "compatible", "arm,mmu-500");
	FDT_CELLS(&make, "reg", 0x50000, 0x10000);
	FDT_CELLS(&make, "phandle", 1);
	FDT_CELLS(&make, "#iommu-cells", 1);
	FDT_CELLS(&make, "stream-match-mask", mask);
	fdt_make_end(&make);
	fdt_make_begin(&make, "dma@0");
	fdt_make_cells(&make, "iommus", iommus, 2 * n);
	fdt_make_end(&make);
	fdt_make_finish(&make);
	tempdir_create(&files);
	tempdir_write(&files, "fdt.dtb", make.bytes, make.len);
}

static void make_tree(unsigned n)
{
	make_masked_tree(n, 0);
}

static void a_device_tree_is_read_too(void)
{
	struct piommu_unit_info unit;

	make_tree(1);
	look(NULL);
	CHECK_EQ(piommu_unit_info(p, 0, &unit), 0);
	CU_ASSERT_STRING_EQUAL(unit.family, "smmuv2");
	CU_ASSERT_STRING_EQUAL(unit.model, "mmu-500");
	CU_ASSERT_STRING_EQUAL(unit.path, "/smmu@50000");
	is_behind("/dma@0", "smmu0", 0x100);
	end();
}

static void bits_of_an_id_that_do_not_count_are_its_mask(void)
{
	struct piommu_group_info group;
	struct piommu_device_info device;

	make_masked_tree(2, 0x7f80);
	look(NULL);
	find("/dma@0", &group, &device);
	CHECK_EQ(device.nids, 2);
	CHECK_HEX(device.ids[1].id & ~device.ids[1].mask, 0x001);
	CHECK_HEX(device.ids[1].mask, 0x7f80);
	end();
}

static void add_unit(struct fdt_make *make, const char *name, uint32_t base, uint32_t phandle)
{
	fdt_make_begin(make, name);
	fdt_make_text(make, "compatible", "arm,mmu-500");
	FDT_CELLS(make, "reg", base, 0x10000);
	FDT_CELLS(make, "phandle", phandle);
	FDT_CELLS(make, "#iommu-cells", 1);
	fdt_make_end(make);
}

/* The other unit would let it reach everything. */
static void a_device_behind_two_units_is_left_out_and_said(void)
{
	static struct fdt_make make;

	fdt_make_start(&make, 1);
	add_unit(&make, "smmu@50000", 0x50000, 1);
	add_unit(&make, "smmu@60000", 0x60000, 2);
	fdt_make_begin(&make, "dma@0");
	FDT_CELLS(&make, "iommus", 1, 0x100, 2, 0x100);
	fdt_make_end(&make);
	fdt_make_finish(&make);
	tempdir_create(&files);
	tempdir_write(&files, "fdt.dtb", make.bytes, make.len);
	look(NULL);
	CHECK_EQ(piommu_group_count(p), 0);
	CHECK_HAS(said, "/dma@0: its DMA goes through more than one unit");
	end();
}

static void a_device_of_more_ids_than_can_be_kept_is_left_out_and_said(void)
{
	struct piommu_group_info group;
	struct piommu_device_info device;

	make_tree(PIOMMU_IDS_MAX);
	look(NULL);
	find("/dma@0", &group, &device);
	CHECK_EQ(device.nids, PIOMMU_IDS_MAX);
	CHECK_HEX(device.ids[PIOMMU_IDS_MAX - 1].id, 0x100 + PIOMMU_IDS_MAX - 1);
	end();
	make_tree(PIOMMU_IDS_MAX + 1);
	look(NULL);
	CHECK_EQ(piommu_group_count(p), 0);
	CHECK_HAS(said, "/dma@0");
	CHECK_HAS(said, "left out");
	end();
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(functions_are_behind_the_unit_that_their_id_goes_to),
		SUITE_TEST(an_alias_that_goes_to_another_unit_is_none_of_its_ids),
		SUITE_TEST(memory_reserved_by_id_is_its_devices),
		SUITE_TEST(devices_that_are_no_functions_are_nodes),
		SUITE_TEST(each_unit_lists_what_comes_to_it),
		SUITE_TEST(a_device_tree_is_read_too),
		SUITE_TEST(bits_of_an_id_that_do_not_count_are_its_mask),
		SUITE_TEST(a_device_behind_two_units_is_left_out_and_said),
		SUITE_TEST(a_device_of_more_ids_than_can_be_kept_is_left_out_and_said),
	};

	return suite_run(argc, argv, "core-source", tests, sizeof(tests) / sizeof(tests[0]));
}
