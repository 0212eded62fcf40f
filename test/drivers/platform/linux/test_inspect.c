/* SPDX-License-Identifier: BSD-3-Clause */
/* What the linux platform sees without touching anything: tables, who has a unit and how to reach it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers.h"
#include "fixture.h"
#include "suite.h"
#include "tempdir.h"

struct machine {
	struct fixture fx;
	struct tempdir tree; /* the same directory */
	struct piommu_platform *plat;
};

static void machine_make(struct machine *m)
{
	fixture_make(&m->fx);
	snprintf(m->tree.dir, sizeof(m->tree.dir), "%s", m->fx.root);
	m->plat = NULL;
}

static void machine_remove(struct machine *m)
{
	if (m->plat)
		m->plat->ops->close(m->plat);
	fixture_remove(&m->fx);
}

static void unknown_argument_is_named(void)
{
	struct machine m;

	machine_make(&m);
	CHECK_EQ(linux_platform.open("devmem,nonsense", &m.fx.log, &m.plat), -EINVAL);
	CHECK_HAS(m.fx.said, "\"nonsense\"");
	CHECK_EQ(linux_platform.open("root=relative", &m.fx.log, &m.plat), -EINVAL);
	CU_ASSERT_PTR_NULL(m.plat);
	machine_remove(&m);
}

static void machine_without_anything_has_nothing(void)
{
	struct machine m;
	struct piommu_pci_function *fns = NULL;
	const void *bytes;
	size_t n;

	machine_make(&m);
	m.plat = fixture_open(&m.fx, "");
	CHECK_EQ(m.plat->ops->fw_table(m.plat, "DMAR", 0, &bytes, &n), -ENOENT);
	CHECK_EQ(m.plat->ops->pci_functions(m.plat, &fns, &n), -ENOENT);
	CU_ASSERT_PTR_NULL(fns);
	machine_remove(&m);
}

static void tables_are_read_by_signature_and_number(void)
{
	struct machine m;
	const void *first;
	const void *bytes;
	size_t len;

	machine_make(&m);
	tempdir_write(&m.tree, "sys/firmware/acpi/tables/DMAR", "DMAR\0binary", 11);
	tempdir_text(&m.tree, "sys/firmware/acpi/tables/SSDT1", "SSDT one");
	tempdir_text(&m.tree, "sys/firmware/acpi/tables/SSDT2", "SSDT number two");
	m.plat = fixture_open(&m.fx, "");
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->fw_table(m.plat, "DMAR", 0, &first, &len), 0);
	CHECK_EQ(len, 11);
	CHECK_EQ(memcmp(first, "DMAR\0binary", 11), 0);
	CHECK_EQ(m.plat->ops->fw_table(m.plat, "DMAR", 1, &bytes, &len), -ENOENT);
	CHECK_EQ(m.plat->ops->fw_table(m.plat, "SSDT", 1, &bytes, &len), 0);
	CHECK_EQ(len, 15);
	CHECK_EQ(m.plat->ops->fw_table(m.plat, "SSDT", 0, &bytes, &len), 0);
	CHECK_EQ(len, 8);
	CHECK_EQ(m.plat->ops->fw_table(m.plat, "SSDT", 2, &bytes, &len), -ENOENT);
	CHECK_EQ(m.plat->ops->fw_table(m.plat, "DMAR", 0, &bytes, &len), 0);
	CU_ASSERT_PTR_EQUAL(bytes, first);
	machine_remove(&m);
}

static void unreadable_table_is_not_an_absent_one(void)
{
	struct machine m;
	const void *bytes;
	char path[512];
	size_t len;

	machine_make(&m);
	tempdir_text(&m.tree, "sys/firmware/acpi/tables/DMAR", "DMAR");
	snprintf(path, sizeof(path), "%s/sys/firmware/acpi/tables/DMAR", m.fx.root);
	CU_ASSERT_EQUAL_FATAL(unlink(path), 0);
	tempdir_mkdir(&m.tree, "sys/firmware/acpi/tables/DMAR"); /* not readable even for root */
	m.plat = fixture_open(&m.fx, "");
	CU_ASSERT(m.plat->ops->fw_table(m.plat, "DMAR", 0, &bytes, &len) != 0);
	CU_ASSERT(m.plat->ops->fw_table(m.plat, "DMAR", 0, &bytes, &len) != -ENOENT);
	machine_remove(&m);
}

static const struct piommu_fw_unit unit = { .name = "dmar1", .family = PIOMMU_FAMILY_VTD, .base = 0xfed91000, .len = 0x1000 };

static void add_kernel_unit(struct machine *m, const char *name, const char *address)
{
	static const char *const files[][2] = { { "cap", "d2008c40660462\n" }, { "ecap", "f050da\n" }, { "version", "1:0\n" } };
	char path[256];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "sys/class/iommu/%s/intel-iommu/%s", name, files[i][0]);
		tempdir_text(&m->tree, path, files[i][1]);
	}
	snprintf(path, sizeof(path), "sys/class/iommu/%s/intel-iommu/address", name);
	tempdir_text(&m->tree, path, address);
}

static void unit_that_the_kernel_drives_is_found_by_its_address(void)
{
	struct piommu_unit_facts facts;
	struct machine m;

	machine_make(&m);
	add_kernel_unit(&m, "dmar0", "fed90000\n");
	add_kernel_unit(&m, "dmar1", "fed91000\n");
	m.plat = fixture_open(&m.fx, "");
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->unit_facts(m.plat, &unit, &facts), 0);
	CU_ASSERT(facts.kernel_driven);
	CU_ASSERT_STRING_EQUAL(facts.kernel_name, "dmar1");
	CU_ASSERT(facts.caps_known);
	CHECK_HEX(facts.cap[0], 0xd2008c40660462);
	CHECK_HEX(facts.cap[1], 0xf050da);
	CHECK_HEX(facts.version, 0x10);
	CU_ASSERT_STRING_EQUAL(facts.route, "");
	machine_remove(&m);
}

static void registers_that_the_kernel_holds_mean_that_it_drives_the_unit(void)
{
	struct piommu_unit_facts facts;
	struct machine m;

	machine_make(&m);
	tempdir_text(&m.tree, "proc/iomem",
		     "fed00000-fed3ffff : PNP0C02:00\n  fed90000-fed90fff : dmar0\n  fed91000-fed91fff : dmar1\n");
	m.plat = fixture_open(&m.fx, "");
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->unit_facts(m.plat, &unit, &facts), 0);
	CU_ASSERT(facts.kernel_driven);
	CU_ASSERT(!facts.caps_known);
	CU_ASSERT_STRING_EQUAL(facts.kernel_name, "dmar1");
	machine_remove(&m);
}

/* The kernel's drivers name a unit by its registers' address, in 16 digits. */
static void smmu_that_the_kernel_drives_is_found_by_its_name(void)
{
	static const struct piommu_fw_unit v3 = {
		.name = "smmu0", .family = PIOMMU_FAMILY_SMMUV3, .base = 0x9050000, .len = 0x20000
	};
	static const struct piommu_fw_unit v2 = {
		.name = "smmu1", .family = PIOMMU_FAMILY_SMMUV2, .base = 0xfd800000, .len = 0x20000
	};
	static const struct piommu_fw_unit other = {
		.name = "smmu2", .family = PIOMMU_FAMILY_SMMUV3, .base = 0x905000, .len = 0x20000
	};
	struct piommu_unit_facts facts;
	struct machine m;

	machine_make(&m);
	tempdir_mkdir(&m.tree, "sys/class/iommu/smmu3.0x0000000009050000");
	tempdir_mkdir(&m.tree, "sys/class/iommu/smmu.0x00000000fd800000");
	m.plat = fixture_open(&m.fx, "");
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->unit_facts(m.plat, &v3, &facts), 0);
	CU_ASSERT(facts.kernel_driven);
	CU_ASSERT_STRING_EQUAL(facts.kernel_name, "smmu3.0x0000000009050000");
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->unit_facts(m.plat, &v2, &facts), 0);
	CU_ASSERT_STRING_EQUAL(facts.kernel_name, "smmu.0x00000000fd800000");
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->unit_facts(m.plat, &other, &facts), 0);
	CU_ASSERT(!facts.kernel_driven);
	machine_remove(&m);
}

static void half_of_the_capabilities_is_not_known(void)
{
	struct piommu_unit_facts facts;
	struct machine m;

	machine_make(&m);
	tempdir_text(&m.tree, "sys/class/iommu/dmar1/intel-iommu/address", "fed91000\n");
	tempdir_text(&m.tree, "sys/class/iommu/dmar1/intel-iommu/cap", "d2008c40660462\n");
	tempdir_text(&m.tree, "sys/class/iommu/dmar1/intel-iommu/version", "1:0\n");
	m.plat = fixture_open(&m.fx, "");
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->unit_facts(m.plat, &unit, &facts), 0);
	CU_ASSERT(facts.kernel_driven);
	CU_ASSERT(!facts.caps_known);
	machine_remove(&m);
}

static void route_is_uio_before_devmem(void)
{
	struct piommu_unit_facts facts;
	struct machine m;

	machine_make(&m);
	fixture_uio(&m.fx, "uio0", 0, 0xfed90000, 0x1000);
	m.plat = fixture_open(&m.fx, "devmem");
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->unit_facts(m.plat, &unit, &facts), 0);
	CU_ASSERT_STRING_EQUAL(facts.route, "/dev/mem");
	fixture_uio(&m.fx, "uio10", 0, 0xfed91000, 0x1000);
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->unit_facts(m.plat, &unit, &facts), 0);
	CU_ASSERT_STRING_EQUAL(facts.route, "uio10");
	machine_remove(&m);
}

static const struct suite_test tests[] = {
	SUITE_TEST(unknown_argument_is_named),
	SUITE_TEST(machine_without_anything_has_nothing),
	SUITE_TEST(tables_are_read_by_signature_and_number),
	SUITE_TEST(unreadable_table_is_not_an_absent_one),
	SUITE_TEST(unit_that_the_kernel_drives_is_found_by_its_address),
	SUITE_TEST(registers_that_the_kernel_holds_mean_that_it_drives_the_unit),
	SUITE_TEST(smmu_that_the_kernel_drives_is_found_by_its_name),
	SUITE_TEST(half_of_the_capabilities_is_not_known),
	SUITE_TEST(route_is_uio_before_devmem),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "linux inspection", tests, sizeof(tests) / sizeof(tests[0]));
}
