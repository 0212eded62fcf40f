/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A unit that is nothing but registers, and the machine around it: memory, a clock, what was logged, written back and reported. Each
 * family's fake_unit.h has a `struct fake` that begins with one, and adds what the unit does about a write. For tests of what a driver
 * writes, and in which order.
 */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include "piommu_driver.h"

#define FAKE_REGS 0x20000u
#define FAKE_STEPS 12u
#define FAKE_WORDS 4096u

struct fake_write {
	unsigned off;
	unsigned width;
	uint64_t value;
};

struct fake; /* a family's */

/* A family's unit. */
struct fake_kind {
	const struct piommu_driver *driver;
	struct piommu_fw_unit fw;
	size_t memory; /* of the machine */
	size_t window; /* bytes of registers, as firmware states them */
	bool (*width_is_right)(const struct fake *fake, unsigned off, unsigned width);
	void (*written)(struct fake *fake, unsigned off, unsigned width, uint64_t value);
};

/* Members by their own names in a family's struct as well as here, so that its tests say fake.said. */
#define FAKE_MACHINE \
	struct piommu_platform plat; /* first: its ops are handed this */ \
	const struct fake_kind *kind; \
	struct piommu_window window; \
	struct piommu_fw_unit fw; \
	struct piommu_unit unit; \
	struct piommu_env_mem *mem; \
	struct piommu_pool *pool; \
	struct piommu_log log; \
	struct piommu_domain *domain;      /* of fake_domain() */ \
	struct piommu_domain_units *units; /* its list; room for two */ \
	struct piommu_device device;       /* of fake_device(), and two paging domains for it */ \
	struct piommu_domain *a, *b; \
	uint64_t regs[FAKE_REGS / 8]; \
	bool dead;               /* all ones */ \
	struct piommu_mem pages; /* of fake_pages() */ \
	struct piommu_walk_step steps[FAKE_STEPS]; \
	unsigned nsteps; \
	struct fake_write writes[512]; \
	unsigned nwrites; \
	unsigned width_errors; /* accesses that were not as wide as the register */ \
	unsigned writebacks; \
	unsigned fail_alloc; /* the n-th allocation from now fails */ \
	uint64_t now; \
	char said[512]; /* the last message */ \
	struct piommu_event events[16]; \
	unsigned nevents;

struct fake_machine {
	FAKE_MACHINE
};

/* As the first member of a family's struct: the machine by name, and its members. */
#define FAKE_IS_A_MACHINE \
	union { \
		struct fake_machine machine; \
		struct { \
			FAKE_MACHINE \
		}; \
	};

/* Ready to be probed, but for its registers and a pool. Zeroes before it. */
void fake_machine_init(struct fake_machine *machine, const struct fake_kind *kind);
/* Table pages for the unit. Before enable. */
void fake_machine_pool(struct fake_machine *machine, size_t page_size);
/* Shut down and removed, where it was probed. */
void fake_fini(struct fake *fake);

uint64_t fake_reg(const struct fake *fake, unsigned off, unsigned width);
void fake_set(struct fake *fake, unsigned off, unsigned width, uint64_t value);
/* Writes from index `from` on are exactly these. */
void fake_expect(struct fake *fake, unsigned from, const struct fake_write *expected, unsigned n);
/* The unit's poll, into `events`. */
unsigned fake_poll(struct fake *fake);

/* A paging domain of the widest addresses under this tag, in the list that the core would publish. No writes after that. */
void fake_domain(struct fake *fake, uint32_t tag);
/* Another unit in its list. */
void fake_domain_on(struct fake *fake, struct fake *other, uint32_t tag);
/* Idempotent. The last steps of a unit have it. */
void fake_domain_end(struct fake *fake);
/* Whether `other` takes the domain that a unit makes; `why`: what is said where it does not, NULL: it does. */
void fake_domain_fits(struct fake *fake, struct fake *other, const char *why);
/* Nothing can be mapped in an identity or a blocking domain, and every unit takes it. */
void fake_domains_without_tables(struct fake *fake);
struct piommu_gather fake_gather(uint64_t start, uint64_t last);

/* The domain must succeed; a test destroys it. */
struct piommu_domain *fake_domain_of_type(struct fake *fake, enum piommu_domain_type type);
/* A device whose id is 0x0820, behind the unit. */
void fake_device(struct fake *fake);
#if defined(__x86_64__) && !defined(UNDER_TSAN)
/*
 * Attaches it; `look` is called after every single instruction (SIGTRAP, by the processor's trap flag). Not under ThreadSanitizer: a signal
 * handler between two instructions of its runtime, which may hold a lock there, can wait for ever.
 */
void fake_attach_stepping(struct fake *fake, struct piommu_domain *domain, uint32_t tag, void (*look)(int signal));
#endif

/* Zeroed pages of 4 KiB side by side, the first on a multiple of 64 KiB, for a test to write what hardware would find. */
void fake_pages(struct fake *fake, unsigned n);
uint64_t *fake_page(struct fake *fake, unsigned i);
uint64_t fake_page_pa(const struct fake *fake, unsigned i);
/* The driver's walk, into `steps`. @return what the last one says */
const char *fake_walk(struct fake *fake, uint32_t id, uint64_t iova);
/* The same of the walk before. */
const char *fake_result(const struct fake *fake);
/* What the driver's describe tells, as "NAME=text;" for each. */
void fake_describe(struct fake *fake, const struct piommu_unit_facts *facts, struct piommu_window *window,
		   char words[FAKE_WORDS]);

#endif
