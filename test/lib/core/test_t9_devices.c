/* SPDX-License-Identifier: BSD-3-Clause */
/* Case T9 for devices that come and go: whatever fails in that, see t9.h. */
#include <errno.h>
#include <string.h>

#include "suite.h"
#include "t9_world.h"

#define PASID 3u
#define NODE "/soc/dma"

static struct world world;

static void goes(struct world *w, uint32_t id, uint32_t pasid, const char *where)
{
	CU_ASSERT_STRING_EQUAL(faulty_goes(&w->m, "dmar1", id, pasid), where);
}

static bool is_known(const struct world *w)
{
	struct piommu_device *device = NULL;
	int err = strcmp(w->name, NODE) ? piommu_device_find(w->p, faulty_sbdf(w->name), &device)
					: piommu_device_find_node(w->p, w->name, &device);

	piommu_device_put(device);
	CU_ASSERT(!err || err == -ENOENT);
	return !err;
}

static int add(void *ctx)
{
	const struct world *w = ctx;

	return strcmp(w->name, NODE) ? piommu_device_add(w->p, faulty_sbdf(w->name)) : piommu_node_add(w->p, w->name);
}

static int remove_it(void *ctx)
{
	const struct world *w = ctx;

	return strcmp(w->name, NODE) ? piommu_device_remove(w->p, faulty_sbdf(w->name)) : piommu_node_remove(w->p, w->name);
}

static void undo_add(void *ctx)
{
	CHECK_EQ(remove_it(ctx), 0);
}

static void undo_remove(void *ctx)
{
	CHECK_EQ(add(ctx), 0);
}

/* The machine has it, the manager does not know; it was there before, so that it is blocked, and nothing but that. */
static void begin_to_add(void *ctx)
{
	struct world *w = ctx;

	world_begin(w);
	if (!is_known(w)) {
		faulty_plug(&w->m, w->name);
		CU_ASSERT_FATAL(!add(w));
	}
	CU_ASSERT_FATAL(!remove_it(w));
}

/* 05.0 to 05.2, claimed, on a domain, and with a PASID on another. */
static void attach_fives(struct world *w)
{
	world_claim(w, "00:05.0");
	w->domain = world_domain(w);
	w->other = world_domain(w);
	CU_ASSERT_FATAL(!piommu_attach(w->domain, w->group));
	CU_ASSERT_FATAL(!piommu_attach_pasid(w->other, w->group, PASID));
}

#define ADD_ERRORS -ENODEV, -EPERM, -EXDEV, -EIO, -ENOMEM, -ENOSPC, -ETIMEDOUT, -EINVAL

/* ---- Adding ---- */

static void can_be_claimed(void *ctx)
{
	struct world *w = ctx;
	struct piommu_group *group = faulty_group(w->p, w->name);

	CHECK_EQ(piommu_claim(group), 0);
	goes(w, faulty_sbdf(w->name).devfn, 0, "blocking");
	CHECK_EQ(piommu_release(group), 0);
	piommu_group_put(group);
}

static void t9_device_add_of_a_group_of_its_own(void)
{
	world.name = "00:06.0";
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "device_add",
		.begin = begin_to_add,
		.end = world_end,
		.call = add,
		.works = can_be_claimed,
		.undo = undo_add,
		.errors = { ADD_ERRORS },
	});
}

static void begin_to_join(void *ctx)
{
	begin_to_add(ctx);
	attach_fives(ctx);
}

static void is_where_its_group_is(void *ctx)
{
	struct world *w = ctx;
	uint32_t id = faulty_sbdf(w->name).devfn;

	goes(w, id, 0, "paging");
	goes(w, id, PASID, "paging");
}

static void t9_device_add_to_a_group_in_use(void)
{
	world.name = "00:05.3";
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "device_add to a group in use",
		.begin = begin_to_join,
		.end = world_end,
		.call = add,
		.works = is_where_its_group_is,
		.undo = undo_add,
		.errors = { ADD_ERRORS },
	});
}

/* Its reserved ranges are mapped in the domain that nobody asked for. */
static void t9_device_add_with_reserved_ranges(void)
{
	world.name = "00:02.0";
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "device_add with reserved ranges",
		.begin = begin_to_add,
		.end = world_end,
		.call = add,
		.undo = undo_add,
		.errors = { ADD_ERRORS },
	});
}

static void t9_node_add(void)
{
	world.name = NODE;
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "node_add",
		.begin = begin_to_add,
		.end = world_end,
		.call = add,
		.undo = undo_add,
		.errors = { ADD_ERRORS },
	});
}

/* ---- Removing ---- */

/* Forgotten, but it may still use the domain, which therefore stays: the hardware did not follow. Memory is no reason. */
static bool remove_remains(void *ctx, int err)
{
	struct world *w = ctx;

	if (is_known(w))
		return false;
	CHECK_EQ(err, -EIO);
	CU_ASSERT(!strncmp(fault_where(), "attach", 6));
	if (w->group && w->domain) {
		piommu_detach(w->domain, w->group);
		piommu_detach_pasid(w->other, w->group, PASID);
		CU_ASSERT(piommu_domain_destroy(w->domain) == -EIO || piommu_domain_destroy(w->other) == -EIO);
	}
	return true;
}

static void is_unknown(void *ctx)
{
	CU_ASSERT(!is_known(ctx));
}

static void begin_to_remove(void *ctx)
{
	world_begin(ctx);
	attach_fives(ctx);
}

static void t9_device_remove_of_a_member(void)
{
	world.name = "00:05.1";
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "device_remove of a member",
		.begin = begin_to_remove,
		.end = world_end,
		.call = remove_it,
		.works = is_unknown,
		.undo = undo_remove,
		.errors = { -EIO },
		.remains = remove_remains,
	});
}

static void attach_the_last(struct world *w)
{
	world_claim(w, w->name);
	CU_ASSERT_FATAL(!piommu_attach(w->domain, w->group));
}

static void begin_to_remove_the_last(void *ctx)
{
	struct world *w = ctx;

	world_begin(w);
	w->group = faulty_group(w->p, w->name);
	w->domain = world_domain(w);
	w->other = world_domain(w);
	piommu_group_put(w->group);
	attach_the_last(w);
}

/* Who claimed the old group still holds it. */
static void put_it_back(void *ctx)
{
	struct world *w = ctx;

	CHECK_EQ(piommu_release(w->group), 0);
	piommu_group_put(w->group);
	w->group = NULL;
	CHECK_EQ(add(w), 0);
	attach_the_last(w);
}

static void t9_device_remove_of_the_last_member(void)
{
	world.name = "00:04.0";
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "device_remove of the last member",
		.begin = begin_to_remove_the_last,
		.end = world_end,
		.call = remove_it,
		.works = is_unknown,
		.undo = put_it_back,
		.errors = { -EIO },
		.remains = remove_remains,
	});
}

static void begin_plain(void *ctx)
{
	world_begin(ctx);
}

static void t9_device_remove_of_one_that_nobody_took(void)
{
	world.name = "00:05.1";
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "device_remove of one that nobody took",
		.begin = begin_plain,
		.end = world_end,
		.call = remove_it,
		.works = is_unknown,
		.undo = undo_remove,
		.errors = { -EIO },
		.remains = remove_remains,
	});
}

static void t9_node_remove(void)
{
	world.name = NODE;
	t9_run(&(struct t9){
		T9_WORLD(&world),
		.name = "node_remove",
		.begin = begin_plain,
		.end = world_end,
		.call = remove_it,
		.works = is_unknown,
		.undo = undo_remove,
		.errors = { -EIO },
		.remains = remove_remains,
	});
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(t9_device_add_of_a_group_of_its_own),
		SUITE_TEST(t9_device_add_to_a_group_in_use),
		SUITE_TEST(t9_device_add_with_reserved_ranges),
		SUITE_TEST(t9_node_add),
		SUITE_TEST(t9_device_remove_of_a_member),
		SUITE_TEST(t9_device_remove_of_the_last_member),
		SUITE_TEST(t9_device_remove_of_one_that_nobody_took),
		SUITE_TEST(t9_node_remove),
	};

	return suite_run(argc, argv, "t9_devices", tests, sizeof(tests) / sizeof(tests[0]));
}
