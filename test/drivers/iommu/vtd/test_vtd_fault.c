/* SPDX-License-Identifier: BSD-3-Clause */
/* Fault records decoded and polled (7.2, 11.4.7.6). */
#include <errno.h>
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

static void put_record(struct fake *fake, unsigned index, uint64_t lo, uint64_t hi)
{
	fake_set(fake, FAKE_FRCD + 16 * index, 8, lo);
	fake_set(fake, FAKE_FRCD + 16 * index + 8, 8, hi);
}

static void a_read_of_an_unmapped_page(void)
{
	struct vtd_fault fault = vtd_fault_decode((struct vtd_pair){ 0x76406000, UINT64_C(0xc000000600000028) });

	CHECK_HEX(fault.sid, 0x28);
	CHECK_HEX(fault.reason, 6);
	CHECK_HEX(fault.iova, 0x76406000);
	CU_ASSERT(!fault.is_write && !fault.is_interrupt && !fault.has_pasid);
}

static void both_type_bits_tell_the_access(void)
{
	static const struct {
		uint64_t hi;
		bool is_write;
	} cases[] = {
		{ UINT64_C(0x8000000500000010), true },  /* write */
		{ UINT64_C(0xc000000500000010), false }, /* read */
		{ UINT64_C(0xc000000510000010), true },  /* atomic */
		{ UINT64_C(0x8000000510000010), false }, /* page request */
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_EQ(vtd_fault_decode((struct vtd_pair){ 0, cases[i].hi }).is_write, cases[i].is_write);
}

static void a_pasid_counts_only_with_its_present_bit(void)
{
	struct vtd_fault without = vtd_fault_decode((struct vtd_pair){ 0, UINT64_C(0xc0ffff0600000028) });
	struct vtd_fault with = vtd_fault_decode((struct vtd_pair){ 0, UINT64_C(0xc012345980000028) });

	CU_ASSERT_FALSE(without.has_pasid);
	CHECK_HEX(without.pasid, 0);
	CU_ASSERT_TRUE(with.has_pasid);
	CHECK_HEX(with.pasid, 0x01234);
	CHECK_HEX(vtd_fault_decode((struct vtd_pair){ 0, UINT64_C(0xcfffff5980000028) }).pasid, 0xfffff);
}

static void an_interrupt_has_an_index_and_no_address(void)
{
	struct vtd_fault fault =
		vtd_fault_decode((struct vtd_pair){ UINT64_C(0x1600000000000000), UINT64_C(0x8000002500004202) });

	CU_ASSERT_TRUE(fault.is_interrupt);
	CU_ASSERT_FALSE(fault.is_write);
	CHECK_HEX(fault.iova, 0x1600);
}

static void a_record_that_somebody_wrote_down_becomes_the_event_that_it_was(void)
{
	struct piommu_word words[3] = { { NULL, 0x76406000 }, { NULL, UINT64_C(0xc000000600000028) } };
	struct piommu_event event;

	CHECK_EQ(vtd_driver.decode(words, 2, &event), 0);
	CHECK_EQ(event.type, PIOMMU_EVENT_DMA_FAULT);
	CHECK_HEX(event.id, 0x28);
	CHECK_HEX(event.sbdf.devfn, 0x28);
	CHECK_HEX(event.iova, 0x76406000);
	CHECK_HEX(event.reason, 6);
	CHECK_HAS(event.reason_name, "read permission");
	CHECK_EQ(vtd_driver.decode(words, 3, &event), -ENOENT);
	words[1].value &= ~BIT64(63); /* F: no fault is recorded */
	CHECK_EQ(vtd_driver.decode(words, 2, &event), -ENOENT);
	words[0].value = words[1].value = UINT64_MAX;
	CHECK_EQ(vtd_driver.decode(words, 2, &event), -EIO);
}

static void every_reason_of_the_specification_has_words(void)
{
	static const uint8_t codes[] = { 0x1,  0x2,  0x3,  0x4,  0x5,  0x6,  0x7,  0x8,  0x9,  0xa,  0xb,  0xc,  0xd,  0xe,
					 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x30, 0x31, 0x32, 0x38, 0x39, 0x3a, 0x40,
					 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x50, 0x51, 0x52, 0x58, 0x59, 0x5a,
					 0x5b, 0x5c, 0x5d, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
					 0x7b, 0x7c, 0x7d, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x90, 0x91 };

	for (unsigned i = 0; i < sizeof(codes); i++) {
		CU_ASSERT(strcmp(vtd_fault_name(codes[i]), vtd_fault_name(0xff)) != 0);
		for (unsigned j = 0; j < i; j++)
			CU_ASSERT(strcmp(vtd_fault_name(codes[i]), vtd_fault_name(codes[j])) != 0);
	}
	CHECK_HAS(vtd_fault_name(0x01), "root entry not present");
	CHECK_HAS(vtd_fault_name(0x02), "context entry not present");
	CHECK_HAS(vtd_fault_name(0x05), "write permission");
	CHECK_HAS(vtd_fault_name(0x06), "read permission");
	CHECK_HAS(vtd_fault_name(0x0c), "reserved bits");
	CHECK_HAS(vtd_fault_name(0x25), "compatibility-format");
}

/* ---- Polling ---- */

static void a_quiet_unit_has_nothing_to_say(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	CHECK_EQ(fake_poll(&fake), 0);
	CHECK_EQ(fake.nwrites, 0);
	fake_fini(&fake);
}

static void a_fault_becomes_an_event_and_its_record_is_free(void)
{
	struct fake fake;
	const struct piommu_event *event = &fake.events[0];

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	put_record(&fake, 0, 0x5000, UINT64_C(0xc000000600000820));
	fake_set(&fake, 0x34, 4, 0x2);
	CHECK_EQ(fake_poll(&fake), 1);
	CHECK_EQ(event->type, PIOMMU_EVENT_DMA_FAULT);
	CHECK_HAS(event->unit, "dmar0");
	CHECK_HEX(event->id, 0x0820);
	CHECK_EQ(event->is_pci, true);
	CHECK_EQ(event->sbdf.bus, 8);
	CHECK_HEX(event->sbdf.devfn, 0x20);
	CHECK_HEX(event->iova, 0x5000);
	CHECK_HEX(event->reason, 6);
	CHECK_HAS(event->reason_name, "read permission");
	CHECK_HEX(event->raw[1], UINT64_C(0xc000000600000820));
	CHECK_HEX(fake_reg(&fake, FAKE_FRCD + 8, 8) >> 63, 0);
	fake_fini(&fake);
}

static void records_are_read_from_the_oldest_and_around_the_end(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP | UINT64_C(3) << 40, FAKE_ECAP); /* four records */
	put_record(&fake, 2, 0x1000, UINT64_C(0xc000000600000028));
	put_record(&fake, 3, 0x2000, UINT64_C(0xc000000600000028));
	put_record(&fake, 0, 0x3000, UINT64_C(0xc000000600000028));
	fake_set(&fake, 0x34, 4, 0x202);
	CHECK_EQ(fake_poll(&fake), 3);
	for (unsigned i = 0; i < 3; i++)
		CHECK_HEX(fake.events[i].iova, 0x1000 * (i + 1));
	fake_fini(&fake);
}

static void an_overflow_is_reported_and_ended_after_the_records(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	put_record(&fake, 0, 0x5000, UINT64_C(0xc000000600000820));
	fake_set(&fake, 0x34, 4, 0x3);
	CHECK_EQ(fake_poll(&fake), 2);
	CHECK_EQ(fake.events[1].type, PIOMMU_EVENT_FAULT_OVERFLOW);
	CHECK_HEX(fake.writes[0].off, FAKE_FRCD + 8);
	CHECK_HEX(fake.writes[1].off, 0x34);
	CHECK_HEX(fake.writes[1].value, 0x1);
	fake_fini(&fake);
}

static void a_unit_that_is_gone_is_reported_once(void)
{
	struct fake fake;

	fake_start(&fake, FAKE_CAP, FAKE_ECAP);
	fake.dead = true;
	CHECK_EQ(fake_poll(&fake), 1);
	CHECK_EQ(fake.events[0].type, PIOMMU_EVENT_UNIT_LOST);
	CHECK_EQ(fake_poll(&fake), 0);
	fake_fini(&fake);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_read_of_an_unmapped_page),
		SUITE_TEST(both_type_bits_tell_the_access),
		SUITE_TEST(a_pasid_counts_only_with_its_present_bit),
		SUITE_TEST(an_interrupt_has_an_index_and_no_address),
		SUITE_TEST(a_record_that_somebody_wrote_down_becomes_the_event_that_it_was),
		SUITE_TEST(every_reason_of_the_specification_has_words),
		SUITE_TEST(a_quiet_unit_has_nothing_to_say),
		SUITE_TEST(a_fault_becomes_an_event_and_its_record_is_free),
		SUITE_TEST(records_are_read_from_the_oldest_and_around_the_end),
		SUITE_TEST(an_overflow_is_reported_and_ended_after_the_records),
		SUITE_TEST(a_unit_that_is_gone_is_reported_once),
	};

	return suite_run(argc, argv, "vtd_fault", tests, sizeof(tests) / sizeof(tests[0]));
}
