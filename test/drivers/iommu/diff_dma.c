/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DMA step: one access of one device, of at most two pages, on every machine. Compared: whether it was blocked, every byte
 * it moved or must not have moved, and the fault that was reported.
 */
#include <stdio.h>

#include "diff_run.h"

#define DMA_MAX 2048u /* one DMA of QEMU's device */

struct access {
	unsigned device;
	bool is_write;
	uint64_t iova;           /* of a translated access; for identity: the offset in the arena */
	size_t len;              /* multiple of 4 */
	size_t head;             /* bytes in the first page */
	enum diff_access expect; /* of all of it */
	unsigned blocked_part;   /* the first part that is blocked, if it is */
	unsigned nparts;
	enum diff_access part[2];
	struct diff_page *page[2]; /* NULL: unmapped, or identity */
	uint8_t data[DMA_MAX];     /* of a write */
};

static uint64_t target_iova(const struct diff_machine *dm, const struct diff_run *run, const struct access *a)
{
	return run->model.state[a->device] == DIFF_FREE ? dm->arena.pa + a->iova : a->iova;
}

/* Where the bytes of a part are in the arena. */
static size_t part_offset(const struct diff_run *run, const struct access *a, unsigned part)
{
	size_t in_page = part ? 0 : a->iova % 4096;

	if (run->model.state[a->device] == DIFF_FREE)
		return a->iova + (part ? a->head : 0);
	return (size_t)a->page[part]->at * 4096 + in_page;
}

static size_t part_len(const struct access *a, unsigned part)
{
	return part ? a->len - a->head : a->head;
}

/* Mostly where something is mapped, sometimes anywhere. */
static uint64_t pick_iova(struct diff_run *run, unsigned device)
{
	const struct diff_page *pages = run->model.page[run->model.domain[device]];
	unsigned p = diff_random(&run->log, DIFF_PAGES);

	if (run->model.state[device] == DIFF_FREE)
		return diff_random(&run->log, DIFF_ARENA_BYTES - DMA_MAX) & ~3u;
	if (!diff_random(&run->log, 50))
		return (((uint64_t)diff_random(&run->log, UINT32_MAX) << 32 | diff_random(&run->log, UINT32_MAX)) &
			~UINT64_C(3)) >>
		       diff_random(&run->log, 40);
	for (unsigned tries = 0; tries < DIFF_PAGES && !pages[p].mapped && !(pages[p].stale && tries > 64); tries++)
		p = (p + 1) % DIFF_PAGES;
	if (!diff_random(&run->log, 8))
		p = diff_random(&run->log, DIFF_PAGES);
	return diff_iova(&run->model, p) + (diff_random(&run->log, 4096) & ~3u);
}

static size_t pick_len(struct diff_run *run)
{
	static const uint16_t most[] = { 4, 4, 4, 8, 16, 64, 256, 512, DMA_MAX };

	return 4 + (diff_random(&run->log, most[diff_random(&run->log, sizeof(most) / sizeof(most[0]))]) & ~3u);
}

/* Where the answer for one page could hide the answer for the other. */
static bool wants_one_page(const struct access *a)
{
	return a->part[0] == DIFF_EITHER || a->part[1] == DIFF_EITHER ||
	       (a->part[0] == DIFF_BLOCKED && a->page[0] && a->page[0]->cached);
}

/* What the model says, part by part; stale pages and blocked ones are tried with one short access. */
static void judge(struct diff_run *run, struct access *a)
{
	struct diff_model *model = &run->model;
	bool is_free = model->state[a->device] == DIFF_FREE, claimed = model->state[a->device] == DIFF_CLAIMED;

	a->iova &= ~UINT64_C(3);
	if (a->len > DMA_MAX)
		a->len = DMA_MAX;
	a->head = 4096 - a->iova % 4096;
	if (a->head > a->len)
		a->head = a->len;
	a->nparts = a->head < a->len ? 2 : 1;
	a->expect = DIFF_OK;
	for (unsigned i = 0; i < a->nparts; i++) {
		a->page[i] = NULL;
		a->part[i] = is_free ? DIFF_OK : DIFF_BLOCKED;
		if (!is_free && !claimed)
			a->part[i] = diff_access(model, a->device, a->iova + (i ? a->head : 0), a->is_write, &a->page[i]);
		if (a->part[i] != DIFF_OK && a->expect == DIFF_OK) {
			a->expect = a->part[i];
			a->blocked_part = i;
		}
	}
	if (a->expect == DIFF_BLOCKED && a->blocked_part == 0 && a->len > 16) {
		a->len = 16;
		judge(run, a);
	} else if (a->nparts == 2 && wants_one_page(a)) {
		a->len = a->head;
		judge(run, a);
	}
}

/* A cache said no, and hardware that is allowed to keeps silent about it. */
static bool may_be_silent(const struct diff_machine *dm, const struct access *a)
{
	const struct diff_page *page = a->page[a->blocked_part];

	return dm->rig.m->silent_on_cached && page && page->cached;
}

/* Blocked by a table entry that has no word for it, or past what the unit takes. */
static bool may_be_unrecorded(struct diff_run *run, const struct diff_machine *dm, const struct access *a)
{
	if (dm->rig.m->silent_beyond && a->iova >> dm->rig.iova_bits)
		return true;
	return dm->rig.m->family->blocks_silently && run->model.state[a->device] == DIFF_CLAIMED;
}

/* Blocked by the old translation, which forbids it, or because that is gone: hardware may go by either. */
static bool in_limbo(const struct access *a)
{
	const struct diff_page *page = a->page[a->blocked_part];

	return page && page->stale;
}

static bool is_reason(struct diff_run *run, const struct diff_machine *dm, const struct access *a, uint64_t iova, uint32_t code)
{
	const struct diff_page *page = a->page[a->blocked_part];

	if (run->model.state[a->device] == DIFF_CLAIMED)
		return true; /* the driver's choice; the machines must agree on it */
	if (in_limbo(a) && machine_reason_fits(dm->rig.m, MACHINE_FORBIDDEN, a->is_write, code))
		return true;
	if (iova >> dm->rig.iova_bits)
		return machine_reason_fits(dm->rig.m, MACHINE_BEYOND, a->is_write, code);
	return machine_reason_fits(dm->rig.m, page && page->mapped ? MACHINE_FORBIDDEN : MACHINE_UNMAPPED, a->is_write, code);
}

/* The fault of a blocked access; its reason is returned for the machines to be compared. */
static uint32_t check_fault(struct diff_run *run, const struct diff_machine *dm, const struct access *a,
			    const struct piommu_event *event)
{
	uint64_t iova = a->iova + (a->blocked_part ? a->head : 0);

	diff_expect(run, "event is a DMA fault", dm, event->type, PIOMMU_EVENT_DMA_FAULT);
	diff_expect(run, "device of the fault", dm, machine_is_same_source(dm->rig.m, event, dm->device[a->device]), true);
	diff_expect(run, "page of the fault", dm, (long long)(event->iova >> 12), (long long)(iova >> 12));
	diff_expect(run, "direction of the fault", dm, event->is_write, a->is_write);
	if (!is_reason(run, dm, a, iova, event->reason))
		diff_fail(&run->log, "%s: reason 0x%x of the fault", dm->rig.m->kind, event->reason);
	return event->reason;
}

/* A page's bytes of the machine against the model's. */
static void check_page(struct diff_run *run, const struct diff_machine *dm, size_t offset)
{
	size_t page = offset / 4096;

	if (memcmp((const char *)dm->arena.va + page * 4096, run->model.mem + page * 4096, 4096))
		diff_fail(&run->log, "%s: bytes of memory page %zu differ", dm->rig.m->kind, page);
}

/* Applies a write to the model; the machines' memory is checked against it afterwards. */
static void apply_write(struct diff_run *run, const struct access *a, unsigned part)
{
	memcpy(run->model.mem + part_offset(run, a, part), a->data + (part ? a->head : 0), part_len(a, part));
}

/* Machines differ in what comes after a blocked page: it is moved, or it is not. Makes them the same again. */
static void settle_second_part(struct diff_run *run, const struct diff_machine *dm, const struct access *a)
{
	size_t offset, len = part_len(a, 1);

	if (a->nparts < 2 || a->part[1] != DIFF_OK || !a->is_write)
		return;
	offset = part_offset(run, a, 1);
	if (dm->rig.m->goes_on && memcmp((char *)dm->arena.va + offset, a->data + a->head, len))
		diff_fail(&run->log, "%s: the page after the blocked one was not written", dm->rig.m->kind);
	if (dm->rig.m->goes_on)
		memcpy((char *)dm->arena.va + offset, run->model.mem + offset, len);
	check_page(run, dm, offset);
}

static void check_blocked(struct diff_run *run, const struct diff_machine *dm, const struct access *a, int rc, unsigned nevents,
			  const struct piommu_event *event, uint32_t *reason)
{
	if (nevents || (rc && !dm->rig.m->sees_blocked) || !may_be_silent(dm, a)) {
		diff_expect(run, "blocked access", dm, rc, -EFAULT);
		if (nevents)
			*reason = check_fault(run, dm, a, event);
		else if (!may_be_unrecorded(run, dm, a))
			diff_fail(&run->log, "%s: a blocked access was not reported", dm->rig.m->kind);
	}
	if (a->blocked_part && a->is_write)
		check_page(run, dm, part_offset(run, a, 0));
	if (a->page[a->blocked_part] && a->page[a->blocked_part]->mapped)
		check_page(run, dm, (size_t)a->page[a->blocked_part]->at * 4096);
	if (!a->blocked_part)
		settle_second_part(run, dm, a);
}

static void check_moved(struct diff_run *run, const struct diff_machine *dm, const struct access *a, const uint8_t *got)
{
	for (unsigned i = 0; i < a->nparts; i++) {
		size_t offset = part_offset(run, a, i);

		check_page(run, dm, offset);
		if (!a->is_write && memcmp(got + (i ? a->head : 0), run->model.mem + offset, part_len(a, i)))
			diff_fail(&run->log, "%s: what the device read is not what memory holds", dm->rig.m->kind);
	}
}

/* The old translation, all of it, or nothing and a fault. What was written through it is taken back. */
static void check_either(struct diff_run *run, const struct diff_machine *dm, const struct access *a, int rc, unsigned nevents,
			 const struct piommu_event *event, const uint8_t *got)
{
	size_t offset = part_offset(run, a, 0);
	char *at = (char *)dm->arena.va + offset;

	if (rc == -EFAULT) {
		if (nevents)
			check_fault(run, dm, a, event);
		check_page(run, dm, offset);
		return;
	}
	diff_expect(run, "access to a page in limbo", dm, rc, 0);
	if (a->is_write && memcmp(at, a->data, a->len))
		diff_fail(&run->log, "%s: a write through the old translation went elsewhere", dm->rig.m->kind);
	if (!a->is_write && memcmp(got, at, a->len))
		diff_fail(&run->log, "%s: a read through the old translation came from elsewhere", dm->rig.m->kind);
	memcpy(at, run->model.mem + offset, a->len);
	check_page(run, dm, offset);
}

static void run_on(struct diff_run *run, struct diff_machine *dm, struct access *a, uint32_t *reason)
{
	uint8_t buf[DMA_MAX] = { 0 };
	struct piommu_event event = { 0 };
	unsigned nevents;
	int rc;

	if (a->is_write)
		memcpy(buf, a->data, a->len);
	rc = machine_dma(dm->rig.m, dm->device[a->device], target_iova(dm, run, a), buf, a->len, a->is_write);
	nevents = rig_events(&dm->rig, &event);
	switch (a->expect) {
	case DIFF_OK:
		diff_expect(run, "allowed access", dm, rc, 0);
		diff_expect(run, "faults of an allowed access", dm, nevents, 0);
		check_moved(run, dm, a, buf);
		break;
	case DIFF_BLOCKED:
		check_blocked(run, dm, a, rc, nevents, &event, reason);
		break;
	default:
		check_either(run, dm, a, rc, nevents, &event, buf);
	}
}

void diff_step_dma(struct diff_run *run)
{
	struct access a = { .device = diff_random(&run->log, DIFF_DEVICES), .is_write = diff_random(&run->log, 2) };
	uint32_t reason[DIFF_MACHINES] = { 0 };

	a.iova = pick_iova(run, a.device);
	a.len = pick_len(run);
	judge(run, &a);
	for (size_t i = 0; i < a.len; i++)
		a.data[i] = (uint8_t)(1 + diff_random(&run->log, 255));
	diff_note(&run->log, "device %u %s 0x%llx, %zu bytes: %s", a.device, a.is_write ? "writes" : "reads",
		  (unsigned long long)a.iova, a.len,
		  a.expect == DIFF_OK        ? "allowed"
		  : a.expect == DIFF_BLOCKED ? "blocked"
					     : "in limbo");
	run->ndma++;
	run->nblocked += a.expect == DIFF_BLOCKED;
	run->neither += a.expect == DIFF_EITHER;
	/* Up to the blocked page bytes move on every machine. */
	for (unsigned i = 0; a.is_write && a.expect != DIFF_EITHER && i < a.nparts && a.part[i] == DIFF_OK; i++)
		apply_write(run, &a, i);
	for (unsigned i = 0; i < run->nmachines && !run->log.failed; i++)
		run_on(run, &run->machine[i], &a, &reason[i]);
	for (unsigned i = 1; i < run->nmachines && !run->log.failed; i++)
		if (reason[0] && reason[i] && reason[0] != reason[i] && !in_limbo(&a))
			diff_fail(&run->log, "the machines give reasons 0x%x and 0x%x", reason[0], reason[i]);
	for (unsigned i = 0; i < a.nparts; i++)
		if (a.page[i] && a.part[i] != DIFF_BLOCKED)
			diff_touch(&run->model, a.device, a.iova + (i ? a.head : 0));
}

void diff_check_memory(struct diff_run *run, unsigned first, unsigned npages)
{
	for (unsigned i = 0; i < run->nmachines; i++)
		for (unsigned p = first; p < first + npages && !run->log.failed; p++)
			check_page(run, &run->machine[i], (size_t)p * 4096);
}
