/* SPDX-License-Identifier: BSD-3-Clause */
/* See rig.h. CUnit's tests take no arguments: the target is the one thing that is not on a test's stack. */
#include <stdio.h>
#include <stdlib.h>

#include "rig.h"

/* Hardware that works answers at once, but the machine the tests run on may be busy: a second is for units that get stuck. */
#define PATIENCE_MS 10000u
#define IMPATIENCE_MS 1000u
/* More polls in a row that report something than any test causes. */
#define MANY_EVENTS 100u

static struct rig_target target = { "sim", "vtd", "", false };

void rig_set_target(const struct rig_target *which)
{
	target = *which;
}

const struct rig_target *rig_target(void)
{
	return &target;
}

static void remember(void *ctx, enum piommu_log_level level, const char *line)
{
	struct rig *r = ctx;

	(void)level;
	snprintf(r->last, sizeof(r->last), "%s", line);
	r->nlogged++;
}

struct piommu_log rig_log(struct rig *r)
{
	return (struct piommu_log){ remember, r, PIOMMU_LOG_WARN };
}

static int open_rig(struct rig *r, const char *keys, unsigned timeout_ms)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct piommu_unit_info unit;
	char variant[256];
	int rc;

	*r = (struct rig){ .iova_bits = 0 };
	r->log = rig_log(r);
	snprintf(variant, sizeof(variant), "%s%s%s", target.variant, *target.variant && keys ? "," : "", keys ? keys : "");
	if ((rc = machine_open(target.kind, target.family, variant, &r->log, &r->m)))
		return rc;
	config.instance = r->m->plat;
	config.log = r->log;
	config.timeout_ms = timeout_ms;
	if ((rc = piommu_create(&config, &r->p)))
		return rc;
	CHECK_EQ(piommu_unit_info(r->p, 0, &unit), 0);
	r->iova_bits = unit.iova_bits;
	r->page_sizes = unit.page_sizes;
	return 0;
}

int rig_try_open(struct rig *r, const char *keys)
{
	return open_rig(r, keys, PATIENCE_MS);
}

static void demand_open(struct rig *r, unsigned timeout_ms)
{
	int rc = open_rig(r, NULL, timeout_ms);

	CHECK_EQ(rc, 0);
	if (rc)
		printf("     %s\n", r->last);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
}

void rig_open(struct rig *r)
{
	demand_open(r, PATIENCE_MS);
}

void rig_open_impatient(struct rig *r)
{
	demand_open(r, IMPATIENCE_MS);
	r->expect_stale = r->expect_no_finish = true;
}

void rig_open_reserved(struct rig *r, struct piommu_span *span, void **va)
{
	struct piommu_reserved_info info = { 0 };

	CU_ASSERT_EQUAL_FATAL(rig_try_open(r, machine_family(target.family)->reserved_key), 0);
	CU_ASSERT_EQUAL_FATAL(piommu_reserved_count(r->p), 1);
	CHECK_EQ(piommu_reserved_info(r->p, 0, &info), 0);
	*va = r->m->plat->ops->mem_at(r->m->plat, info.span.start, info.span.last - info.span.start + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(*va);
	*span = info.span;
}

static void check_count(const char *what, uint64_t got, const char *complaint)
{
	char line[256];

	snprintf(line, sizeof(line), "%s: %.200s", what, complaint);
	suite_check_eq(__FILE__, __LINE__, line, (long long)got, 0);
}

void rig_check_sim(struct rig *r)
{
	struct piommu_sim_counts counts;
	char complaint[256];

	for (unsigned unit = 0; r->m->is_sim && !piommu_sim_counts(r->m->plat, unit, &counts); unit++) {
		complaint[0] = 0;
		piommu_sim_complaint(r->m->plat, unit, complaint, sizeof(complaint));
		check_count("accesses of a wrong width", counts.width_errors, complaint);
		check_count("reserved bits", counts.reserved_errors, complaint);
		if (!r->expect_misuse)
			check_count("steps left out, or in a wrong order", counts.misuse, complaint);
		/* What an unmap left in the write buffer is flushed with its gather: until then the old entry is seen on purpose. */
		if (!r->expect_race && (!r->expect_stale || !strstr(target.variant, "rwbf=1")))
			check_count("read before written back", counts.unflushed, complaint);
		if (!r->expect_race && !r->expect_stale)
			check_count("stale translations used", counts.stale_hits, complaint);
	}
}

void rig_close(struct rig *r)
{
	int rc = piommu_destroy(r->p);

	if (!r->expect_no_finish)
		CHECK_EQ(rc, 0);
	if (r->m)
		rig_check_sim(r);
	machine_close(r->m);
	*r = (struct rig){ .iova_bits = 0 };
}

struct piommu_group *rig_group(struct rig *r, struct piommu_sbdf sbdf)
{
	const char *node = piommu_sbdf_compare(sbdf, r->m->reserved) ? NULL : r->m->family->reserved_node;
	struct piommu_group *group = NULL;

	CU_ASSERT_EQUAL_FATAL(node ? piommu_group_find_node(r->p, node, &group) : piommu_group_find(r->p, sbdf, &group), 0);
	piommu_group_put(group);
	return group;
}

/* All devices of a group share its fate, and so where they reach the mailbox. */
static void set_mailbox(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova)
{
	struct piommu_group *group = rig_group(r, sbdf);
	struct piommu_device_info device;

	for (unsigned i = 0; r->m->ops->set_mailbox && !piommu_group_device(group, i, &device); i++)
		if (!device.is_bridge)
			r->m->ops->set_mailbox(r->m, device.sbdf, iova);
}

static void set_mailbox_detached(struct rig *r, struct piommu_sbdf sbdf)
{
	struct piommu_group_info info;

	piommu_group_info(rig_group(r, sbdf), &info);
	set_mailbox(r, sbdf, info.has_reserved ? r->m->mailbox.pa : MACHINE_NO_MAILBOX);
}

static struct piommu_group **paged_slot(struct rig *r, const struct piommu_group *group)
{
	for (unsigned i = 0; i < RIG_GROUPS; i++)
		if (r->paged[i] == group)
			return &r->paged[i];
	return NULL;
}

/* Takes note of whether the group is on a paging domain. */
static void set_paged(struct rig *r, struct piommu_sbdf sbdf, bool is_paged)
{
	struct piommu_group *group = rig_group(r, sbdf), **slot = paged_slot(r, group);

	if (is_paged && !slot)
		slot = paged_slot(r, NULL);
	CU_ASSERT_FATAL(slot || !is_paged);
	if (slot)
		*slot = is_paged ? group : NULL;
}

void rig_claim(struct rig *r, struct piommu_sbdf sbdf)
{
	CHECK_EQ(piommu_claim(rig_group(r, sbdf)), 0);
	set_mailbox_detached(r, sbdf);
}

void rig_release(struct rig *r, struct piommu_sbdf sbdf)
{
	CHECK_EQ(piommu_release(rig_group(r, sbdf)), 0);
	set_mailbox(r, sbdf, r->m->mailbox.pa);
}

struct piommu_domain *rig_domain(struct rig *r, struct piommu_sbdf sbdf)
{
	struct piommu_domain *domain = NULL;

	CU_ASSERT_EQUAL_FATAL(piommu_domain_create(rig_group(r, sbdf), NULL, &domain), 0);
	if (r->m->mailbox.va)
		rig_map(r, domain, RIG_MAILBOX, r->m->mailbox.pa, RIG_PAGE, PIOMMU_RW);
	return domain;
}

void rig_attach(struct rig *r, struct piommu_domain *domain, struct piommu_sbdf sbdf)
{
	struct piommu_domain_info info;

	CHECK_EQ(piommu_attach(domain, rig_group(r, sbdf)), 0);
	piommu_domain_info(domain, &info);
	set_paged(r, sbdf, info.kind == PIOMMU_KIND_PAGING);
	if (info.kind == PIOMMU_KIND_PAGING)
		set_mailbox(r, sbdf, RIG_MAILBOX);
	else
		set_mailbox(r, sbdf, info.kind == PIOMMU_KIND_IDENTITY ? r->m->mailbox.pa : MACHINE_NO_MAILBOX);
}

void rig_detach(struct rig *r, struct piommu_domain *domain, struct piommu_sbdf sbdf)
{
	CHECK_EQ(piommu_detach(domain, rig_group(r, sbdf)), 0);
	set_paged(r, sbdf, false);
	set_mailbox_detached(r, sbdf);
}

struct piommu_domain *rig_own(struct rig *r, struct piommu_sbdf sbdf)
{
	struct piommu_domain *domain;

	rig_claim(r, sbdf);
	domain = rig_domain(r, sbdf);
	rig_attach(r, domain, sbdf);
	return domain;
}

void rig_disown(struct rig *r, struct piommu_domain *domain, struct piommu_sbdf sbdf)
{
	rig_detach(r, domain, sbdf);
	CHECK_EQ(piommu_domain_destroy(domain), 0);
	rig_release(r, sbdf);
}

struct piommu_mem rig_mem(struct rig *r, size_t len, size_t align)
{
	struct piommu_mem mem = { 0 };

	CU_ASSERT_EQUAL_FATAL(piommu_mem_alloc(r->p, len, align, &mem), 0);
	return mem;
}

void rig_open_owned(struct rig_owned *o, unsigned device, size_t len, size_t align)
{
	rig_open(&o->r);
	o->device = o->r.m->plain[device];
	o->domain = rig_own(&o->r, o->device);
	o->mem = rig_mem(&o->r, len, align);
}

void rig_fill(void *va, size_t len, uint32_t seed)
{
	uint32_t *words = va;

	for (size_t i = 0; i < len / 4; i++)
		words[i] = seed << 20 | (uint32_t)(i + 1);
}

void rig_map(struct rig *r, struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	char why[256] = "";
	int rc = piommu_map(domain, iova, pa, len, prot);

	(void)r;
	CHECK_EQ(rc, 0);
	if (rc && piommu_map_explain(domain, iova, pa, len, prot, why, sizeof(why)))
		printf("     %s\n", why);
}

/* What a driver that forgot would do. */
static int unmap_and_drop(struct piommu_domain *domain, uint64_t iova, size_t len, size_t *unmapped)
{
	struct piommu_gather *gather;
	int rc = piommu_gather_create(&gather);

	if (rc)
		return rc;
	gather->test_drop = true;
	rc = piommu_unmap_gather(domain, iova, len, gather, unmapped);
	CHECK_EQ(piommu_gather_flush(domain, gather), 0);
	CHECK_EQ(piommu_gather_destroy(gather), 0);
	return rc;
}

void rig_unmap(struct rig *r, struct piommu_domain *domain, uint64_t iova, size_t len)
{
	size_t unmapped = 0;

	(void)r;
	if (target.drop)
		CHECK_EQ(unmap_and_drop(domain, iova, len, &unmapped), 0);
	else
		CHECK_EQ(piommu_unmap(domain, iova, len, &unmapped), 0);
	CHECK_EQ(unmapped, len);
}

int rig_read(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova, void *buf, size_t len)
{
	return machine_dma(r->m, sbdf, iova, buf, len, false);
}

int rig_write(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova, const void *buf, size_t len)
{
	return machine_dma(r->m, sbdf, iova, (void *)(uintptr_t)buf, len, true);
}

void rig_check_reaches(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova, void *va, size_t len)
{
	uint8_t buf[4096];

	CU_ASSERT_FATAL(len <= sizeof(buf));
	rig_fill(va, len, 1);
	CHECK_EQ(rig_read(r, sbdf, iova, buf, len), 0);
	CHECK_EQ(memcmp(buf, va, len), 0);
	rig_fill(buf, len, 2);
	CHECK_EQ(rig_write(r, sbdf, iova, buf, len), 0);
	CHECK_EQ(memcmp(buf, va, len), 0);
	CHECK_EQ(rig_events(r, NULL), 0);
}

uint32_t rig_check_blocked(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova, bool is_write)
{
	struct piommu_event event;
	uint32_t word = 0xdeadbeef;

	CHECK_EQ(machine_dma(r->m, sbdf, iova, &word, sizeof(word), is_write), -EFAULT);
	if (!rig_events(r, &event)) {
		if (!r->m->family->blocks_silently || paged_slot(r, rig_group(r, sbdf)))
			CU_FAIL("a blocked access is reported");
		return 0;
	}
	CHECK_EQ(event.type, PIOMMU_EVENT_DMA_FAULT);
	CHECK_EQ(machine_is_same_source(r->m, &event, sbdf), true);
	CHECK_HEX(event.iova & ~(RIG_PAGE - 1), iova & ~(RIG_PAGE - 1));
	CHECK_EQ(event.is_write, is_write);
	CU_ASSERT_PTR_NOT_NULL(event.reason_name);
	CU_ASSERT_PTR_NOT_NULL(event.reason_text);
	return event.reason;
}

void rig_check_fault(struct rig *r, struct piommu_sbdf sbdf, uint64_t iova, bool is_write, enum machine_reason why)
{
	bool may_be_silent = why == MACHINE_BEYOND && r->m->silent_beyond;
	struct piommu_event event = { .reason = 0 };
	uint32_t word = 0xdeadbeef, code;

	if (may_be_silent) {
		CHECK_EQ(machine_dma(r->m, sbdf, iova, &word, sizeof(word), is_write), -EFAULT);
		if (!rig_events(r, &event))
			return;
	}
	code = may_be_silent ? event.reason : rig_check_blocked(r, sbdf, iova, is_write);
	if (!machine_reason_fits(r->m, why, is_write, code))
		CHECK_HEX(code, r->m->family->codes[why][is_write][0]);
}

unsigned rig_events(struct rig *r, struct piommu_event *event)
{
	struct piommu_event events[16];
	unsigned n, total = 0, polls = 0;

	while (piommu_poll(r->p))
		if (++polls > MANY_EVENTS)
			break;
	CU_ASSERT_TRUE(polls <= MANY_EVENTS);
	while ((n = piommu_events(r->p, events, 16)) != 0) {
		if (!total && event)
			*event = events[0];
		total += n;
	}
	return total;
}
