/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What `piommu-ctl doctor` finds. The checks of the host read files below a root directory, so that tests can give them a
 * made-up machine; they change nothing.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <stdbool.h>

enum finding_status {
	FINDING_OK,
	FINDING_WARN,
	FINDING_FAIL,
};

struct finding {
	const char *check; /* a stable word; static storage */
	enum finding_status status;
	char text[320];
	char remedy[256]; /* "" where there is nothing to do */
};

#define FINDINGS_MAX 256u

struct report {
	struct finding at[FINDINGS_MAX];
	unsigned n;
};

/* doctor_report.c: one more finding (past the last, it is dropped). `remedy` NULL: nothing to do. */
void report_add(struct report *report, const char *check, enum finding_status status, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
const char *finding_status_name(enum finding_status status);

/* Whose units the machine has, which says what keeps the kernel off them. */
enum doctor_kind {
	DOCTOR_INTEL,
	DOCTOR_AMD,
	DOCTOR_ARM,
};

/* doctor_cmdline.c: the kind that a unit's family ("smmuv3") is of; what to boot with. */
enum doctor_kind doctor_kind_of(const char *family);
const char *doctor_boot_remedy(enum doctor_kind kind);

/* doctor_cmdline.c: what a kernel command line does to the IOMMU, and what it was meant to do. */
void doctor_cmdline(struct report *report, enum doctor_kind kind, const char *cmdline);

/* doctor_host.c: everything that Linux shows below `root` ("" or a directory). */
void doctor_host(struct report *report, const char *root, bool is_superuser);

#endif
