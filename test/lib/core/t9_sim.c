/* SPDX-License-Identifier: BSD-3-Clause */
/* See t9_sim.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "piommu_sim.h"
#include "sim.h"
#include "suite.h"
#include "t9_sim.h"

#define PATIENCE_MS 50u /* hardware of this kind answers at once, or never */

static const struct t9_sim_family families[] = {
	{ "vtd", "rmrr=1", { " did=" } },
	{ "smmuv3", "rmr=1", { " asid=", " vmid=" } },
	{ "smmuv2", "", { " bank=", " asid=", " vmid=" } },
};

const struct t9_sim_family *t9_sim_family(const char *name)
{
	for (unsigned i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (!strcmp(families[i].name, name))
			return &families[i];
	return NULL;
}

/* ---- The machine ---- */

static void remember(void *ctx, enum piommu_log_level level, const char *line)
{
	struct t9_sim *w = ctx;

	(void)level;
	snprintf(w->said, sizeof(w->said), "%s", line);
}

struct piommu_sbdf t9_sim_sbdf(const char *name)
{
	struct piommu_sbdf sbdf = { 0 };

	CU_ASSERT_FATAL(!piommu_sbdf_parse(name, &sbdf));
	return sbdf;
}

void t9_sim_open(void *ctx)
{
	struct t9_sim *w = ctx;
	char args[128];

	*w = (struct t9_sim){ .family = w->family, .keys = w->keys, .name = w->name };
	w->log = (struct piommu_log){ remember, w, PIOMMU_LOG_WARN };
	snprintf(args, sizeof(args), "%s,mem=64m%s%s%s%s", w->family->name, *w->family->reserved ? "," : "",
		 w->family->reserved, *w->keys ? "," : "", w->keys);
	CU_ASSERT_FATAL(!sim_platform.open(args, &w->log, &w->plat));
}

/* No driver goes wrong about the hardware while things fail. */
void t9_sim_close(void *ctx)
{
	struct t9_sim *w = ctx;
	struct piommu_sim_counts counts;
	char complaint[200] = "";

	for (unsigned u = 0; !piommu_sim_counts(w->plat, u, &counts); u++) {
		piommu_sim_complaint(w->plat, u, complaint, sizeof(complaint));
		CU_ASSERT_STRING_EQUAL(complaint, "");
		CHECK_EQ(counts.stale_hits + counts.unflushed + counts.misuse + counts.width_errors + counts.reserved_errors,
			 0);
	}
	w->plat->ops->close(w->plat);
}

struct piommu *t9_sim_manager(void *ctx)
{
	return ((struct t9_sim *)ctx)->p;
}

/* Which domain id, ASID or bank an entry has means as much as which tag a domain has. */
static void without(char *text, const char *tag)
{
	for (char *at = text; (at = strstr(at, tag));) {
		size_t len = strlen(tag) + strspn(at + strlen(tag), "0123456789");

		memmove(at, at + len, strlen(at + len) + 1);
	}
}

/* What a failed command left in the registers is taken out, and made good, by a poll. */
char *t9_sim_hardware(void *ctx, enum dump_how how)
{
	struct t9_sim *w = ctx;
	char *text = NULL;

	while (w->p && piommu_poll(w->p))
		;
	CU_ASSERT_FATAL(!piommu_sim_dump(w->plat, &text));
	for (unsigned i = 0; how == DUMP_MEANING && w->family->tags[i]; i++)
		without(text, w->family->tags[i]);
	return text;
}

static uint64_t injected(struct t9_sim *w, unsigned unit)
{
	struct piommu_sim_counts counts;

	CU_ASSERT_FATAL(!piommu_sim_counts(w->plat, unit, &counts));
	return counts.injected;
}

/* Two ways for each unit: handshakes, invalidations. */
void t9_sim_arm(void *ctx, unsigned way, unsigned n)
{
	struct t9_sim *w = ctx;

	w->injected = injected(w, way / 2);
	piommu_sim_set(w->plat, way / 2, way % 2 ? PIOMMU_SIM_FAIL_INVALIDATIONS : PIOMMU_SIM_FAIL_HANDSHAKES, n);
}

/* What was lost, and is said to be under way, comes to its end late. */
bool t9_sim_disarm(void *ctx, unsigned way)
{
	struct t9_sim *w = ctx;

	piommu_sim_set(w->plat, way / 2, PIOMMU_SIM_FAIL_INVALIDATIONS, 0);
	piommu_sim_set(w->plat, way / 2, PIOMMU_SIM_FAIL_HANDSHAKES, 0);
	return injected(w, way / 2) != w->injected;
}

/* Memory and references do not depend on the keys, but for a table that stands for identity. */
unsigned t9_sim_kinds(const struct t9_sim *w)
{
	return !*w->keys || strstr(w->keys, "pt=0") ? FAULT_ALL : FAULT_NOTHING;
}

unsigned t9_sim_nways(const struct t9_sim *w)
{
	const char *units = strstr(w->keys, "units=");

	return 2 * (units ? (unsigned)strtoul(units + 6, NULL, 10) : 1);
}

/* ---- The manager ---- */

const struct piommu_driver *t9_sim_driver(const struct t9_sim *w)
{
	const struct piommu_driver *const *driver = piommu_drivers;

	while (*driver && strcmp((*driver)->name, w->family->name))
		driver++;
	CU_ASSERT_FATAL(*driver != NULL);
	return *driver;
}

int t9_sim_create_with(struct t9_sim *w, const struct piommu_driver *const *drivers)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;

	config.drivers = drivers;
	config.late_drivers = !drivers[0];
	config.instance = w->plat;
	config.log = w->log;
	config.timeout_ms = PATIENCE_MS;
	return piommu_create(&config, &w->p);
}

int t9_sim_make(void *ctx)
{
	return t9_sim_create_with(ctx, piommu_drivers);
}

void t9_sim_destroy_it(void *ctx)
{
	struct t9_sim *w = ctx;

	CHECK_EQ(piommu_destroy(w->p), 0);
	w->p = NULL;
}

void t9_sim_begin(void *ctx)
{
	struct t9_sim *w = ctx;

	t9_sim_open(w);
	CU_ASSERT_FATAL(!t9_sim_make(w));
	CU_ASSERT_FATAL(!piommu_mem_alloc(w->p, PIOMMU_PAGE_SIZE, 0, &w->mem));
}

void t9_sim_end(void *ctx)
{
	struct t9_sim *w = ctx;

	if (w->mem.va)
		piommu_mem_free(w->p, &w->mem);
	piommu_group_put(w->group);
	CHECK_EQ(piommu_destroy(w->p), 0);
	t9_sim_close(w);
}

/* One word, written and read back. */
bool t9_sim_reaches(struct t9_sim *w, const char *name, uint64_t iova, const struct piommu_mem *mem)
{
	static uint32_t word = 1;
	uint32_t back = 0;

	word++;
	if (piommu_sim_dma(w->plat, t9_sim_sbdf(name), iova, &word, sizeof(word), true))
		return false;
	if (mem)
		CHECK_EQ(*(volatile uint32_t *)mem->va, word);
	return !piommu_sim_dma(w->plat, t9_sim_sbdf(name), iova, &back, sizeof(back), false) && back == word;
}
