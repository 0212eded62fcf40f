/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Case T9 on a family's driver and the simulated machine: memory and references as for the drivers of faulty.h, and the n-th handshake and
 * the n-th invalidation of each unit that the hardware loses. Started with the family, and the machine's keys.
 */
#include <errno.h>
#include <stdio.h>

#include "piommu_sim.h"
#include "suite.h"
#include "t9_sim.h"

#define SOMEWHERE UINT64_C(0x40000000)

static struct t9_sim world;

static void on_identity(void *ctx)
{
	struct t9_sim *w = ctx;

	CU_ASSERT(t9_sim_reaches(w, "00:04.0", w->mem.pa, &w->mem));
	CU_ASSERT(t9_sim_reaches(w, "00:05.1", w->mem.pa, &w->mem));
}

static void t9_sim_create(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, false),
		.name = "create",
		.begin = t9_sim_open,
		.end = t9_sim_close,
		.call = t9_sim_make,
		.undo = t9_sim_destroy_it,
		.errors = { -ENOMEM, -ETIMEDOUT, -EIO },
	});
}

static void begin_late(void *ctx)
{
	static const struct piommu_driver *const none[] = { NULL };

	t9_sim_open(ctx);
	CU_ASSERT_FATAL(!t9_sim_create_with(ctx, none));
}

static void end_late(void *ctx)
{
	t9_sim_destroy_it(ctx);
	t9_sim_close(ctx);
}

static int register_driver(void *ctx)
{
	return piommu_driver_register(((struct t9_sim *)ctx)->p, t9_sim_driver(ctx));
}

static int unregister_driver(void *ctx)
{
	return piommu_driver_unregister(((struct t9_sim *)ctx)->p, t9_sim_driver(ctx));
}

static void undo_register(void *ctx)
{
	CHECK_EQ(unregister_driver(ctx), 0);
}

/* As the message says. */
static void rescan(void *ctx)
{
	struct t9_sim *w = ctx;

	if (w->p->walk_failed)
		CHECK_EQ(piommu_rescan(w->p), 0);
}

static void t9_sim_driver_register(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, false),
		.name = "driver_register",
		.begin = begin_late,
		.end = end_late,
		.call = register_driver,
		.undo = undo_register,
		.heal = rescan,
		.errors = { -ENOMEM, -ETIMEDOUT, -EIO },
	});
}

/* ---- Groups ---- */

static void find(struct t9_sim *w, const char *name)
{
	CU_ASSERT_FATAL(!piommu_group_find(w->p, t9_sim_sbdf(name), &w->group));
}

static int claim(void *ctx)
{
	return piommu_claim(((struct t9_sim *)ctx)->group);
}

static int release(void *ctx)
{
	return piommu_release(((struct t9_sim *)ctx)->group);
}

static int attach(void *ctx)
{
	return piommu_attach(((struct t9_sim *)ctx)->domain, ((struct t9_sim *)ctx)->group);
}

static int detach(void *ctx)
{
	return piommu_detach(((struct t9_sim *)ctx)->domain, ((struct t9_sim *)ctx)->group);
}

static int move(void *ctx)
{
	return piommu_attach(((struct t9_sim *)ctx)->other, ((struct t9_sim *)ctx)->group);
}

/* The unit remembers what it translates: what is left of it afterwards would be seen. */
static void translated(void *ctx)
{
	struct t9_sim *w = ctx;

	CU_ASSERT(t9_sim_reaches(w, "00:05.0", SOMEWHERE, &w->mem));
	CU_ASSERT(t9_sim_reaches(w, "00:05.1", SOMEWHERE, &w->mem));
}

static void blocked(void *ctx)
{
	struct t9_sim *w = ctx;

	CU_ASSERT(!t9_sim_reaches(w, "00:05.0", SOMEWHERE, NULL) && !t9_sim_reaches(w, "00:05.0", w->mem.pa, NULL));
	CU_ASSERT(!t9_sim_reaches(w, "00:05.1", SOMEWHERE, NULL) && !t9_sim_reaches(w, "00:05.1", w->mem.pa, NULL));
}

static void undo_claim(void *ctx)
{
	CHECK_EQ(release(ctx), 0);
}

static void undo_release(void *ctx)
{
	CHECK_EQ(claim(ctx), 0);
}

static void undo_attach(void *ctx)
{
	CHECK_EQ(detach(ctx), 0);
}

static void undo_detach(void *ctx)
{
	CHECK_EQ(attach(ctx), 0);
	translated(ctx);
}

static void begin_found(void *ctx)
{
	t9_sim_begin(ctx);
	find(ctx, "00:05.0");
}

static void begin_claimed(void *ctx)
{
	begin_found(ctx);
	CU_ASSERT_FATAL(!claim(ctx));
}

/* With the same mapped, so that the devices' DMA goes on whichever they are on. */
static struct piommu_domain *new_domain(struct t9_sim *w)
{
	struct piommu_domain *domain = NULL;

	CU_ASSERT_FATAL(!piommu_domain_create(w->group, NULL, &domain));
	CHECK_EQ(piommu_map(domain, SOMEWHERE, w->mem.pa, PIOMMU_PAGE_SIZE, PIOMMU_RW), 0);
	return domain;
}

static void begin_domain(void *ctx)
{
	struct t9_sim *w = ctx;

	begin_claimed(w);
	w->domain = new_domain(w);
}

static void begin_attached(void *ctx)
{
	begin_domain(ctx);
	CU_ASSERT_FATAL(!attach(ctx));
	translated(ctx);
}

static void begin_to_move(void *ctx)
{
	begin_attached(ctx);
	((struct t9_sim *)ctx)->other = new_domain(ctx);
}

#define ERRORS -ENOMEM, -ENOSPC, -ETIMEDOUT, -EIO

static void t9_sim_claim(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, false),
		.name = "claim",
		.anew = true,
		.begin = begin_found,
		.end = t9_sim_end,
		.call = claim,
		.works = blocked,
		.undo = undo_claim,
		.errors = { ERRORS },
	});
}

static void t9_sim_release(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, true),
		.name = "release",
		.begin = begin_claimed,
		.end = t9_sim_end,
		.call = release,
		.works = on_identity,
		.undo = undo_release,
		.errors = { ERRORS },
	});
}

static void t9_sim_attach(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, true),
		.name = "attach",
		.begin = begin_domain,
		.end = t9_sim_end,
		.call = attach,
		.works = translated,
		.undo = undo_attach,
		.errors = { ERRORS },
	});
}

static void t9_sim_attach_elsewhere(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, false),
		.name = "attach elsewhere",
		.begin = begin_to_move,
		.end = t9_sim_end,
		.call = move,
		.works = translated,
		.undo = undo_detach,
		.errors = { ERRORS },
	});
}

static void t9_sim_detach(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, false),
		.name = "detach",
		.begin = begin_attached,
		.end = t9_sim_end,
		.call = detach,
		.works = blocked,
		.undo = undo_detach,
		.errors = { ERRORS },
	});
}

/* ---- Domains ---- */

static int create_domain(void *ctx)
{
	return piommu_domain_create(((struct t9_sim *)ctx)->group, NULL, &((struct t9_sim *)ctx)->domain);
}

static int destroy_domain(void *ctx)
{
	return piommu_domain_destroy(((struct t9_sim *)ctx)->domain);
}

static void undo_create_domain(void *ctx)
{
	CHECK_EQ(destroy_domain(ctx), 0);
}

static void undo_destroy_domain(void *ctx)
{
	((struct t9_sim *)ctx)->domain = new_domain(ctx);
}

/* The unit still remembers its tables. */
static void begin_used_domain(void *ctx)
{
	begin_attached(ctx);
	CU_ASSERT_FATAL(!detach(ctx));
}

static void t9_sim_domain_create(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, false),
		.name = "domain_create",
		.begin = begin_claimed,
		.end = t9_sim_end,
		.call = create_domain,
		.undo = undo_create_domain,
		.errors = { ERRORS },
	});
}

static void t9_sim_domain_destroy(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, true),
		.name = "domain_destroy",
		.anew = true,
		.begin = begin_used_domain,
		.end = t9_sim_end,
		.call = destroy_domain,
		.undo = undo_destroy_domain,
	});
}

/* ---- Resets ---- */

static int reset_begin(void *ctx)
{
	return piommu_reset_begin(((struct t9_sim *)ctx)->p, t9_sim_sbdf("00:05.1"));
}

static int reset_end(void *ctx)
{
	return piommu_reset_end(((struct t9_sim *)ctx)->p, t9_sim_sbdf("00:05.1"));
}

static void undo_reset_begin(void *ctx)
{
	CHECK_EQ(reset_end(ctx), 0);
}

static void undo_reset_end(void *ctx)
{
	CHECK_EQ(reset_begin(ctx), 0);
}

static void begin_in_reset(void *ctx)
{
	begin_attached(ctx);
	CU_ASSERT_FATAL(!reset_begin(ctx));
}

/* Over, and blocked until its group is detached and attached. */
static bool reset_remains(void *ctx, int err)
{
	if (err == -ENOENT)
		return false;
	CHECK_EQ(reset_end(ctx), -EINVAL);
	CHECK_EQ(detach(ctx), 0);
	CHECK_EQ(attach(ctx), 0);
	translated(ctx);
	return true;
}

static void t9_sim_reset_begin(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, true),
		.name = "reset_begin",
		.begin = begin_attached,
		.end = t9_sim_end,
		.call = reset_begin,
		.undo = undo_reset_begin,
		.errors = { ERRORS },
	});
}

static void t9_sim_reset_end(void)
{
	t9_run(&(struct t9){
		T9_SIM(&world, true),
		.name = "reset_end",
		.begin = begin_in_reset,
		.end = t9_sim_end,
		.call = reset_end,
		.works = translated,
		.undo = undo_reset_end,
		.remains = reset_remains,
		.errors = { ERRORS },
	});
}

/* ---- Devices that come and go ---- */

static int add(void *ctx)
{
	return piommu_device_add(((struct t9_sim *)ctx)->p, t9_sim_sbdf(((struct t9_sim *)ctx)->name));
}

static int remove_it(void *ctx)
{
	return piommu_device_remove(((struct t9_sim *)ctx)->p, t9_sim_sbdf(((struct t9_sim *)ctx)->name));
}

static void undo_add(void *ctx)
{
	CHECK_EQ(remove_it(ctx), 0);
}

static void undo_remove(void *ctx)
{
	CHECK_EQ(add(ctx), 0);
}

/* It was there before: blocked, and not known. */
static void begin_to_add(void *ctx)
{
	t9_sim_begin(ctx);
	CU_ASSERT_FATAL(!remove_it(ctx));
}

static void added(void *ctx)
{
	struct t9_sim *w = ctx;

	CU_ASSERT(t9_sim_reaches(w, w->name, w->mem.pa, &w->mem));
}

static void t9_sim_device_add(void)
{
	world.name = "00:04.0";
	t9_run(&(struct t9){
		T9_SIM(&world, false),
		.name = "device_add",
		.begin = begin_to_add,
		.end = t9_sim_end,
		.call = add,
		.works = added,
		.undo = undo_add,
		.errors = { ERRORS, -ENODEV, -EXDEV },
	});
}

static bool remove_remains(void *ctx, int err)
{
	struct t9_sim *w = ctx;
	struct piommu_device *device = NULL;

	if (!piommu_device_find(w->p, t9_sim_sbdf(w->name), &device)) {
		piommu_device_put(device);
		return false;
	}
	CHECK_EQ(err, -EIO);
	CHECK_EQ(piommu_domain_destroy(w->domain), -EBUSY); /* the others of the group are on it */
	return true;
}

static void t9_sim_device_remove(void)
{
	world.name = "00:05.1";
	t9_run(&(struct t9){
		T9_SIM(&world, false),
		.name = "device_remove",
		.begin = begin_attached,
		.end = t9_sim_end,
		.call = remove_it,
		.undo = undo_remove,
		.remains = remove_remains,
		.errors = { -EIO },
	});
}

/* ---- A unit that does not turn off ---- */

static struct t9_sim stuck[16];

/* It goes on with its tables: a device that was on identity still reaches all. */
static bool fails_to_end(struct t9_sim *w, unsigned way, unsigned n)
{
	bool fired;
	int err;

	w->family = world.family;
	w->keys = world.keys;
	t9_sim_begin(w);
	t9_sim_arm(w, way, n);
	err = piommu_destroy(w->p);
	fired = t9_sim_disarm(w, way);
	CU_ASSERT(!err || err == -EIO);
	CU_ASSERT(fired || !err);
	if (!err) {
		t9_sim_close(w);
		return fired;
	}
	CU_ASSERT(t9_sim_reaches(w, "00:04.0", w->mem.pa, &w->mem));
	CHECK_EQ(piommu_destroy(w->p), -EIO);
	return true;
}

/* Those that did not end are kept where they are found: they are no leak. */
static void t9_sim_destroy(void)
{
	unsigned used = 0;

	for (unsigned way = 0; way < 2; way++) {
		unsigned n = 1;

		for (; used < sizeof(stuck) / sizeof(stuck[0]) && fails_to_end(&stuck[used], way, n); used++)
			n++;
		CU_ASSERT(way == 1 || n > 2);
	}
	CU_ASSERT(used < sizeof(stuck) / sizeof(stuck[0]));
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t9_sim_create),        SUITE_TEST(t9_sim_driver_register), SUITE_TEST(t9_sim_claim),
		SUITE_TEST(t9_sim_release),       SUITE_TEST(t9_sim_attach),          SUITE_TEST(t9_sim_attach_elsewhere),
		SUITE_TEST(t9_sim_detach),        SUITE_TEST(t9_sim_domain_create),   SUITE_TEST(t9_sim_domain_destroy),
		SUITE_TEST(t9_sim_reset_begin),   SUITE_TEST(t9_sim_reset_end),       SUITE_TEST(t9_sim_device_add),
		SUITE_TEST(t9_sim_device_remove), SUITE_TEST(t9_sim_destroy),
	};

	world.family = argc > 1 ? t9_sim_family(argv[1]) : NULL;
	if (!world.family) {
		fprintf(stderr, "usage: %s vtd|smmuv3|smmuv2 [KEYS [TEST]]\n", argv[0]);
		return 2;
	}
	world.keys = argc > 2 ? argv[2] : "";
	return suite_run(argc > 2 ? argc - 2 : 1, argc > 2 ? argv + 2 : argv, "t9_sim", tests,
			 sizeof(tests) / sizeof(tests[0]));
}
