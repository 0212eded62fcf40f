/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "doctor.h"

void report_add(struct report *report, const char *check, enum finding_status status, const char *remedy, const char *fmt, ...)
{
	struct finding *finding = &report->at[report->n];
	va_list ap;

	if (report->n == FINDINGS_MAX)
		return;
	report->n++;
	finding->check = check;
	finding->status = status;
	snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy ? remedy : "");
	va_start(ap, fmt);
	vsnprintf(finding->text, sizeof(finding->text), fmt, ap);
	va_end(ap);
}

const char *finding_status_name(enum finding_status status)
{
	static const char *const names[] = { "ok", "warn", "fail" };

	return names[status];
}
