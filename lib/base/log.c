/* SPDX-License-Identifier: BSD-3-Clause */
/* The one place that formats a message; any thread, no state of its own. */
#include <stdarg.h>
#include <stdio.h>

#include "piommu_log.h"

void piommu_log(const struct piommu_log *log, enum piommu_log_level level, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (!log || !log->fn || level > log->level)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log->fn(log->ctx, level, line);
}

void piommu_log_stderr(void *ctx, enum piommu_log_level level, const char *line)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };

	(void)ctx;
	fprintf(stderr, "piommu: %s: %s\n", names[level], line);
}
