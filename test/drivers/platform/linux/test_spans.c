/* SPDX-License-Identifier: BSD-3-Clause */
/* What an identity table must cover, from /proc/iomem. */
#include <errno.h>
#include <stdlib.h>

#include "fixture.h"
#include "suite.h"

static int spans_of(struct fixture *fx, const char *iomem, struct piommu_span **spans, size_t *n)
{
	struct piommu_platform *plat;
	int err;

	fixture_make(fx);
	fixture_file(fx, "/proc/iomem", iomem);
	plat = fixture_open(fx, "");
	err = plat->ops->phys_spans(plat, spans, n);
	plat->ops->close(plat);
	fixture_remove(fx);
	return err;
}

static void neighbours_become_one_span_and_inner_levels_do_not_count(void)
{
	struct piommu_span *spans = NULL;
	struct fixture fx;
	size_t n = 0;

	CHECK_EQ(spans_of(&fx,
			  "00000000-00000fff : Reserved\n"
			  "00001000-0009fbff : System RAM\n"
			  "0009fc00-0009ffff : Reserved\n"
			  "000a0000-000bffff : PCI Bus 0000:00\n"
			  "00100000-3ffdffff : System RAM\n"
			  "  28400000-293fffff : Kernel code\n"
			  "3ffe0000-3fffffff : Reserved\n"
			  "c0000000-febfffff : PCI Bus 0000:00\n"
			  "  fea00000-feafffff : 0000:00:01.0\n"
			  "100000000-8ffffffff : PCI Bus 0000:00\n",
			  &spans, &n),
		 0);
	CU_ASSERT_EQUAL_FATAL(n, 4);
	CHECK_HEX(spans[0].start, 0);
	CHECK_HEX(spans[0].last, 0xbffff);
	CHECK_HEX(spans[1].start, 0x100000);
	CHECK_HEX(spans[1].last, 0x3fffffff);
	CHECK_HEX(spans[2].start, 0xc0000000);
	CHECK_HEX(spans[2].last, 0xfebfffff);
	CHECK_HEX(spans[3].start, 0x100000000);
	CHECK_HEX(spans[3].last, 0x8ffffffff);
	free(spans);
}

static void spans_are_whole_pages_in_order(void)
{
	struct piommu_span *spans = NULL;
	struct fixture fx;
	size_t n = 0;

	CHECK_EQ(spans_of(&fx,
			  "fed00000-fed003ff : HPET 0\n"
			  "fec00000-fec003ff : IOAPIC 0\n"
			  "fffffffffffff000-ffffffffffffffff : Reserved\n",
			  &spans, &n),
		 0);
	CU_ASSERT_EQUAL_FATAL(n, 3);
	CHECK_HEX(spans[0].start, 0xfec00000);
	CHECK_HEX(spans[0].last, 0xfec00fff);
	CHECK_HEX(spans[1].start, 0xfed00000);
	CHECK_HEX(spans[2].last, UINT64_MAX);
	free(spans);
}

/* As a user without CAP_SYS_ADMIN sees it. */
static void addresses_that_are_hidden_are_no_machine_of_one_byte(void)
{
	struct piommu_span *spans = NULL;
	struct fixture fx;
	size_t n = 0;

	CHECK_EQ(spans_of(&fx, "00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n", &spans, &n), -EACCES);
	CU_ASSERT_PTR_NULL(spans);
	CHECK_HAS(fx.said, "run as root");
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(neighbours_become_one_span_and_inner_levels_do_not_count),
		SUITE_TEST(spans_are_whole_pages_in_order),
		SUITE_TEST(addresses_that_are_hidden_are_no_machine_of_one_byte),
	};

	return suite_run(argc, argv, "linux-spans", tests, sizeof(tests) / sizeof(tests[0]));
}
