/* SPDX-License-Identifier: BSD-3-Clause */
/* The DMA step of diff_burst.h: one access of one device within a page, on every machine, where its addresses are there. */
#include "diff_burst.h"

#define LEN 64u

/* What an access is and does. */
struct access {
	unsigned device;
	bool is_write;
	uint8_t data[LEN];
};

static void check_page(struct diff_burst *run, unsigned m, unsigned page)
{
	if (memcmp((char *)run->machine[m].arena.va + page * RIG_PAGE, run->mem + page * RIG_PAGE, RIG_PAGE))
		diff_fail(&run->log, "%s: bytes of memory page %u differ", run->machine[m].rig.m->kind, page);
}

void diff_burst_check_memory(struct diff_burst *run)
{
	for (unsigned m = 0; m < run->nmachines; m++)
		for (unsigned page = 0; page < ARENA_PAGES && !run->log.failed; page++)
			check_page(run, m, page);
}

/* Of a slot that is mapped, its entry says no; of one in limbo that, or nothing is there. */
static bool is_reason(const struct machine *m, const struct slot *slot, bool is_write, uint32_t code)
{
	if (slot && slot->state != SLOT_FREE && machine_reason_fits(m, MACHINE_FORBIDDEN, is_write, code))
		return true;
	return !(slot && slot->state == SLOT_MAPPED) && machine_reason_fits(m, MACHINE_UNMAPPED, is_write, code);
}

static void check_fault(struct diff_burst *run, unsigned m, const struct access *a, uint64_t iova, const struct slot *slot,
			const struct piommu_event *event)
{
	const struct machine *machine = run->machine[m].rig.m;

	diff_burst_expect(run, m, "event is a DMA fault", event->type, PIOMMU_EVENT_DMA_FAULT);
	diff_burst_expect(run, m, "device of the fault",
			  machine_is_same_source(machine, event, run->machine[m].device[a->device]), true);
	diff_burst_expect(run, m, "page of the fault", (long long)(event->iova >> 12), (long long)(iova >> 12));
	diff_burst_expect(run, m, "direction of the fault", event->is_write, a->is_write);
	if (run->on[a->device] >= 0 && !is_reason(machine, slot, a->is_write, event->reason))
		diff_fail(&run->log, "%s: reason 0x%x of the fault", machine->kind, event->reason);
}

/* Through what was mapped: where it leads now, or, of a slot in limbo, where it led; that is taken back. */
static void check_moved(struct diff_burst *run, unsigned m, const struct access *a, const uint8_t *got, size_t off, bool keep)
{
	uint8_t *at = (uint8_t *)run->machine[m].arena.va + off;

	if (a->is_write && memcmp(at, a->data, LEN))
		diff_fail(&run->log, "%s: a write went elsewhere", run->machine[m].rig.m->kind);
	if (!a->is_write && memcmp(got, at, LEN))
		diff_fail(&run->log, "%s: a read came from elsewhere", run->machine[m].rig.m->kind);
	if (a->is_write)
		memcpy(keep ? run->mem + off : at, keep ? at : run->mem + off, LEN);
	check_page(run, m, (unsigned)(off / RIG_PAGE));
}

/* `keep`: it is the same mapping on every machine, and what is written stays. */
static void run_on(struct diff_burst *run, unsigned m, const struct access *a, uint64_t iova, const struct slot *slot,
		   size_t off, bool keep)
{
	struct diff_burst_machine *dm = &run->machine[m];
	bool limbo = slot && slot->state == SLOT_LIMBO && slot->stale, ok = slot && slot->state == SLOT_MAPPED;
	unsigned prot = !slot ? 0 : dm->rig.m->reads_write_only ? slot->prot | PIOMMU_READ : slot->prot;
	bool allowed = prot & (a->is_write ? PIOMMU_WRITE : PIOMMU_READ);
	struct piommu_event event = { 0 };
	uint8_t buf[LEN] = { 0 };
	unsigned nevents;
	int rc;

	if (a->is_write)
		memcpy(buf, a->data, LEN);
	rc = machine_dma(dm->rig.m, dm->device[a->device], iova, buf, LEN, a->is_write);
	nevents = rig_events(&dm->rig, &event);
	if (!rc && !nevents && allowed && (ok || limbo)) {
		check_moved(run, m, a, buf, off, ok && keep);
		return;
	}
	if (ok && allowed)
		diff_fail(&run->log, "%s: an access to a mapping was blocked", dm->rig.m->kind);
	/* A cached entry that forbids it keeps silent on QEMU. */
	if (slot && slot->cached && dm->rig.m->silent_on_cached && (!rc || dm->rig.m->sees_blocked) && !nevents) {
		check_page(run, m, (unsigned)(off / RIG_PAGE));
		return;
	}
	diff_burst_expect(run, m, "blocked access", rc, -EFAULT);
	if (nevents)
		check_fault(run, m, a, iova, slot, &event);
	else if (!dm->rig.m->family->blocks_silently || run->on[a->device] >= 0)
		diff_fail(&run->log, "%s: a blocked access was not reported", dm->rig.m->kind);
	if (slot)
		check_page(run, m, (unsigned)(off / RIG_PAGE));
}

/* On every machine, where the slot's page is there; `a` at offset `off` of it. */
static void access_all(struct diff_burst *run, const struct access *a, const struct slot *target, unsigned page, unsigned off)
{
	for (unsigned m = 0; m < run->nmachines && !run->log.failed; m++) {
		uint64_t iova = (target->iova[m] & ~(RIG_PAGE - 1)) + page * RIG_PAGE + off;
		unsigned at = 0;
		struct slot *slot =
			run->on[a->device] < 0 ? NULL : diff_burst_find(run, m, (unsigned)run->on[a->device], iova, &at);

		run_on(run, m, a, iova, slot, slot ? slot->page[at] * RIG_PAGE + off : 0,
		       target->state == SLOT_MAPPED && run->on[a->device] == (int)target->domain);
		run->nblocked += !slot;
		run->nlimbo += slot && slot->state == SLOT_LIMBO;
		if (slot)
			slot->cached = true;
	}
	run->ndma++;
}

void diff_burst_touch(struct diff_burst *run, const struct slot *slot)
{
	struct access a = { .is_write = slot->prot == PIOMMU_WRITE };

	if (a.is_write || !slot->npages)
		return; /* to read is enough, and leaves memory alone */
	for (a.device = 0; a.device < DEVICES; a.device++)
		if (run->on[a.device] == (int)slot->domain)
			access_all(run, &a, slot, diff_random(&run->log, 2) ? slot->npages - 1 : 0, 0);
}

/* At a slot's address, whether it is mapped, in limbo or free, mostly by a device that is on its domain. */
void diff_burst_step_dma(struct diff_burst *run)
{
	const struct slot *target = &run->slot[diff_random(&run->log, SLOTS)];
	struct access a = { .device = diff_random(&run->log, DEVICES), .is_write = diff_random(&run->log, 2) };
	unsigned page, off = diff_random(&run->log, (RIG_PAGE - LEN) / 4) * 4;

	for (unsigned tries = 0; tries < 8 && (!target->npages || (target->state == SLOT_FREE && tries < 6)); tries++)
		target = &run->slot[diff_random(&run->log, SLOTS)];
	for (unsigned tries = 0; tries < 3 && run->on[a.device] != (int)target->domain; tries++)
		a.device = diff_random(&run->log, DEVICES);
	page = target->npages ? diff_random(&run->log, target->npages) : 0;
	for (unsigned i = 0; i < LEN; i++)
		a.data[i] = (uint8_t)(1 + diff_random(&run->log, 255));
	diff_note(&run->log, "device %u (on %d) %s page %u + 0x%x of slot %ld (%u, domain %u)", a.device, run->on[a.device],
		  a.is_write ? "writes" : "reads", page, off, (long)(target - run->slot), target->state, target->domain);
	access_all(run, &a, target, page, off);
}
