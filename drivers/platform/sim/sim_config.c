/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "vtd,units=2,aw=48": the words after "sim:" to a description of a machine. Pure, but for the one line that says why an
 * argument is refused. The keys are documented in piommu_sim.h and doc/sim.md.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

struct choice {
	const char *word;
	uint64_t value;
};

struct key {
	const char *name;
	size_t off;                   /* in struct sim_config */
	const struct choice *choices; /* or NULL: a number */
	uint64_t min, max;
	const char *values; /* for messages */
	bool is_size;       /* takes k, m, g */
};

static const struct choice on_off[] = { { "0", 0 }, { "1", 1 }, { NULL, 0 } };
static const struct choice leaves[] = { { "4k", 12 }, { "2m", 21 }, { "1g", 30 }, { NULL, 0 } };
static const struct choice widths[] = { { "39", 39 }, { "48", 48 }, { "57", 57 }, { NULL, 0 } };
static const struct choice addressing[] = { { "low", 0 }, { "va", 1 }, { NULL, 0 } };
static const struct choice states[] = { { "off", 0 }, { "on", 1 }, { NULL, 0 } };

#define AT(field) offsetof(struct sim_config, field)
#define SWITCH(name, field) \
	{ \
		name, AT(field), on_off, 0, 0, "0 or 1", false \
	}

static const struct key keys[] = {
	{ "units", AT(units), NULL, 1, SIM_MAX_UNITS, "1 to 8", false },
	{ "aw", AT(aw), widths, 0, 0, "39, 48 or 57", false },
	{ "pages", AT(leaf_lg2), leaves, 0, 0, "4k, 2m or 1g", false },
	SWITCH("all", all),
	SWITCH("nodes", nodes),
	SWITCH("cm", cm),
	SWITCH("coherent", coherent),
	SWITCH("rwbf", rwbf),
	SWITCH("qi", qi),
	SWITCH("pt", pt),
	SWITCH("ir", ir),
	SWITCH("plmr", plmr),
	{ "nfr", AT(nfr), NULL, 1, 64, "1 to 64", false },
	SWITCH("rmrr", rmrr),
	{ "mem", AT(mem), NULL, 8u << 20, UINT64_C(1) << 40, "8m to 1024g, a multiple of 2m", true },
	{ "pa", AT(virt), addressing, 0, 0, "low or va", false },
	SWITCH("thread", thread),
	{ "latency_ns", AT(latency_ns), NULL, 0, 1000000000, "0 to 1000000000", false },
	{ "state", AT(kernel_on), states, 0, 0, "off or on", false },
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static const char families[] = "vtd";
static const char *const later[] = { "amdvi", "smmuv2", "smmuv3", "virtio" };

static const struct sim_config defaults = {
	.units = 1,
	.all = 1,
	.aw = 48,
	.leaf_lg2 = 30,
	.coherent = 1,
	.qi = 1,
	.pt = 1,
	.ir = 1,
	.nfr = 1,
	.mem = 256u << 20,
};

static int parse_number(const struct key *key, const char *text, uint64_t *out)
{
	unsigned shift = 0;
	uint64_t value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (key->is_size && *end) {
		shift = *end == 'k' ? 10 : *end == 'm' ? 20 : *end == 'g' ? 30 : 64;
		end++;
	}
	if (errno || *end || shift == 64 || value > UINT64_MAX >> shift)
		return -EINVAL;
	value <<= shift;
	if (value < key->min || value > key->max || (key->is_size && !is_aligned(value, 2u << 20)))
		return -EINVAL;
	*out = value;
	return 0;
}

static int parse_value(const struct key *key, const char *text, uint64_t *out)
{
	if (!key->choices)
		return parse_number(key, text, out);
	for (const struct choice *choice = key->choices; choice->word; choice++) {
		if (!strcmp(choice->word, text)) {
			*out = choice->value;
			return 0;
		}
	}
	return -EINVAL;
}

static void list_keys(char *text, size_t len)
{
	size_t at = 0;

	for (unsigned i = 0; i < NKEYS && at < len; i++)
		at += (size_t)snprintf(text + at, len - at, "%s%s", i ? ", " : "", keys[i].name);
}

static int parse_pair(const char *name, const char *value, const struct piommu_log *log, struct sim_config *config)
{
	char names[256];

	for (unsigned i = 0; i < NKEYS; i++) {
		const struct key *key = &keys[i];

		if (strcmp(key->name, name))
			continue;
		if (!parse_value(key, value, (uint64_t *)(void *)((char *)config + key->off)))
			return 0;
		log_err(log, "sim: %s=%s: %s takes %s", name, value, name, key->values);
		return -EINVAL;
	}
	list_keys(names, sizeof(names));
	log_err(log, "sim: unknown key \"%s\"; the keys are %s", name, names);
	return -EINVAL;
}

static int check_family(const char *word, const struct piommu_log *log)
{
	if (!strcmp(word, families))
		return 0;
	for (unsigned i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		if (!strcmp(word, later[i])) {
			log_err(log, "sim: %s is not in this version; it has vtd", word);
			return -EINVAL;
		}
	}
	log_err(log, "sim: unknown IOMMU family \"%s\"; this version has vtd (as in sim:vtd,units=2)", word);
	return -EINVAL;
}

/* Combinations that could not work, so that nobody has to find out by a fault. */
static int check_whole(const struct sim_config *config, const struct piommu_log *log)
{
	if (config->virt && config->aw < 48) {
		log_err(log, "sim: pa=va needs aw=48 or aw=57: virtual addresses do not fit %u bits", (unsigned)config->aw);
		return -EINVAL;
	}
	if (config->thread && !config->qi) {
		log_err(log, "sim: thread=1 needs qi=1: there is no queue to run on a thread");
		return -EINVAL;
	}
	return 0;
}

int sim_config_parse(const char *args, const struct piommu_log *log, struct sim_config *out)
{
	struct sim_config config = defaults;
	char *text = strdup(args), *rest = text, *word;
	bool first = true;
	int err = 0;

	if (!text)
		return -ENOMEM;
	while (!err && *args && (word = strsep(&rest, ","))) {
		char *equals = strchr(word, '=');

		if (!equals && first) {
			err = check_family(word, log);
		} else if (!equals) {
			log_err(log, "sim: \"%s\" is not key=value", word);
			err = -EINVAL;
		} else {
			*equals = 0;
			err = parse_pair(word, equals + 1, log, &config);
		}
		first = false;
	}
	free(text);
	if (!err)
		err = check_whole(&config, log);
	if (!err)
		*out = config;
	return err;
}
