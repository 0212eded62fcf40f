/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of a domain that every family has: which units it fits, domains without tables. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "piommu_paging.h"
#include "suite.h"

static void writeback(void *ctx, const void *va, size_t len)
{
	(void)ctx, (void)va, (void)len;
}

static char said[512];

static void hear(void *ctx, enum piommu_log_level level, const char *line)
{
	(void)ctx, (void)level;
	snprintf(said, sizeof(said), "%s", line);
}

/* A domain of 48 bits and 4 KiB and 2 MiB, that does all a unit can ask for, and a unit that asks for all. */
static void pair(struct piommu_paging *paging, struct piommu_unit *unit)
{
	static const struct piommu_log log = { .level = PIOMMU_LOG_DEBUG, .fn = hear };

	memset(paging, 0, sizeof(*paging));
	memset(unit, 0, sizeof(*unit));
	unit->name = "unit7";
	unit->log = &log;
	said[0] = '\0';
	paging->base.iova_bits = unit->caps.iova_bits = 48;
	paging->base.page_sizes = unit->caps.page_sizes = 0x201000;
	paging->pt.writeback = writeback;
	paging->pt.pa_mask = GENMASK64(45, 0);
	paging->tells = true;
	unit->caps.pa_bits = 46;
	unit->caps.caches_not_present = true;
}

static void a_domain_fits_a_unit_that_asks_for_no_more_than_it_does(void)
{
	struct piommu_paging paging;
	struct piommu_unit unit;

	pair(&paging, &unit);
	CHECK_EQ(piommu_paging_fits(&paging, &unit, NULL), 0);
	unit.caps.iova_bits = 57;
	unit.caps.page_sizes |= UINT64_C(1) << 30;
	unit.caps.pa_bits = 52;
	unit.caps.coherent = true;
	unit.caps.caches_not_present = false;
	CHECK_EQ(piommu_paging_fits(&paging, &unit, NULL), 0);
}

static void each_reason_not_to_fit_is_its_own(void)
{
	struct piommu_paging paging;
	struct piommu_unit unit;

	pair(&paging, &unit);
	unit.caps.iova_bits = 47;
	CHECK_EQ(piommu_paging_fits(&paging, &unit, NULL), -EINVAL);
	CHECK_HAS(said, "wider");
	pair(&paging, &unit);
	unit.caps.page_sizes = 0x1000;
	CHECK_EQ(piommu_paging_fits(&paging, &unit, NULL), -EINVAL);
	CHECK_HAS(said, "page sizes");
	pair(&paging, &unit);
	paging.pt.writeback = NULL;
	CHECK_EQ(piommu_paging_fits(&paging, &unit, NULL), -EINVAL);
	CHECK_HAS(said, "snoop");
	pair(&paging, &unit);
	paging.tells = false;
	CHECK_EQ(piommu_paging_fits(&paging, &unit, NULL), -EINVAL);
	CHECK_HAS(said, "new mappings");
	pair(&paging, &unit);
	unit.caps.pa_bits = 45;
	CHECK_EQ(piommu_paging_fits(&paging, &unit, NULL), -EINVAL);
	CHECK_HAS(said, "addresses that the unit does not have");
}

/* A family may have a reason of its own. */
static void a_reason_that_is_given_is_said_with_the_unit(void)
{
	struct piommu_paging paging;
	struct piommu_unit unit;

	pair(&paging, &unit);
	CHECK_EQ(piommu_paging_fits(&paging, &unit, "it is upside down"), -EINVAL);
	CHECK_HAS(said, "unit7: cannot use this domain: it is upside down; make one for a group behind unit7");
}

static void identity_is_where_it_is_and_blocking_is_nowhere(void)
{
	struct piommu_unit unit = { .caps = { .iova_bits = 48, .page_sizes = 0x201000 } };
	struct piommu_pt_leaf leaf;
	struct piommu_domain *domain;

	CHECK_EQ(piommu_fixed_domain_create(&unit, PIOMMU_DOMAIN_IDENTITY, &domain), 0);
	CHECK_EQ(domain->ops->lookup(domain, 0x12345000, &leaf), 0);
	CHECK_HEX(leaf.pa, 0x12345000);
	CHECK_HEX(leaf.size, 0x1000);
	CHECK_EQ(leaf.prot, PIOMMU_RW);
	domain->ops->destroy(domain);
	CHECK_EQ(piommu_fixed_domain_create(&unit, PIOMMU_DOMAIN_BLOCKING, &domain), 0);
	CHECK_EQ(domain->ops->lookup(domain, 0x12345000, &leaf), -ENOENT);
	domain->ops->destroy(domain);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_domain_fits_a_unit_that_asks_for_no_more_than_it_does),
		SUITE_TEST(each_reason_not_to_fit_is_its_own),
		SUITE_TEST(a_reason_that_is_given_is_said_with_the_unit),
		SUITE_TEST(identity_is_where_it_is_and_blocking_is_nowhere),
	};

	return suite_run(argc, argv, "driver_paging", tests, sizeof(tests) / sizeof(tests[0]));
}
