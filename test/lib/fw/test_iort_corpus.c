/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every IORT of the corpus against a decode that others made (decoded.jsonl: one JSON object a line). A mapping there is
 * [first id, number of ids as written, output base, offset of the node it leads to, flags]. What ids become is worked out here
 * from the decode, one id at a time, in another way than the parser's ranges.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "decodes.h"
#include "suite.h"
#include "tables.h"

struct decode {
	const json_t *items;
	bool counts; /* the table writes counts where counts minus one belong, and is known for it */
};

static struct tables all;
static json_t *decodes; /* file name -> object */
static unsigned nids;   /* compared one by one */

static long long number(const json_t *item, const char *key)
{
	return json_integer_value(json_object_get(item, key));
}

static uint32_t element(const json_t *array, size_t n)
{
	return (uint32_t)json_integer_value(json_array_get(array, n));
}

static bool is(const json_t *item, const char *kind)
{
	return strcmp(json_string_value(json_object_get(item, "k")), kind) == 0;
}

static bool is_unit(const json_t *item)
{
	return is(item, "SMMUv2") || is(item, "SMMUv3");
}

/* The node at an offset; `*units` and `*groups` count what stands before it. */
static const json_t *node_at(const struct decode *decode, long long off, unsigned *units, unsigned *groups)
{
	const json_t *item;
	size_t i;

	*units = *groups = 0;
	json_array_foreach(decode->items, i, item)
	{
		if (number(item, "off") == off)
			return item;
		*units += is_unit(item);
		*groups += is(item, "ITS");
	}
	return NULL;
}

/* ---- Ids, the slow way -------------------------------------------------------------------------------------------------- */

/* The mapping that has `id`; where two share the last of one and the first of the other, it is the other's. */
static const json_t *find_map(const struct decode *decode, const json_t *item, uint32_t id)
{
	const json_t *maps = json_object_get(item, "maps");
	const json_t *found = NULL;
	const json_t *map;
	size_t i;

	json_array_foreach(maps, i, map)
	{
		uint64_t first = element(map, 0), n = element(map, 1);
		uint64_t last = first + n - (decode->counts && n ? 1 : 0);
		bool found_ends = found && element(found, 1) && (uint64_t)element(found, 0) + element(found, 1) == id;

		if (element(map, 4) & 1 || id < first || id > last)
			continue;
		if (!found || (found_ends && first == id))
			found = map;
	}
	return found;
}

static void check_msi(const struct piommu_fw_source *source, const struct decode *decode, const json_t *map, uint32_t in,
		      uint32_t id)
{
	for (unsigned hops = 0; map && hops < 8; hops++) {
		unsigned units, groups;
		const json_t *node = node_at(decode, element(map, 3), &units, &groups);

		if (is(node, "ITS")) {
			for (unsigned i = 0; i < source->to_msi.n; i++) {
				const struct piommu_fw_id_map *at = &source->to_msi.at[i];

				if (in < at->first || in > at->last)
					continue;
				CHECK_EQ(at->target, groups);
				CHECK_HEX(at->to + (in - at->first), id);
				return;
			}
			CU_FAIL("an id has no way to its MSI controller");
			return;
		}
		map = find_map(decode, node, id);
		if (map)
			id = element(map, 2) + (id - element(map, 0));
	}
}

static void check_id(const struct piommu_fw_source *source, const struct decode *decode, const json_t *item, uint32_t id)
{
	const json_t *map = find_map(decode, item, id);
	struct piommu_fw_route route;
	unsigned units, groups;

	nids++;
	CHECK_EQ(piommu_fw_source_route(source, id, &route), map ? 0 : -ENOENT);
	if (!map)
		return;
	CHECK_EQ(route.unit, is_unit(node_at(decode, element(map, 3), &units, &groups)) ? units : PIOMMU_FW_NONE);
	CHECK_HEX(route.id, element(map, 2) + (id - element(map, 0)));
	check_msi(source, decode, map, id, route.id);
}

/* Every id at and beside an end of a mapping, and some between. */
static void check_ids(const struct piommu_fw_source *source, const struct decode *decode, const json_t *item)
{
	const json_t *map;
	size_t i;

	json_array_foreach(json_object_get(item, "maps"), i, map)
	{
		uint32_t first = element(map, 0), n = element(map, 1);

		if (element(map, 4) & 1)
			continue;
		for (unsigned near = 0; near < 3; near++) {
			check_id(source, decode, item, first + near - 1);
			check_id(source, decode, item, first + n + near - 1);
			check_id(source, decode, item, first + n / 3 * near);
		}
	}
}

/* Single mappings: each is one id at its target. */
static void check_singles(const struct piommu_fw_source *source, const struct decode *decode, const json_t *item)
{
	const json_t *map;
	size_t i;

	CHECK_EQ(source->to_units.n, json_array_size(json_object_get(item, "maps")));
	json_array_foreach(json_object_get(item, "maps"), i, map)
	{
		unsigned units, groups;
		const json_t *node = node_at(decode, element(map, 3), &units, &groups);

		CHECK_HEX(source->to_units.at[i].to, element(map, 2));
		CHECK_EQ(source->to_units.at[i].target, is_unit(node) ? units : PIOMMU_FW_NONE);
		CHECK_EQ(source->to_units.at[i].mask, 0);
		if (element(map, 4) & 1)
			CHECK_EQ(source->to_units.at[i].last, source->to_units.at[i].first);
	}
}

/* ---- Nodes -------------------------------------------------------------------------------------------------------------- */

static unsigned count_irqs(const struct piommu_fw_unit *unit, enum piommu_fw_irq_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < unit->nirqs; i++)
		n += unit->irqs[i].kind == kind;
	return n;
}

static uint32_t irq_number(const struct piommu_fw_unit *unit, enum piommu_fw_irq_kind kind)
{
	for (unsigned i = 0; i < unit->nirqs; i++) {
		if (unit->irqs[i].kind == kind)
			return unit->irqs[i].number;
	}
	return 0;
}

static void check_unit_v2(const struct piommu_fw_unit *unit, const json_t *item)
{
	static const struct {
		unsigned version;
		enum piommu_fw_model model;
	} models[] = { { 1, PIOMMU_FW_MODEL_GENERIC }, { 2, PIOMMU_FW_MODEL_GENERIC }, { 1, PIOMMU_FW_MODEL_MMU_400 },
		       { 2, PIOMMU_FW_MODEL_MMU_500 }, { 1, PIOMMU_FW_MODEL_MMU_401 }, { 2, PIOMMU_FW_MODEL_CAVIUM_V2 } };
	long long flags = number(item, "flags");

	CHECK_EQ(unit->family, PIOMMU_FAMILY_SMMUV2);
	CHECK_HEX(unit->base, number(item, "base"));
	CHECK_HEX(unit->len, number(item, "span"));
	CHECK_EQ(unit->version, models[number(item, "model")].version);
	CHECK_EQ(unit->model, models[number(item, "model")].model);
	CHECK_HEX(unit->flags, (flags & 1 ? PIOMMU_FW_UNIT_BROADCAST : 0) | (flags & 2 ? PIOMMU_FW_UNIT_COHERENT : 0));
	CHECK_EQ(count_irqs(unit, PIOMMU_FW_IRQ_GLOBAL), 1);
	CHECK_EQ(count_irqs(unit, PIOMMU_FW_IRQ_CONFIG), 1);
	CHECK_EQ(count_irqs(unit, PIOMMU_FW_IRQ_CONTEXT), number(item, "nctx"));
	CHECK_EQ(count_irqs(unit, PIOMMU_FW_IRQ_PMU), number(item, "npmu"));
}

static void check_unit_v3(const struct piommu_fw_unit *unit, const struct decode *decode, const json_t *item)
{
	const json_t *own = json_array_get(json_object_get(item, "maps"), (size_t)number(item, "devidx"));
	long long flags = number(item, "flags");
	unsigned units, groups;

	CHECK_EQ(unit->family, PIOMMU_FAMILY_SMMUV3);
	CHECK_EQ(unit->version, 3);
	CHECK_HEX(unit->base, number(item, "base"));
	CHECK_EQ(unit->model, number(item, "model")); /* the corpus has generic ones only: 0 */
	CHECK_HEX(unit->flags, flags & 1 ? PIOMMU_FW_UNIT_COHERENT : 0);
	CHECK_EQ(unit->httu, flags >> 1 & 3);
	CHECK_EQ(irq_number(unit, PIOMMU_FW_IRQ_EVENT), number(item, "evt"));
	CHECK_EQ(irq_number(unit, PIOMMU_FW_IRQ_PRI), number(item, "pri"));
	CHECK_EQ(irq_number(unit, PIOMMU_FW_IRQ_ERROR), number(item, "gerr"));
	CHECK_EQ(irq_number(unit, PIOMMU_FW_IRQ_SYNC), number(item, "sync"));
	CHECK_EQ(unit->numa_node, flags & 8 && (!json_array_size(json_object_get(item, "maps")) || number(item, "mo") >= 64)
					  ? number(item, "pxm")
					  : -1);
	CHECK_EQ(unit->msi.known, own && element(own, 4) & 1 && number(item, "mo") >= 68);
	if (unit->msi.known) {
		CHECK_HEX(unit->msi.id, element(own, 2));
		node_at(decode, element(own, 3), &units, &groups);
		CHECK_EQ(unit->msi.controller, groups);
	}
}

static void check_source(const struct piommu_fw_source *source, const struct decode *decode, const json_t *item)
{
	CHECK_EQ(!!(source->flags & PIOMMU_FW_SOURCE_COHERENT), (number(item, "cca") & 0xffffffff) == 1);
	CHECK_EQ(source->address_bits, number(item, "asl"));
	CHECK_HEX(source->id_mask, UINT32_MAX);
	if (source->is_pci) {
		CU_ASSERT(is(item, "RC"));
		CHECK_EQ(source->segment, number(item, "seg"));
		CHECK_EQ(!!(source->flags & PIOMMU_FW_SOURCE_ATS), number(item, "ats") & 1);
	} else {
		CU_ASSERT(is(item, "NC"));
		CHECK_EQ(!!(source->flags & PIOMMU_FW_SOURCE_STALL), number(item, "flags") & 1);
		CHECK_EQ(source->pasid_bits, number(item, "flags") >> 1 & 0x1f);
		CU_ASSERT_STRING_EQUAL(source->name, json_string_value(json_object_get(item, "name")));
	}
	check_singles(source, decode, item);
	check_ids(source, decode, item);
}

/* @return how many spans it has */
static unsigned check_rmr(const struct piommu_fw_reserved *reserved, const struct decode *decode, const json_t *item)
{
	const json_t *spans = json_object_get(item, "rmr");
	const json_t *span;
	const json_t *map;
	size_t i, j;

	json_array_foreach(spans, i, span)
	{
		uint64_t base = (uint64_t)json_integer_value(json_array_get(span, 0));

		CHECK_EQ(reserved[i].kind, PIOMMU_FW_RESERVED_RMR);
		CHECK_HEX(reserved[i].span.start, base);
		CHECK_HEX(reserved[i].span.last, base + (uint64_t)json_integer_value(json_array_get(span, 1)) - 1);
		CHECK_HEX(reserved[i].flags, number(item, "flags"));
		CU_ASSERT_EQUAL_FATAL(reserved[i].ids.n, json_array_size(json_object_get(item, "maps")));
		json_array_foreach(json_object_get(item, "maps"), j, map)
		{
			unsigned units, groups;

			node_at(decode, element(map, 3), &units, &groups);
			CHECK_EQ(reserved[i].ids.at[j].target, units);
			CHECK_HEX(reserved[i].ids.at[j].to, element(map, 2));
		}
	}
	return (unsigned)json_array_size(spans);
}

static void check_its(const struct piommu_fw_msi *msi, const json_t *item)
{
	const json_t *ids = json_object_get(item, "its");

	CU_ASSERT_EQUAL_FATAL(msi->nids, json_array_size(ids));
	for (unsigned i = 0; i < msi->nids; i++)
		CHECK_EQ(msi->ids[i], element(ids, i));
}

static void check_table(const struct piommu_fw *fw, const struct decode *decode)
{
	unsigned units = 0, sources = 0, msis = 0, reserved = 0;
	const json_t *item;
	size_t i;

	json_array_foreach(decode->items, i, item)
	{
		if (is(item, "SMMUv2") && units < fw->nunits)
			check_unit_v2(&fw->units[units++], item);
		else if (is(item, "SMMUv3") && units < fw->nunits)
			check_unit_v3(&fw->units[units++], decode, item);
		else if ((is(item, "RC") || is(item, "NC")) && sources < fw->nsources)
			check_source(&fw->sources[sources++], decode, item);
		else if (is(item, "ITS") && msis < fw->nmsis)
			check_its(&fw->msis[msis++], item);
		else if (is(item, "RMR") && reserved < fw->nreserved)
			reserved += check_rmr(&fw->reserved[reserved], decode, item);
		else
			CU_FAIL("the decode has a node that the description lacks");
	}
	CHECK_EQ(fw->nunits, units);
	CHECK_EQ(fw->nsources, sources);
	CHECK_EQ(fw->nmsis, msis);
	CHECK_EQ(fw->nreserved, reserved);
	CHECK_EQ(fw->ncounters, 0); /* the corpus has none */
}

/* One table was cut out of a firmware image, its checksum not yet filled in: refused, and as good as the others when it is. */
static void open_table(struct table *table, struct piommu_fw *fw)
{
	struct piommu_fw_error err = { "" };
	int rc = piommu_fw_parse_iort(table->bytes, table->len, fw, &err);

	if (strstr(table->name, "romulus")) {
		CHECK_EQ(rc, -EINVAL);
		CHECK_HAS(err.text, "checksum");
		table_seal(table->bytes, table->len);
		rc = piommu_fw_parse_iort(table->bytes, table->len, fw, &err);
	}
	if (rc < 0)
		printf("%s: %s\n", table->name, err.text);
	CHECK_EQ(rc, 0);
}

static void every_table_equals_its_independent_decode(void)
{
	for (unsigned i = 0; i < all.n; i++) {
		struct decode decode = { .items = json_object_get(json_object_get(decodes, all.at[i].name), "items") };
		struct piommu_fw fw = { 0 };

		CU_ASSERT_PTR_NOT_NULL_FATAL(decode.items);
		decode.counts = memcmp(all.at[i].bytes + 10, "HISI  HIP0", 10) == 0;
		open_table(&all.at[i], &fw);
		check_table(&fw, &decode);
		piommu_fw_free(&fw);
	}
	CHECK_EQ(all.n, json_object_size(decodes));
	printf("# %u ids of %u tables\n", nids, all.n);
}

static void only_the_known_oddities_warn(void)
{
	static const struct {
		const char *part; /* of the file's name */
		unsigned nwarnings;
	} odd[] = {
		{ "misc-d435a554", 3 }, /* node count, length of the last node, counts of ids */
		{ "tianocore", 1 },     /* counts of ids */
	};

	for (unsigned i = 0; i < all.n; i++) {
		struct piommu_fw fw = { 0 };
		unsigned want = 0;

		for (unsigned j = 0; j < sizeof(odd) / sizeof(odd[0]); j++) {
			if (strstr(all.at[i].name, odd[j].part))
				want = odd[j].nwarnings;
		}
		table_seal(all.at[i].bytes, all.at[i].len);
		CHECK_EQ(piommu_fw_parse_iort(all.at[i].bytes, all.at[i].len, &fw, NULL), 0);
		CHECK_EQ(fw.nwarnings, want);
		for (unsigned w = 0; w < fw.nwarnings && fw.nwarnings != want; w++)
			printf("%s: %s\n", all.at[i].name, fw.warnings[w]);
		piommu_fw_free(&fw);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(every_table_equals_its_independent_decode),
		SUITE_TEST(only_the_known_oddities_warn),
	};

	return corpus_run(argc, argv, "iort-corpus", "IORT", &all, &decodes, tests, sizeof(tests) / sizeof(tests[0]));
}
