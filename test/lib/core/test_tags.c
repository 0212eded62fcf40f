/* SPDX-License-Identifier: BSD-3-Clause */
/* Tags of domains, and the lists of units that they go with: flushed before they are used again, and never while anybody has them. */
#include <errno.h>
#include <string.h>

#include "fake.h"
#include "suite.h"
#include "threads.h"

static struct fake fake;

static struct piommu *start(void)
{
	fake_init(&fake);
	return fake_start(&fake);
}

static void stop(struct piommu *p)
{
	fake_stop(&fake, p);
}

static void a_tag_is_flushed_before_it_is_used_again(void)
{
	struct piommu *p = NULL;
	struct piommu_group *group;
	struct piommu_domain *domain;
	unsigned before;

	fake_init(&fake);
	fake.ntags = 2; /* 0 is the driver's; one is left */
	CU_ASSERT_FATAL(!fake_create(&fake, false, &p));
	group = fake_group(p, "00:04.0");
	CHECK_EQ(piommu_claim(group), 0);
	for (unsigned i = 0; i < 10; i++) {
		domain = fake_domain_for(group);
		before = fake.nlog;
		CHECK_EQ(piommu_attach(domain, group), 0);
		CHECK_EQ(piommu_detach(domain, group), 0);
		CU_ASSERT(fake_find(&fake, before, "flush dmar1 1") >= 0);
		CHECK_EQ(piommu_domain_destroy(domain), 0);
	}
	stop(p);
}

/* It comes back after a grace period, which whoever finds none waits for. */
static void the_last_tag_goes_from_one_domain_to_the_next_at_once(void)
{
	struct piommu *p = NULL;
	struct piommu_group *group;
	struct piommu_domain *domains[2];

	fake_init(&fake);
	fake.ntags = 2;
	CU_ASSERT_FATAL(!fake_create(&fake, false, &p));
	group = fake_group(p, "00:04.0");
	CHECK_EQ(piommu_claim(group), 0);
	for (unsigned i = 0; i < 2; i++)
		domains[i] = fake_domain_for(group);
	for (unsigned i = 0; i < 10; i++) {
		CHECK_EQ(piommu_attach(domains[i % 2], group), 0);
		CHECK_EQ(piommu_domain_units(domains[i % 2])->at[0].tag, 1);
		CHECK_EQ(piommu_detach(domains[i % 2], group), 0);
	}
	stop(p);
}

static void devices_of_one_unit_share_a_domains_tag_until_the_last_has_left(void)
{
	struct piommu *p = NULL;
	struct piommu_group *one, *two;
	struct piommu_domain *domain;
	unsigned before;

	fake_init(&fake);
	fake.ntags = 3;
	CU_ASSERT_FATAL(!fake_create(&fake, false, &p));
	one = fake_group(p, "00:04.0");
	two = fake_group(p, "00:05.0");
	domain = fake_domain_for(one);
	CHECK_EQ(piommu_claim(one), 0);
	CHECK_EQ(piommu_claim(two), 0);
	CHECK_EQ(piommu_attach(domain, one), 0);
	before = fake.nlog;
	CHECK_EQ(piommu_attach(domain, two), 0);
	CHECK_EQ(piommu_domain_units(domain)->n, 1);
	CHECK_EQ(piommu_domain_units(domain)->at[0].tag, 1);
	for (unsigned i = before; i < fake.nlog; i++)
		if (!strncmp(fake.log[i], "attach", 6))
			CHECK_HAS(fake.log[i], " 1");
	CHECK_EQ(fake_count(&fake, before, "attach 00:05."), 3);
	before = fake.nlog;
	CHECK_EQ(piommu_detach(domain, one), 0);
	CHECK_EQ(fake_count(&fake, before, "flush"), 0);
	CHECK_EQ(piommu_domain_units(domain)->n, 1);
	CHECK_EQ(piommu_detach(domain, two), 0);
	CU_ASSERT(fake_find(&fake, before, "flush dmar1 1") >= 0);
	stop(p);
}

/* A unit may have few: nothing that has no table takes one. */
static void only_paging_domains_take_tags(void)
{
	static const char *const devices[] = { "00:02.0", "00:04.0", "00:05.0", "01:00.0" };
	const struct piommu_domain_attr blocking = { .kind = PIOMMU_KIND_BLOCKING };
	struct piommu_group *group;
	struct piommu_domain *domain;
	struct piommu *p = NULL;

	fake_init(&fake);
	fake.ntags = 1; /* 0 is the driver's */
	CU_ASSERT_FATAL(!fake_create(&fake, false, &p));
	for (unsigned i = 0; i < 4; i++) {
		group = fake_group(p, devices[i]);
		CHECK_EQ(piommu_claim(group), 0);
		CHECK_EQ(piommu_release(group), 0);
		piommu_group_put(group);
	}
	group = fake_group(p, "00:04.0");
	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_domain_create(group, &blocking, &domain), 0);
	CHECK_EQ(piommu_attach(domain, group), 0);
	CHECK_EQ(piommu_detach(domain, group), 0);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	CHECK_EQ(fake_count(&fake, 0, "flush"), 0);
	domain = fake_domain_for(group);
	CHECK_EQ(piommu_attach(domain, group), -ENOSPC);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	CHECK_EQ(piommu_release(group), 0);
	piommu_group_put(group);
	stop(p);
}

struct reuse {
	struct piommu_group *group;
	struct piommu_domain *from, *to;
	uint32_t old_tag, new_tag;
	int err;
	bool stuck;
	atomic_uint reading, moved;
};

static void read_or_move(void *ctx, unsigned i)
{
	struct reuse *reuse = ctx;

	if (i == 0) {
		const struct piommu_domain_units *units = piommu_domain_units(reuse->from);

		reuse->old_tag = units->at[0].tag; /* what it is about to invalidate */
		atomic_store(&reuse->reading, 1);
		reuse->stuck = !threads_wait_for(&reuse->moved, 1);
		return;
	}
	if (threads_wait_for(&reuse->reading, 1))
		reuse->err = piommu_detach(reuse->from, reuse->group);
	if (!reuse->err)
		reuse->err = piommu_attach(reuse->to, reuse->group);
	if (!reuse->err)
		reuse->new_tag = piommu_domain_units(reuse->to)->at[0].tag;
	atomic_store(&reuse->moved, 1);
}

static void a_tag_is_not_used_again_while_a_list_that_has_it_is_read(void)
{
	struct piommu *p = start();
	struct piommu_group *group = fake_group(p, "00:04.0");
	struct reuse reuse = { .group = group, .from = fake_domain_for(group), .to = fake_domain_for(group) };

	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_attach(reuse.from, group), 0);
	threads_run(2, read_or_move, &reuse);
	CHECK_EQ(reuse.err, 0);
	CU_ASSERT(!reuse.stuck);
	CU_ASSERT(reuse.old_tag && reuse.new_tag);
	CU_ASSERT(reuse.old_tag != reuse.new_tag);
	stop(p);
}

static void no_tag_left_is_refused_in_words(void)
{
	struct piommu *p = NULL;
	struct piommu_group *one, *two;
	struct piommu_domain *a, *b;

	fake_init(&fake);
	fake.ntags = 2;
	CU_ASSERT_FATAL(!fake_create(&fake, false, &p));
	one = fake_group(p, "00:04.0");
	two = fake_group(p, "00:05.0");
	a = fake_domain_for(one);
	b = fake_domain_for(two);
	CHECK_EQ(piommu_claim(one), 0);
	CHECK_EQ(piommu_claim(two), 0);
	CHECK_EQ(piommu_attach(a, one), 0);
	CHECK_EQ(piommu_attach(b, two), -ENOSPC);
	CHECK_HAS(fake.messages, "domain tags");
	CHECK_EQ(piommu_detach(a, one), 0);
	CHECK_EQ(piommu_domain_destroy(a), 0);
	CHECK_EQ(piommu_domain_destroy(b), 0);
	stop(p);
}

static void a_tag_that_does_not_flush_is_never_given_to_another_domain(void)
{
	struct piommu *p = NULL;
	struct piommu_group *group;
	struct piommu_domain *a, *b;

	fake_init(&fake);
	fake.ntags = 2;
	CU_ASSERT_FATAL(!fake_create(&fake, false, &p));
	group = fake_group(p, "00:04.0");
	a = fake_domain_for(group);
	b = fake_domain_for(group);
	CHECK_EQ(piommu_claim(group), 0);
	CHECK_EQ(piommu_attach(a, group), 0);
	fake.fail_flush_tag = 1;
	CHECK_EQ(piommu_detach(a, group), 0); /* the device has left; its old tag stays out of use */
	CHECK_EQ(piommu_attach(b, group), -ENOSPC);
	fake.fail_flush_tag = 1;
	CHECK_EQ(piommu_domain_destroy(a), -EIO);
	CHECK_HAS(fake.messages, "destroy it again");
	CHECK_EQ(piommu_domain_destroy(a), 0);
	CHECK_EQ(piommu_attach(b, group), 0); /* its tag is clean and back */
	CHECK_EQ(piommu_detach(b, group), 0);
	CHECK_EQ(piommu_domain_destroy(b), 0);
	stop(p);
}

/* Its driver's state goes with it, and a domain made for another unit would ask that to invalidate. */
static void a_unit_whose_tag_does_not_flush_stays_while_a_domain_lists_it(void)
{
	struct piommu_unit *first, *second;
	struct piommu_group *home, *other;
	struct piommu_domain *domain;
	struct piommu *p;

	fake_init(&fake);
	p = fake_start(&fake);
	home = fake_group(p, "01:00.0");
	other = fake_group(p, "00:04.0");
	first = fake_device(p, "01:00.0")->unit;
	second = fake_device(p, "00:04.0")->unit;
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(first, second);
	CHECK_EQ(piommu_claim(home), 0);
	CHECK_EQ(piommu_claim(other), 0);
	domain = fake_domain_for(home);
	CHECK_EQ(piommu_attach(domain, home), 0);
	CHECK_EQ(piommu_attach(domain, other), 0);
	CHECK_EQ(piommu_map(domain, 0x1000, 0x5000, 4096, PIOMMU_RW), 0);
	fake.fail_flush_tag = 1;
	CHECK_EQ(piommu_detach(domain, other), 0);
	CHECK_EQ(piommu_release(other), 0);
	CHECK_EQ(piommu_unit_unregister(second), -EIO);
	CHECK_HAS(fake.messages, "still lists it");
	CHECK_EQ(piommu_unmap(domain, 0x1000, 4096, NULL), 0); /* on both */
	CHECK_EQ(piommu_unit_unregister(second), -EIO);
	CHECK_EQ(piommu_detach(domain, home), 0);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	CHECK_EQ(piommu_unit_unregister(second), 0);
	CHECK_EQ(piommu_release(home), 0);
	stop(p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_tag_is_flushed_before_it_is_used_again),
		SUITE_TEST(the_last_tag_goes_from_one_domain_to_the_next_at_once),
		SUITE_TEST(devices_of_one_unit_share_a_domains_tag_until_the_last_has_left),
		SUITE_TEST(only_paging_domains_take_tags),
		SUITE_TEST(a_tag_is_not_used_again_while_a_list_that_has_it_is_read),
		SUITE_TEST(no_tag_left_is_refused_in_words),
		SUITE_TEST(a_tag_that_does_not_flush_is_never_given_to_another_domain),
		SUITE_TEST(a_unit_whose_tag_does_not_flush_stays_while_a_domain_lists_it),
	};

	return suite_run(argc, argv, "core-tags", tests, sizeof(tests) / sizeof(tests[0]));
}
