/* SPDX-License-Identifier: BSD-3-Clause */
/* Which group a device joins by its stream ids. The manager's part is played here. */
#include <errno.h>
#include <string.h>

#include "arm_group.h"
#include "suite.h"

/* Two groups in use: ids 1 and 2 are the one's, 3 the other's. */
struct piommu_group {
	int refs;
};
static struct piommu_group first, second, by_topology;
static int broken; /* what a look-up of id 9 returns */

int piommu_group_of_id(const struct piommu_device *device, struct piommu_id id, struct piommu_group **out)
{
	(void)device;
	if (id.id == 9)
		return broken;
	if (id.id < 1 || id.id > 3)
		return -ENOENT;
	*out = id.id == 3 ? &second : &first;
	(*out)->refs++;
	return 0;
}

void piommu_group_put(struct piommu_group *group)
{
	if (group)
		group->refs--;
}

int piommu_group_by_topology(struct piommu_device *device, struct piommu_group **out)
{
	(void)device;
	*out = &by_topology;
	by_topology.refs++;
	return 0;
}

static char said[256];

static void hear(void *ctx, enum piommu_log_level level, const char *line)
{
	(void)ctx, (void)level;
	snprintf(said, sizeof(said), "%s", line);
}

static int group_of(const uint32_t *ids, unsigned n, struct piommu_group **out)
{
	static const struct piommu_log log = { .level = PIOMMU_LOG_DEBUG, .fn = hear };
	struct piommu_unit unit = { .name = "smmu0", .log = &log };
	struct piommu_device device = { .name = "/soc/dma", .unit = &unit, .nids = n };

	first.refs = second.refs = by_topology.refs = 0;
	*out = NULL;
	said[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		device.ids[i].id = ids[i];
	return arm_device_group(&device, out);
}

static void ids_of_nobody_leave_it_to_the_topology(void)
{
	struct piommu_group *group;

	CHECK_EQ(group_of((uint32_t[]){ 7, 8 }, 2, &group), 0);
	CU_ASSERT_PTR_EQUAL(group, &by_topology);
	CHECK_EQ(group_of(NULL, 0, &group), 0);
	CU_ASSERT_PTR_EQUAL(group, &by_topology);
}

static void any_shared_id_decides_and_one_reference_is_handed_on(void)
{
	struct piommu_group *group;

	CHECK_EQ(group_of((uint32_t[]){ 7, 3 }, 2, &group), 0);
	CU_ASSERT_PTR_EQUAL(group, &second);
	CHECK_EQ(second.refs, 1);
	CHECK_EQ(group_of((uint32_t[]){ 1, 7, 2 }, 3, &group), 0);
	CU_ASSERT_PTR_EQUAL(group, &first);
	CHECK_EQ(first.refs, 1);
}

static void ids_of_two_groups_are_refused_and_both_are_let_go(void)
{
	struct piommu_group *group;

	CHECK_EQ(group_of((uint32_t[]){ 1, 3 }, 2, &group), -EXDEV);
	CU_ASSERT_PTR_NULL(group);
	CHECK_EQ(first.refs, 0);
	CHECK_EQ(second.refs, 0);
	CHECK_HAS(said, "/soc/dma");
	CHECK_HAS(said, "two groups");
}

static void a_look_up_that_fails_ends_it(void)
{
	struct piommu_group *group;

	broken = -ENOMEM;
	CHECK_EQ(group_of((uint32_t[]){ 1, 9 }, 2, &group), -ENOMEM);
	CHECK_EQ(first.refs, 0);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(ids_of_nobody_leave_it_to_the_topology),
		SUITE_TEST(any_shared_id_decides_and_one_reference_is_handed_on),
		SUITE_TEST(ids_of_two_groups_are_refused_and_both_are_let_go),
		SUITE_TEST(a_look_up_that_fails_ends_it),
	};

	return suite_run(argc, argv, "arm_group", tests, sizeof(tests) / sizeof(tests[0]));
}
