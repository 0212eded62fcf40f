/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices that cache translations (ATS): in their domain's list for as long as they are attached, so that an unmap invalidates
 * them, too, and in no list that anyone still uses when their detach returns (doc/locking.md, section 2). 00:04.0, 00:05.1 and, behind
 * the other unit, 01:00.0 have ATS.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "fake.h"
#include "suite.h"
#include "threads.h"

static struct fake fake;

struct rig {
	struct piommu *p;
	struct piommu_group *group;
	struct piommu_domain *domain;
};

static struct rig claimed(const char *bdf)
{
	struct rig rig;

	fake_init(&fake);
	fake_dev(&fake, "00:04.0")->ats = true;
	fake_dev(&fake, "00:04.0")->pasid_bits = 20;
	fake_dev(&fake, "00:05.1")->ats = true;
	fake_dev(&fake, "01:00.0")->ats = true;
	rig.p = fake_start(&fake);
	rig.group = fake_group(rig.p, bdf);
	rig.domain = fake_domain_for(rig.group);
	CHECK_EQ(piommu_claim(rig.group), 0);
	return rig;
}

static void end(const struct rig *rig)
{
	fake_stop(&fake, rig->p);
}

/* What is in the nth place of a list's second part, as a driver reads it: NULL where the device has left since. */
static struct piommu_device *listed(const struct piommu_domain_units *units, unsigned n)
{
	return (struct piommu_device *)__atomic_load_n((void *const *)&units->at[units->n + n].device, __ATOMIC_ACQUIRE);
}

/* How many devices with ATS a domain's list has. */
static unsigned nats(const struct piommu_domain *domain)
{
	const struct piommu_domain_units *units = piommu_domain_units(domain);
	unsigned n = 0;

	for (unsigned i = 0; units && i < units->nats; i++)
		n += listed(units, i) != NULL;
	return n;
}

static void ats_device_is_listed_while_it_is_attached(void)
{
	struct rig rig = claimed("00:05.0");
	const struct piommu_domain_units *units;
	struct piommu_domain *other = fake_domain_for(rig.group);

	CHECK_EQ(piommu_attach(rig.domain, rig.group), 0);
	units = piommu_domain_units(rig.domain);
	CHECK_EQ(units->n, 1); /* three devices, one unit */
	CHECK_EQ(units->nats, 1);
	CU_ASSERT_PTR_NULL(units->at[0].device);
	CU_ASSERT_PTR_EQUAL(units->at[1].device, fake_device(rig.p, "00:05.1"));
	CU_ASSERT_PTR_EQUAL(units->at[1].unit, units->at[0].unit);
	CHECK_EQ(units->at[1].tag, units->at[0].tag);
	CHECK_EQ(piommu_attach(other, rig.group), 0);
	CHECK_EQ(nats(rig.domain), 0);
	CHECK_EQ(nats(other), 1);
	CHECK_EQ(piommu_detach(other, rig.group), 0);
	CHECK_EQ(nats(other), 0);
	CHECK_EQ(piommu_domain_destroy(other), 0);
	end(&rig);
}

/* Whether a domain's list has the device, under the tag of its unit there. */
static bool has(const struct rig *rig, const char *bdf)
{
	const struct piommu_domain_units *units = piommu_domain_units(rig->domain);
	struct piommu_device *device = fake_device(rig->p, bdf);
	bool found = false;

	for (unsigned i = 0; i < units->nats; i++)
		for (unsigned u = 0; u < units->n && listed(units, i) == device; u++)
			found |= units->at[u].unit == device->unit && units->at[u].tag == units->at[units->n + i].tag;
	piommu_device_put(device);
	return found;
}

static void ats_devices_come_and_go_side_by_side(void)
{
	struct rig rig = claimed("00:05.0");
	struct piommu_group *near = fake_group(rig.p, "00:04.0"), *far = fake_group(rig.p, "01:00.0");

	CHECK_EQ(piommu_claim(near), 0);
	CHECK_EQ(piommu_claim(far), 0);
	CHECK_EQ(piommu_attach(rig.domain, rig.group), 0);
	CHECK_EQ(piommu_attach(rig.domain, near), 0);
	CU_ASSERT(has(&rig, "00:05.1") && has(&rig, "00:04.0"));
	CHECK_EQ(piommu_attach(rig.domain, far), 0);
	CHECK_EQ(piommu_domain_units(rig.domain)->n, 2);
	CHECK_EQ(nats(rig.domain), 3);
	CU_ASSERT(has(&rig, "00:05.1") && has(&rig, "00:04.0") && has(&rig, "01:00.0"));
	CHECK_EQ(piommu_detach(rig.domain, near), 0);
	CHECK_EQ(nats(rig.domain), 2);
	CU_ASSERT(has(&rig, "00:05.1") && !has(&rig, "00:04.0") && has(&rig, "01:00.0"));
	CHECK_EQ(piommu_detach(rig.domain, rig.group), 0);
	CHECK_EQ(piommu_domain_units(rig.domain)->n, 1);
	CHECK_EQ(nats(rig.domain), 1);
	CU_ASSERT(has(&rig, "01:00.0"));
	end(&rig);
}

static void ats_device_is_listed_where_its_attach_was_rolled_back_to(void)
{
	struct rig rig = claimed("00:05.0");
	struct piommu_domain *other = fake_domain_for(rig.group);

	CHECK_EQ(piommu_attach(rig.domain, rig.group), 0);
	fake.fail_attach = 2; /* its own */
	CHECK_EQ(piommu_attach(other, rig.group), -ETIMEDOUT);
	CHECK_EQ(nats(other), 0);
	CHECK_EQ(nats(rig.domain), 1);
	fake.fail_attach = 3; /* after it */
	CHECK_EQ(piommu_attach(other, rig.group), -ETIMEDOUT);
	CHECK_EQ(nats(other), 0);
	CHECK_EQ(nats(rig.domain), 1);
	CHECK_EQ(piommu_domain_destroy(other), 0);
	end(&rig);
}

static void ats_device_is_listed_for_each_of_its_pasids(void)
{
	struct rig rig = claimed("00:04.0");
	struct piommu_domain *other = fake_domain_for(rig.group);

	CHECK_EQ(piommu_attach_pasid(rig.domain, rig.group, 1), 0);
	CHECK_EQ(nats(rig.domain), 1);
	CHECK_EQ(piommu_attach(other, rig.group), 0);
	CHECK_EQ(nats(other), 1);
	CHECK_EQ(piommu_detach(other, rig.group), 0);
	CHECK_EQ(nats(rig.domain), 1);
	CHECK_EQ(piommu_detach_pasid(rig.domain, rig.group, 1), 0);
	CHECK_EQ(nats(rig.domain), 0);
	end(&rig);
}

/* ---- Order ---- */

struct seen {
	const struct piommu_domain *domain;
	unsigned coming, going; /* how many were listed when the entry was about to move */
};

static int look(void *ctx, const char *what)
{
	struct seen *seen = ctx;

	if (!strncmp(what, "attach 00:04.0 A", 16))
		seen->coming = nats(seen->domain);
	if (!strncmp(what, "attach 00:04.0 b", 16))
		seen->going = nats(seen->domain);
	return 0;
}

static void ats_device_is_listed_before_its_entry_comes_and_until_it_has_left(void)
{
	struct rig rig = claimed("00:04.0");
	struct seen seen = { rig.domain, 9, 9 };

	fake.hook_ctx = &seen;
	fake.hook = look;
	CHECK_EQ(piommu_attach(rig.domain, rig.group), 0);
	CHECK_EQ(piommu_detach(rig.domain, rig.group), 0);
	fake.hook = NULL;
	CHECK_EQ(seen.coming, 1);
	CHECK_EQ(seen.going, 1);
	end(&rig);
}

/* ---- A reader that still has the old list ---- */

#define PATIENCE 20000 /* turns of the processor given away: detach has had every opportunity */

struct wait {
	struct rig rig;
	int (*leave)(const struct rig *rig);
	int result;
	bool stuck;
	bool too_early;
	char name[PIOMMU_NAME_LEN]; /* of the device, read at the last moment */
	atomic_uint reading, left;
};

/* An unmap that has read the list and is about to invalidate what it found there. */
static void read_old_list(struct wait *wait)
{
	const struct piommu_device *device = listed(piommu_domain_units(wait->rig.domain), 0);
	unsigned turns = 0;

	atomic_store(&wait->reading, 1);
	while (nats(wait->rig.domain) && turns++ < 100 * PATIENCE)
		sched_yield();
	wait->stuck = nats(wait->rig.domain);
	for (turns = 0; turns < PATIENCE && !wait->too_early; turns++) {
		sched_yield();
		wait->too_early = atomic_load(&wait->left);
	}
	memcpy(wait->name, device->name, sizeof(wait->name));
}

static void read_or_leave(void *ctx, unsigned i)
{
	struct wait *wait = ctx;

	if (i == 0) {
		read_old_list(wait);
		return; /* unregisters: that is a quiescent state */
	}
	wait->stuck = !threads_wait_for(&wait->reading, 1);
	wait->result = wait->leave(&wait->rig);
	atomic_store(&wait->left, 1);
}

static void leave_while_read(int (*leave)(const struct rig *rig))
{
	struct wait wait = { .rig = claimed("00:04.0"), .leave = leave };

	CHECK_EQ(piommu_attach(wait.rig.domain, wait.rig.group), 0);
	threads_run(2, read_or_leave, &wait);
	CHECK_EQ(wait.result, 0);
	CU_ASSERT(!wait.stuck);
	CU_ASSERT(!wait.too_early);
	CU_ASSERT_STRING_EQUAL(wait.name, "0000:00:04.0");
	end(&wait.rig);
}

static int leave_by_detach(const struct rig *rig)
{
	return piommu_detach(rig->domain, rig->group);
}

static int leave_by_attach_elsewhere(const struct rig *rig)
{
	struct piommu_domain *other;
	int err = piommu_domain_create(rig->group, NULL, &other);

	return err ? err : piommu_attach(other, rig->group);
}

static int leave_by_reset(const struct rig *rig)
{
	return piommu_reset_begin(rig->p, fake_sbdf("00:04.0"));
}

static int leave_by_removal(const struct rig *rig)
{
	return piommu_device_remove(rig->p, fake_sbdf("00:04.0"));
}

static void ats_detach_waits_for_readers_of_the_old_list(void)
{
	leave_while_read(leave_by_detach);
}

static void ats_move_and_reset_wait_for_readers_of_the_old_list(void)
{
	leave_while_read(leave_by_attach_elsewhere);
	leave_while_read(leave_by_reset);
}

static void ats_removal_waits_for_readers_of_the_old_list(void)
{
	leave_while_read(leave_by_removal);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(ats_device_is_listed_while_it_is_attached),
		SUITE_TEST(ats_devices_come_and_go_side_by_side),
		SUITE_TEST(ats_device_is_listed_where_its_attach_was_rolled_back_to),
		SUITE_TEST(ats_device_is_listed_for_each_of_its_pasids),
		SUITE_TEST(ats_device_is_listed_before_its_entry_comes_and_until_it_has_left),
		SUITE_TEST(ats_detach_waits_for_readers_of_the_old_list),
		SUITE_TEST(ats_move_and_reset_wait_for_readers_of_the_old_list),
		SUITE_TEST(ats_removal_waits_for_readers_of_the_old_list),
	};

	return suite_run(argc, argv, "ats", tests, sizeof(tests) / sizeof(tests[0]));
}
