/* SPDX-License-Identifier: BSD-3-Clause */
/* Fault registers decoded and polled (3.2, 3.3, 9.6, 16.5). */
#include <errno.h>
#include <string.h>

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

/* A unit, a device with stream id 0x100 on bank 2. */
struct setup {
	struct fake fake;
	struct piommu_device device;
	struct piommu_domain *domain;
};

static void start(struct setup *s)
{
	fake_init(&s->fake);
	fake_start(&s->fake);
	CHECK_EQ(smmuv2_driver.domain_create(&s->fake.unit, PIOMMU_DOMAIN_PAGING, 0, &s->domain), 0);
	s->device = (struct piommu_device){ .name = "/soc/dma", .unit = &s->fake.unit, .ids = { { 0x100, 0 } }, .nids = 1 };
	CHECK_EQ(smmuv2_driver.probe_device(&s->fake.unit, &s->device), 0);
	CHECK_EQ(smmuv2_driver.attach(&s->device, s->domain, 2), 0);
	s->fake.nwrites = 0;
}

static void finish(struct setup *s)
{
	smmuv2_driver.release_device(&s->device);
	s->domain->ops->destroy(s->domain);
	fake_fini(&s->fake);
}

static void put_context(struct fake *fake, unsigned bank, uint32_t fsr, uint64_t far, uint32_t fsynr0, uint32_t stream)
{
	fake_set(fake, FAKE_CB(bank) + 0x58, 4, fsr);
	fake_set(fake, FAKE_CB(bank) + 0x60, 8, far);
	fake_set(fake, FAKE_CB(bank) + 0x68, 4, fsynr0);
	fake_set(fake, FAKE_GR1 + 0x400 + 4 * bank, 4, stream);
}

static void put_global(struct fake *fake, uint32_t gfsr, uint64_t far, uint32_t gfsynr0, uint32_t gfsynr1)
{
	fake_set(fake, 0x48, 4, gfsr);
	fake_set(fake, 0x40, 8, far);
	fake_set(fake, 0x50, 4, gfsynr0);
	fake_set(fake, 0x54, 4, gfsynr1);
}

/* ---- Words ---- */

static void every_bit_of_the_specification_has_words_of_its_own(void)
{
	uint32_t codes[17];
	unsigned n = 0;

	for (unsigned bit = 1; bit <= 8; bit++)
		codes[n++] = BIT32(bit);
	for (unsigned bit = 0; bit <= 8; bit++)
		codes[n++] = 0x10000 | BIT32(bit);
	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT(strcmp(smmuv2_fault_name(codes[i]), smmuv2_fault_name(0)) != 0);
		for (unsigned j = 0; j < i; j++)
			CU_ASSERT(strcmp(smmuv2_fault_name(codes[i]), smmuv2_fault_name(codes[j])) != 0);
	}
	CHECK_HAS(smmuv2_fault_name(0x2), "translation fault");
	CHECK_HAS(smmuv2_fault_name(0x8), "permission fault");
	CHECK_HAS(smmuv2_fault_name(0x10002), "unidentified stream");
	CHECK_HAS(smmuv2_fault_name(0x10004), "conflict");
}

static void a_context_fault_is_decoded(void)
{
	struct smmuv2_fault fault = smmuv2_fault_decode(
		&(struct smmuv2_fault_regs){ .fsr = 0x8, .fsynr0 = 0x11, .stream = 0x70100, .far = UINT64_C(0x12345678) });

	CHECK_HEX(fault.reason, 0x8);
	CHECK_HEX(fault.id, 0x100); /* without the security index above it */
	CHECK_HEX(fault.iova, 0x12345678);
	CU_ASSERT(fault.is_write && !fault.is_execute && !fault.more);
	fault = smmuv2_fault_decode(&(struct smmuv2_fault_regs){ .fsr = 0x80000002, .fsynr0 = 0x40 });
	CU_ASSERT(!fault.is_write && fault.is_execute && fault.more);
	CHECK_HEX(fault.reason, 0x2);
	fault = smmuv2_fault_decode(&(struct smmuv2_fault_regs){ .fsr = 0x4000008a });
	CHECK_HEX(fault.reason, 0x2); /* no unit says several at once; one that did has a reason still */
}

static void a_global_fault_has_its_bits_elsewhere(void)
{
	struct smmuv2_fault fault =
		smmuv2_fault_decode(&(struct smmuv2_fault_regs){ .global = true, .fsr = 0x2, .fsynr0 = 0x2, .stream = 0x777 });

	CHECK_HEX(fault.reason, 0x10002);
	CHECK_HEX(fault.id, 0x777);
	CU_ASSERT(fault.is_write);
}

/* ---- Polling ---- */

static void a_quiet_unit_has_nothing_to_say(void)
{
	struct setup s;

	start(&s);
	CHECK_EQ(fake_poll(&s.fake), 0);
	CHECK_EQ(s.fake.nwrites, 0);
	finish(&s);
}

static void a_context_fault_becomes_an_event_and_is_cleared(void)
{
	struct setup s;
	const struct piommu_event *event = &s.fake.events[0];

	start(&s);
	put_context(&s.fake, 2, 0x402, UINT64_C(0x1234567000), 0x10, 0x100);
	CHECK_EQ(fake_poll(&s.fake), 1);
	CHECK_EQ(event->type, PIOMMU_EVENT_DMA_FAULT);
	CHECK_HAS(event->unit, "smmu0");
	CHECK_HEX(event->id, 0x100);
	CHECK_HEX(event->iova, UINT64_C(0x1234567000));
	CU_ASSERT_TRUE(event->is_write);
	CHECK_HEX(event->reason, 0x2);
	CHECK_HAS(event->reason_name, "translation fault");
	CHECK_HEX(event->raw[0], UINT64_C(0x1000000402));
	CHECK_HEX(event->raw[3], UINT64_C(0x534d4d3200000002)); /* a mark, and the bank */
	CHECK_HEX(fake_reg(&s.fake, FAKE_CB(2) + 0x58, 4) & 2, 0);
	CHECK_EQ(s.fake.nwrites, 1); /* nothing was stalled */
	CHECK_EQ(fake_poll(&s.fake), 0);
	finish(&s);
}

static void a_stalled_access_is_ended_after_its_fault_is_cleared(void)
{
	static const struct fake_write expected[] = { { FAKE_CB(2) + 0x58, 4, 0x2 }, { FAKE_CB(2) + 0x8, 4, 1 } };
	struct setup s;

	start(&s);
	put_context(&s.fake, 2, 0x40000002, 0x5000, 0, 0x100);
	CHECK_EQ(fake_poll(&s.fake), 1);
	fake_expect(&s.fake, 0, expected, 2);
	finish(&s);
}

static void faults_that_were_lost_are_an_event_too(void)
{
	struct setup s;

	start(&s);
	put_context(&s.fake, 2, 0x80000002, 0x5000, 0, 0x100);
	put_global(&s.fake, 0x80000002, 0x6000, 0, 0x777);
	CHECK_EQ(fake_poll(&s.fake), 4);
	CHECK_EQ(s.fake.events[0].type, PIOMMU_EVENT_DMA_FAULT);
	CHECK_EQ(s.fake.events[1].type, PIOMMU_EVENT_FAULT_OVERFLOW);
	CHECK_EQ(s.fake.events[2].type, PIOMMU_EVENT_DMA_FAULT);
	CHECK_EQ(s.fake.events[3].type, PIOMMU_EVENT_FAULT_OVERFLOW);
	CHECK_EQ(fake_poll(&s.fake), 0);
	finish(&s);
}

static void a_blocked_stream_is_a_global_fault(void)
{
	struct setup s;

	start(&s);
	put_global(&s.fake, 0x1, UINT64_C(0xabc000), 0x2, 0x100);
	CHECK_EQ(fake_poll(&s.fake), 1);
	CHECK_HEX(s.fake.events[0].reason, 0x10001);
	CHECK_HEX(s.fake.events[0].iova, 0xabc000);
	CHECK_HAS(s.fake.events[0].reason_text, "blocked");
	CHECK_HEX(fake_reg(&s.fake, 0x48, 4), 0);
	finish(&s);
}

static void a_refused_register_access_is_no_devices_fault(void)
{
	struct setup s;

	start(&s);
	put_global(&s.fake, 0x20, 0, 0, 0);
	CHECK_EQ(fake_poll(&s.fake), 1);
	CHECK_EQ(s.fake.events[0].type, PIOMMU_EVENT_UNIT_ERROR);
	finish(&s);
}

static void banks_that_nobody_uses_are_not_looked_at(void)
{
	struct setup s;

	start(&s);
	put_context(&s.fake, 5, 0x2, 0x5000, 0, 0x100);
	CHECK_EQ(fake_poll(&s.fake), 0);
	finish(&s);
}

/* Of many banks one poll looks at some, and the next one goes on there. */
static void every_bank_has_its_turn(void)
{
	struct setup s = { 0 };

	fake_init(&s.fake);
	fake_ids(&s.fake, FAKE_IDR0, 0x20020018, FAKE_IDR2);
	s.fake.window.len = 0x20000;
	fake_start(&s.fake);
	atomic_store(&smmuv2_of(&s.fake.unit)->on[0], GENMASK64(22, 0));
	put_context(&s.fake, 20, 0x2, 0x5000, 0, 0x100);
	CHECK_EQ(fake_poll(&s.fake), 0);
	CHECK_EQ(fake_poll(&s.fake), 1);
	CHECK_HEX(s.fake.events[0].iova, 0x5000);
	fake_fini(&s.fake);
}

static void a_unit_that_is_gone_is_reported_once(void)
{
	struct setup s;

	start(&s);
	s.fake.dead = true;
	CHECK_EQ(fake_poll(&s.fake), 1);
	CHECK_EQ(s.fake.events[0].type, PIOMMU_EVENT_UNIT_LOST);
	CHECK_EQ(fake_poll(&s.fake), 0);
	s.fake.dead = false;
	finish(&s);
}

/* ---- Words that somebody wrote down ---- */

static void a_kernels_line_is_decoded(void)
{
	static const struct piommu_word context[] = {
		{ "fsr", 0x402 }, { "iova", 0x1000 }, { "fsynr", 0x11 }, { "cbfrsynra", 0x20 }, { "cb", 3 },
	};
	static const struct piommu_word global[] = {
		{ "GFSR", 0x80000002 }, { "GFSYNR0", 0 }, { "GFSYNR1", 0x840 }, { "GFSYNR2", 0 }
	};
	struct piommu_event event;

	CHECK_EQ(smmuv2_driver.decode(context, 5, &event), 0);
	CHECK_HEX(event.id, 0x20);
	CHECK_HEX(event.iova, 0x1000);
	CU_ASSERT_TRUE(event.is_write);
	CHECK_HAS(event.reason_name, "FSR.TF");
	CHECK_EQ(smmuv2_driver.decode(global, 4, &event), 0);
	CHECK_HEX(event.id, 0x840);
	CHECK_HAS(event.reason_name, "GFSR.USF");
}

static void an_events_words_say_again_what_it_said(void)
{
	struct piommu_word words[4] = { { NULL, 0 } };
	struct piommu_event event;
	struct setup s;

	start(&s);
	put_global(&s.fake, 0x4, 0x7000, 0x2, 0x100);
	CHECK_EQ(fake_poll(&s.fake), 1);
	for (unsigned i = 0; i < 4; i++)
		words[i].value = s.fake.events[0].raw[i];
	CHECK_EQ(smmuv2_driver.decode(words, 3, &event), -ENOENT);
	CHECK_EQ(smmuv2_driver.decode(words, 4, &event), 0);
	CHECK_HEX(event.reason, s.fake.events[0].reason);
	CHECK_HEX(event.iova, 0x7000);
	CHECK_HEX(event.id, 0x100);
	CU_ASSERT_TRUE(event.is_write);
	CHECK_HEX(event.raw[3], words[3].value);
	words[3].value = 0; /* an SMMUv3's, for all that anybody knows */
	CHECK_EQ(smmuv2_driver.decode(words, 4, &event), -ENOENT);
	finish(&s);
}

static void what_is_no_report_is_not_decoded(void)
{
	static const struct piommu_word no_fault[] = { { "fsr", 0 } };
	static const struct piommu_word foreign[] = { { "fsr", 2 }, { "fsts", 1 } };
	static const struct piommu_word ones[] = { { "gfsr", 0xffffffff } };
	static const struct piommu_word two[] = { { NULL, 2 }, { NULL, 0 } };
	struct piommu_event event;

	CHECK_EQ(smmuv2_driver.decode(no_fault, 1, &event), -ENOENT);
	CHECK_EQ(smmuv2_driver.decode(foreign, 2, &event), -ENOENT);
	CHECK_EQ(smmuv2_driver.decode(ones, 1, &event), -EIO);
	CHECK_EQ(smmuv2_driver.decode(two, 2, &event), -ENOENT);
	CHECK_EQ(smmuv2_driver.decode(NULL, 0, &event), -ENOENT);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(every_bit_of_the_specification_has_words_of_its_own),
		SUITE_TEST(a_context_fault_is_decoded),
		SUITE_TEST(a_global_fault_has_its_bits_elsewhere),
		SUITE_TEST(a_quiet_unit_has_nothing_to_say),
		SUITE_TEST(a_context_fault_becomes_an_event_and_is_cleared),
		SUITE_TEST(a_stalled_access_is_ended_after_its_fault_is_cleared),
		SUITE_TEST(faults_that_were_lost_are_an_event_too),
		SUITE_TEST(a_blocked_stream_is_a_global_fault),
		SUITE_TEST(a_refused_register_access_is_no_devices_fault),
		SUITE_TEST(banks_that_nobody_uses_are_not_looked_at),
		SUITE_TEST(every_bank_has_its_turn),
		SUITE_TEST(a_unit_that_is_gone_is_reported_once),
		SUITE_TEST(a_kernels_line_is_decoded),
		SUITE_TEST(an_events_words_say_again_what_it_said),
		SUITE_TEST(what_is_no_report_is_not_decoded),
	};

	return suite_run(argc, argv, "smmuv2_fault", tests, sizeof(tests) / sizeof(tests[0]));
}
