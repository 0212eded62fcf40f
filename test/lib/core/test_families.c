/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two families on one simulated machine: the VT-d driver with two units that firmware describes, and a mock driver that is asked about
 * what is left (T32).
 */
#include <errno.h>
#include <string.h>

#include "mock.h"
#include "piommu_sim.h"
#include "suite.h"

/* dmar0 has 00:02.0, dmar1 what is in its scopes; 07:00.0 and 00:1f.0 are behind no unit of theirs. */
#define SPEC "vtd,units=2,all=0"
#define LEFT "0000:07:00.0"
#define UNPLUGGED "0000:00:06.0"

static struct mock mock;

struct rig {
	struct piommu_platform *sim;
	const struct piommu_driver *table[3];
	struct piommu *p;
};

static const struct piommu_driver *vtd(void)
{
	for (unsigned i = 0; piommu_drivers[i]; i++)
		if (piommu_drivers[i]->family == PIOMMU_FAMILY_VTD)
			return piommu_drivers[i];
	return NULL;
}

static struct piommu_platform *open_sim(const struct piommu_log *log)
{
	struct piommu_platform *plat = NULL;

	for (unsigned i = 0; piommu_platforms[i] && !plat; i++)
		if (!strcmp(piommu_platforms[i]->name, "sim"))
			CU_ASSERT_EQUAL_FATAL(piommu_platforms[i]->open(SPEC, log, &plat), 0);
	CU_ASSERT_FATAL(plat != NULL);
	return plat;
}

/* The mock's drivers alone: the machine is the simulated one. */
static void rig_open(struct rig *r, enum piommu_default kind)
{
	struct piommu_config config;

	mock_init(&mock);
	config = mock_config(&mock);
	r->sim = open_sim(&config.log);
	r->table[0] = vtd();
	r->table[1] = mock_driver(&mock, MOCK_BARE);
	r->table[2] = NULL;
	config.drivers = r->table;
	config.instance = r->sim;
	config.default_domain = kind;
	r->p = mock_create(&config);
	mock_own(&mock, LEFT, "bare0");
	mock_own(&mock, UNPLUGGED, "bare0");
}

static void rig_close(struct rig *r)
{
	CHECK_EQ(piommu_destroy(r->p), 0);
	r->sim->ops->close(r->sim);
	mock_fini(&mock);
}

static struct piommu_domain *claim_and_make(struct rig *r, const char *name, struct piommu_group **group)
{
	struct piommu_domain *domain = NULL;

	*group = mock_group(r->p, name);
	CU_ASSERT_EQUAL_FATAL(piommu_claim(*group), 0);
	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(*group, NULL, &domain), 0);
	return domain;
}

static void t32_each_device_goes_to_its_own_family(void)
{
	struct rig r;

	rig_open(&r, PIOMMU_DEFAULT_ANY);
	mock_check_unit(r.p, LEFT, NULL);
	mock_register(&mock, r.p, MOCK_BARE, "bare0");
	mock_check_unit(r.p, "0000:00:02.0", "dmar0");
	mock_check_unit(r.p, "0000:00:04.0", "dmar1");
	mock_check_unit(r.p, LEFT, "bare0");
	mock_check_unit(r.p, "0000:00:1f.0", NULL);
	CHECK_EQ(mock_count(&mock, MOCK_FIND_UNIT, "0000:00:02.0"), 0);
	CHECK_EQ(mock_count(&mock, MOCK_FIND_UNIT, "0000:00:04.0"), 0);
	CHECK_EQ(mock_count(&mock, MOCK_FIND_UNIT, LEFT), 1);
	rig_close(&r);
}

static void t32_plugged_device_that_firmware_does_not_name_goes_to_the_bare_driver(void)
{
	struct rig r;

	rig_open(&r, PIOMMU_DEFAULT_PAGING);
	mock_register(&mock, r.p, MOCK_BARE, "bare0");
	CHECK_EQ(piommu_sim_plug(r.sim, mock_sbdf(UNPLUGGED)), 0);
	CHECK_EQ(piommu_rescan(r.p), 1);
	mock_check_unit(r.p, UNPLUGGED, "bare0");
	CU_ASSERT(mock_find(&mock, 0, "attach " UNPLUGGED " paging done") >= 0);
	CHECK_EQ(piommu_sim_unplug(r.sim, mock_sbdf(UNPLUGGED)), 0);
	CHECK_EQ(piommu_rescan(r.p), 1);
	CHECK_EQ(mock_count(&mock, MOCK_RELEASE_DEVICE, UNPLUGGED), 1);
	rig_close(&r);
}

/* Both ways; each on its own then works, the real one down to the last byte. */
static void a_domain_of_one_family_is_refused_on_a_group_of_the_other(void)
{
	struct piommu_domain *ours, *theirs;
	struct piommu_group *left, *disk;
	struct piommu_mem mem;
	uint32_t word = 0;
	struct rig r;

	rig_open(&r, PIOMMU_DEFAULT_ANY);
	mock_register(&mock, r.p, MOCK_BARE, "bare0");
	ours = claim_and_make(&r, LEFT, &left);
	theirs = claim_and_make(&r, "0000:00:04.0", &disk);
	CHECK_EQ(piommu_attach(theirs, left), -EINVAL);
	CHECK_EQ(piommu_attach(ours, disk), -EINVAL);
	CHECK_EQ(piommu_attach(ours, left), 0);
	CHECK_EQ(piommu_attach(theirs, disk), 0);
	CU_ASSERT_EQUAL_FATAL(piommu_mem_alloc(r.p, 4096, 0, &mem), 0);
	*(uint32_t *)mem.va = 0x600dda7a;
	piommu_thread_online();
	CHECK_EQ(piommu_map(ours, 0, mem.pa, 4096, PIOMMU_RW), 0); /* its unit has no hole: that is not one at 0 */
	CHECK_EQ(piommu_map(theirs, 0x5000, mem.pa, 4096, PIOMMU_RW), 0);
	CHECK_EQ(piommu_sim_dma(r.sim, mock_sbdf("0000:00:04.0"), 0x5000, &word, sizeof(word), false), 0);
	CHECK_HEX(word, 0x600dda7a);
	CHECK_EQ(piommu_unmap(ours, 0, 4096, NULL), 0);
	CHECK_EQ(piommu_unmap(theirs, 0x5000, 4096, NULL), 0);
	piommu_thread_offline();
	piommu_mem_free(r.p, &mem);
	CHECK_EQ(piommu_detach(ours, left), 0);
	CHECK_EQ(piommu_detach(theirs, disk), 0);
	CHECK_EQ(piommu_domain_destroy(ours), 0);
	CHECK_EQ(piommu_domain_destroy(theirs), 0);
	piommu_group_put(left);
	piommu_group_put(disk);
	rig_close(&r);
}

static void t32_the_bare_driver_goes_and_the_other_family_stays(void)
{
	struct piommu_domain *theirs;
	struct piommu_group *disk;
	struct rig r;

	rig_open(&r, PIOMMU_DEFAULT_PAGING);
	mock_register(&mock, r.p, MOCK_BARE, "bare0");
	theirs = claim_and_make(&r, "0000:00:04.0", &disk);
	CHECK_EQ(piommu_attach(theirs, disk), 0);
	CHECK_EQ(piommu_driver_unregister(r.p, mock_driver(&mock, MOCK_BARE)), 0);
	mock_check_unit(r.p, LEFT, NULL);
	mock_check_unit(r.p, "0000:00:04.0", "dmar1");
	CHECK_EQ(piommu_driver_unregister(r.p, vtd()), -EBUSY);
	CHECK_EQ(piommu_detach(theirs, disk), 0);
	CHECK_EQ(piommu_domain_destroy(theirs), 0);
	CHECK_EQ(piommu_release(disk), 0);
	piommu_group_put(disk);
	CHECK_EQ(piommu_driver_unregister(r.p, vtd()), 0);
	mock_check_unit(r.p, "0000:00:04.0", NULL);
	rig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t32_each_device_goes_to_its_own_family),
		SUITE_TEST(t32_plugged_device_that_firmware_does_not_name_goes_to_the_bare_driver),
		SUITE_TEST(a_domain_of_one_family_is_refused_on_a_group_of_the_other),
		SUITE_TEST(t32_the_bare_driver_goes_and_the_other_family_stays),
	};

	return suite_run(argc, argv, "families", tests, sizeof(tests) / sizeof(tests[0]));
}
