/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * piommu-ctl doctor: is this machine ready for piommu. The firmware, units, reserved memory and groups through the
 * library, on every platform; on linux the host as well. Looks, and touches nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "doctor.h"

static void check_units(struct report *report, const struct piommu *p, bool is_linux)
{
	struct piommu_unit_info unit;
	const char *warning;

	if (!piommu_unit_count(p))
		report_add(report, "firmware", FINDING_FAIL, "enable the IOMMU (VT-d, SMMU) in the firmware setup",
			   "describes no IOMMU units");
	else
		report_add(report, "firmware", FINDING_OK, NULL, "describes %u unit%s", piommu_unit_count(p),
			   piommu_unit_count(p) == 1 ? "" : "s");
	for (unsigned i = 0; (warning = piommu_warning(p, i)); i++)
		report_add(report, "firmware", FINDING_WARN, NULL, "%s", warning);
	for (unsigned i = 0; piommu_unit_info(p, i, &unit) == 0; i++) {
		if (unit.kernel_driven)
			report_add(report, "unit", FINDING_FAIL, doctor_boot_remedy(doctor_kind_of(unit.family)),
				   "%s at 0x%llx: the kernel drives it", unit.name, (unsigned long long)unit.base);
		else if (is_linux && !unit.route[0])
			report_add(report, "unit", FINDING_FAIL,
				   "bind uio_pdrv_genirq to it (doc/linux.md), or use --platform linux:devmem",
				   "%s at 0x%llx: no way to its registers", unit.name, (unsigned long long)unit.base);
		else
			report_add(report, "unit", FINDING_OK, NULL, "%s at 0x%llx: %s%s", unit.name,
				   (unsigned long long)unit.base, unit.route[0] ? "free, registers through " : "described",
				   unit.route);
	}
}

static void check_reserved(struct report *report, const struct piommu *p)
{
	struct piommu_reserved_info range;
	char size[CTL_SIZE_LEN];

	for (unsigned i = 0; piommu_reserved_info(p, i, &range) == 0; i++)
		report_add(report, "reserved", FINDING_OK, NULL,
			   "%s 0x%llx - 0x%llx (%s) stays mapped for its devices; they are never blocked", range.kind,
			   (unsigned long long)range.span.start, (unsigned long long)range.span.last,
			   ctl_size_text(range.span.last - range.span.start + 1, size));
	if (!piommu_reserved_count(p))
		report_add(report, "reserved", FINDING_OK, NULL, "firmware reserves no memory");
}

static bool acs_unknown(const struct piommu_group *group)
{
	const char *fact;
	char text[256];

	for (unsigned i = 0; piommu_group_reason(group, i, &fact, text, sizeof(text)) == 0; i++) {
		if (strcmp(fact, "acs-unknown") == 0)
			return true;
	}
	return false;
}

static void check_groups(struct report *report, struct piommu *p)
{
	unsigned ndevices = 0, nbehind = 0, nunknown = 0;
	struct piommu_group_info info;
	struct piommu_group *group;

	for (unsigned i = 0; (group = piommu_group_at(p, i)); i++) {
		piommu_group_info(group, &info);
		ndevices += info.ndevices;
		nbehind += info.unit != NULL;
		nunknown += acs_unknown(group);
		piommu_group_put(group);
	}
	if (!piommu_group_count(p))
		report_add(report, "groups", FINDING_WARN, "a dump needs lspci.txt or pci.tsv", "no PCI functions are known");
	else if (nunknown)
		report_add(report, "groups", FINDING_WARN, "run as root, or dump with: sudo lspci -D -xxxx",
			   "%u of %u groups may be too large: ACS could not be read", nunknown, piommu_group_count(p));
	else
		report_add(report, "groups", FINDING_OK, NULL, "%u devices in %u groups, %u of them behind a unit", ndevices,
			   piommu_group_count(p), nbehind);
}

static int print_report(struct ctl *ctl, const struct report *report)
{
	json_t *checks = json_array();

	for (unsigned i = 0; i < report->n; i++) {
		const struct finding *finding = &report->at[i];
		const char *status = finding_status_name(finding->status);

		if (ctl->json)
			json_array_append_new(checks,
					      json_pack("{s:s, s:s, s:s, s:o}", "check", finding->check, "status", status,
							"text", finding->text, "remedy",
							finding->remedy[0] ? json_string(finding->remedy) : json_null()));
		else
			printf("%-4s  %-20s %s%s%s\n", status, finding->check, finding->text, finding->remedy[0] ? " -> " : "",
			       finding->remedy);
	}
	if (ctl->json)
		return ctl_print_json(ctl, json_pack("{s:i, s:o}", "schema", 1, "checks", checks));
	json_decref(checks);
	return CTL_DONE;
}

/* The platform's own root=DIR serves the host's checks, too: one made-up machine for both. */
static void linux_root(const char *platform, char *root, size_t len)
{
	const char *arg = strstr(platform, "root=");

	snprintf(root, len, "%.*s", arg ? (int)strcspn(arg + 5, ",") : 0, arg ? arg + 5 : "");
}

static int examine(struct ctl *ctl, struct report *report)
{
	bool is_linux = strncmp(ctl->platform, "linux", 5) == 0;
	char root[1024];
	struct piommu *p;
	int rc;

	if (is_linux) {
		linux_root(ctl->platform, root, sizeof(root));
		doctor_host(report, root, geteuid() == 0);
	}
	/* A refused table is what doctor is asked about, not a reason to stop. */
	ctl->quiet = is_linux;
	rc = ctl_open(ctl, true, &p);
	ctl->quiet = false;
	if (rc != CTL_DONE && !is_linux)
		return rc;
	if (rc != CTL_DONE) {
		const char *why = ctl->last_error;

		report_add(report, "firmware", FINDING_FAIL, NULL, "%s", why + (strncmp(why, "firmware: ", 10) == 0 ? 10 : 0));
		return CTL_DONE;
	}
	check_units(report, p, is_linux);
	check_reserved(report, p);
	check_groups(report, p);
	piommu_destroy(p);
	return CTL_DONE;
}

int ctl_doctor(struct ctl *ctl, int argc, char **argv)
{
	struct report *report = calloc(1, sizeof(*report));
	int rc = report ? examine(ctl, report) : ctl_fail(ctl, CTL_FAILED, "out of memory");

	(void)argc;
	(void)argv;
	if (rc == CTL_DONE)
		rc = print_report(ctl, report);
	for (unsigned i = 0; rc == CTL_DONE && i < report->n; i++) {
		if (report->at[i].status == FINDING_FAIL)
			rc = CTL_FAILED;
	}
	free(report);
	return rc;
}
