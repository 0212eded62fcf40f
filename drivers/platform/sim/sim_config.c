/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "vtd,units=2,aw=48": the words after "sim:" to a description of a machine. Pure, but for the one line that says why an
 * argument is refused. Which keys there are, the family says; they are documented in piommu_sim.h and doc/sim.md.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

const struct sim_choice sim_on_off[] = { { "0", 0 }, { "1", 1 }, { NULL, 0 } };
const struct sim_choice sim_addressing[] = { { "low", 0 }, { "va", 1 }, { NULL, 0 } };
const struct sim_choice sim_states[] = { { "off", 0 }, { "on", 1 }, { NULL, 0 } };
const struct sim_choice sim_stages[] = { { "1", SIM_S1 }, { "2", SIM_S2 }, { "both", SIM_S1 | SIM_S2 }, { NULL, 0 } };
const struct sim_choice sim_granules[] = {
	{ "all", 1u << 12 | 1u << 14 | 1u << 16 }, { "4k", 1u << 12 }, { "16k", 1u << 14 }, { "64k", 1u << 16 }, { NULL, 0 }
};
const struct sim_choice sim_nodes_keys[] = { { "0", 0 }, { "1", 1 }, { "shared", SIM_NODES_SHARED }, { NULL, 0 } };

const struct sim_family *const sim_families[] = { &sim_vtd, &sim_smmuv3, &sim_smmuv2, NULL };
static const char *const later[] = { "amdvi", "virtio" };

static int parse_number(const struct sim_key *key, const char *text, uint64_t *out)
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

static int parse_value(const struct sim_key *key, const char *text, uint64_t *out)
{
	if (!key->choices)
		return parse_number(key, text, out);
	for (const struct sim_choice *choice = key->choices; choice->word; choice++) {
		if (!strcmp(choice->word, text)) {
			*out = choice->value;
			return 0;
		}
	}
	return -EINVAL;
}

static void list_keys(const struct sim_family *family, char *text, size_t len)
{
	size_t at = 0;

	for (unsigned i = 0; i < family->nkeys && at < len; i++)
		at += (size_t)snprintf(text + at, len - at, "%s%s", i ? ", " : "", family->keys[i].name);
}

static int parse_pair(const char *name, const char *value, const struct piommu_log *log, struct sim_config *config)
{
	const struct sim_family *family = config->family;
	char names[256];

	for (unsigned i = 0; i < family->nkeys; i++) {
		const struct sim_key *key = &family->keys[i];

		if (strcmp(key->name, name))
			continue;
		if (!parse_value(key, value, (uint64_t *)(void *)((char *)config + key->off)))
			return 0;
		log_err(log, "sim: %s=%s: %s takes %s", name, value, name, key->values);
		return -EINVAL;
	}
	list_keys(family, names, sizeof(names));
	log_err(log, "sim: unknown key \"%s\"; the keys are %s", name, names);
	return -EINVAL;
}

/* "vtd, smmuv3" */
static void list_families(char *text, size_t len)
{
	size_t at = 0;

	for (unsigned i = 0; sim_families[i] && at < len; i++)
		at += (size_t)snprintf(text + at, len - at, "%s%s", i ? ", " : "", sim_families[i]->name);
}

/* Its defaults, too. */
static int parse_family(const char *word, const struct piommu_log *log, struct sim_config *config)
{
	char names[64];

	for (unsigned i = 0; sim_families[i]; i++) {
		if (strcmp(word, sim_families[i]->name))
			continue;
		*config = *sim_families[i]->defaults;
		config->family = sim_families[i];
		return 0;
	}
	list_families(names, sizeof(names));
	for (unsigned i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		if (!strcmp(word, later[i])) {
			log_err(log, "sim: %s is not in this version; it has %s", word, names);
			return -EINVAL;
		}
	}
	log_err(log, "sim: unknown IOMMU family \"%s\"; this version has %s (as in sim:vtd,units=2)", word, names);
	return -EINVAL;
}

int sim_config_parse(const char *args, const struct piommu_log *log, struct sim_config *out)
{
	struct sim_config config = *sim_families[0]->defaults;
	char *text = strdup(args), *rest = text, *word;
	bool first = true;
	int err = 0;

	if (!text)
		return -ENOMEM;
	config.family = sim_families[0];
	while (!err && *args && (word = strsep(&rest, ","))) {
		char *equals = strchr(word, '=');

		if (!equals && first) {
			err = parse_family(word, log, &config);
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
		err = config.family->check(&config, log);
	if (!err)
		*out = config;
	return err;
}
