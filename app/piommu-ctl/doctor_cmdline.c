/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel command line: does it keep the kernel off the units, and is an option misspelt? A misspelt option is silently
 * ignored, and its owner believes the opposite. Pure.
 *
 * intel_iommu=off alone leaves interrupt remapping on, and with it the kernel's own use of the unit's queue. Linux has one initcall name for
 * its drivers of all SMMUs; no option turns them off, iommu.passthrough=1 neither, and they can be unbound from no unit.
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
	{ "intel_iommu", intel_values }, { "intremap", intremap_values },    { "amd_iommu", NULL }, { "iommu", NULL },
	{ "initcall_blacklist", NULL },  { "deferred_probe_timeout", NULL },
};

#define SMMU_INITCALL "arm_smmu_driver_init"

static const char *const remedies[] = {
	[DOCTOR_INTEL] = "boot with: intel_iommu=off intremap=off",
	[DOCTOR_AMD] = "boot with: amd_iommu=off",
	[DOCTOR_ARM] = "boot with: initcall_blacklist=" SMMU_INITCALL " deferred_probe_timeout=0",
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
	bool amd_off;
	bool smmu_off, smmu_module_off;
	bool passthrough;
	bool no_wait; /* drivers of devices behind a unit without a driver start at once */
};

/* What the words of a line are read into. */
struct reading {
	struct report *report;
	const char *remedy;
	struct intent intent;
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

static void check_value(const struct reading *r, const struct option *option, const struct known *entry)
{
	const char *item = option->value;

	if (!item || !*item) {
		report_add(r->report, CHECK, FINDING_WARN, r->remedy, "\"%s\" has no value: the kernel ignores it",
			   option->text);
		return;
	}
	while (entry->values && *item) {
		size_t len = strcspn(item, ",");
		bool good = false;

		for (size_t i = 0; entry->values[i] && !good; i++)
			good = strlen(entry->values[i]) == len && strncmp(item, entry->values[i], len) == 0;
		if (!good)
			report_add(r->report, CHECK, FINDING_WARN, r->remedy,
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

/* One misspelt item makes the whole do nothing, and nobody is told. */
static void read_initcalls(struct reading *r, const char *value)
{
	r->intent.smmu_off |= value_has(value, SMMU_INITCALL);
	if (strstr(value, "smmu") && !value_has(value, SMMU_INITCALL))
		report_add(r->report, CHECK, FINDING_WARN, r->remedy,
			   "\"%s\": no SMMU driver of the kernel has an initcall of that name", value);
}

/* Options that the kernel takes wherever they are for: no list of values, or somebody else's. */
static void read_arm(struct reading *r, const struct option *option)
{
	const char *value = option->value ? option->value : "";

	if (!strcmp(option->name, "initcall_blacklist"))
		read_initcalls(r, value);
	else if (!strcmp(option->name, "modprobe.blacklist") || !strcmp(option->name, "module_blacklist"))
		r->intent.smmu_module_off |= value_has(value, "arm_smmu_v3") || value_has(value, "arm_smmu");
	else if (!strcmp(option->name, "deferred_probe_timeout"))
		r->intent.no_wait = !strcmp(value, "0");
	else if (!strcmp(option->name, "iommu.passthrough"))
		r->intent.passthrough = *value && strchr("1yYoO", *value) && strcmp(value, "off") != 0;
}

/* The last one wins, as in the kernel. */
static void read_x86(struct intent *intent, const struct option *option)
{
	bool off = value_has(option->value, "off");

	if (!strcmp(option->name, "intel_iommu") && (off || value_has(option->value, "on"))) {
		intent->dma_off = off;
		intent->dma_on = !off;
	} else if (!strcmp(option->name, "iommu") && off) {
		intent->dma_off = intent->amd_off = true;
	} else if (!strcmp(option->name, "intremap")) {
		intent->remap_off = off;
	} else if (!strcmp(option->name, "nointremap")) {
		intent->remap_off = true;
	} else if (!strcmp(option->name, "amd_iommu")) {
		intent->amd_off |= off;
	}
}

static void read_option(struct reading *r, const struct option *option)
{
	const struct known *entry = find_known(option->name);
	const char *guess = entry ? NULL : meant(option->name);

	if (guess)
		report_add(r->report, CHECK, FINDING_WARN, r->remedy,
			   "\"%s\" is misspelt: the kernel ignores it; probably %s= was meant", option->text, guess);
	if (entry)
		check_value(r, option, entry);
	if (entry && strncmp(option->text, option->name, strlen(option->name)) != 0)
		report_add(r->report, CHECK, FINDING_WARN, "write it as the kernel's documentation does",
			   "\"%s\" is misspelt: the kernel reads '-' as '_' and takes it, other tools do not", option->text);
	read_x86(&r->intent, option);
	read_arm(r, option);
}

static void judge_intel(const struct reading *r)
{
	const struct intent *intent = &r->intent;

	if (intent->dma_on)
		report_add(r->report, CHECK, FINDING_FAIL, r->remedy, "intel_iommu=on gives the units to the kernel");
	else if (intent->dma_off && intent->remap_off)
		report_add(r->report, CHECK, FINDING_OK, NULL, "keeps the kernel off the units");
	else if (intent->dma_off)
		report_add(
			r->report, CHECK, FINDING_FAIL, "add: intremap=off",
			"translation is off, but intremap=off is missing: interrupt remapping keeps the kernel on the units");
	else
		report_add(r->report, CHECK, FINDING_WARN, r->remedy, "nothing keeps the kernel off the units");
}

static void judge_amd(const struct reading *r)
{
	if (r->intent.amd_off)
		report_add(r->report, CHECK, FINDING_OK, NULL, "keeps the kernel off the units");
	else
		report_add(r->report, CHECK, FINDING_WARN, r->remedy, "nothing keeps the kernel off the units");
}

static void judge_arm(const struct reading *r)
{
	const struct intent *intent = &r->intent;

	if (!intent->smmu_off && !intent->smmu_module_off) {
		report_add(r->report, CHECK, FINDING_WARN, r->remedy, "%s",
			   intent->passthrough ? "iommu.passthrough leaves the units with the kernel's driver"
					       : "nothing keeps the kernel off the units");
		return;
	}
	report_add(r->report, CHECK, FINDING_OK, NULL, "keeps the kernel%s off the units",
		   intent->smmu_off ? "" : ", where its SMMU drivers are modules,");
	if (!intent->no_wait)
		report_add(r->report, CHECK, FINDING_WARN, "add: deferred_probe_timeout=0",
			   "drivers of devices behind a unit may wait for its driver, ten seconds or more");
}

enum doctor_kind doctor_kind_of(const char *family)
{
	return strncmp(family, "smmu", 4) == 0 ? DOCTOR_ARM : strcmp(family, "amdvi") == 0 ? DOCTOR_AMD : DOCTOR_INTEL;
}

const char *doctor_boot_remedy(enum doctor_kind kind)
{
	return remedies[kind];
}

void doctor_cmdline(struct report *report, enum doctor_kind kind, const char *cmdline)
{
	static void (*const judges[])(const struct reading *r) = {
		[DOCTOR_INTEL] = judge_intel,
		[DOCTOR_AMD] = judge_amd,
		[DOCTOR_ARM] = judge_arm,
	};
	struct reading r = { .report = report, .remedy = remedies[kind] };
	struct option option;

	while (*cmdline) {
		size_t len = strcspn(cmdline, " \t\n");

		split(cmdline, len, &option);
		if (len)
			read_option(&r, &option);
		cmdline += len;
		cmdline += strspn(cmdline, " \t\n");
	}
	judges[kind](&r);
}
