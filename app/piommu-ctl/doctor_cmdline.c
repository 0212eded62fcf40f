/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel command line: does it keep the kernel off the units, and is an option misspelt? A misspelt option is silently
 * ignored, and its owner believes the opposite. Pure.
 *
 * intel_iommu=off alone leaves interrupt remapping on, and with it the kernel's own use of the unit's queue.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"

#define CHECK "command-line"
#define WORD_MAX 64u

struct known {
	const char *name;
	const char *const *values; /* NULL-terminated; NULL: any */
};

static const char *const intel_values[] = { "on",     "off",   "igfx_off", "forcedac",      "strict",
					    "sp_off", "sm_on", "sm_off",   "tboot_noforce", NULL };
static const char *const intremap_values[] = { "on", "off", "nosid", "no_x2apic_optout", "nopost", "posted_msi", NULL };

static const struct known known[] = {
	{ "intel_iommu", intel_values },
	{ "intremap", intremap_values },
	{ "amd_iommu", NULL },
	{ "iommu", NULL },
};

/* One option of the line: the name as the kernel reads it ('-' is '_'), and where its value starts. */
struct option {
	char text[WORD_MAX * 2];
	char name[WORD_MAX];
	const char *value; /* NULL: no '=' */
};

struct intent {
	bool dma_off;
	bool dma_on;
	bool remap_off;
};

static void split(const char *word, size_t len, struct option *option)
{
	size_t name;

	snprintf(option->text, sizeof(option->text), "%.*s", (int)len, word);
	name = strcspn(option->text, "=");
	option->value = option->text[name] ? option->text + name + 1 : NULL;
	snprintf(option->name, sizeof(option->name), "%.*s", (int)name, option->text);
	for (char *c = option->name; *c; c++)
		*c = *c == '-' ? '_' : *c;
}

static bool value_has(const char *value, const char *item)
{
	size_t len = strlen(item);

	for (; value && *value; value += strcspn(value, ","), value += *value == ',') {
		if (strncmp(value, item, len) == 0 && (!value[len] || value[len] == ','))
			return true;
	}
	return false;
}

/* How many letters are wrong, missing or too many; more than `limit` is all the same. Short words only. */
static unsigned distance(const char *a, const char *b, unsigned limit)
{
	unsigned row[WORD_MAX + 1];
	size_t blen = strlen(b);

	if (strlen(a) > blen + limit || blen > strlen(a) + limit || blen > WORD_MAX)
		return limit + 1;
	for (unsigned j = 0; j <= blen; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= blen; j++) {
			unsigned change = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			row[j] = row[j] + 1 < change ? row[j] + 1 : change;
			row[j] = row[j - 1] + 1 < row[j] ? row[j - 1] + 1 : row[j];
		}
	}
	return row[blen];
}

/* The option that this name was probably meant to be. Short names are near to everything: one letter is all they get. */
static const char *meant(const char *name)
{
	char lower[WORD_MAX];
	size_t end = strcspn(name, ":.");

	snprintf(lower, sizeof(lower), "%.*s", (int)end, name);
	if (name[end] == '.') /* iommu.strict, amd_iommu.foo: module parameters */
		return NULL;
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (strcmp(lower, "nointremap") == 0)
		return NULL;
	if (strcmp(lower, "iommu_intel") == 0)
		return "intel_iommu";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		unsigned limit = strlen(known[i].name) > 6 ? 2 : 1;

		if (distance(lower, known[i].name, limit) <= limit)
			return known[i].name;
	}
	return NULL;
}

static void check_value(struct report *report, const struct option *option, const struct known *entry)
{
	const char *item = option->value;

	if (!item || !*item) {
		report_add(report, CHECK, FINDING_WARN, DOCTOR_BOOT_REMEDY, "\"%s\" has no value: the kernel ignores it",
			   option->text);
		return;
	}
	while (entry->values && *item) {
		size_t len = strcspn(item, ",");
		bool good = false;

		for (size_t i = 0; entry->values[i] && !good; i++)
			good = strlen(entry->values[i]) == len && strncmp(item, entry->values[i], len) == 0;
		if (!good)
			report_add(report, CHECK, FINDING_WARN, DOCTOR_BOOT_REMEDY,
				   "\"%s\": the kernel knows no value \"%.*s\" and ignores it", option->text, (int)len, item);
		item += len + (item[len] == ',');
	}
}

static const struct known *find_known(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, name) == 0)
			return &known[i];
	}
	return NULL;
}

static void read_option(struct report *report, const struct option *option, struct intent *intent)
{
	const struct known *entry = find_known(option->name);
	const char *guess;

	if (!entry) {
		guess = meant(option->name);
		if (guess)
			report_add(report, CHECK, FINDING_WARN, DOCTOR_BOOT_REMEDY,
				   "\"%s\" is misspelt: the kernel ignores it; probably %s= was meant", option->text, guess);
		if (strcmp(option->name, "nointremap") == 0)
			intent->remap_off = true;
		return;
	}
	check_value(report, option, entry);
	if (strncmp(option->text, option->name, strlen(option->name)) != 0)
		report_add(report, CHECK, FINDING_WARN, "write it as the kernel's documentation does",
			   "\"%s\" is misspelt: the kernel reads '-' as '_' and takes it, other tools do not", option->text);
	/* The last one wins, as in the kernel. */
	if (strcmp(entry->name, "intel_iommu") == 0 && (value_has(option->value, "on") || value_has(option->value, "off"))) {
		intent->dma_off = value_has(option->value, "off");
		intent->dma_on = !intent->dma_off;
	} else if (strcmp(entry->name, "iommu") == 0 && value_has(option->value, "off")) {
		intent->dma_off = true;
	} else if (strcmp(entry->name, "intremap") == 0) {
		intent->remap_off = value_has(option->value, "off");
	}
}

void doctor_cmdline(struct report *report, const char *cmdline)
{
	struct intent intent = { false, false, false };
	struct option option;

	while (*cmdline) {
		size_t len = strcspn(cmdline, " \t\n");

		split(cmdline, len, &option);
		if (len)
			read_option(report, &option, &intent);
		cmdline += len;
		cmdline += strspn(cmdline, " \t\n");
	}
	if (intent.dma_on)
		report_add(report, CHECK, FINDING_FAIL, DOCTOR_BOOT_REMEDY, "intel_iommu=on gives the units to the kernel");
	else if (intent.dma_off && intent.remap_off)
		report_add(report, CHECK, FINDING_OK, NULL, "keeps the kernel off the units");
	else if (intent.dma_off)
		report_add(
			report, CHECK, FINDING_FAIL, "add: intremap=off",
			"translation is off, but intremap=off is missing: interrupt remapping keeps the kernel on the units");
	else
		report_add(report, CHECK, FINDING_WARN, DOCTOR_BOOT_REMEDY, "nothing keeps the kernel off the units");
}
