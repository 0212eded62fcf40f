/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps that are no DMA: maps, unmaps, flushes, devices that come and go. Each is done on every machine and the model. */
#include "diff_run.h"

void diff_expect(struct diff_run *run, const char *what, const struct diff_machine *dm, long long got, long long want)
{
	diff_want(&run->log, dm->rig.m->kind, what, got, want);
}

static void open_machine(struct diff_run *run, struct diff_machine *dm, const struct rig_target *target)
{
	const struct machine *m;

	rig_set_target(target);
	rig_open(&dm->rig);
	dm->rig.expect_stale = true;
	m = dm->rig.m;
	dm->device[0] = m->plain[0];
	dm->device[1] = m->plain[1];
	dm->device[2] = m->bridged[1];
	dm->device[3] = m->ported;
	dm->arena = rig_mem(&dm->rig, DIFF_ARENA_BYTES, RIG_2M);
	memcpy(dm->arena.va, run->model.mem, DIFF_ARENA_BYTES);
	for (unsigned d = 0; d < DIFF_DOMAINS; d++) {
		dm->domain[d] = rig_domain(&dm->rig, dm->device[0]);
		CU_ASSERT_EQUAL_FATAL(piommu_gather_create(&dm->gather[d]), 0);
	}
}

void diff_open(struct diff_run *run, const struct rig_target *targets, unsigned n)
{
	unsigned bits = 64;

	rig_fill(run->model.mem, DIFF_ARENA_BYTES, 1);
	run->nmachines = n;
	for (unsigned i = 0; i < n; i++) {
		open_machine(run, &run->machine[i], &targets[i]);
		bits = bits < run->machine[i].rig.iova_bits ? bits : run->machine[i].rig.iova_bits;
	}
	/* The first addresses, the two sides of a 1 GiB border, and the last addresses. */
	run->model.zone[0] = 0;
	run->model.zone[1] = RIG_1G - RIG_2M;
	run->model.zone[2] = (UINT64_C(1) << bits) - 2 * RIG_2M;
}

void diff_close(struct diff_run *run)
{
	for (unsigned i = 0; i < run->nmachines; i++) {
		struct diff_machine *dm = &run->machine[i];

		for (unsigned d = 0; d < DIFF_DOMAINS; d++) {
			piommu_gather_flush(dm->domain[d], dm->gather[d]);
			CHECK_EQ(piommu_gather_destroy(dm->gather[d]), 0);
		}
		rig_close(&dm->rig);
	}
}

/* A range inside one zone: small, or (one in six) a large page or two, maybe with something around them. */
static void pick_range(struct diff_run *run, unsigned *first, unsigned *npages)
{
	unsigned zone = diff_random(&run->log, DIFF_ZONES) * DIFF_ZONE_PAGES, at, n;

	if (diff_random(&run->log, 6)) {
		at = diff_random(&run->log, DIFF_ZONE_PAGES);
		n = 1 + diff_random(&run->log, diff_random(&run->log, 4) ? 8 : 64);
	} else {
		at = diff_random(&run->log, 2) * DIFF_LEAF_PAGES;
		n = DIFF_LEAF_PAGES * (1 + diff_random(&run->log, 2));
		if (!diff_random(&run->log, 4))
			n += diff_random(&run->log, 8);
	}
	*first = zone + at;
	*npages = at + n <= DIFF_ZONE_PAGES ? n : DIFF_ZONE_PAGES - at;
}

static void flush(struct diff_run *run, unsigned domain)
{
	diff_flush(&run->model, domain);
	for (unsigned i = 0; i < run->nmachines; i++) {
		struct diff_machine *dm = &run->machine[i];

		dm->gather[domain]->test_drop = rig_target()->drop;
		diff_expect(run, "flush", dm, piommu_gather_flush(dm->domain[domain], dm->gather[domain]), 0);
	}
}

/* After a map: what is there, by the model, at one page of the range. */
static void check_lookup(struct diff_run *run, unsigned domain, unsigned page)
{
	const struct diff_page *want = &run->model.page[domain][page];
	uint64_t iova = diff_iova(&run->model, page) + 0x123;

	for (unsigned i = 0; i < run->nmachines; i++) {
		struct diff_machine *dm = &run->machine[i];
		unsigned prot = 0;
		uint64_t pa = 0;
		size_t size = 0;
		int rc = piommu_lookup(dm->domain[domain], iova, &pa, &prot, &size);

		diff_expect(run, "lookup", dm, rc, want->mapped ? 0 : -ENOENT);
		if (rc || !want->mapped)
			continue;
		diff_expect(run, "lookup's address", dm, (long long)(pa - dm->arena.pa), want->at * 4096LL + 0x123);
		diff_expect(run, "lookup's permissions", dm, prot, want->prot);
		diff_expect(run, "lookup's leaf", dm, (long long)size, want->large ? (long long)RIG_2M : (long long)RIG_PAGE);
	}
}

static void step_map(struct diff_run *run)
{
	static const unsigned prots[] = { PIOMMU_RW, PIOMMU_RW, PIOMMU_RW, PIOMMU_READ, PIOMMU_WRITE };
	unsigned domain = diff_random(&run->log, DIFF_DOMAINS), prot = prots[diff_random(&run->log, 5)], first, npages, at;
	int want;

	pick_range(run, &first, &npages);
	at = diff_random(&run->log, DIFF_ARENA_PAGES - npages + 1);
	if (npages >= DIFF_LEAF_PAGES && diff_random(&run->log, 3))
		at -= at % DIFF_LEAF_PAGES;
	/* An address is not used again before its invalidation completed: that is the user's part of the contract. It goes for all
	 * of an unmapped range, holes too: a table that served it may be in a cache still. */
	if (diff_in_limbo(&run->model, domain, first, npages))
		flush(run, domain);
	diff_note(&run->log, "map domain %u 0x%llx, %u pages to memory page %u, prot %u", domain,
		  (unsigned long long)diff_iova(&run->model, first), npages, at, prot);
	want = diff_map(&run->model, domain, first, npages, at,
			run->machine[0].rig.m->reads_write_only ? prot | PIOMMU_READ : prot);
	run->nmaps += !want;
	for (unsigned i = 0; i < run->nmachines; i++) {
		struct diff_machine *dm = &run->machine[i];

		diff_expect(run, "map", dm,
			    piommu_map(dm->domain[domain], diff_iova(&run->model, first), dm->arena.pa + at * RIG_PAGE,
				       npages * RIG_PAGE, prot),
			    want);
	}
	check_lookup(run, domain, first + diff_random(&run->log, npages));
}

/* Half of the time exactly one run of mapped pages, otherwise anything. */
static void pick_mapped(struct diff_run *run, unsigned domain, unsigned *first, unsigned *npages)
{
	const struct diff_page *pages = run->model.page[domain];
	unsigned p = diff_random(&run->log, DIFF_PAGES), tries = 0;

	pick_range(run, first, npages);
	if (diff_random(&run->log, 2))
		return;
	while (tries++ < DIFF_PAGES && !pages[p].mapped)
		p = (p + 1) % DIFF_PAGES;
	if (!pages[p].mapped)
		return;
	if (pages[p].large)
		p -= p % DIFF_LEAF_PAGES;
	*first = p;
	*npages = 1;
	while ((p + *npages) % DIFF_ZONE_PAGES && pages[p + *npages].mapped && *npages < DIFF_ZONE_PAGES)
		++*npages;
	if (!pages[p].large && diff_random(&run->log, 2))
		*npages = 1 + diff_random(&run->log, *npages);
}

static void step_unmap(struct diff_run *run, bool deferred)
{
	unsigned domain = diff_random(&run->log, DIFF_DOMAINS), first, npages;
	size_t want_unmapped = 0;
	int want;

	pick_mapped(run, domain, &first, &npages);
	diff_note(&run->log, "%s domain %u 0x%llx, %u pages", deferred ? "unmap (deferred)" : "unmap", domain,
		  (unsigned long long)diff_iova(&run->model, first), npages);
	want = diff_unmap(&run->model, domain, first, npages, deferred, &want_unmapped);
	run->nunmaps += want_unmapped != 0;
	for (unsigned i = 0; i < run->nmachines; i++) {
		struct diff_machine *dm = &run->machine[i];
		uint64_t iova = diff_iova(&run->model, first);
		size_t unmapped = 0;
		int rc;

		if (deferred)
			rc = piommu_unmap_gather(dm->domain[domain], iova, npages * RIG_PAGE, dm->gather[domain], &unmapped);
		else
			rc = piommu_unmap(dm->domain[domain], iova, npages * RIG_PAGE, &unmapped);
		diff_expect(run, "unmap", dm, rc, want);
		diff_expect(run, "bytes unmapped", dm, (long long)unmapped, (long long)want_unmapped);
	}
	check_lookup(run, domain, first + diff_random(&run->log, npages));
}

static void step_flush(struct diff_run *run)
{
	unsigned domain = diff_random(&run->log, DIFF_DOMAINS);

	diff_note(&run->log, "flush domain %u", domain);
	flush(run, domain);
}

static void step_attach(struct diff_run *run)
{
	unsigned device = diff_random(&run->log, DIFF_DEVICES), domain = diff_random(&run->log, DIFF_DOMAINS);

	diff_note(&run->log, "attach device %u to domain %u", device, domain);
	for (unsigned i = 0; i < run->nmachines; i++) {
		struct diff_machine *dm = &run->machine[i];

		if (run->model.state[device] == DIFF_FREE)
			rig_claim(&dm->rig, dm->device[device]);
		rig_attach(&dm->rig, dm->domain[domain], dm->device[device]);
	}
	run->model.state[device] = DIFF_ATTACHED;
	run->model.domain[device] = domain;
	run->nmoves++;
}

/* Round and round: from its domain to blocked, from blocked to identity, from identity to blocked. */
static void step_move(struct diff_run *run)
{
	static const char *const words[] = { "claimed", "released", "detached" };
	unsigned device = diff_random(&run->log, DIFF_DEVICES);
	enum diff_state state = run->model.state[device];

	diff_note(&run->log, "device %u %s", device, words[state]);
	for (unsigned i = 0; i < run->nmachines; i++) {
		struct diff_machine *dm = &run->machine[i];

		if (state == DIFF_ATTACHED)
			rig_detach(&dm->rig, dm->domain[run->model.domain[device]], dm->device[device]);
		else if (state == DIFF_CLAIMED)
			rig_release(&dm->rig, dm->device[device]);
		else
			rig_claim(&dm->rig, dm->device[device]);
	}
	run->model.state[device] = state == DIFF_CLAIMED ? DIFF_FREE : DIFF_CLAIMED;
	run->nmoves++;
}

/* The processor's turn: a page of memory changes. */
static void step_fill(struct diff_run *run)
{
	unsigned page = diff_random(&run->log, DIFF_ARENA_PAGES);

	diff_note(&run->log, "memory page %u changes", page);
	rig_fill(run->model.mem + page * 4096, 4096, 2 + run->log.step % 4000);
	for (unsigned i = 0; i < run->nmachines; i++)
		memcpy((char *)run->machine[i].arena.va + page * 4096, run->model.mem + page * 4096, 4096);
}

void diff_step(struct diff_run *run)
{
	unsigned dice = diff_random(&run->log, 100);

	if (dice < 56)
		diff_step_dma(run);
	else if (dice < 72)
		step_map(run);
	else if (dice < 82)
		step_unmap(run, false);
	else if (dice < 88)
		step_unmap(run, true);
	else if (dice < 92)
		step_flush(run);
	else if (dice < 96)
		step_attach(run);
	else if (dice < 98)
		step_move(run);
	else
		step_fill(run);
	/* Nothing else may have changed, ever; a look at all of it takes longer than a step. */
	if (run->log.step % 512 == 511)
		diff_check_memory(run, 0, DIFF_ARENA_PAGES);
}
