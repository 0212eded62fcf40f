/* SPDX-License-Identifier: BSD-3-Clause */
/* piommu-ctl decode: what faults in a kernel's log, or the words of a record, say. No machine is opened; each family's driver decodes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "piommu_driver.h"

#define TEXT_MAX_LEN (1u << 20)

struct decode {
	struct ctl *ctl;
	json_t *faults;
	unsigned n;
	const char *missing; /* a family that this build cannot decode */
};

/* @return 0 with its driver; -ENOENT: nobody's; -EIO: all ones */
static int ask_drivers(const struct ctl_report *report, const struct piommu_driver **driver, struct piommu_event *event)
{
	int err = -ENOENT;

	for (unsigned i = 0; piommu_drivers[i] && err == -ENOENT; i++) {
		*driver = piommu_drivers[i];
		if ((*driver)->decode && (!report->driver || !strcmp((*driver)->name, report->driver)))
			err = (*driver)->decode(report->words, report->n, event);
	}
	return err;
}

static const char *access_of(const struct piommu_event *event)
{
	return event->is_interrupt ? "interrupt" : event->is_write ? "write" : event->is_execute ? "execute" : "read";
}

static json_t *words_json(const struct ctl_report *report)
{
	json_t *raw = json_array();

	for (unsigned i = 0; i < report->n; i++)
		json_array_append_new(raw, ctl_json_hex(report->words[i].value));
	return raw;
}

static json_t *fault_json(const struct ctl_report *report, const struct piommu_driver *driver, const struct piommu_event *event)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:s, s:s, s:o}", "unit",
			 report->unit[0] ? ctl_json_text(report->unit) : json_null(), "family", driver->name, "id",
			 ctl_json_hex(event->id), "bdf", ctl_json_sbdf(event->is_pci, event->sbdf), "access", access_of(event),
			 "iova", ctl_json_hex(event->iova), "pasid",
			 event->has_pasid ? ctl_json_hex(event->pasid) : json_null(), "reason", ctl_json_hex(event->reason),
			 "name", event->reason_name, "text", event->reason_text, "raw", words_json(report));
}

static void print_fault(const struct ctl *ctl, const struct ctl_report *report, const struct piommu_driver *driver,
			const struct piommu_event *event)
{
	char text[512];

	piommu_event_text(event, text, sizeof(text));
	printf("%s: %s\n", report->unit[0] ? report->unit : driver->name, text);
	for (unsigned i = 0; ctl->verbose && i < report->n; i++)
		printf("  %s 0x%llx\n", report->words[i].name ? report->words[i].name : "word",
		       (unsigned long long)report->words[i].value);
}

static void take(void *ctx, const struct ctl_report *report)
{
	const struct piommu_driver *driver = NULL;
	struct decode *decode = ctx;
	struct piommu_event event;

	switch (ask_drivers(report, &driver, &event)) {
	case 0:
		break;
	case -EIO:
		event = (struct piommu_event){ .type = PIOMMU_EVENT_UNIT_LOST,
					       .reason_name = "unit lost",
					       .reason_text = "all ones: the unit did not answer when this was read" };
		break;
	default:
		if (report->driver)
			decode->missing = report->driver;
		return;
	}
	decode->n++;
	if (decode->ctl->json)
		json_array_append_new(decode->faults, fault_json(report, driver, &event));
	else
		print_fault(decode->ctl, report, driver, &event);
}

/* Standard input, or the arguments with blanks between them; the caller's to free. */
static char *read_text(int argc, char **argv)
{
	char *text = calloc(1, TEXT_MAX_LEN + 1);
	size_t used = 0;

	if (!text)
		return NULL;
	if (argc == 1 && !strcmp(argv[0], "-")) {
		used = fread(text, 1, TEXT_MAX_LEN, stdin);
		for (size_t i = 0; i < used; i++)
			text[i] = text[i] ? text[i] : ' ';
		return text;
	}
	for (int i = 0; i < argc && used < TEXT_MAX_LEN; i++)
		used += (size_t)snprintf(text + used, TEXT_MAX_LEN - used, "%s%s", i ? " " : "", argv[i]);
	return text;
}

int ctl_decode(struct ctl *ctl, int argc, char **argv)
{
	struct decode decode = { .ctl = ctl };
	char *text = read_text(argc, argv);

	if (!text)
		return ctl_fail(ctl, CTL_FAILED, "no memory");
	decode.faults = json_array();
	ctl_log_reports(text, take, &decode);
	free(text);
	if (!decode.n) {
		json_decref(decode.faults);
		if (decode.missing)
			return ctl_fail(ctl, CTL_NOT_FOUND,
					"a report of a %s unit that is not complete, or that this build has no driver for",
					decode.missing);
		return ctl_fail(
			ctl, CTL_NOT_FOUND,
			"no fault in it that is known: give lines of a kernel's log, or the words of a record, as 0x..");
	}
	if (ctl->json)
		return ctl_print_json(ctl, json_pack("{s:i, s:o}", "schema", 1, "faults", decode.faults));
	json_decref(decode.faults);
	return CTL_DONE;
}
