/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * T29's switcher, see t29_burst.h: modes change while channels are in use, pools come and go, and what is told of bounded modes is held against
 * their bounds. Bytes must be within them; time is what the machine leaves the threads, and is told.
 */
#include <sched.h>

#include "t29.h"

#define STRETCH 64u /* looks at a mode before its exposure is asked for */
/* The burst that goes past the bound; the library sends then, or takes no more. */
#define LAST_BURST (ITEMS * (size_t)BUFFER_PAGES * PAGE)

static void check(struct switcher *s, const char *what, int err)
{
	if (err)
		stress_fail(&s->w->verdict, "switcher: %s: %d", what, err);
}

static struct piommu_mode any_mode(struct switcher *s, enum piommu_mode_kind kind)
{
	struct piommu_mode mode = { .kind = kind };

	if (kind == PIOMMU_MODE_BOUNDED) {
		mode.max_us = 1 + stress_below(&s->rng, 500);
		mode.max_bytes = (1 + stress_below(&s->rng, 512)) * PAGE;
	}
	return mode;
}

static struct piommu_exposure set_mode(struct switcher *s, struct piommu_domain *domain, const struct piommu_mode *mode)
{
	struct piommu_exposure exposure;

	check(s, "mode", piommu_domain_set_mode(domain, mode));
	piommu_domain_exposure(domain, &exposure);
	if (exposure.mode.kind != mode->kind || exposure.failed)
		stress_fail(&s->w->verdict, "switcher: mode %u, %llu tickets failed", (unsigned)exposure.mode.kind,
			    (unsigned long long)exposure.failed);
	s->switches++;
	return exposure;
}

/* What bursters had unmapped before this was called has been sent. @return whether the round goes on */
static bool drain_bursters(struct switcher *s)
{
	struct bursts *all = &s->w->bursts;
	unsigned drain = atomic_fetch_add_explicit(&all->drain, 1, memory_order_relaxed) + 1;

	for (unsigned i = 0; i < BURSTERS; i++) {
		while (atomic_load_explicit(&all->burster[i].drained, memory_order_acquire) < drain) {
			if (!round_goes_on(s->w))
				return false;
			piommu_poll(s->w->p);
			sched_yield();
		}
	}
	return round_goes_on(s->w);
}

/*
 * A stretch of one bounded mode: what was unmapped before it is sent before it is measured. Channels share the bytes; one that is alone for a
 * moment, because another one is being replaced, has all of them.
 */
static void measure(struct switcher *s, struct piommu_domain *domain)
{
	const struct piommu_mode mode = any_mode(s, PIOMMU_MODE_BOUNDED);
	struct piommu_exposure exposure;

	set_mode(s, domain, &mode);
	if (!drain_bursters(s))
		return;
	set_mode(s, domain, &mode);
	for (unsigned i = 0; i < STRETCH && round_goes_on(s->w); i++) {
		piommu_poll(s->w->p);
		sched_yield();
	}
	piommu_domain_exposure(domain, &exposure);
	if (exposure.worst_bytes > mode.max_bytes + LAST_BURST)
		stress_fail(&s->w->verdict, "switcher: %zu bytes stale, %zu were allowed", exposure.worst_bytes,
			    mode.max_bytes);
	s->measured += exposure.worst_bytes != 0;
	s->worst_bytes = exposure.worst_bytes > s->worst_bytes ? exposure.worst_bytes : s->worst_bytes;
	s->worst_us = exposure.worst_us > s->worst_us ? exposure.worst_us : s->worst_us;
	if (exposure.worst_us > mode.max_us) {
		s->late++;
		s->worst_late =
			exposure.worst_us - mode.max_us > s->worst_late ? exposure.worst_us - mode.max_us : s->worst_late;
	}
}

/* A pool that nobody uses but devices: when it has gone nothing reaches its memory. */
static void churn_pool(struct switcher *s, struct piommu_domain *domain)
{
	const struct piommu_mem *mem = &s->w->bursts.extra;

	check(s, "pool", piommu_dma_pool_register(domain, mem->pa, mem->len, PIOMMU_RW));
	check(s, "end of a pool", piommu_dma_pool_unregister(domain, mem->pa));
	s->pools++;
}

void *switcher_round(void *arg)
{
	struct switcher *s = arg;

	stress_thread_start(&s->rng);
	for (unsigned n = 0; n < ROUND_TURNS && round_goes_on(s->w); n++) {
		struct piommu_domain *domain = s->w->domain[stress_below(&s->rng, DOMAINS)];
		unsigned dice = stress_below(&s->rng, 8);

		if (dice < 2) {
			churn_pool(s, domain);
		} else if (dice < 3) {
			measure(s, domain);
		} else {
			struct piommu_mode mode = any_mode(s, (enum piommu_mode_kind)stress_below(&s->rng, 3));

			set_mode(s, domain, &mode);
		}
		piommu_poll(s->w->p);
		sched_yield();
	}
	stress_thread_end();
	return NULL;
}
