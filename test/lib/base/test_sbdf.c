/* SPDX-License-Identifier: BSD-3-Clause */
/* PCI addresses as text. */
#include <errno.h>
#include <string.h>

#include "piommu_types.h"
#include "suite.h"

static void addresses_are_printed_in_full(void)
{
	char text[PIOMMU_SBDF_STRLEN];

	CHECK_EQ(strcmp(piommu_sbdf_format((struct piommu_sbdf){ 0, 0, 0x10 }, text), "0000:00:02.0"), 0);
	CHECK_EQ(strcmp(piommu_sbdf_format((struct piommu_sbdf){ 0xffff, 0xff, 0xff }, text), "ffff:ff:1f.7"), 0);
	CHECK_EQ(strcmp(piommu_sbdf_format((struct piommu_sbdf){ 0x10000, 0xe1, 0x08 }, text), "10000:e1:01.0"), 0);
	CHECK_EQ(strlen(piommu_sbdf_format((struct piommu_sbdf){ UINT32_MAX, 0xff, 0xff }, text)), 16);
}

static void both_forms_are_accepted(void)
{
	static const struct {
		const char *text;
		struct piommu_sbdf sbdf;
	} good[] = {
		{ "0000:00:02.0", { 0, 0, 0x10 } },
		{ "00:1f.3", { 0, 0, 0xfb } },
		{ "E1:0A.7", { 0, 0xe1, 0x57 } },
		{ "10000:e1:01.0", { 0x10000, 0xe1, 8 } },
		{ "ffffffff:ff:1f.7", { UINT32_MAX, 0xff, 0xff } },
	};

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct piommu_sbdf sbdf = { 0 };

		CHECK_EQ(piommu_sbdf_parse(good[i].text, &sbdf), 0);
		CHECK_EQ(piommu_sbdf_compare(sbdf, good[i].sbdf), 0);
	}
}

static void anything_else_is_refused_and_changes_nothing(void)
{
	static const char *const bad[] = {
		"",
		"00",
		"00:02",
		"00:02.",
		"00:02.8",
		"00:20.0",
		"0:02.0",
		"00:2.0",
		"00:02.00",
		"000:00:02.0",
		"-000:00:02.0",
		"0000:00:02.0 ",
		"000000000:00:02.0",
		" 0000:00:02.0",
		"0x00:02.0",
		"0000:00:02",
		"00.02.0",
		"0000:00:00:02.0",
		"gg:02.0",
		":02.0",
		"0000::02.0",
		"+0:02.0",
		"00:02.-1",
		"00:02.g",
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct piommu_sbdf sbdf = { 1, 2, 3 };

		CHECK_EQ(piommu_sbdf_parse(bad[i], &sbdf), -EINVAL);
		CHECK_EQ(piommu_sbdf_compare(sbdf, (struct piommu_sbdf){ 1, 2, 3 }), 0);
	}
}

static void order_is_segment_bus_function(void)
{
	static const struct piommu_sbdf ascending[] = {
		{ 0, 0, 0 }, { 0, 0, 1 }, { 0, 0, 0xff }, { 0, 1, 0 }, { 0, 0xff, 0xff }, { 1, 0, 0 }, { UINT32_MAX, 0, 0 },
	};
	const unsigned n = sizeof(ascending) / sizeof(ascending[0]);

	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < n; j++) {
			int order = piommu_sbdf_compare(ascending[i], ascending[j]);

			CHECK_EQ((order > 0) - (order < 0), (i > j) - (i < j));
		}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(addresses_are_printed_in_full),
		SUITE_TEST(both_forms_are_accepted),
		SUITE_TEST(anything_else_is_refused_and_changes_nothing),
		SUITE_TEST(order_is_segment_bus_function),
	};

	return suite_run(argc, argv, "base_sbdf", tests, sizeof(tests) / sizeof(tests[0]));
}
