/* SPDX-License-Identifier: BSD-3-Clause */
/* T29's switcher, see t29_burst.h: modes change while channels are in use, pools come and go, and what is told of all that is asked for. */
#include <sched.h>

#include "t29.h"

static void check(struct switcher *s, const char *what, int err)
{
	if (err)
		stress_fail(&s->w->verdict, "switcher: %s: %d", what, err);
}

static void switch_mode(struct switcher *s, struct piommu_domain *domain)
{
	struct piommu_mode mode = { .kind = (enum piommu_mode_kind)stress_below(&s->rng, 3) };
	struct piommu_exposure exposure;

	if (mode.kind == PIOMMU_MODE_BOUNDED) {
		mode.max_us = 1 + stress_below(&s->rng, 500);
		mode.max_bytes = (1 + stress_below(&s->rng, 512)) * PAGE;
	}
	check(s, "mode", piommu_domain_set_mode(domain, &mode));
	piommu_domain_exposure(domain, &exposure);
	if (exposure.mode.kind != mode.kind || exposure.failed)
		stress_fail(&s->w->verdict, "switcher: mode %u, %llu tickets failed", (unsigned)exposure.mode.kind,
			    (unsigned long long)exposure.failed);
	s->switches++;
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

		if (stress_below(&s->rng, 4) == 0)
			churn_pool(s, domain);
		else
			switch_mode(s, domain);
		piommu_poll(s->w->p);
		sched_yield();
	}
	stress_thread_end();
	return NULL;
}
