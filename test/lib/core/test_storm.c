/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything of the slow path at once, on the machine of mocks, with callbacks that fail now and then: units of two bare drivers and of
 * firmware come and go while devices do, and while groups are claimed, attached and given back. What must hold is what the mock checks at
 * every callback, and that in the end nothing is left. test_storm [rounds [seed]].
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "mock.h"
#include "suite.h"

static const char *const names[] = { "0000:00:04.0", "0000:00:05.0", "0000:00:05.1", "0000:01:00.0",
				     "0001:00:01.0", "0001:00:02.0", "0001:00:03.0", "0001:00:05.0",
				     "0001:00:05.1", "0002:00:01.0", "/soc/dma@1",   "/soc/dma@2" };
#define NNAMES (sizeof(names) / sizeof(names[0]))

static struct mock mock;
static unsigned rounds = 300;
static unsigned long seed = 1;

struct thread {
	struct piommu *p;
	unsigned long rng;
};

static unsigned roll(struct thread *t, unsigned below)
{
	t->rng = t->rng * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(t->rng >> 33) % below;
}

/* Success, or one of these. */
static void expect(const char *what, int err, const int *may, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (err == may[i])
			return;
	if (err < 0)
		mock_broken(&mock, "%s answers %d", what, err);
}
#define EXPECT(call, ...) \
	expect(#call, (call), (const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static int fail_sometimes(struct mock_call *call, void *ctx)
{
	/* What fails on the way out leaves its tables allocated, and is not what is looked for here. */
	if (call->op > MOCK_DEVICE_GROUP && call->type != PIOMMU_DOMAIN_PAGING)
		return 0;
	return atomic_fetch_add((atomic_uint *)ctx, 1) % 37 == 36 ? -EIO : 0;
}

/* ---- What each kind of thread does ---- */

static int devices_come_and_go(void *ctx)
{
	struct thread *t = ctx;

	for (unsigned i = 0; i < rounds; i++) {
		const char *name = names[roll(t, NNAMES)];

		switch (roll(t, 5)) {
		case 0:
		case 1:
			EXPECT(mock_add(t->p, name), -EIO, -EXDEV, -EPERM);
			break;
		case 2:
		case 3:
			EXPECT(mock_remove(t->p, name), -ENOENT, -EIO);
			break;
		default:
			EXPECT(piommu_rescan(t->p), -EIO, -EXDEV, -EPERM);
		}
	}
	return 0;
}

static int units_come_and_go(void *ctx)
{
	struct thread *t = ctx;
	struct piommu_fw_unit desc = mock_desc(t->rng & 1 ? "bare0" : "bare1");
	struct piommu_unit *unit = NULL;

	for (unsigned i = 0; i < rounds / 4; i++) {
		if (!unit)
			EXPECT(piommu_unit_register(t->p, mock_driver(&mock, MOCK_BARE), &desc, &unit), -EIO);
		else if (!piommu_unit_unregister(unit))
			unit = NULL;
		if (roll(t, 3))
			continue;
		EXPECT(piommu_driver_unregister(t->p, mock_driver(&mock, MOCK_FW2)), -ENOENT, -EBUSY);
		EXPECT(piommu_driver_register(t->p, mock_driver(&mock, MOCK_FW2)), -EEXIST, -EIO);
	}
	return 0;
}

static void use(struct piommu_group *group)
{
	struct piommu_domain *domain = NULL;
	int err = piommu_domain_create(group, NULL, &domain);

	expect("domain_create", err, (const int[]){ -EAGAIN, -ENODEV, -EIO }, 3);
	if (err)
		return;
	EXPECT(piommu_attach(domain, group), -EAGAIN, -EIO, -EINVAL);
	/* A callback that fails may be asked again; the last member may have gone, and with it what the group was attached to. */
	do
		err = piommu_detach(domain, group);
	while (err == -EIO);
	EXPECT(err, -EINVAL);
	do
		err = piommu_domain_destroy(domain);
	while (err == -EIO);
	EXPECT(err, 0);
}

static void give_back(struct piommu_group *group)
{
	int err;

	do
		err = piommu_release(group);
	while (err == -EIO);
	EXPECT(err, 0);
}

static int groups_are_used(void *ctx)
{
	struct thread *t = ctx;

	for (unsigned i = 0; i < rounds; i++) {
		struct piommu_group *group = piommu_group_at(t->p, roll(t, 10));
		struct piommu_group_info info;

		if (!group)
			continue;
		piommu_group_info(group, &info);
		if (!piommu_claim(group)) {
			use(group);
			give_back(group);
		} else if (!piommu_claim_uncontained(group)) {
			give_back(group);
		}
		piommu_group_put(group);
	}
	return 0;
}

static void everything_at_once(void)
{
	static int (*const work[])(void *ctx) = { devices_come_and_go, devices_come_and_go, units_come_and_go,
						  units_come_and_go,   groups_are_used,     groups_are_used };
	struct piommu *p = mock_start(&mock, seed % 3 ? PIOMMU_DEFAULT_PAGING : PIOMMU_DEFAULT_IDENTITY);
	struct worker workers[6];
	struct thread threads[6];
	atomic_uint calls;

	atomic_init(&calls, 0);
	for (unsigned i = 0; i < NNAMES; i++)
		mock_own(&mock, names[i], i % 2 ? "bare1" : "bare0");
	mock_plug_node(&mock, "/soc/dma@1", 7);
	mock_plug_node(&mock, "/soc/dma@2", 9);
	for (unsigned op = MOCK_PROBE_DEVICE; seed & 1 && op <= MOCK_ATTACH; op++)
		mock_hook_set(&mock, (enum mock_op)op, fail_sometimes, &calls);
	for (unsigned i = 0; i < 6; i++) {
		threads[i] = (struct thread){ .p = p, .rng = seed * 977 + i };
		worker_start(&workers[i], work[i], &threads[i]);
	}
	for (unsigned i = 0; i < 6; i++)
		worker_join_busy(&workers[i]);
	mock_stop(&mock, p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = { SUITE_TEST(everything_at_once) };

	if (argc > 1)
		rounds = (unsigned)atoi(argv[1]);
	if (argc > 2)
		seed = strtoul(argv[2], NULL, 0);
	printf("seed %lu\n", seed);
	return suite_run(1, argv, "storm", tests, 1);
}
