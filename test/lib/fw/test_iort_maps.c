/* SPDX-License-Identifier: BSD-3-Clause */
/* IORT's id mappings: where an id goes and what it becomes, counts that are one too many, chains and loops. */
#include <errno.h>
#include <string.h>

#include "iort_make.h"
#include "suite.h"
#include "tables.h"

static struct iort_make make;
static struct piommu_fw fw;
static struct piommu_fw_error err;

static void start(void)
{
	iort_make_start(&make, "PIOMMUTESTTABL");
}

static int parse(void)
{
	memset(&fw, 0, sizeof(fw));
	memset(&err, 0, sizeof(err));
	iort_make_seal(&make);
	return piommu_fw_parse_iort(make.bytes, make.len, &fw, &err);
}

static void goes_to(const struct piommu_fw_source *source, uint32_t id, uint32_t unit, uint32_t want)
{
	struct piommu_fw_route route = { 0 };

	CHECK_EQ(piommu_fw_source_route(source, id, &route), 0);
	CHECK_EQ(route.unit, unit);
	CHECK_HEX(route.id, want);
	CHECK_EQ(route.mask, 0);
}

static void goes_nowhere(const struct piommu_fw_source *source, uint32_t id)
{
	struct piommu_fw_route route;

	CHECK_EQ(piommu_fw_source_route(source, id, &route), -ENOENT);
}

static uint32_t msi_of(const struct piommu_fw_source *source, uint32_t id, uint32_t controller)
{
	for (unsigned i = 0; i < source->to_msi.n; i++) {
		const struct piommu_fw_id_map *map = &source->to_msi.at[i];

		if (id < map->first || id > map->last)
			continue;
		CHECK_EQ(map->target, controller);
		return map->to + (id - map->first);
	}
	return UINT32_MAX;
}

static void ranges_map_their_ids_and_no_others(void)
{
	uint32_t its, smmu;

	start();
	its = iort_make_its(&make, 0);
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0x100, 0xff, 0x4100, smmu, 0);
	iort_make_map(&make, 0x300, 0x0, 0x7, its, 0); /* one id, past the SMMU */
	CHECK_EQ(parse(), 0);
	goes_nowhere(&fw.sources[0], 0xff);
	goes_to(&fw.sources[0], 0x100, 0, 0x4100);
	goes_to(&fw.sources[0], 0x1ff, 0, 0x41ff);
	goes_nowhere(&fw.sources[0], 0x200);
	goes_to(&fw.sources[0], 0x300, PIOMMU_FW_NONE, 0x7);
	goes_nowhere(&fw.sources[0], 0x301);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
}

static void ids_go_on_from_the_smmu_to_the_its(void)
{
	uint32_t first, second, smmu;

	start();
	first = iort_make_its(&make, 0);
	second = iort_make_its(&make, 1);
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_map(&make, 0x1000, 0x7f, 0x90000, first, 0);
	iort_make_map(&make, 0x1080, 0x7f, 0xa0000, second, 0);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0x0, 0xff, 0x1040, smmu, 0);
	CHECK_EQ(parse(), 0);
	goes_to(&fw.sources[0], 0x10, 0, 0x1050);
	CHECK_HEX(msi_of(&fw.sources[0], 0x0, 0), 0x90040);
	CHECK_HEX(msi_of(&fw.sources[0], 0x3f, 0), 0x9007f);
	CHECK_HEX(msi_of(&fw.sources[0], 0x40, 1), 0xa0000);
	CHECK_HEX(msi_of(&fw.sources[0], 0xbf, 1), 0xa007f);
	CHECK_HEX(msi_of(&fw.sources[0], 0xc0, 1), UINT32_MAX); /* the SMMU maps no more */
	piommu_fw_free(&fw);
}

static void a_count_written_for_count_minus_one_ends_before_its_neighbour(void)
{
	uint32_t smmu, other;

	start();
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	other = iort_make_smmu_v3(&make, 0, 0x30000, 60);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0x7a00, 0x100, 0x7a00, smmu, 0);
	iort_make_map(&make, 0x7b00, 0x100, 0x7b00, other, 0);
	CHECK_EQ(parse(), 0);
	goes_to(&fw.sources[0], 0x7aff, 0, 0x7aff);
	goes_to(&fw.sources[0], 0x7b00, 1, 0x7b00);
	goes_to(&fw.sources[0], 0x7c00, 1, 0x7c00); /* nothing says that this one is one too many */
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], "number minus one");
	piommu_fw_free(&fw);
}

static void firmware_known_for_counts_is_believed_in_none(void)
{
	uint32_t smmu;

	iort_make_start(&make, "HISI  HIP08   ");
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0x7b00, 0x100, 0x7b00, smmu, 0);
	iort_make_map(&make, 0x9000, 0, 0x9000, smmu, 0);
	CHECK_EQ(parse(), 0);
	goes_to(&fw.sources[0], 0x7bff, 0, 0x7bff);
	goes_nowhere(&fw.sources[0], 0x7c00);
	goes_to(&fw.sources[0], 0x9000, 0, 0x9000);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], "HISI");
	piommu_fw_free(&fw);
}

static void of_overlapping_ranges_the_first_counts(void)
{
	uint32_t smmu;

	start();
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0x0, 0xff, 0x0, smmu, 0);
	iort_make_map(&make, 0x80, 0xff, 0x8000, smmu, 0);
	CHECK_EQ(parse(), 0);
	goes_to(&fw.sources[0], 0x80, 0, 0x80);
	goes_to(&fw.sources[0], 0x100, 0, 0x8080);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], "overlap");
	piommu_fw_free(&fw);
}

static void a_single_mapping_has_no_input_ids(void)
{
	uint32_t smmu, its;

	start();
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_named(&make, "\\_SB.DPU0");
	iort_make_map(&make, 0x1234, 0x99, 0x42, smmu, 1); /* both of no meaning here */
	CHECK_EQ(parse(), 0);
	CHECK_EQ(fw.sources[0].to_units.n, 1);
	goes_to(&fw.sources[0], 0, 0, 0x42);
	goes_nowhere(&fw.sources[0], 1);
	CHECK_EQ(fw.nwarnings, 0);
	piommu_fw_free(&fw);
	start();
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0, 0, 0x42, smmu, 1);
	CHECK_EQ(parse(), 0);
	CHECK_EQ(fw.sources[0].to_units.n, 0);
	CU_ASSERT_EQUAL_FATAL(fw.nwarnings, 1);
	CHECK_HAS(fw.warnings[0], "without input ids");
	piommu_fw_free(&fw);
	start(); /* what the unit itself sends is not what passes it */
	its = iort_make_its(&make, 0);
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_map(&make, 0, 0, 0x77, its, 1);
	iort_make_map(&make, 0x100, 0xff, 0x4000, its, 0);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0, 0x1ff, 0, smmu, 0);
	CHECK_EQ(parse(), 0);
	CU_ASSERT_EQUAL_FATAL(fw.sources[0].to_msi.n, 1);
	CHECK_HEX(fw.sources[0].to_msi.at[0].first, 0x100);
	piommu_fw_free(&fw);
}

static void an_smmu_behind_an_smmu_is_passed(void)
{
	uint32_t its, inner, outer;

	start();
	its = iort_make_its(&make, 0);
	outer = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_map(&make, 0, 0xffff, 0x50000, its, 0);
	inner = iort_make_smmu(&make, 0x40000);
	iort_make_map(&make, 0, 0xff, 0x300, outer, 0);
	iort_make_named(&make, "\\_SB.DPU0");
	iort_make_map(&make, 0, 0, 0x21, inner, 1);
	CHECK_EQ(parse(), 0);
	goes_to(&fw.sources[0], 0, 1, 0x21);
	CHECK_HEX(msi_of(&fw.sources[0], 0, 0), 0x50321);
	piommu_fw_free(&fw);
}

static void refused(const char *why)
{
	CHECK_EQ(parse(), -EINVAL);
	CHECK_HAS(err.text, why);
	CHECK_EQ(fw.nunits + fw.nsources + fw.nwarnings, 0);
}

static void loops_are_refused(void)
{
	uint32_t first;

	start();
	first = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_map(&make, 0, 0xff, 0, first, 0);
	refused("lead back to it");
	start();
	first = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_map(&make, 0, 0xff, 0, first + 60 + 20, 0);
	iort_make_smmu_v3(&make, 0, 0x30000, 60);
	iort_make_map(&make, 0, 0xff, 0, first, 0);
	refused("lead back to it");
}

static void long_chains_are_refused(void)
{
	uint32_t at;

	start();
	at = iort_make_its(&make, 0);
	for (unsigned i = 0; i < 12; i++) {
		uint32_t next = iort_make_smmu_v3(&make, 0, 0x100000 + 0x20000 * i, 60);

		iort_make_map(&make, 0, 0xff, 0, at, 0);
		at = next;
	}
	refused("too many SMMUs");
}

static void a_few_bytes_cannot_ask_for_a_million_ranges(void)
{
	uint32_t at;

	start();
	at = iort_make_its(&make, 0);
	for (unsigned i = 0; i < 6; i++) {
		uint32_t next = iort_make_smmu_v3(&make, 0, 0x100000 + 0x20000 * i, 60);

		for (unsigned n = 0; n < 20; n++)
			iort_make_map(&make, 0, 0xff, 0, at, 0);
		at = next;
	}
	iort_make_root(&make, 0);
	iort_make_map(&make, 0, 0xff, 0, at, 0);
	refused("beyond belief");
}

static void mappings_that_lead_nowhere_are_refused(void)
{
	uint32_t root;

	start();
	root = iort_make_root(&make, 0);
	iort_make_map(&make, 0, 0xff, 0, root + 4, 0);
	refused("no node begins");
	start();
	root = iort_make_root(&make, 0);
	iort_make_map(&make, 0, 0xff, 0, root, 0);
	refused("leads to a root complex node");
}

static void ranges_past_32_bits_are_refused(void)
{
	uint32_t smmu;

	start();
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0x2, 0xfffffffe, 0, smmu, 0);
	refused("past 32 bits");
	start();
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0, 0xffff, 0xffff0001, smmu, 0);
	refused("past 32 bits");
	start();
	smmu = iort_make_smmu_v3(&make, 0, 0x10000, 60);
	iort_make_root(&make, 0);
	iort_make_map(&make, 0, 0xffffffff, 0, smmu, 0);
	CHECK_EQ(parse(), 0);
	goes_to(&fw.sources[0], UINT32_MAX, 0, UINT32_MAX);
	piommu_fw_free(&fw);
}

/* Its own MSIs: the mapping that the node names, in the forms that have the field. */
static bool own_msi(unsigned revision, uint32_t flags, uint32_t event, size_t len)
{
	uint32_t its, smmu;
	bool known;

	start();
	its = iort_make_its(&make, 0);
	smmu = iort_make_smmu_v3(&make, revision, 0x10000, len);
	iort_make_map(&make, 0, 0, 0x77, its, 1);
	iort_make_set(&make, smmu + 24, 4, flags);
	iort_make_set(&make, smmu + 44, 4, event);
	CHECK_EQ(parse(), 0);
	known = fw.units[0].msi.known;
	piommu_fw_free(&fw);
	return known;
}

static void own_msis_are_where_the_revision_has_them(void)
{
	CHECK_EQ(own_msi(0, 0, 0, 68), false);
	CHECK_EQ(own_msi(1, 0, 0, 64), false);
	CHECK_EQ(own_msi(1, 0, 0, 68), true);
	CHECK_EQ(own_msi(1, 0, 0x70, 68), false); /* all four are wired */
	CHECK_EQ(own_msi(5, 0, 0, 68), false);
	CHECK_EQ(own_msi(5, 0x10, 0x70, 68), true);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(ranges_map_their_ids_and_no_others),
		SUITE_TEST(ids_go_on_from_the_smmu_to_the_its),
		SUITE_TEST(a_count_written_for_count_minus_one_ends_before_its_neighbour),
		SUITE_TEST(firmware_known_for_counts_is_believed_in_none),
		SUITE_TEST(of_overlapping_ranges_the_first_counts),
		SUITE_TEST(a_single_mapping_has_no_input_ids),
		SUITE_TEST(an_smmu_behind_an_smmu_is_passed),
		SUITE_TEST(loops_are_refused),
		SUITE_TEST(long_chains_are_refused),
		SUITE_TEST(a_few_bytes_cannot_ask_for_a_million_ranges),
		SUITE_TEST(mappings_that_lead_nowhere_are_refused),
		SUITE_TEST(ranges_past_32_bits_are_refused),
		SUITE_TEST(own_msis_are_where_the_revision_has_them),
	};

	return suite_run(argc, argv, "iort-maps", tests, sizeof(tests) / sizeof(tests[0]));
}
