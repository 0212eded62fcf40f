/* SPDX-License-Identifier: BSD-3-Clause */
/* What the linux platform sees without touching anything: tables, PCI functions, who has a unit and how to reach it. */
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

static void put32(uint8_t *config, unsigned off, uint32_t value)
{
	memcpy(config + off, &value, sizeof(value));
}

/* A function's directory in sysfs, with `len` bytes of its configuration space. */
static void add_function(struct machine *m, const char *bdf, const uint8_t *config, size_t len, const char *vendor,
			 const char *device)
{
	static const char *const files[][2] = { { "class", "0x020000\n" }, { "irq", "0\n" }, { "resource", "" } };
	char path[256];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/config", bdf);
	tempdir_write(&m->tree, path, config, len);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", bdf, files[i][0]);
		tempdir_text(&m->tree, path, files[i][1]);
	}
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/vendor", bdf);
	tempdir_text(&m->tree, path, vendor);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/device", bdf);
	tempdir_text(&m->tree, path, device);
}

/* A root port with ACS at 100, SV RR CR UF enabled; below it a NIC and a virtual function of it, whose ids read as ones. */
static void add_pci(struct machine *m)
{
	uint8_t config[4096] = { 0 };

	put32(config, 0x00, 0x34208086);
	put32(config, 0x04, 0x00100007);
	put32(config, 0x08, 0x06040002);
	config[0x0e] = 1;
	put32(config, 0x18, 0x00010100);
	config[0x34] = 0x40;
	put32(config, 0x40, 0x01420010);
	put32(config, 0x100, 0x0001000d);
	put32(config, 0x104, 0x001d001f);
	add_function(m, "0000:00:1c.0", config, sizeof(config), "0x8086\n", "0x3420\n");

	memset(config, 0, sizeof(config));
	put32(config, 0x00, 0x15728086);
	put32(config, 0x04, 0x00100007);
	put32(config, 0x08, 0x02000001);
	config[0x0e] = 0x80;
	config[0x34] = 0x40;
	put32(config, 0x40, 0x00020010);
	add_function(m, "0000:01:00.0", config, 64, "0x8086\n", "0x1572\n");
	tempdir_symlink(&m->tree, "sys/bus/pci/devices/0000:01:00.0/driver", "../../../bus/pci/drivers/i40e");

	put32(config, 0x00, 0xffffffff);
	config[0x0e] = 0;
	add_function(m, "0000:01:02.0", config, 256, "0x8086\n", "0x154c\n");
	tempdir_symlink(&m->tree, "sys/bus/pci/devices/0000:01:02.0/physfn", "../0000:01:00.0");
}

static void pci_functions_carry_what_the_kernel_knows(void)
{
	struct machine m;
	struct piommu_pci_function *fns;
	size_t n;

	machine_make(&m);
	add_pci(&m);
	m.plat = fixture_open(&m.fx, "");
	CU_ASSERT_EQUAL_FATAL(m.plat->ops->pci_functions(m.plat, &fns, &n), 0);
	CU_ASSERT_EQUAL_FATAL(n, 3);
	CHECK_EQ(fns[0].pcie_type, PIOMMU_PCIE_ROOT_PORT);
	CHECK_EQ(fns[0].acs, PIOMMU_PRESENT);
	CHECK_HEX(fns[0].acs_ctl, 0x1d);
	CHECK_EQ(fns[0].secondary, 1);
	CU_ASSERT_STRING_EQUAL(fns[0].driver, "");
	CHECK_EQ(fns[1].pcie_type, PIOMMU_PCIE_UNKNOWN); /* 64 bytes, as without rights */
	CU_ASSERT(fns[1].multifunction);
	CU_ASSERT_STRING_EQUAL(fns[1].driver, "i40e");
	CHECK_HEX(fns[2].vendor, 0x8086);
	CHECK_HEX(fns[2].device, 0x154c);
	CHECK_EQ(fns[2].pcie_type, PIOMMU_PCIE_ENDPOINT);
	CHECK_EQ(fns[2].acs, PIOMMU_UNKNOWN);
	CU_ASSERT(fns[2].is_virtfn);
	CHECK_HEX(fns[2].physfn.bus, 1);
	CHECK_HEX(fns[2].physfn.devfn, 0);
	free(fns);
	machine_remove(&m);
}

static void configuration_space_is_read_and_written(void)
{
	static const struct piommu_sbdf port = { 0, 0, 0xe0 };
	static const struct piommu_sbdf nic = { 0, 1, 0 };
	static const struct piommu_sbdf nobody = { 0, 9, 0 };
	struct machine m;
	uint32_t value;

	machine_make(&m);
	add_pci(&m);
	m.plat = fixture_open(&m.fx, "");
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, port, 0x106, 2, &value), 0);
	CHECK_HEX(value, 0x1d);
	CHECK_EQ(m.plat->ops->cfg_write(m.plat, port, 0x106, 2, 0x5), 0);
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, port, 0x104, 4, &value), 0);
	CHECK_HEX(value, 0x0005001f);
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, nic, 0x40, 4, &value), -EACCES);
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, nobody, 0, 4, &value), -ENOENT);
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, port, 0, 3, &value), -EINVAL);
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
	SUITE_TEST(pci_functions_carry_what_the_kernel_knows),
	SUITE_TEST(configuration_space_is_read_and_written),
	SUITE_TEST(unit_that_the_kernel_drives_is_found_by_its_address),
	SUITE_TEST(registers_that_the_kernel_holds_mean_that_it_drives_the_unit),
	SUITE_TEST(half_of_the_capabilities_is_not_known),
	SUITE_TEST(route_is_uio_before_devmem),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "linux inspection", tests, sizeof(tests) / sizeof(tests[0]));
}
