/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Case T9 for managers, units and drivers that come and go: whatever fails in that, see t9.h. And for units that do not turn off: what is
 * said to stay does, and nothing that they may still use is freed.
 */
#include <errno.h>
#include <string.h>

#include "suite.h"
#include "t9_world.h"

static struct world world;

/* ---- A manager ---- */

static void begin_machine(void *ctx)
{
	struct world *w = ctx;

	memset(w, 0, sizeof(*w));
	faulty_init(&w->m);
}

static void end_machine(void *ctx)
{
	struct world *w = ctx;

	CHECK_EQ(piommu_destroy(w->p), 0);
	faulty_fini(&w->m);
}

static int create(void *ctx)
{
	struct world *w = ctx;
	int err = faulty_create(&w->m, false, &w->p);

	CU_ASSERT(!err == (w->p != NULL));
	return err;
}

static void destroy(void *ctx)
{
	struct world *w = ctx;

	CHECK_EQ(piommu_destroy(w->p), 0);
	w->p = NULL;
}

/* A device that its driver could not take on is left out, until it is added. */
static void add_left_out(void *ctx)
{
	struct world *w = ctx;

	for (unsigned i = 0; i < w->m.nfns; i++)
		CHECK_EQ(piommu_device_add(w->p, w->m.fns[i].sbdf), 0);
	CHECK_EQ(piommu_node_add(w->p, "/soc/dma"), 0);
}

static void t9_create(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "create",
		.begin = begin_machine,
		.end = end_machine,
		.call = create,
		.undo = destroy,
		.heal = add_left_out,
		.errors = { -EBUSY, -EACCES, -ENOMEM, -EBADMSG, -EIO, -ETIMEDOUT, -EINVAL },
	});
}

/* ---- A unit ---- */

static void begin_plain(void *ctx)
{
	world_begin(ctx);
}

static void begin_bare(void *ctx)
{
	world_begin(ctx);
	world_register_bare(ctx);
}

static int register_bare(void *ctx)
{
	const struct piommu_fw_unit desc = faulty_bare();
	struct world *w = ctx;
	struct piommu_unit *unit = NULL;
	int err = piommu_unit_register(w->p, &w->m.bare, &desc, &unit);

	CU_ASSERT(!err == (unit != NULL));
	w->bare = unit;
	return err;
}

static int unregister_bare(void *ctx)
{
	return piommu_unit_unregister(((struct world *)ctx)->bare);
}

static void undo_register(void *ctx)
{
	CHECK_EQ(unregister_bare(ctx), 0);
}

static void undo_unregister(void *ctx)
{
	CHECK_EQ(register_bare(ctx), 0);
}

static void contains(void *ctx)
{
	struct world *w = ctx;
	struct piommu_group *group = faulty_group(w->p, "0001:00:01.0");

	CHECK_EQ(piommu_claim(group), 0);
	CU_ASSERT_STRING_EQUAL(faulty_goes(&w->m, "bare", 0x8, 0), "paging");
	CHECK_EQ(piommu_release(group), 0);
	piommu_group_put(group);
}

static void contains_no_more(void *ctx)
{
	struct piommu_group *group = faulty_group(((struct world *)ctx)->p, "0001:00:01.0");

	CHECK_EQ(piommu_claim(group), -ENODEV);
	piommu_group_put(group);
}

static void t9_unit_register(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "unit_register",
		.begin = begin_plain,
		.end = world_end,
		.call = register_bare,
		.works = contains,
		.undo = undo_register,
		.heal = add_left_out,
		.errors = { -ENOMEM, -EBUSY, -ETIMEDOUT, -EIO, -EINVAL },
	});
}

/*
 * No references here: one that is not to be had is of a device that another thread is just removing, and unregistering rightly waits for
 * that thread to be done.
 */
#define UNREGISTER_KINDS (FAULT_ALL & ~(unsigned)FAULT_REFERENCE)

static void t9_unit_unregister(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "unit_unregister",
		.kinds = UNREGISTER_KINDS,
		.begin = begin_bare,
		.end = world_end,
		.call = unregister_bare,
		.works = contains_no_more,
		.undo = undo_unregister,
		.errors = { -ENOMEM },
	});
}

/* ---- A driver ---- */

static void begin_without_driver(void *ctx)
{
	struct world *w = ctx;

	begin_machine(w);
	CU_ASSERT_FATAL(!faulty_create(&w->m, true, &w->p));
}

static int register_driver(void *ctx)
{
	return piommu_driver_register(((struct world *)ctx)->p, &((struct world *)ctx)->m.fw);
}

static int unregister_driver(void *ctx)
{
	return piommu_driver_unregister(((struct world *)ctx)->p, &((struct world *)ctx)->m.fw);
}

static void undo_register_driver(void *ctx)
{
	CHECK_EQ(unregister_driver(ctx), 0);
}

static void undo_unregister_driver(void *ctx)
{
	CHECK_EQ(register_driver(ctx), 0);
}

static void contains_all(void *ctx)
{
	static const char *const names[] = { "00:02.0", "00:04.0", "00:05.0", "01:00.0" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct piommu_group *group = faulty_group(((struct world *)ctx)->p, names[i]);

		CHECK_EQ(piommu_claim(group), 0);
		CHECK_EQ(piommu_release(group), 0);
		piommu_group_put(group);
	}
}

/* The walk over the devices, which comes last, is made again by whoever looks again, as the message says. */
static void rescan(void *ctx)
{
	struct world *w = ctx;

	if (w->p->walk_failed) {
		CHECK_HAS(w->m.said, "piommu_rescan()");
		CHECK_EQ(piommu_rescan(w->p), 0);
	}
	w->m.said[0] = '\0';
	add_left_out(w);
}

static void t9_driver_register(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "driver_register",
		.begin = begin_without_driver,
		.end = end_machine,
		.call = register_driver,
		.works = contains_all,
		.undo = undo_register_driver,
		.heal = rescan,
		.errors = { -ENOMEM, -EBUSY, -EACCES, -ETIMEDOUT, -EIO },
	});
}

static void t9_driver_unregister(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "driver_unregister",
		.kinds = UNREGISTER_KINDS,
		.begin = begin_plain,
		.end = world_end,
		.call = unregister_driver,
		.undo = undo_unregister_driver,
		.errors = { -ENOMEM },
	});
}

/* ---- Devices that come and go all at once ---- */

static int look_again(void *ctx)
{
	int n = piommu_rescan(((struct world *)ctx)->p);

	return n < 0 ? n : 0;
}

/* 06.0 has come, 04.0 and the node have gone. */
static void begin_changed(void *ctx)
{
	struct world *w = ctx;

	world_begin(w);
	faulty_plug(&w->m, "00:06.0");
	CHECK_EQ(piommu_rescan(w->p), 1);
	faulty_unplug(&w->m, "00:06.0");
	CHECK_EQ(piommu_rescan(w->p), 1);
	faulty_plug(&w->m, "00:06.0");
	faulty_unplug(&w->m, "00:04.0");
	faulty_unplug(&w->m, "/soc/dma");
}

static void change_back(void *ctx)
{
	struct world *w = ctx;

	faulty_unplug(&w->m, "00:06.0");
	faulty_plug(&w->m, "00:04.0");
	faulty_plug(&w->m, "/soc/dma");
	CU_ASSERT(piommu_rescan(w->p) >= 0);
	faulty_plug(&w->m, "00:06.0");
	faulty_unplug(&w->m, "00:04.0");
	faulty_unplug(&w->m, "/soc/dma");
}

/* The first error, the rest done: what is left is done when it is called again. */
static bool rescan_remains(void *ctx, int err)
{
	struct world *w = ctx;
	struct piommu_device *device = NULL;

	(void)err;
	CU_ASSERT(look_again(w) == 0);
	CHECK_EQ(piommu_device_find(w->p, faulty_sbdf("00:04.0"), &device), -ENOENT);
	CHECK_EQ(piommu_device_find(w->p, faulty_sbdf("00:06.0"), &device), 0);
	piommu_device_put(device);
	return true;
}

static void t9_rescan(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "rescan",
		.begin = begin_changed,
		.end = world_end,
		.call = look_again,
		.undo = change_back,
		.errors = { -EIO, -ENOMEM, -ENOSPC, -ETIMEDOUT },
		.remains = rescan_remains,
	});
}

/* ---- Units that do not turn off ---- */

/* They and their memory stay for good: kept where they are found, they are no leak. */
static struct world stuck[16];
static unsigned nstuck;

static struct world *next_stuck(void)
{
	CU_ASSERT_FATAL(nstuck < sizeof(stuck) / sizeof(stuck[0]));
	return &stuck[nstuck++];
}

/* The unit still has what it walks; nobody is behind it; the manager cannot end, and says so each time. */
static void stays(struct world *w)
{
	CU_ASSERT(w->m.nmem > 0);
	CU_ASSERT_STRING_EQUAL(w->m.broken, "");
	CHECK_HAS(w->m.said, "does not turn off");
	CHECK_EQ(piommu_destroy(w->p), -EIO);
	CU_ASSERT(w->m.nmem > 0);
	CU_ASSERT_STRING_EQUAL(w->m.broken, "");
}

static void t9_a_registered_unit_that_does_not_turn_off(void)
{
	struct world *w = next_stuck();

	begin_bare(w);
	fault_arm(FAULT_SHUTDOWN, 1, false);
	CHECK_EQ(unregister_bare(w), -EIO);
	CHECK_EQ(fault_disarm(), FAULT_SHUTDOWN);
	CU_ASSERT(w->m.units[2].on);
	contains_no_more(w);
	stays(w);
}

static void t9_a_driver_whose_unit_does_not_turn_off(void)
{
	for (unsigned n = 1; n <= 2; n++) {
		struct world *w = next_stuck();

		begin_plain(w);
		fault_arm(FAULT_SHUTDOWN, n, false);
		CHECK_EQ(unregister_driver(w), -EIO);
		CHECK_EQ(fault_disarm(), FAULT_SHUTDOWN);
		CHECK_EQ(w->m.units[0].on, n == 1);
		CHECK_EQ(w->m.units[1].on, n == 2);
		stays(w);
	}
}

static void t9_destroy_with_a_unit_that_does_not_turn_off(void)
{
	for (unsigned n = 1; n <= 3; n++) {
		struct world *w = next_stuck();

		begin_bare(w);
		fault_arm(FAULT_SHUTDOWN, n, false);
		CHECK_EQ(piommu_destroy(w->p), -EIO);
		CHECK_EQ(fault_disarm(), FAULT_SHUTDOWN);
		CHECK_EQ(w->m.units[0].on + w->m.units[1].on + w->m.units[2].on, 1);
		stays(w);
	}
}

/* The unit that may turn on yet keeps the memory that it would walk; all else of the manager that was refused goes. */
static void t9_create_with_a_unit_that_may_turn_on_yet(void)
{
	for (unsigned n = 1; n <= 2; n++) {
		struct world *w = next_stuck();

		begin_machine(w);
		fault_arm(FAULT_ENABLE, n, false);
		CHECK_EQ(create(w), -ETIMEDOUT);
		CHECK_EQ(fault_disarm(), FAULT_ENABLE);
		CHECK_EQ(w->m.nmem, 1);
		CHECK_EQ(w->m.units[0].on + w->m.units[1].on, 0);
		CU_ASSERT_STRING_EQUAL(w->m.broken, "");
	}
}

/* What a unit that was refused keeps is not taken for the next one's. */
static void t9_register_a_unit_that_may_turn_on_yet(void)
{
	struct world *w = next_stuck();

	begin_plain(w);
	fault_arm(FAULT_ENABLE, 1, false);
	CHECK_EQ(register_bare(w), -ETIMEDOUT);
	CHECK_EQ(fault_disarm(), FAULT_ENABLE);
	CHECK_EQ(register_bare(w), 0);
	CHECK_EQ(piommu_destroy(w->p), 0);
	CHECK_EQ(w->m.nmem, 1);
	CU_ASSERT_STRING_EQUAL(w->m.broken, "");
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t9_create),
		SUITE_TEST(t9_unit_register),
		SUITE_TEST(t9_unit_unregister),
		SUITE_TEST(t9_driver_register),
		SUITE_TEST(t9_driver_unregister),
		SUITE_TEST(t9_rescan),
		SUITE_TEST(t9_a_registered_unit_that_does_not_turn_off),
		SUITE_TEST(t9_a_driver_whose_unit_does_not_turn_off),
		SUITE_TEST(t9_destroy_with_a_unit_that_does_not_turn_off),
		SUITE_TEST(t9_create_with_a_unit_that_may_turn_on_yet),
		SUITE_TEST(t9_register_a_unit_that_may_turn_on_yet),
	};

	return suite_run(argc, argv, "t9_units", tests, sizeof(tests) / sizeof(tests[0]));
}
