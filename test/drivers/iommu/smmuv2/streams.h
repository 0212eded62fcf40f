/* SPDX-License-Identifier: BSD-3-Clause */
/* A unit whose registers only answer, devices behind it, and domains for them: for tests of stream mappings. */
#ifndef STREAMS_H
#define STREAMS_H

#include "drivers.h"
#include "fake_unit.h"
#include "suite.h"

#define SMR(n) (0x800u + 4 * (n))
#define S2CR(n) (0xc00u + 4 * (n))

/* A unit, devices behind it, two paging domains (banks 2 and 3), and one of each other kind. */
struct setup {
	struct fake fake;
	struct piommu_device device[4];
	struct piommu_domain *a, *b, *blocking, *identity;
};

static inline void add_device(struct setup *s, unsigned d, uint32_t id, uint32_t mask)
{
	s->device[d] = (struct piommu_device){ .name = "/soc/dma", .unit = &s->fake.unit, .ids = { { id, mask } }, .nids = 1 };
	s->device[d].name[8] = (char)('0' + d);
	CHECK_EQ(smmuv2_driver.probe_device(&s->fake.unit, &s->device[d]), 0);
}

/* After fake_init(), and whatever is to be found. */
static inline void start(struct setup *s)
{
	fake_start(&s->fake);
	s->a = fake_domain_of_type(&s->fake, PIOMMU_DOMAIN_PAGING);
	s->b = fake_domain_of_type(&s->fake, PIOMMU_DOMAIN_PAGING);
	s->blocking = fake_domain_of_type(&s->fake, PIOMMU_DOMAIN_BLOCKING);
	s->identity = fake_domain_of_type(&s->fake, PIOMMU_DOMAIN_IDENTITY);
	for (unsigned d = 0; d < 4; d++)
		s->device[d] = (struct piommu_device){ .nids = 0 };
	add_device(s, 0, 0x100, 0);
	s->fake.nwrites = 0;
}

static inline void finish(struct setup *s)
{
	for (unsigned d = 0; d < 4; d++)
		if (s->device[d].priv)
			smmuv2_driver.release_device(&s->device[d]);
	s->a->ops->destroy(s->a);
	s->b->ops->destroy(s->b);
	s->blocking->ops->destroy(s->blocking);
	s->identity->ops->destroy(s->identity);
	fake_fini(&s->fake);
}

static inline int attach(struct setup *s, unsigned d, struct piommu_domain *domain)
{
	return smmuv2_driver.attach(&s->device[d], domain, domain == s->a ? 2 : 3);
}

static inline void check_fate(struct setup *s, uint32_t id, unsigned fate)
{
	CHECK_HEX(fake_fate(&s->fake, id), fate);
}

#endif
