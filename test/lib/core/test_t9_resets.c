/* SPDX-License-Identifier: BSD-3-Clause */
/* Case T9 for resets of a device that is on a domain, and of one that has a PASID on another as well: see t9.h. */
#include <errno.h>
#include <string.h>

#include "suite.h"
#include "t9_world.h"

#define PASID 3u

static struct world world;

static void goes(struct world *w, uint32_t id, uint32_t pasid, const char *where)
{
	CU_ASSERT_STRING_EQUAL(faulty_goes(&w->m, "dmar1", id, pasid), where);
}

static int attach(struct world *w)
{
	return piommu_attach(w->domain, w->group);
}

static int attach_pasid(struct world *w)
{
	return piommu_attach_pasid(w->other, w->group, PASID);
}

static int reset_begin(void *ctx)
{
	return piommu_reset_begin(((struct world *)ctx)->p, faulty_sbdf("00:05.1"));
}

static int reset_end(void *ctx)
{
	return piommu_reset_end(((struct world *)ctx)->p, faulty_sbdf("00:05.1"));
}

static void undo_begin(void *ctx)
{
	CHECK_EQ(reset_end(ctx), 0);
}

static void undo_end(void *ctx)
{
	CHECK_EQ(reset_begin(ctx), 0);
}

static void fenced(void *ctx)
{
	struct world *w = ctx;

	goes(w, 0x28, 0, "paging");
	goes(w, 0x29, 0, "blocking");
	goes(w, 0x29, PASID, "nowhere");
	CHECK_EQ(piommu_attach(w->other, w->group), -EBUSY);
}

static void back(void *ctx)
{
	struct world *w = ctx;

	goes(w, 0x28, 0, "paging");
	goes(w, 0x29, 0, "paging");
	goes(w, 0x29, PASID, faulty_goes(&w->m, "dmar1", 0x28, PASID)); /* where its mate is */
}

static void begin_attached(void *ctx)
{
	struct world *w = ctx;

	world_begin(w);
	world_claim(w, "00:05.0");
	w->domain = world_domain(w);
	w->other = world_domain(w);
	CU_ASSERT_FATAL(!attach(w));
}

static void begin_with_pasid(void *ctx)
{
	begin_attached(ctx);
	CU_ASSERT_FATAL(!attach_pasid(ctx));
}

static void begin_in_reset(void *ctx)
{
	begin_attached(ctx);
	CU_ASSERT_FATAL(!reset_begin(ctx));
}

static void begin_with_pasid_in_reset(void *ctx)
{
	begin_with_pasid(ctx);
	CU_ASSERT_FATAL(!reset_begin(ctx));
}

/* The reset is over and the device blocked, until its group, and its PASIDs, are detached and attached. */
static bool end_remains(void *ctx, int err)
{
	struct world *w = ctx;
	bool has_pasid = w->group->npasids;

	if (err == -ENOENT)
		return false; /* a reference that was not to be had: nothing was done */
	goes(w, 0x29, 0, "blocking");
	goes(w, 0x29, PASID, "nowhere");
	CHECK_EQ(reset_end(w), -EINVAL);
	CHECK_EQ(piommu_detach(w->domain, w->group), 0);
	if (has_pasid)
		CHECK_EQ(piommu_detach_pasid(w->other, w->group, PASID), 0);
	CHECK_EQ(attach(w), 0);
	if (has_pasid)
		CHECK_EQ(attach_pasid(w), 0);
	back(w);
	return true;
}

#define RESET_ERRORS -ENOMEM, -ENOSPC, -ETIMEDOUT, -EIO

static void t9_reset_begin(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "reset_begin",
		.begin = begin_attached,
		.end = world_end,
		.call = reset_begin,
		.works = fenced,
		.undo = undo_begin,
		.errors = { RESET_ERRORS },
	});
}

static void t9_reset_begin_with_a_pasid(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "reset_begin with a PASID",
		.begin = begin_with_pasid,
		.end = world_end,
		.call = reset_begin,
		.works = fenced,
		.undo = undo_begin,
		.errors = { RESET_ERRORS },
	});
}

static void t9_reset_end(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "reset_end",
		.begin = begin_in_reset,
		.end = world_end,
		.call = reset_end,
		.works = back,
		.undo = undo_end,
		.remains = end_remains,
		.errors = { RESET_ERRORS },
	});
}

static void t9_reset_end_with_a_pasid(void)
{
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "reset_end with a PASID",
		.begin = begin_with_pasid_in_reset,
		.end = world_end,
		.call = reset_end,
		.works = back,
		.undo = undo_end,
		.remains = end_remains,
		.errors = { RESET_ERRORS },
	});
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t9_reset_begin),
		SUITE_TEST(t9_reset_begin_with_a_pasid),
		SUITE_TEST(t9_reset_end),
		SUITE_TEST(t9_reset_end_with_a_pasid),
	};

	return suite_run(argc, argv, "t9_resets", tests, sizeof(tests) / sizeof(tests[0]));
}
