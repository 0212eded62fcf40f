/* SPDX-License-Identifier: BSD-3-Clause */
/* What every command needs: opening the machine, saying what is wrong once, numbers, addresses, JSON. One thread. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

static void say(struct ctl *ctl, enum piommu_log_level level, const char *line)
{
	if (level == PIOMMU_LOG_ERR) {
		ctl->nerrors++;
		snprintf(ctl->last_error, sizeof(ctl->last_error), "%s", line);
	}
	if (!ctl->quiet || ctl->verbose)
		fprintf(stderr, "piommu-ctl: %s%s\n", level == PIOMMU_LOG_WARN ? "warning: " : "", line);
}

static void log_line(void *ctx, enum piommu_log_level level, const char *line)
{
	say(ctx, level, line);
}

int ctl_fail(struct ctl *ctl, int code, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (ctl->nerrors)
		return code;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	say(ctl, PIOMMU_LOG_ERR, line);
	return code;
}

static int open_code(int err)
{
	switch (err) {
	case -EINVAL:
		return CTL_USAGE;
	case -ENOENT:
		return CTL_NOT_FOUND;
	case -EBUSY:
		return CTL_UNSAFE;
	default:
		return CTL_FAILED;
	}
}

int ctl_open(struct ctl *ctl, bool inspect, struct piommu **p)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	int err;

	config.platform = ctl->platform;
	config.inspect = inspect;
	config.log = (struct piommu_log){ log_line, ctl, ctl->verbose ? PIOMMU_LOG_DEBUG : PIOMMU_LOG_WARN };
	err = piommu_create(&config, p);
	if (!err)
		return CTL_DONE;
	return ctl_fail(ctl, open_code(err), "platform %s cannot be opened: %s", ctl->platform, strerror(-err));
}

void ctl_warn_all(const struct ctl *ctl, const struct piommu *p)
{
	const char *warning;

	if (ctl->json)
		return;
	for (unsigned n = 0; (warning = piommu_warning(p, n)); n++)
		fprintf(stderr, "piommu-ctl: warning: %s\n", warning);
}

int ctl_parse_sbdf(struct ctl *ctl, const char *text, struct piommu_sbdf *out)
{
	if (piommu_sbdf_parse(text, out) == 0)
		return CTL_DONE;
	return ctl_fail(ctl, CTL_USAGE, "\"%s\" is no PCI address: write DDDD:BB:DD.F or BB:DD.F, such as 0000:00:02.0", text);
}

int ctl_print_json(struct ctl *ctl, json_t *document)
{
	int rc = document ? json_dumpf(document, stdout, JSON_INDENT(2)) : -1;

	json_decref(document);
	putchar('\n');
	return rc == 0 ? CTL_DONE : ctl_fail(ctl, CTL_FAILED, "the JSON document could not be written: %s", strerror(errno));
}

json_t *ctl_json_hex(uint64_t value)
{
	return json_sprintf("0x%llx", (unsigned long long)value);
}

json_t *ctl_json_text(const char *text)
{
	json_t *json = json_string(text);
	char *copy;

	if (json)
		return json;
	copy = strdup(text);
	for (char *c = copy; c && *c; c++)
		*c = (unsigned char)*c < 0x80 ? *c : '?';
	json = json_string(copy ? copy : "");
	free(copy);
	return json;
}

json_t *ctl_json_sbdf(bool known, struct piommu_sbdf sbdf)
{
	char text[PIOMMU_SBDF_STRLEN];

	return known ? json_string(piommu_sbdf_format(sbdf, text)) : json_null();
}
