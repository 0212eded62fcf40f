/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line. Everything that is not understood is refused with one line that says what would be. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum {
	OPT_PLATFORM = 256,
	OPT_DEVICE,
	OPT_WORKLOAD,
	OPT_PAGES,
	OPT_BURST,
	OPT_THREADS,
	OPT_MODE,
	OPT_INFLIGHT,
	OPT_SECONDS,
	OPT_JSON,
	OPT_PLOT,
	OPT_HARDWARE
};

static const struct option long_options[] = {
	{ "platform", required_argument, NULL, OPT_PLATFORM },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "workload", required_argument, NULL, OPT_WORKLOAD },
	{ "pages", required_argument, NULL, OPT_PAGES },
	{ "burst", required_argument, NULL, OPT_BURST },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "inflight", required_argument, NULL, OPT_INFLIGHT },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "plot", required_argument, NULL, OPT_PLOT },
	{ "hardware", required_argument, NULL, OPT_HARDWARE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char *const mode_names[] = {
	[PIOMMU_MODE_STRICT] = "strict",
	[PIOMMU_MODE_BOUNDED] = "bounded",
	[PIOMMU_MODE_STATIC] = "static",
};

#define NMODES (sizeof(mode_names) / sizeof(mode_names[0]))

const char *mode_name(unsigned mode)
{
	return mode_names[mode];
}

void options_usage(FILE *to)
{
	const struct workload *workload;

	fprintf(to, "usage: piommu-bench [--platform P] [--workload W[,W..]] [--pages N[,N..]] [--burst N[,N..]]\n"
		    "                    [--threads N[,N..]] [--mode strict|bounded|static[,..]] [--inflight N[,N..]]\n"
		    "                    [--seconds S] [--json FILE|-] [--plot FILE.svg] [--device BDF]\n"
		    "                    [--hardware model|answer]\n");
	for (unsigned i = 0; (workload = workload_at(i)); i++)
		fprintf(to, "  %-13s %s\n", workload->name, workload->text);
	fprintf(to,
		"P: sim[:vtd|smmuv3|smmuv2,key=value..] (default: what suits each workload), linux. See piommu-bench(1).\n");
}

static int refuse(const char *what, const char *value, const char *why)
{
	fprintf(stderr, "piommu-bench: %s '%s': %s\n", what, value, why);
	return EXIT_USAGE;
}

static int parse_list(const char *what, const char *text, unsigned max, struct list *out)
{
	struct list list = { 0 };
	const char *at = text;
	char why[64];

	snprintf(why, sizeof(why), "numbers from 1 to %u, %u at most, separated by commas", max, MAX_LIST);
	for (;;) {
		char *end;
		unsigned long value = strtoul(at, &end, 10);

		if (end == at || *at < '0' || *at > '9' || !value || value > max || list.n == MAX_LIST)
			return refuse(what, text, why);
		list.at[list.n++] = (unsigned)value;
		if (!*end)
			break;
		if (*end != ',')
			return refuse(what, text, why);
		at = end + 1;
	}
	*out = list;
	return 0;
}

static int refuse_workload(const char *name)
{
	const struct workload *workload;
	char why[256];
	size_t len = (size_t)snprintf(why, sizeof(why), "known are");

	for (unsigned i = 0; (workload = workload_at(i)) && len < sizeof(why); i++)
		len += (size_t)snprintf(why + len, sizeof(why) - len, "%s %s", i ? "," : "", workload->name);
	return refuse("--workload", name, why);
}

static int parse_workloads(const char *text, struct options *out)
{
	char copy[256];
	char *next = copy;
	char *name;

	if (strlen(text) >= sizeof(copy))
		return refuse("--workload", text, "too long");
	strcpy(copy, text);
	out->nworkloads = 0;
	while ((name = strsep(&next, ","))) {
		const struct workload *workload = workload_find(name);

		if (!workload)
			return refuse_workload(name);
		if (out->nworkloads == MAX_WORKLOADS)
			return refuse("--workload", text, "too many");
		out->workloads[out->nworkloads++] = workload;
	}
	return 0;
}

static int parse_modes(const char *text, struct list *out)
{
	struct list list = { 0 };
	const char *at = text;

	for (;;) {
		size_t len = strcspn(at, ",");
		unsigned mode = 0;

		while (mode < NMODES && (strlen(mode_names[mode]) != len || strncmp(mode_names[mode], at, len)))
			mode++;
		if (mode == NMODES || list.n == NMODES)
			return refuse("--mode", text, "strict, bounded, static, or some of them separated by commas");
		list.at[list.n++] = mode;
		if (!at[len])
			break;
		at += len + 1;
	}
	*out = list;
	return 0;
}

static int parse_hardware(const char *text, struct options *out)
{
	out->answers = !strcmp(text, "answer");
	return out->answers || !strcmp(text, "model") ? 0 : refuse("--hardware", text, "model or answer");
}

static int parse_plot(const char *text, struct options *out)
{
	size_t len = strlen(text);

	if (len < 5 || strcmp(text + len - 4, ".svg"))
		return refuse("--plot", text, "a file that ends in .svg");
	out->plot = text;
	return 0;
}

static int parse_seconds(const char *text, double *out)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value > 0 && value <= 3600))
		return refuse("--seconds", text, "more than 0, at most 3600");
	*out = value;
	return 0;
}

static int parse_option(int which, const char *text, struct options *out)
{
	switch (which) {
	case OPT_PLATFORM:
		out->platform = text;
		return 0;
	case OPT_DEVICE:
		out->device = text;
		return 0;
	case OPT_JSON:
		out->json = text;
		return 0;
	case OPT_WORKLOAD:
		return parse_workloads(text, out);
	case OPT_PAGES:
		return parse_list("--pages", text, MAX_PAGES, &out->pages);
	case OPT_THREADS:
		return parse_list("--threads", text, MAX_THREADS, &out->threads);
	case OPT_SECONDS:
		return parse_seconds(text, &out->seconds);
	case OPT_BURST:
		return parse_list("--burst", text, MAX_BURST, &out->bursts);
	case OPT_INFLIGHT:
		return parse_list("--inflight", text, MAX_INFLIGHT, &out->inflights);
	case OPT_MODE:
		return parse_modes(text, &out->modes);
	case OPT_HARDWARE:
		return parse_hardware(text, out);
	case OPT_PLOT:
		return parse_plot(text, out);
	default:
		options_usage(stderr);
		return EXIT_USAGE;
	}
}

/* What goes together, once all is known. */
static int check(const struct options *options)
{
	for (unsigned w = 0; w < options->nworkloads; w++) {
		if (!(options->workloads[w]->flags & WORK_BLOCK))
			continue;
		for (unsigned i = 0; i < options->pages.n; i++)
			if (options->pages.at[i] > LEAVES)
				return refuse("--pages", options->workloads[w]->name, "a buffer has 512 pages at most");
		for (unsigned i = 0; i < options->bursts.n; i++)
			if (options->bursts.at[i] > PIOMMU_BURST_MAX)
				return refuse("--burst", options->workloads[w]->name, "256 at most");
	}
	return 0;
}

int options_parse(int argc, char **argv, struct options *out)
{
	int which;

	*out = (struct options){
		.nworkloads = 3,
		.workloads = { &work_map, &work_lookup, &work_strict },
		.pages = { 2, { 1, LEAVES } },
		.bursts = { 1, { 1 } },
		.threads = { 1, { 1 } },
		.inflights = { 1, { 1 } },
		.modes = { 1, { PIOMMU_MODE_STRICT } },
		.seconds = 1,
	};
	while ((which = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		int err = 0;

		if (which == 'h')
			out->help = true;
		else
			err = parse_option(which, optarg, out);
		if (err)
			return err;
	}
	if (optind < argc)
		return refuse("argument", argv[optind], "options only, see --help");
	return check(out);
}
