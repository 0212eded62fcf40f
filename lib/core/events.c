/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Polling: each unit's faults to the callback and into a ring of the last 256, and the thread's quiescent state. Any number
 * of threads poll; one at a time looks at a unit, the others pass on. The ring's mutex is taken only when there is an event.
 */
#include <stdio.h>
#include <string.h>

#include "core.h"

void core_event_emit(struct piommu *p, const struct piommu_event *event)
{
	switch (event->type) {
	case PIOMMU_EVENT_DMA_FAULT:
		atomic_fetch_add_explicit(&p->nfaults, 1, memory_order_relaxed);
		break;
	case PIOMMU_EVENT_FAULT_OVERFLOW:
		atomic_fetch_add_explicit(&p->noverflows, 1, memory_order_relaxed);
		break;
	case PIOMMU_EVENT_UNIT_ERROR:
		atomic_fetch_add_explicit(&p->nunit_errors, 1, memory_order_relaxed);
		break;
	default:
		atomic_fetch_add_explicit(&p->ninv_errors, 1, memory_order_relaxed);
		break;
	}
	mutex_lock(&p->event_mutex);
	if (p->event_head - p->event_tail == CORE_EVENTS) {
		p->event_tail++;
		atomic_fetch_add_explicit(&p->nlost, 1, memory_order_relaxed);
	}
	p->events[p->event_head++ % CORE_EVENTS] = *event;
	mutex_unlock(&p->event_mutex);
	if (p->event_fn)
		p->event_fn(p->event_ctx, event);
}

/*
 * The device whose DMA carries an id behind a unit. NULL: none, or no single one, as behind a bridge that speaks for several. In a
 * read section: what is found stays memory of ours, also while another thread removes it (case T23).
 */
static struct core_device *find_requester(const struct core_unit *cu, uint32_t id)
{
	const struct rcu_snapshot *all = rcu_table_read(&cu->p->devices);
	const struct piommu_id wanted = { .id = id };
	struct core_device *found = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < all->n; i++) {
		struct core_device *cd = rcu_entry_value(&all->entry[i]);

		if (!cd || __atomic_load_n(&cd->dev.unit, __ATOMIC_RELAXED) != &cu->unit || !core_device_carries(cd, wanted))
			continue;
		found = cd;
		n++;
	}
	return n == 1 ? found : NULL;
}

/* What a driver knows of the requester is what the DMA carried: the rest is filled in here. */
static void emit(void *ctx, const struct piommu_event *event)
{
	struct core_unit *cu = ctx;
	struct piommu_event full = *event;
	struct core_device *cd = event->type == PIOMMU_EVENT_DMA_FAULT ? find_requester(cu, event->id) : NULL;

	PIOMMU_YIELD("faulting device found");
	if (cd) {
		memcpy(full.device, cd->dev.name, sizeof(full.device));
		full.is_pci = cd->dev.is_pci;
		full.sbdf = cd->dev.sbdf;
		atomic_fetch_add_explicit(&cd->nfaults, 1, memory_order_relaxed);
	}
	core_event_emit(cu->p, &full);
}

unsigned piommu_poll(struct piommu *p)
{
	const struct rcu_snapshot *units = rcu_table_read(&p->units);
	unsigned n = 0;

	for (size_t i = 0; i < units->n; i++) {
		struct core_unit *cu = rcu_entry_value(&units->entry[i]);
		const struct piommu_event_sink sink = { emit, cu };

		if (!cu || !atomic_load_explicit(&cu->enabled, memory_order_acquire) ||
		    atomic_flag_test_and_set_explicit(&cu->polling, memory_order_acquire))
			continue;
		n += cu->unit.driver->poll(&cu->unit, &sink);
		atomic_flag_clear_explicit(&cu->polling, memory_order_release);
	}
	rcu_quiescent();
	return n;
}

unsigned piommu_events(struct piommu *p, struct piommu_event *events, unsigned max)
{
	unsigned n = 0;

	mutex_lock(&p->event_mutex);
	while (n < max && p->event_tail != p->event_head)
		events[n++] = p->events[p->event_tail++ % CORE_EVENTS];
	mutex_unlock(&p->event_mutex);
	return n;
}

static void requester_text(const struct piommu_event *event, char *text, size_t len)
{
	char at[PIOMMU_SBDF_STRLEN];

	if (event->device[0])
		snprintf(text, len, "%s", event->device);
	else if (event->is_pci)
		snprintf(text, len, "%s", piommu_sbdf_format(event->sbdf, at));
	else
		snprintf(text, len, "id 0x%x", event->id);
}

static void fault_text(const struct piommu_event *event, char *text, size_t len)
{
	char at[PIOMMU_NAME_LEN];

	requester_text(event, at, sizeof(at));
	if (event->is_interrupt) {
		snprintf(text, len, "%s interrupt request (index 0x%llx) blocked: %s (reason 0x%02x, %s)", at,
			 (unsigned long long)event->iova, event->reason_text, event->reason, event->reason_name);
		return;
	}
	snprintf(text, len, "%s %s of iova 0x%llx blocked: %s (reason 0x%02x, %s)", at,
		 event->is_write     ? "write"
		 : event->is_execute ? "execute"
				     : "read",
		 (unsigned long long)event->iova, event->reason_text, event->reason, event->reason_name);
}

void piommu_event_text(const struct piommu_event *event, char *text, size_t len)
{
	const char *why = event->reason_text ? event->reason_text : "no reason given";
	int used = event->unit[0] ? snprintf(text, len, "%s: ", event->unit) : 0;

	if ((size_t)used >= len)
		return;
	text += used;
	len -= (size_t)used;
	switch (event->type) {
	case PIOMMU_EVENT_DMA_FAULT:
		fault_text(event, text, len);
		break;
	case PIOMMU_EVENT_FAULT_OVERFLOW:
		snprintf(text, len, "faults were not recorded: %s", why);
		break;
	case PIOMMU_EVENT_INV_ERROR:
		snprintf(text, len, "an invalidation failed: %s (status 0x%x)", why, event->reason);
		break;
	case PIOMMU_EVENT_UNIT_LOST:
		snprintf(text, len, "the unit does not answer (its registers read all ones)");
		break;
	case PIOMMU_EVENT_UNIT_ERROR:
		snprintf(text, len, "the unit reports an error: %s (status 0x%x)", why, event->reason);
		break;
	}
}

void piommu_stats(const struct piommu *p, struct piommu_stats *out)
{
	struct core_unit *cu = NULL;

	*out = (struct piommu_stats){
		.faults = atomic_load_explicit(&p->nfaults, memory_order_relaxed),
		.fault_overflows = atomic_load_explicit(&p->noverflows, memory_order_relaxed),
		.events_lost = atomic_load_explicit(&p->nlost, memory_order_relaxed),
		.inv_errors = atomic_load_explicit(&p->ninv_errors, memory_order_relaxed),
		.unit_errors = atomic_load_explicit(&p->nunit_errors, memory_order_relaxed),
	};
	while ((cu = core_unit_next(p, cu))) {
		struct piommu_ring_stats ring = { 0 };

		if (!atomic_load_explicit(&cu->enabled, memory_order_acquire))
			continue;
		cu->unit.driver->inv_stats(&cu->unit, &ring);
		out->inv_descriptors += ring.descriptors;
		out->inv_waits += ring.waits;
		out->inv_doorbells += ring.doorbells;
		out->table_pages += piommu_pool_used(cu->unit.pool);
		out->table_bytes += piommu_pool_bytes(cu->unit.pool);
	}
}
