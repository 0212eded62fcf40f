/* SPDX-License-Identifier: BSD-3-Clause */
/* test_refusals [FAMILY [FILTER]]: bad input, on the simulated machine: each its own error, with words that name the value and the way out. */
#include <stdio.h>

#include "rig.h"

static int create(const char *platform, struct rig *r)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct piommu *p = NULL;
	int rc;

	*r = (struct rig){ .iova_bits = 0 };
	config.platform = platform;
	config.log = rig_log(r);
	rc = piommu_create(&config, &p);
	CU_ASSERT_PTR_NULL(p);
	piommu_destroy(p);
	return rc;
}

static void unknown_platform_is_refused_by_name(void)
{
	struct rig r;

	CHECK_EQ(create("abacus", &r), -EINVAL);
	CHECK_HAS(r.last, "abacus");
	CHECK_HAS(r.last, "sim"); /* what there is */
	CHECK_EQ(r.nlogged, 1);
}

static void unknown_preset_is_refused_by_name(void)
{
	struct rig r;

	CHECK_EQ(create("sim:z80", &r), -EINVAL);
	CHECK_HAS(r.last, "z80");
	CHECK_EQ(r.nlogged, 1);
}

static void unknown_key_and_value_are_refused_by_name(void)
{
	struct rig r;

	CHECK_EQ(create("sim:vtd,wings=2", &r), -EINVAL);
	CHECK_HAS(r.last, "wings");
	CHECK_EQ(r.nlogged, 1);
	CHECK_EQ(create("sim:vtd,aw=40", &r), -EINVAL);
	CHECK_HAS(r.last, "40");
	CHECK_EQ(create("sim:vtd,units=0", &r), -EINVAL);
	CHECK_EQ(create("sim:vtd,units=9", &r), -EINVAL);
	CHECK_EQ(create("sim:vtd,mem=lots", &r), -EINVAL);
	CHECK_EQ(create("sim:vtd,aw=", &r), -EINVAL);
	CHECK_EQ(create("sim:smmuv3,aw=48", &r), -EINVAL);
	CHECK_HAS(r.last, "stage");
	CHECK_EQ(create("sim:smmuv2,thread=1", &r), -EINVAL);
}

/* A domain with one page at 0x5000 and one large page at 8 MiB. */
static struct piommu_domain *open_domain(struct rig *r, struct piommu_mem *mem)
{
	struct piommu_domain *domain;

	rig_open(r);
	domain = rig_own(r, r->m->plain[0]);
	*mem = rig_mem(r, RIG_2M, RIG_2M);
	rig_map(r, domain, 0x5000, mem->pa, RIG_PAGE, PIOMMU_RW);
	rig_map(r, domain, 4 * RIG_2M, mem->pa, RIG_2M, PIOMMU_RW);
	return domain;
}

struct bad_map {
	uint64_t iova, pa;
	size_t len;
	unsigned prot;
	int rc;
	const char *says;
};

static void bad_maps_are_refused_each_with_its_reason(void)
{
	static const struct bad_map bad[] = {
		{ 0x10000, 0, 0, PIOMMU_RW, -EINVAL, "length 0" },
		{ 0x10008, 0, RIG_PAGE, PIOMMU_RW, -EINVAL, "0x10008" },
		{ 0x10000, 8, RIG_PAGE, PIOMMU_RW, -EINVAL, "pa 0x8" },
		{ 0x10000, 0, RIG_PAGE + 1, PIOMMU_RW, -EINVAL, "0x1001" },
		{ 0x10000, 0, RIG_PAGE, 0, -EINVAL, "permission" },
		{ 0x10000, 0, RIG_PAGE, 8, -EINVAL, "permission" },
		{ UINT64_C(1) << 48, 0, RIG_PAGE, PIOMMU_RW, -ERANGE, "48 bits" },
		{ (UINT64_C(1) << 48) - RIG_PAGE, 0, 2 * RIG_PAGE, PIOMMU_RW, -ERANGE, "48 bits" },
		{ ~UINT64_C(0) - RIG_PAGE + 1, 0, 2 * RIG_PAGE, PIOMMU_RW, -ERANGE, "outside" },
		{ 0x10000, UINT64_C(1) << 62, RIG_PAGE, PIOMMU_RW, -ERANGE, "pa 0x4000000000000000" },
		{ 0x10000, ~UINT64_C(0) - RIG_PAGE + 1, 2 * RIG_PAGE, PIOMMU_RW, -ERANGE, "beyond" },
		{ 0xfee00000, 0, RIG_PAGE, PIOMMU_RW, -ERANGE, "interrupt" },
		{ 0x5000, 0, RIG_PAGE, PIOMMU_RW, -EEXIST, "0x5000" },
		{ 0x4000, 0, 4 * RIG_PAGE, PIOMMU_RW, -EEXIST, "0x5000" },
		{ 4 * RIG_2M + 0x3000, 0, RIG_PAGE, PIOMMU_RW, -EEXIST, "mapped already" },
		{ 0, 0, RIG_1G, PIOMMU_RW, -EEXIST, "mapped already" },
	};
	struct rig r;
	struct piommu_mem mem;
	struct piommu_domain *domain = open_domain(&r, &mem);

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct bad_map *b = &bad[i];
		char text[256] = "";

		if (!strcmp(b->says, "interrupt") && strcmp(r.m->family->name, "vtd"))
			continue; /* x86 alone has such addresses */
		CHECK_EQ(piommu_map(domain, b->iova, b->pa, b->len, b->prot), b->rc);
		CHECK_EQ(piommu_map_explain(domain, b->iova, b->pa, b->len, b->prot, text, sizeof(text)), b->rc);
		CHECK_HAS(text, b->says);
	}
	/* None of them left anything: what was free is, what was mapped is. */
	CHECK_EQ(piommu_lookup(domain, 0x4000, &(uint64_t){ 0 }, NULL, NULL), -ENOENT);
	CHECK_EQ(piommu_lookup(domain, 0x10000, &(uint64_t){ 0 }, NULL, NULL), -ENOENT);
	CHECK_EQ(piommu_lookup(domain, (UINT64_C(1) << 48) - RIG_PAGE, &(uint64_t){ 0 }, NULL, NULL), -ENOENT);
	rig_check_reaches(&r, r.m->plain[0], 0x5000, mem.va, 64);
	rig_check_blocked(&r, r.m->plain[0], 0x4000, false);
	rig_close(&r);
}

struct bad_unmap {
	uint64_t iova;
	size_t len;
	int rc;
	size_t unmapped;
	const char *says;
};

static void bad_unmaps_are_refused_each_with_its_reason(void)
{
	static const struct bad_unmap bad[] = {
		{ 0x5000, 0, -EINVAL, 0, "length 0" },
		{ 0x5004, RIG_PAGE, -EINVAL, 0, "0x5004" },
		{ 0x5000, 100, -EINVAL, 0, "0x64" },
		{ UINT64_C(1) << 50, RIG_PAGE, -ERANGE, 0, "48 bits" },
		{ 0x9000, RIG_PAGE, -ENOENT, 0, "0x9000" },
		{ 4 * RIG_2M, RIG_PAGE, -EXDEV, 0, "super page" },
		{ 5 * RIG_2M - RIG_PAGE, 2 * RIG_PAGE, -EXDEV, 0, "super page" },
		{ 0x4000, 3 * RIG_PAGE, -ENOENT, RIG_PAGE, "0x4000" },
	};
	struct rig r;
	struct piommu_mem mem;
	struct piommu_domain *domain = open_domain(&r, &mem);

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct bad_unmap *b = &bad[i];
		char text[256] = "";
		size_t unmapped = 0;

		CHECK_EQ(piommu_unmap_explain(domain, b->iova, b->len, text, sizeof(text)), b->rc);
		CHECK_HAS(text, b->says);
		CHECK_EQ(piommu_unmap(domain, b->iova, b->len, &unmapped), b->rc);
		CHECK_EQ(unmapped, b->unmapped);
	}
	rig_check_reaches(&r, r.m->plain[0], 4 * RIG_2M, mem.va, 64);
	rig_close(&r);
}

static void claims_and_attaches_out_of_order_are_refused(void)
{
	const struct piommu_domain_attr wide = { .kind = PIOMMU_KIND_PAGING, .iova_bits = 64 };
	struct piommu_domain *domain, *none = NULL;
	struct piommu_group *group;
	struct piommu_mem mem;
	struct rig r;

	rig_open(&r);
	group = rig_group(&r, r.m->plain[0]);
	CHECK_EQ(piommu_release(group), -EINVAL);
	domain = rig_domain(&r, r.m->plain[0]);
	CHECK_EQ(piommu_attach(domain, group), -EINVAL);
	CHECK_HAS(r.last, "not claimed");
	rig_claim(&r, r.m->plain[0]);
	CHECK_EQ(piommu_claim(group), -EBUSY);
	CHECK_HAS(r.last, "claimed already");
	CHECK_EQ(piommu_detach(domain, group), -EINVAL);
	rig_attach(&r, domain, r.m->plain[0]);
	CHECK_EQ(piommu_release(group), -EBUSY);
	CHECK_HAS(r.last, "detach");
	CHECK_EQ(piommu_domain_destroy(domain), -EBUSY);
	CHECK_EQ(piommu_domain_create(group, &wide, &none), -EINVAL);
	CU_ASSERT_PTR_NULL(none);
	CHECK_EQ(piommu_group_find(r.p, (struct piommu_sbdf){ .bus = 0xee }, &group), -ENOENT);
	mem = rig_mem(&r, RIG_PAGE, 0);
	rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
	rig_check_reaches(&r, r.m->plain[0], 0x5000, mem.va, 64);
	rig_close(&r);
}

static void maps_of_domains_without_a_table_are_refused(void)
{
	const struct piommu_domain_attr identity = { .kind = PIOMMU_KIND_IDENTITY };
	struct piommu_domain *domain = NULL;
	struct rig r;
	char text[256] = "";

	rig_open(&r);
	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(rig_group(&r, r.m->plain[0]), &identity, &domain), 0);
	CHECK_EQ(piommu_map(domain, 0x5000, 0, RIG_PAGE, PIOMMU_RW), -EINVAL);
	CHECK_EQ(piommu_map_explain(domain, 0x5000, 0, RIG_PAGE, PIOMMU_RW, text, sizeof(text)), -EINVAL);
	CHECK_HAS(text, "identity");
	CHECK_EQ(piommu_unmap(domain, 0x5000, RIG_PAGE, NULL), -EINVAL);
	rig_close(&r);
}

static void inspecting_manager_takes_nothing(void)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct piommu_group *group;
	struct piommu *p = NULL;
	char platform[32];

	snprintf(platform, sizeof(platform), "sim:%s", rig_target()->family);
	config.platform = platform;
	config.inspect = true;
	CU_ASSERT_EQUAL_FATAL(piommu_create(&config, &p), 0);
	group = piommu_group_at(p, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(group);
	CHECK_EQ(piommu_claim(group), -EPERM);
	CHECK_EQ(piommu_domain_create(group, NULL, &(struct piommu_domain *){ NULL }), -EPERM);
	piommu_group_put(group);
	CHECK_EQ(piommu_destroy(p), 0);
}

static void destroy_of_nothing_is_nothing(void)
{
	CHECK_EQ(piommu_destroy(NULL), 0);
	CHECK_EQ(piommu_domain_destroy(NULL), 0);
}

static void sim_calls_on_another_platform_are_refused(void)
{
	const struct piommu_platform_ops ops = { .name = "other" };
	struct piommu_platform other = { .ops = &ops };
	struct piommu_sim_counts counts;

	CHECK_EQ(piommu_sim_counts(&other, 0, &counts), -EINVAL);
	CHECK_EQ(piommu_sim_set(&other, 0, PIOMMU_SIM_DEAD, 1), -EINVAL);
}

static const struct suite_test tests[] = {
	SUITE_TEST(unknown_platform_is_refused_by_name),
	SUITE_TEST(unknown_preset_is_refused_by_name),
	SUITE_TEST(unknown_key_and_value_are_refused_by_name),
	SUITE_TEST(bad_maps_are_refused_each_with_its_reason),
	SUITE_TEST(bad_unmaps_are_refused_each_with_its_reason),
	SUITE_TEST(claims_and_attaches_out_of_order_are_refused),
	SUITE_TEST(maps_of_domains_without_a_table_are_refused),
	SUITE_TEST(inspecting_manager_takes_nothing),
	SUITE_TEST(destroy_of_nothing_is_nothing),
	SUITE_TEST(sim_calls_on_another_platform_are_refused),
};

int main(int argc, char **argv)
{
	const struct rig_target target = { .kind = "sim", .family = argc > 1 ? argv[1] : "vtd", .variant = "" };
	char *args[] = { argv[0], argc > 2 ? argv[2] : NULL, NULL };

	rig_set_target(&target);
	return suite_run(argc > 2 ? 2 : 1, args, "refusals", tests, sizeof(tests) / sizeof(tests[0]));
}
