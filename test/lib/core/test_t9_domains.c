/* SPDX-License-Identifier: BSD-3-Clause */
/* Case T9 for claiming and attaching: whatever fails in them, see t9.h. */
#include <errno.h>
#include <string.h>

#include "suite.h"
#include "t9_world.h"

#define PASID 3u
#define SOMEWHERE UINT64_C(0x100000)

static struct world world;

static void goes(struct world *w, const char *unit, uint32_t id, uint32_t pasid, const char *where)
{
	CU_ASSERT_STRING_EQUAL(faulty_goes(&w->m, unit, id, pasid), where);
}

/* 05.0, 05.1 and 05.2. */
static void all_go(struct world *w, uint32_t pasid, const char *where)
{
	for (uint32_t id = 0x28; id < 0x2b; id++)
		goes(w, "dmar1", id, pasid, where);
}

static void maps(struct piommu_domain *domain)
{
	CHECK_EQ(piommu_map(domain, SOMEWHERE, 0, PIOMMU_PAGE_SIZE, PIOMMU_RW), 0);
	CHECK_EQ(piommu_unmap(domain, SOMEWHERE, PIOMMU_PAGE_SIZE, NULL), 0);
}

static void check(struct world *w, int err)
{
	(void)w;
	CHECK_EQ(err, 0);
}

/* ---- Claim and release ---- */

static void begin_found(void *ctx)
{
	world_begin(ctx);
	((struct world *)ctx)->group = faulty_group(((struct world *)ctx)->p, "00:05.0");
}

static void begin_claimed(void *ctx)
{
	world_begin(ctx);
	world_claim(ctx, "00:05.0");
}

static int claim(void *ctx)
{
	return piommu_claim(((struct world *)ctx)->group);
}

static int release(void *ctx)
{
	return piommu_release(((struct world *)ctx)->group);
}

static void undo_claim(void *ctx)
{
	check(ctx, release(ctx));
}

static void undo_release(void *ctx)
{
	check(ctx, claim(ctx));
}

static void blocked(void *ctx)
{
	all_go(ctx, 0, "blocking");
}

static void on_identity(void *ctx)
{
	all_go(ctx, 0, "identity");
}

static void t9_claim(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "claim",
		.begin = begin_found,
		.end = world_end,
		.call = claim,
		.works = blocked,
		.undo = undo_claim,
		.errors = { -ENOMEM, -ENOSPC, -ETIMEDOUT, -EIO },
	});
}

static void t9_release(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "release",
		.begin = begin_claimed,
		.end = world_end,
		.call = release,
		.works = on_identity,
		.undo = undo_release,
		.errors = { -ENOMEM, -ENOSPC, -ETIMEDOUT, -EIO },
	});
}

/* ---- Domains ---- */

static int create(void *ctx)
{
	struct world *w = ctx;
	int err = piommu_domain_create(w->group, NULL, &w->domain);

	CU_ASSERT(!err == (w->domain != NULL));
	return err;
}

static void destroy(void *ctx)
{
	struct world *w = ctx;

	CHECK_EQ(piommu_domain_destroy(w->domain), 0);
	w->domain = NULL;
}

static void created(void *ctx)
{
	maps(((struct world *)ctx)->domain);
}

static void t9_domain_create(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "domain_create",
		.begin = begin_claimed,
		.end = world_end,
		.call = create,
		.works = created,
		.undo = destroy,
		.errors = { -ENOMEM },
	});
}

/* ---- Attach and detach ---- */

static int attach(void *ctx)
{
	return piommu_attach(((struct world *)ctx)->domain, ((struct world *)ctx)->group);
}

static int detach(void *ctx)
{
	return piommu_detach(((struct world *)ctx)->domain, ((struct world *)ctx)->group);
}

static int move(void *ctx)
{
	return piommu_attach(((struct world *)ctx)->other, ((struct world *)ctx)->group);
}

static void undo_attach(void *ctx)
{
	check(ctx, detach(ctx));
}

static void undo_detach(void *ctx)
{
	check(ctx, attach(ctx));
}

static void translated(void *ctx)
{
	all_go(ctx, 0, "paging");
	maps(((struct world *)ctx)->domain);
}

static void begin_domain(void *ctx)
{
	struct world *w = ctx;

	begin_claimed(w);
	w->domain = world_domain(w);
}

static void begin_attached(void *ctx)
{
	begin_domain(ctx);
	CU_ASSERT_FATAL(!attach(ctx));
}

static void begin_to_move(void *ctx)
{
	begin_attached(ctx);
	((struct world *)ctx)->other = world_domain(ctx);
}

/* 02.0 has reserved ranges: they stay mapped in a domain that it was to be put on, so each call gets a new one. */
static void begin_reserved(void *ctx)
{
	struct world *w = ctx;

	world_begin(w);
	world_claim(w, "00:02.0");
	w->domain = world_domain(w);
}

static void another_domain(void *ctx)
{
	struct world *w = ctx;

	destroy(w);
	w->domain = world_domain(w);
}

static void undo_attach_reserved(void *ctx)
{
	undo_attach(ctx);
	another_domain(ctx);
}

static void covered(void *ctx)
{
	struct world *w = ctx;
	uint64_t pa = 0;

	goes(w, "dmar1", 0x10, 0, "paging");
	CHECK_EQ(piommu_lookup(w->domain, 0x7b801000, &pa, NULL, NULL), 0);
	CHECK_HEX(pa, 0x7b801000);
	CHECK_EQ(piommu_lookup(w->domain, 0x7c000000, &pa, NULL, NULL), 0);
}

#define ATTACH_ERRORS -EINVAL, -ENOMEM, -ENOSPC, -ETIMEDOUT, -EIO

static void t9_attach(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "attach",
		.begin = begin_domain,
		.end = world_end,
		.call = attach,
		.works = translated,
		.undo = undo_attach,
		.errors = { ATTACH_ERRORS },
	});
}

static void t9_attach_elsewhere(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "attach elsewhere",
		.begin = begin_to_move,
		.end = world_end,
		.call = move,
		.works = translated,
		.undo = undo_detach,
		.errors = { ATTACH_ERRORS },
	});
}

static void t9_attach_with_reserved_ranges(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "attach with reserved ranges",
		.begin = begin_reserved,
		.end = world_end,
		.call = attach,
		.works = covered,
		.undo = undo_attach_reserved,
		.clean = another_domain,
		.errors = { ATTACH_ERRORS },
	});
}

static void t9_detach(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "detach",
		.begin = begin_attached,
		.end = world_end,
		.call = detach,
		.works = blocked,
		.undo = undo_detach,
		.errors = { -ENOMEM, -ENOSPC, -ETIMEDOUT, -EIO },
	});
}

/* ---- PASIDs ---- */

static int attach_pasid(void *ctx)
{
	return piommu_attach_pasid(((struct world *)ctx)->domain, ((struct world *)ctx)->group, PASID);
}

static int detach_pasid(void *ctx)
{
	return piommu_detach_pasid(((struct world *)ctx)->domain, ((struct world *)ctx)->group, PASID);
}

static void undo_attach_pasid(void *ctx)
{
	check(ctx, detach_pasid(ctx));
}

static void undo_detach_pasid(void *ctx)
{
	check(ctx, attach_pasid(ctx));
}

static void pasid_translated(void *ctx)
{
	all_go(ctx, PASID, "paging");
	all_go(ctx, 0, "blocking");
}

static void pasid_nowhere(void *ctx)
{
	all_go(ctx, PASID, "nowhere");
}

static void begin_pasid(void *ctx)
{
	begin_domain(ctx);
	CU_ASSERT_FATAL(!attach_pasid(ctx));
}

/* Detached all the same; what did not follow keeps the domain. */
static bool pasid_remains(void *ctx, int err)
{
	struct world *w = ctx;

	CHECK_EQ(err, -ETIMEDOUT);
	CU_ASSERT_STRING_EQUAL(fault_where(), "attach_pasid");
	CHECK_EQ(detach_pasid(w), -EINVAL);
	CHECK_EQ(piommu_domain_destroy(w->domain), -EIO);
	CHECK_EQ(release(w), 0);
	return true;
}

static void t9_attach_pasid(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "attach_pasid",
		.begin = begin_domain,
		.end = world_end,
		.call = attach_pasid,
		.works = pasid_translated,
		.undo = undo_attach_pasid,
		.errors = { -EINVAL, -ENOSPC, -ENOMEM, -ETIMEDOUT, -EIO },
	});
}

static void t9_detach_pasid(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "detach_pasid",
		.begin = begin_pasid,
		.end = world_end,
		.call = detach_pasid,
		.works = pasid_nowhere,
		.undo = undo_detach_pasid,
		.errors = { -ETIMEDOUT, -EIO },
		.remains = pasid_remains,
	});
}

/* ---- The attach that was put off ---- */

static void find_deferred(struct world *w)
{
	CU_ASSERT_FATAL(!piommu_device_find(w->p, faulty_sbdf("0001:00:02.0"), &w->device));
}

static int map_deferred(void *ctx)
{
	return piommu_device_map(((struct world *)ctx)->device, SOMEWHERE, 0, PIOMMU_PAGE_SIZE, PIOMMU_RW);
}

static void attached_now(void *ctx)
{
	struct piommu_device_stats stats;

	piommu_device_stats(((struct world *)ctx)->device, &stats);
	CU_ASSERT(!stats.deferred);
	CHECK_EQ(stats.attaches, 1);
	goes(ctx, "bare", 0x10, 0, "paging");
}

/* Only a device that comes again is deferred again. */
static void come_again(void *ctx)
{
	struct world *w = ctx;

	CHECK_EQ(piommu_device_unmap(w->device, SOMEWHERE, PIOMMU_PAGE_SIZE, NULL), 0);
	piommu_device_put(w->device);
	w->device = NULL;
	CHECK_EQ(piommu_device_remove(w->p, faulty_sbdf("0001:00:02.0")), 0);
	CHECK_EQ(piommu_device_add(w->p, faulty_sbdf("0001:00:02.0")), 0);
	find_deferred(w);
}

/* Where one that was here before is when it has gone: blocked. */
static void begin_deferred(void *ctx)
{
	struct world *w = ctx;

	world_begin(w);
	world_register_bare(w);
	find_deferred(w);
	CU_ASSERT_FATAL(!map_deferred(w));
	come_again(w);
}

/* It was attached, and then there was no page for the map. */
static bool map_remains(void *ctx, int err)
{
	struct piommu_device_stats stats;

	piommu_device_stats(((struct world *)ctx)->device, &stats);
	if (stats.deferred)
		return false;
	CHECK_EQ(err, -ENOMEM);
	CU_ASSERT_STRING_EQUAL(fault_where(), "map");
	CHECK_EQ(map_deferred(ctx), 0);
	attached_now(ctx);
	return true;
}

static void t9_deferred_map(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "deferred map",
		.begin = begin_deferred,
		.end = world_end,
		.call = map_deferred,
		.works = attached_now,
		.undo = come_again,
		.errors = { -ENOMEM, -ENOSPC, -ETIMEDOUT, -EIO },
		.remains = map_remains,
	});
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t9_claim),        SUITE_TEST(t9_release),          SUITE_TEST(t9_domain_create),
		SUITE_TEST(t9_attach),       SUITE_TEST(t9_attach_elsewhere), SUITE_TEST(t9_attach_with_reserved_ranges),
		SUITE_TEST(t9_detach),       SUITE_TEST(t9_attach_pasid),     SUITE_TEST(t9_detach_pasid),
		SUITE_TEST(t9_deferred_map),
	};

	return suite_run(argc, argv, "t9_domains", tests, sizeof(tests) / sizeof(tests[0]));
}
