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
	OPT_PLOT
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
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

void options_usage(FILE *to)
{
	fprintf(to, "usage: piommu-bench [--platform P] [--workload W[,W..]] [--pages N[,N..]] [--threads N[,N..]]\n"
		    "                    [--seconds S] [--json FILE|-] [--device BDF]\n"
		    "  map      map + unmap in the page table alone, no invalidation\n"
		    "  lookup   iova to pa\n"
		    "  strict   allocate, map, unmap, invalidate, know it completed, free\n"
		    "P: sim[:vtd,key=value..] (default sim:vtd), linux. See piommu-bench(1).\n");
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

static int parse_workloads(const char *text, struct options *out)
{
	char copy[128];
	char *next = copy;
	char *name;

	if (strlen(text) >= sizeof(copy))
		return refuse("--workload", text, "too long");
	strcpy(copy, text);
	out->nworkloads = 0;
	while ((name = strsep(&next, ","))) {
		bool later = false;
		const struct workload *workload = workload_find(name, &later);

		if (!workload)
			return refuse("--workload", name, later ? "not in this version" : "known are map, lookup, strict");
		if (out->nworkloads == MAX_LIST)
			return refuse("--workload", text, "too many");
		out->workloads[out->nworkloads++] = workload;
	}
	return 0;
}

/* What this version has one value of. */
static int parse_fixed(const char *what, const char *text, const char *only)
{
	return strcmp(text, only) ? refuse(what, text, "not in this version") : 0;
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
		return parse_fixed("--burst", text, "1");
	case OPT_INFLIGHT:
		return parse_fixed("--inflight", text, "1");
	case OPT_MODE:
		return parse_fixed("--mode", text, "strict");
	case OPT_PLOT:
		return refuse("--plot", text, "not in this version");
	default:
		options_usage(stderr);
		return EXIT_USAGE;
	}
}

int options_parse(int argc, char **argv, struct options *out)
{
	bool later;
	int which;

	*out = (struct options){
		.platform = "sim:vtd",
		.nworkloads = 3,
		.workloads = { workload_find("map", &later), workload_find("lookup", &later), workload_find("strict", &later) },
		.pages = { 2, { 1, LEAVES } },
		.threads = { 1, { 1 } },
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
	return 0;
}
