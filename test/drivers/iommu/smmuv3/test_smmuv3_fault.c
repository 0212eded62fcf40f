/* SPDX-License-Identifier: BSD-3-Clause */
/* Event records to events (7.2, 7.3), the queue around its end and over its end, and global errors (7.5). */
#include <errno.h>
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

/* Stream 0x820, substream 0x15, a write of data by the unprivileged to 0x123456789abc: F_TRANSLATION in stage 1. */
static const uint64_t translation[4] = { UINT64_C(0x0000082000015810), UINT64_C(0x0000020000000000), UINT64_C(0x123456789abc),
					 0 };

static struct smmuv3_fault decode(uint64_t w0, uint64_t w1, uint64_t w2)
{
	struct smmuv3_record record = { { w0, w1, w2, 0 } };

	return smmuv3_fault_decode(&record);
}

static void a_record_says_who_did_what_where(void)
{
	struct smmuv3_fault fault = decode(translation[0], translation[1], translation[2]);

	CHECK_HEX(fault.type, 0x10);
	CHECK_HEX(fault.stream, 0x820);
	CU_ASSERT(fault.has_pasid);
	CHECK_HEX(fault.pasid, 0x15);
	CU_ASSERT(fault.is_write && !fault.is_execute);
	CHECK_HEX(fault.iova, UINT64_C(0x123456789abc));
}

static void reads_writes_and_instruction_fetches_differ(void)
{
	struct smmuv3_fault fault = decode(0x13, UINT64_C(0x800000000), 0x1000);

	CU_ASSERT(!fault.is_write && !fault.is_execute && !fault.has_pasid);
	fault = decode(0x13, UINT64_C(0xc00000000), 0x1000);
	CU_ASSERT(!fault.is_write && fault.is_execute);
	fault = decode(0x13, 0, 0x1000);
	CU_ASSERT(fault.is_write && !fault.is_execute);
}

static void without_a_substream_its_field_means_nothing(void)
{
	struct smmuv3_fault fault = decode(UINT64_C(0x00000820fffff010), 0, 0);

	CU_ASSERT(!fault.has_pasid);
	CHECK_EQ(fault.pasid, 0);
}

/* 7.3.9: SubstreamID is always valid there, and bit 11 is reserved. */
static void a_bad_substream_is_named_without_its_valid_bit(void)
{
	struct smmuv3_fault fault = decode(UINT64_C(0x0000000100015008), 0, 0);

	CHECK_HEX(fault.stream, 1);
	CU_ASSERT(fault.has_pasid);
	CHECK_HEX(fault.pasid, 0x15);
}

/* 7.3.19: uX, uW, uR are bits 97 to 99 of the record, pX, pW, pR bits 101 to 103. */
static void a_page_request_has_permissions_in_the_place_of_an_access(void)
{
	static const struct {
		uint64_t w1;
		bool is_write, is_execute;
	} hints[] = {
		{ UINT64_C(0x0000000800000000), false, false }, /* uR */
		{ UINT64_C(0x0000000c00000000), true, false },  /* uR, uW */
		{ UINT64_C(0x0000000a00000000), false, true },  /* uR, uX */
		{ UINT64_C(0x0000008000000000), false, false }, /* pR */
		{ UINT64_C(0x000000c000000000), true, false },  /* pR, pW */
		{ UINT64_C(0x000000a000000000), false, true },  /* pR, pX */
	};

	for (unsigned i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		struct smmuv3_fault fault = decode(UINT64_C(0x0000082000015824), hints[i].w1, 0x7000);

		CHECK_EQ(fault.is_write, hints[i].is_write);
		CHECK_EQ(fault.is_execute, hints[i].is_execute);
		CHECK_HEX(fault.pasid, 0x15);
		CHECK_HEX(fault.iova, 0x7000);
	}
}

/* As a unit of hardware wrote it, and a kernel printed it: stalled, class IN, substream 2. */
static void a_record_of_hardware_is_read_as_hardware_meant_it(void)
{
	struct smmuv3_fault fault =
		decode(UINT64_C(0x0000000100002810), UINT64_C(0x0000020880000b17), UINT64_C(0x00000009f44a0300));

	CHECK_HEX(fault.type, 0x10);
	CHECK_HEX(fault.stream, 1);
	CU_ASSERT(fault.has_pasid && !fault.is_write && !fault.is_execute);
	CHECK_EQ(fault.pasid, 2);
	CHECK_HEX(fault.iova, UINT64_C(0x9f44a0300));
}

/* Of configuration errors, the words behind the stream are the implementation's own. */
static void configuration_errors_have_no_address_and_are_no_write(void)
{
	static const uint8_t codes[] = { 0x02, 0x03, 0x04, 0x06, 0x08, 0x09, 0x0a, 0x21, 0x25 };

	for (unsigned i = 0; i < sizeof(codes); i++) {
		struct smmuv3_fault fault = decode(UINT64_C(0xffffffff00000000) | codes[i], 0, UINT64_C(0xdead0000));

		CHECK_HEX(fault.stream, UINT32_MAX);
		CHECK_HEX(fault.iova, 0);
		CU_ASSERT_FALSE(fault.is_write);
	}
}

/* 7.3, each by its number. */
static void every_type_has_its_name_and_a_sentence(void)
{
	static const struct {
		uint8_t code;
		const char *name;
	} types[] = {
		{ 0x01, "F_UUT" },
		{ 0x02, "C_BAD_STREAMID" },
		{ 0x03, "F_STE_FETCH" },
		{ 0x04, "C_BAD_STE" },
		{ 0x05, "F_BAD_ATS_TREQ" },
		{ 0x06, "F_STREAM_DISABLED" },
		{ 0x07, "F_TRANSL_FORBIDDEN" },
		{ 0x08, "C_BAD_SUBSTREAMID" },
		{ 0x09, "F_CD_FETCH" },
		{ 0x0a, "C_BAD_CD" },
		{ 0x0b, "F_WALK_EABT" },
		{ 0x10, "F_TRANSLATION" },
		{ 0x11, "F_ADDR_SIZE" },
		{ 0x12, "F_ACCESS" },
		{ 0x13, "F_PERMISSION" },
		{ 0x20, "F_TLB_CONFLICT" },
		{ 0x21, "F_CFG_CONFLICT" },
		{ 0x24, "E_PAGE_REQUEST" },
		{ 0x25, "F_VMS_FETCH" },
		{ 0xe0, "IMPDEF_EVENT" },
		{ 0xef, "IMPDEF_EVENT" },
		{ 0x00, "unknown event" },
		{ 0x14, "unknown event" },
		{ 0xff, "unknown event" },
	};

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		CHECK_HAS(smmuv3_fault_name(types[i].code), types[i].name);
		CU_ASSERT(strlen(smmuv3_fault_text(types[i].code)) > 20);
	}
}

static void records_become_events_in_their_order(void)
{
	static const uint64_t second[4] = { UINT64_C(0x0000010000000004), 0, 0, 0 };
	struct fake fake;

	fake_start(&fake, &fake_usual);
	CHECK_EQ(fake_poll(&fake), 0);
	CHECK_EQ(fake.nwrites, 0);
	fake_record(&fake, translation);
	fake_record(&fake, second);
	CHECK_EQ(fake_poll(&fake), 2);
	CHECK_EQ(fake.events[0].type, PIOMMU_EVENT_DMA_FAULT);
	CHECK_HEX(fake.events[0].id, 0x820);
	CHECK_HEX(fake.events[0].iova, UINT64_C(0x123456789abc));
	CHECK_HEX(fake.events[0].reason, 0x10);
	CHECK_HAS(fake.events[0].reason_name, "F_TRANSLATION");
	CHECK_HAS(fake.events[0].unit, "smmu0");
	for (unsigned i = 0; i < 4; i++)
		CHECK_HEX(fake.events[0].raw[i], translation[i]);
	CHECK_HEX(fake.events[1].id, 0x100);
	CHECK_HEX(fake_reg(&fake, 0x100ac, 4), 2); /* room again */
	CHECK_EQ(fake.nwrites, 1);
	CHECK_EQ(fake_poll(&fake), 0);
	fake_fini(&fake);
}

static void the_queue_goes_around_its_end(void)
{
	struct fake fake;

	fake_start(&fake, &(struct fake_ids){ FAKE_IDR0, (FAKE_IDR1 & ~0x1f0000u) | 2 << 16, FAKE_IDR3, FAKE_IDR5 });
	for (unsigned i = 0; i < 30; i++) {
		uint64_t words[4] = { UINT64_C(0x0000000000000010) | (uint64_t)i << 32, 0, i * 0x1000ull, 0 };

		CU_ASSERT(fake_record(&fake, words));
		CHECK_EQ(fake_poll(&fake), 1);
		CHECK_EQ(fake.events[0].id, i);
	}
	fake_fini(&fake);
}

static void a_full_queue_is_read_whole_and_its_overflow_said_once(void)
{
	struct fake fake;

	fake_start(&fake, &(struct fake_ids){ FAKE_IDR0, (FAKE_IDR1 & ~0x1f0000u) | 2 << 16, FAKE_IDR3, FAKE_IDR5 });
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 6; i++)
			CHECK_EQ(fake_record(&fake, translation), i < 4);
		CHECK_EQ(fake_poll(&fake), 5);
		CHECK_EQ(fake.events[3].type, PIOMMU_EVENT_DMA_FAULT);
		CHECK_EQ(fake.events[4].type, PIOMMU_EVENT_FAULT_OVERFLOW);
		CHECK_EQ(fake_reg(&fake, 0x100ac, 4) >> 31, fake_reg(&fake, 0x100a8, 4) >> 31);
		CHECK_EQ(fake_poll(&fake), 0);
	}
	fake_fini(&fake);
}

static void a_unit_that_counts_wrong_costs_one_round_at_most(void)
{
	struct fake fake;

	fake_start(&fake, &(struct fake_ids){ FAKE_IDR0, (FAKE_IDR1 & ~0x1f0000u) | 2 << 16, FAKE_IDR3, FAKE_IDR5 });
	fake_set(&fake, 0x100a8, 4, 0x7ffff7);
	CHECK_EQ(fake_poll(&fake), 4);
	CHECK_EQ(fake_poll(&fake), 0);
	fake_fini(&fake);
}

static void records_of_a_unit_that_does_not_snoop_are_read_from_memory(void)
{
	struct fake fake;

	fake_start(&fake, &(struct fake_ids){ FAKE_IDR0 & ~0x10u, FAKE_IDR1, FAKE_IDR3, FAKE_IDR5 });
	fake_record(&fake, translation);
	fake.writebacks = 0;
	CHECK_EQ(fake_poll(&fake), 1);
	CHECK_EQ(fake.writebacks, 1);
	fake_fini(&fake);
}

/* ---- Global errors ---- */

static void each_global_error_is_an_event_and_acknowledged(void)
{
	static const struct {
		uint32_t bit;
		enum piommu_event_type type;
		const char *name;
	} errors[] = {
		{ 1u << 2, PIOMMU_EVENT_FAULT_OVERFLOW, "EVENTQ_ABT_ERR" },
		{ 1u << 3, PIOMMU_EVENT_FAULT_OVERFLOW, "PRIQ_ABT_ERR" },
		{ 1u << 4, PIOMMU_EVENT_INV_ERROR, "MSI_CMDQ_ABT_ERR" },
		{ 1u << 5, PIOMMU_EVENT_UNIT_ERROR, "MSI_EVENTQ_ABT_ERR" },
		{ 1u << 6, PIOMMU_EVENT_UNIT_ERROR, "MSI_PRIQ_ABT_ERR" },
		{ 1u << 7, PIOMMU_EVENT_UNIT_ERROR, "MSI_GERROR_ABT_ERR" },
		{ 1u << 8, PIOMMU_EVENT_UNIT_ERROR, "SFM_ERR" },
	};
	struct fake fake;

	fake_start(&fake, &fake_usual);
	for (unsigned round = 0; round < 2; round++) { /* an error toggles its bit: there and gone, both ways */
		for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
			fake_error(&fake, errors[i].bit);
			CHECK_EQ(fake_poll(&fake), 1);
			CHECK_EQ(fake.events[0].type, errors[i].type);
			CHECK_HAS(fake.events[0].reason_name, errors[i].name);
			CHECK_HEX(fake_reg(&fake, 0x60, 4), fake_reg(&fake, 0x64, 4));
			CHECK_EQ(fake_poll(&fake), 0);
		}
	}
	fake_error(&fake, 0x104);
	CHECK_EQ(fake_poll(&fake), 2);
	fake_fini(&fake);
}

static void a_unit_that_is_gone_is_reported_once(void)
{
	struct fake fake;

	fake_start(&fake, &fake_usual);
	fake.dead = true;
	CHECK_EQ(fake_poll(&fake), 1);
	CHECK_EQ(fake.events[0].type, PIOMMU_EVENT_UNIT_LOST);
	CHECK_EQ(fake_poll(&fake), 0);
	fake.dead = false;
	fake_fini(&fake);
}

/* ---- Words that somebody wrote down ---- */

static int decode_words(const uint64_t *values, unsigned n, const char *name, struct piommu_event *event)
{
	struct piommu_word words[8];

	for (unsigned i = 0; i < n; i++)
		words[i] = (struct piommu_word){ name, values[i] };
	return smmuv3_driver.decode(words, n, event);
}

static void four_words_are_an_event_record_or_three(void)
{
	static const uint64_t ones[4] = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };
	static const uint64_t zeroes[4];
	/* Bits above every address are in no record but those that the implementation defines. */
	static const uint64_t foreign[4] = { UINT64_C(0x1000000402), 0x7000, 0x100, BIT64(56) };
	static const uint64_t defined[4] = { UINT64_C(0x10000000e0), 0x7000, 0x100, BIT64(56) };
	struct piommu_event event;

	CHECK_EQ(decode_words(translation, 4, NULL, &event), 0);
	CHECK_EQ(event.type, PIOMMU_EVENT_DMA_FAULT);
	CHECK_HEX(event.id, 0x820);
	CHECK_HAS(event.reason_name, "F_TRANSLATION");
	CHECK_EQ(decode_words(translation, 3, NULL, &event), 0);
	CHECK_HEX(event.iova, UINT64_C(0x123456789abc));
	CHECK_EQ(decode_words(translation, 2, NULL, &event), -ENOENT);
	CHECK_EQ(decode_words(foreign, 4, NULL, &event), -ENOENT);
	CHECK_EQ(decode_words(defined, 4, NULL, &event), 0);
	CHECK_EQ(decode_words(translation, 4, "FSR", &event), -ENOENT);
	CHECK_EQ(decode_words(zeroes, 4, NULL, &event), -ENOENT);
	CHECK_EQ(decode_words(ones, 4, NULL, &event), -EIO);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_record_says_who_did_what_where),
		SUITE_TEST(reads_writes_and_instruction_fetches_differ),
		SUITE_TEST(without_a_substream_its_field_means_nothing),
		SUITE_TEST(a_bad_substream_is_named_without_its_valid_bit),
		SUITE_TEST(a_page_request_has_permissions_in_the_place_of_an_access),
		SUITE_TEST(a_record_of_hardware_is_read_as_hardware_meant_it),
		SUITE_TEST(configuration_errors_have_no_address_and_are_no_write),
		SUITE_TEST(every_type_has_its_name_and_a_sentence),
		SUITE_TEST(records_become_events_in_their_order),
		SUITE_TEST(the_queue_goes_around_its_end),
		SUITE_TEST(a_full_queue_is_read_whole_and_its_overflow_said_once),
		SUITE_TEST(a_unit_that_counts_wrong_costs_one_round_at_most),
		SUITE_TEST(records_of_a_unit_that_does_not_snoop_are_read_from_memory),
		SUITE_TEST(each_global_error_is_an_event_and_acknowledged),
		SUITE_TEST(a_unit_that_is_gone_is_reported_once),
		SUITE_TEST(four_words_are_an_event_record_or_three),
	};

	return suite_run(argc, argv, "smmuv3_fault", tests, sizeof(tests) / sizeof(tests[0]));
}
