/* SPDX-License-Identifier: BSD-3-Clause */
/* Bits, fields, alignment, and the memory accesses that are one instruction wide. */
#include <string.h>

#include "piommu_bits.h"
#include "piommu_mmio.h"
#include "suite.h"

static void masks_cover_both_ends(void)
{
	CHECK_HEX(BIT64(0), 1);
	CHECK_HEX(BIT64(63), UINT64_C(0x8000000000000000));
	CHECK_HEX(GENMASK64(63, 0), UINT64_MAX);
	CHECK_HEX(GENMASK64(0, 0), 1);
	CHECK_HEX(GENMASK64(51, 12), UINT64_C(0x000ffffffffff000));
	CHECK_HEX(GENMASK64(63, 63), UINT64_C(0x8000000000000000));
	CHECK_HEX(BIT32(31), 0x80000000u);
	CHECK_HEX(GENMASK32(31, 0), UINT32_MAX);
	CHECK_HEX(GENMASK32(7, 4), 0xf0);
}

static void fields_go_in_and_come_out(void)
{
	CHECK_HEX(field_prep(GENMASK64(15, 8), 0xab), 0xab00);
	CHECK_HEX(field_get(GENMASK64(15, 8), 0x12abcd), 0xab);
	CHECK_HEX(field_prep(GENMASK64(63, 60), 0xf), UINT64_C(0xf000000000000000));
	CHECK_HEX(field_get(GENMASK64(63, 60), UINT64_MAX), 0xf);
	CHECK_HEX(field_prep(GENMASK64(63, 0), UINT64_MAX), UINT64_MAX);
	CHECK_HEX(field_prep32(GENMASK32(31, 28), 0x9), 0x90000000u);
	CHECK_HEX(field_get32(GENMASK32(31, 28), 0x9fffffffu), 0x9);
}

static void a_value_too_wide_does_not_spill(void)
{
	CHECK_HEX(field_prep(GENMASK64(11, 8), 0x1f), 0xf00);
	CHECK_HEX(field_prep32(GENMASK32(3, 0), 0x10), 0);
}

static void alignment_goes_both_ways(void)
{
	CU_ASSERT_TRUE(is_aligned(0, 4096));
	CU_ASSERT_TRUE(is_aligned(8192, 4096));
	CU_ASSERT_FALSE(is_aligned(4097, 4096));
	CHECK_HEX(align_down(0x1fff, 0x1000), 0x1000);
	CHECK_HEX(align_up(0x1001, 0x1000), 0x2000);
	CHECK_HEX(align_up(0x1000, 0x1000), 0x1000);
	CHECK_HEX(align_up(UINT64_MAX, 0x1000), 0);
}

static void powers_and_logarithms(void)
{
	CU_ASSERT_FALSE(is_pow2(0));
	CU_ASSERT_TRUE(is_pow2(1));
	CU_ASSERT_TRUE(is_pow2(BIT64(63)));
	CU_ASSERT_FALSE(is_pow2(BIT64(63) + 1));
	CHECK_EQ(ilog2_u64(1), 0);
	CHECK_EQ(ilog2_u64(UINT64_MAX), 63);
	CHECK_EQ(ilog2_u64(4096), 12);
	CHECK_EQ(ctz_u64(0), 64);
	CHECK_EQ(ctz_u64(4096), 12);
}

static void accesses_touch_what_they_name(void)
{
	uint64_t words[3] = { 1, 2, 3 };

	mmio_write32(&words[1], 0x11223344);
	CHECK_HEX(words[1], 0x11223344);
	mmio_write64(&words[1], UINT64_MAX);
	CHECK_HEX(mmio_read32(&words[1]), UINT32_MAX);
	entry_store(&words[1], 7);
	CHECK_EQ(entry_load(&words[1]), 7);
	entry_publish(&words[1], 8);
	CHECK_EQ(mmio_read64(&words[1]), 8);
	CHECK_EQ(words[0], 1);
	CHECK_EQ(words[2], 3);
}

static void a_write_back_changes_nothing(void)
{
	char bytes[300], copy[300];

	memset(bytes, 0x5a, sizeof(bytes));
	memcpy(copy, bytes, sizeof(copy));
	piommu_cache_writeback(bytes + 3, 201);
	piommu_cache_writeback(bytes, 0);
	CHECK_EQ(memcmp(bytes, copy, sizeof(copy)), 0);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(masks_cover_both_ends),           SUITE_TEST(fields_go_in_and_come_out),
		SUITE_TEST(a_value_too_wide_does_not_spill), SUITE_TEST(alignment_goes_both_ways),
		SUITE_TEST(powers_and_logarithms),           SUITE_TEST(accesses_touch_what_they_name),
		SUITE_TEST(a_write_back_changes_nothing),
	};

	return suite_run(argc, argv, "base_bits", tests, sizeof(tests) / sizeof(tests[0]));
}
