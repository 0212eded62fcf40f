/* SPDX-License-Identifier: BSD-3-Clause */
/* PCI functions and their configuration space, on a machine where they come and go. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fixture.h"
#include "suite.h"

#define DEVICES "/sys/bus/pci/devices/"
#define PORT DEVICES "0000:00:1c.0"
#define NIC DEVICES "0000:01:00.0"
#define VF DEVICES "0000:01:02.0"
#define DISK DEVICES "0000:02:00.0"

static const struct piommu_sbdf port = { 0, 0, 0xe0 };
static const struct piommu_sbdf nic = { 0, 1, 0 };
static const struct piommu_sbdf vf = { 0, 1, 0x10 };
static const struct piommu_sbdf disk = { 0, 2, 0 };

struct machine {
	struct fixture fx;
	struct piommu_platform *plat;
	struct piommu_pci_function *fns; /* of the last list() */
	size_t n;
};

static void put32(uint8_t *config, unsigned off, uint32_t value)
{
	memcpy(config + off, &value, sizeof(value));
}

/* A function's directory in sysfs, with `len` bytes of its configuration space. */
static void add_function(struct machine *m, const char *dir, const uint8_t *config, size_t len, uint32_t ids)
{
	char path[128];
	char text[16];

	snprintf(path, sizeof(path), "%s/config", dir);
	fixture_bytes(&m->fx, path, config, len);
	snprintf(path, sizeof(path), "%s/vendor", dir);
	snprintf(text, sizeof(text), "0x%04x\n", ids & 0xffff);
	fixture_file(&m->fx, path, text);
	snprintf(path, sizeof(path), "%s/device", dir);
	snprintf(text, sizeof(text), "0x%04x\n", ids >> 16);
	fixture_file(&m->fx, path, text);
}

static void add_endpoint(struct machine *m, const char *dir, uint32_t ids)
{
	uint8_t config[256] = { 0 };

	put32(config, 0x00, ids);
	put32(config, 0x04, 0x00100007);
	put32(config, 0x08, 0x01080200);
	config[0x34] = 0x40;
	put32(config, 0x40, 0x00020010);
	add_function(m, dir, config, sizeof(config), ids);
}

/* Its ids read as ones. */
static void add_virtual_function(struct machine *m, uint32_t command_status)
{
	uint8_t config[256] = { 0 };

	memset(config, 0xff, 4);
	put32(config, 0x04, command_status);
	put32(config, 0x08, 0x02000001);
	config[0x34] = 0x40;
	put32(config, 0x40, 0x00020010);
	add_function(m, VF, config, sizeof(config), 0x154c8086);
}

/* A root port with ACS at 100, SV RR CR UF enabled; below it a NIC and a virtual function of it. */
static void machine_make(struct machine *m)
{
	uint8_t config[4096] = { 0 };

	memset(m, 0, sizeof(*m));
	fixture_make(&m->fx);
	put32(config, 0x00, 0x34208086);
	put32(config, 0x04, 0x00100007);
	put32(config, 0x08, 0x06040002);
	config[0x0e] = 1;
	put32(config, 0x18, 0x00010100);
	config[0x34] = 0x40;
	put32(config, 0x40, 0x01420010);
	put32(config, 0x100, 0x0001000d);
	put32(config, 0x104, 0x001d001f);
	add_function(m, PORT, config, sizeof(config), 0x34208086);

	memset(config, 0, sizeof(config));
	put32(config, 0x00, 0x15728086);
	put32(config, 0x04, 0x00100007);
	put32(config, 0x08, 0x02000001);
	config[0x0e] = 0x80;
	config[0x34] = 0x40;
	put32(config, 0x40, 0x00020010);
	add_function(m, NIC, config, 64, 0x15728086); /* 64 bytes, as without rights */
	fixture_link(&m->fx, NIC "/driver", "../../../bus/pci/drivers/i40e");

	add_virtual_function(m, 0x00100000);
	fixture_link(&m->fx, VF "/physfn", "../0000:01:00.0");
}

static void machine_open(struct machine *m)
{
	machine_make(m);
	m->plat = fixture_open(&m->fx, "");
}

static void machine_close(struct machine *m)
{
	m->plat->ops->close(m->plat);
	free(m->fns);
	fixture_remove(&m->fx);
}

static size_t list(struct machine *m)
{
	free(m->fns);
	m->fns = NULL;
	CU_ASSERT_EQUAL_FATAL(m->plat->ops->pci_functions(m->plat, &m->fns, &m->n), 0);
	return m->n;
}

static const struct piommu_pci_function *among(const struct piommu_pci_function *fns, size_t n, struct piommu_sbdf sbdf)
{
	for (size_t i = 0; i < n; i++)
		if (!piommu_sbdf_compare(fns[i].sbdf, sbdf))
			return &fns[i];
	return NULL;
}

/* In the last list. */
static bool has(const struct machine *m, struct piommu_sbdf sbdf)
{
	return among(m->fns, m->n, sbdf);
}

static int read_ids(const struct machine *m, struct piommu_sbdf sbdf, uint32_t *ids)
{
	return m->plat->ops->cfg_read(m->plat, sbdf, 0, 4, ids);
}

/* ---- What is known of a function --------------------------------------------------------------------------------------- */

static void pci_functions_carry_what_the_kernel_knows(void)
{
	struct machine m;

	machine_open(&m);
	CU_ASSERT_EQUAL_FATAL(list(&m), 3);
	CHECK_EQ(m.fns[0].pcie_type, PIOMMU_PCIE_ROOT_PORT);
	CHECK_EQ(m.fns[0].acs, PIOMMU_PRESENT);
	CHECK_HEX(m.fns[0].acs_ctl, 0x1d);
	CHECK_EQ(m.fns[0].secondary, 1);
	CU_ASSERT_STRING_EQUAL(m.fns[0].driver, "");
	CHECK_EQ(m.fns[1].pcie_type, PIOMMU_PCIE_UNKNOWN);
	CU_ASSERT(m.fns[1].multifunction);
	CU_ASSERT_STRING_EQUAL(m.fns[1].driver, "i40e");
	CHECK_HEX(m.fns[2].vendor, 0x8086);
	CHECK_HEX(m.fns[2].device, 0x154c);
	CHECK_EQ(m.fns[2].pcie_type, PIOMMU_PCIE_ENDPOINT);
	CHECK_EQ(m.fns[2].acs, PIOMMU_UNKNOWN);
	CU_ASSERT(m.fns[2].is_virtfn);
	CHECK_EQ(piommu_sbdf_compare(m.fns[2].physfn, nic), 0);
	machine_close(&m);
}

static void configuration_space_is_read_and_written(void)
{
	struct machine m;
	uint32_t value;

	machine_open(&m);
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, port, 0x106, 2, &value), 0);
	CHECK_HEX(value, 0x1d);
	CHECK_EQ(m.plat->ops->cfg_write(m.plat, port, 0x106, 2, 0x5), 0);
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, port, 0x104, 4, &value), 0);
	CHECK_HEX(value, 0x0005001f);
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, nic, 0x40, 4, &value), -EACCES);
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, disk, 0, 4, &value), -ENOENT);
	CHECK_EQ(m.plat->ops->cfg_write(m.plat, disk, 4, 2, 0), -ENOENT);
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, port, 0, 3, &value), -EINVAL);
	CHECK_EQ(m.plat->ops->cfg_write(m.plat, port, 0xffe, 4, 0), -EINVAL);
	machine_close(&m);
}

/* ---- Coming and going -------------------------------------------------------------------------------------------------- */

static void a_function_that_came_is_listed_and_one_that_went_is_not(void)
{
	struct machine m;

	machine_open(&m);
	CHECK_EQ(list(&m), 3);
	add_endpoint(&m, DISK, 0xa808144d);
	CHECK_EQ(list(&m), 4);
	CU_ASSERT(has(&m, disk));
	fixture_drop(&m.fx, VF);
	CHECK_EQ(list(&m), 3);
	CU_ASSERT(!has(&m, vf));
	CU_ASSERT(has(&m, disk));
	machine_close(&m);
}

static void another_function_at_the_same_address_has_its_own_facts(void)
{
	struct machine m;
	uint32_t ids;

	machine_open(&m);
	list(&m);
	CHECK_EQ(read_ids(&m, nic, &ids), 0);
	fixture_drop(&m.fx, NIC);
	CHECK_EQ(read_ids(&m, nic, &ids), -ENOENT);
	add_endpoint(&m, NIC, 0xa808144d);
	CHECK_EQ(read_ids(&m, nic, &ids), 0);
	CHECK_HEX(ids, 0xa808144d);
	CU_ASSERT_EQUAL_FATAL(list(&m), 3);
	CHECK_HEX(m.fns[1].vendor, 0x144d);
	CU_ASSERT_STRING_EQUAL(m.fns[1].driver, "");
	machine_close(&m);
}

static void a_function_that_goes_during_the_listing_is_left_out(void)
{
	struct machine m;

	machine_open(&m);
	fixture_drop(&m.fx, NIC "/config");                   /* listed, but no longer there */
	fixture_link(&m.fx, DISK, "../../../devices/nobody"); /* its directory has gone, the link to it not yet */
	fixture_drop(&m.fx, VF "/vendor");                    /* on its way out */
	CHECK_EQ(list(&m), 1);
	CU_ASSERT(has(&m, port));
	CU_ASSERT_STRING_EQUAL(m.fx.said, "");
	machine_close(&m);
}

static void a_function_that_was_pulled_out_is_left_out_though_the_kernel_still_has_it(void)
{
	uint8_t ones[256];
	struct machine m;

	memset(ones, 0xff, sizeof(ones));
	machine_open(&m);
	fixture_bytes(&m.fx, NIC "/config", ones, sizeof(ones));
	CHECK_EQ(list(&m), 2);
	CU_ASSERT(!has(&m, nic));
	CU_ASSERT(has(&m, vf));
	fixture_bytes(&m.fx, VF "/config", ones, sizeof(ones));
	CHECK_EQ(list(&m), 1);
	CU_ASSERT(!has(&m, vf));
	machine_close(&m);
}

/* Between the function's directory and the link to its physical function it is no virtual function yet. */
static void a_virtual_function_is_listed_when_the_kernel_says_whose_it_is(void)
{
	struct machine m;

	machine_open(&m);
	fixture_drop(&m.fx, VF "/physfn");
	CHECK_EQ(list(&m), 2);
	CU_ASSERT(!has(&m, vf));
	fixture_link(&m.fx, VF "/physfn", "../0000:01:00.0");
	CHECK_EQ(list(&m), 3);
	CU_ASSERT(has(&m, vf));
	machine_close(&m);
}

static void what_is_no_function_is_passed_over(void)
{
	struct machine m;

	machine_open(&m);
	fixture_file(&m.fx, DEVICES ".hidden", "");
	fixture_file(&m.fx, DEVICES "nonsense", "");
	fixture_file(&m.fx, DEVICES "0000:00:20.0", "");
	CHECK_EQ(list(&m), 3);
	machine_close(&m);
}

static void functions_are_in_the_order_of_their_addresses(void)
{
	struct machine m;

	machine_open(&m);
	add_endpoint(&m, DEVICES "10000:00:00.0", 0x00011234);
	add_endpoint(&m, DEVICES "0000:00:00.0", 0x00011234);
	CHECK_EQ(list(&m), 5);
	for (size_t i = 1; i < m.n; i++)
		CU_ASSERT(piommu_sbdf_compare(m.fns[i - 1].sbdf, m.fns[i].sbdf) < 0);
	machine_close(&m);
}

/* ---- What a listing takes ----------------------------------------------------------------------------------------------- */

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void a_listing_leaves_no_file_open(void)
{
	struct machine m;
	uint32_t value;
	unsigned before;

	machine_open(&m);
	list(&m); /* the list of names is read now */
	before = open_files();
	list(&m);
	CHECK_EQ(m.plat->ops->cfg_read(m.plat, port, 0, 3, &value), -EINVAL);
	CHECK_EQ(m.plat->ops->cfg_write(m.plat, port, 0, 3, 0), -EINVAL);
	CHECK_EQ(read_ids(&m, vf, &value), 0);
	fixture_drop(&m.fx, VF "/vendor");
	list(&m);
	CHECK_EQ(open_files(), before);
	machine_close(&m);
}

/* Who is not listed is taken to be gone: so it must not be because the process has no file descriptor to spare. */
static void a_machine_that_cannot_be_read_now_is_not_an_empty_one(void)
{
	struct piommu_pci_function *fns = NULL;
	struct rlimit before, few;
	struct machine m;
	size_t n;
	int err;
	int fd;

	machine_open(&m);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(fd);
	few = before;
	few.rlim_cur = (rlim_t)fd + 1; /* for the directory */
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	err = m.plat->ops->pci_functions(m.plat, &fns, &n);
	setrlimit(RLIMIT_NOFILE, &before);
	CHECK_EQ(err, -EMFILE);
	CU_ASSERT_PTR_NULL(fns);
	CHECK_HAS(m.fx.said, "configuration space");
	machine_close(&m);
}

/* ---- Several threads ---------------------------------------------------------------------------------------------------- */

struct crowd {
	struct machine *m;
	bool stop;
	unsigned listings, reads; /* good ones */
	unsigned wrong;
};

/* Who stays is in every list; who comes and goes is in it whole, or not. */
static bool is_sound(const struct piommu_pci_function *fns, size_t n)
{
	const struct piommu_pci_function *guest = among(fns, n, disk);
	const struct piommu_pci_function *virtfn = among(fns, n, vf);

	return among(fns, n, port) && among(fns, n, nic) && virtfn && virtfn->is_virtfn && virtfn->device == 0x154c &&
	       n == 3 + (size_t) !!guest && (!guest || (guest->vendor == 0x144d && guest->device == 0xa808));
}

static void *list_again_and_again(void *ctx)
{
	struct crowd *crowd = ctx;
	struct piommu_platform *plat = crowd->m->plat;

	do {
		struct piommu_pci_function *fns = NULL;
		size_t n = 0;
		bool good = plat->ops->pci_functions(plat, &fns, &n) == 0 && is_sound(fns, n);

		__atomic_fetch_add(good ? &crowd->listings : &crowd->wrong, 1, __ATOMIC_RELAXED);
		free(fns);
	} while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED));
	return NULL;
}

static void *read_and_write_again_and_again(void *ctx)
{
	struct crowd *crowd = ctx;
	struct piommu_platform *plat = crowd->m->plat;

	do {
		uint32_t guest = 0, acs = 0;
		int err = read_ids(crowd->m, disk, &guest);
		bool good = (err == -ENOENT || (!err && guest == 0xa808144d)) &&
			    !plat->ops->cfg_write(plat, port, 0x106, 2, 0x1d) &&
			    !plat->ops->cfg_read(plat, port, 0x106, 2, &acs) && acs == 0x1d;

		__atomic_fetch_add(good ? &crowd->reads : &crowd->wrong, 1, __ATOMIC_RELAXED);
	} while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED));
	return NULL;
}

static void threads_list_and_read_while_a_function_comes_and_goes(void)
{
	static void *(*const bodies[])(void *) = { list_again_and_again, list_again_and_again, read_and_write_again_and_again };
	pthread_t threads[3];
	struct machine m;
	struct crowd crowd = { .m = &m };

	machine_open(&m);
	add_endpoint(&m, "/sys/devices/disk", 0xa808144d);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, bodies[i], &crowd), 0);
	for (unsigned i = 0; i < 500; i++) {
		fixture_move(&m.fx, "/sys/devices/disk", DISK);
		fixture_move(&m.fx, DISK, "/sys/devices/disk");
	}
	__atomic_store_n(&crowd.stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(crowd.wrong, 0);
	CU_ASSERT(crowd.listings >= 2 && crowd.reads >= 1);
	CU_ASSERT_STRING_EQUAL(m.fx.said, "");
	machine_close(&m);
}

static const struct suite_test tests[] = {
	SUITE_TEST(pci_functions_carry_what_the_kernel_knows),
	SUITE_TEST(configuration_space_is_read_and_written),
	SUITE_TEST(a_function_that_came_is_listed_and_one_that_went_is_not),
	SUITE_TEST(another_function_at_the_same_address_has_its_own_facts),
	SUITE_TEST(a_function_that_goes_during_the_listing_is_left_out),
	SUITE_TEST(a_function_that_was_pulled_out_is_left_out_though_the_kernel_still_has_it),
	SUITE_TEST(a_virtual_function_is_listed_when_the_kernel_says_whose_it_is),
	SUITE_TEST(what_is_no_function_is_passed_over),
	SUITE_TEST(functions_are_in_the_order_of_their_addresses),
	SUITE_TEST(a_listing_leaves_no_file_open),
	SUITE_TEST(a_machine_that_cannot_be_read_now_is_not_an_empty_one),
	SUITE_TEST(threads_list_and_read_while_a_function_comes_and_goes),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "linux pci functions", tests, sizeof(tests) / sizeof(tests[0]));
}
