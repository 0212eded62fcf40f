/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: options before and after the command, the table of commands, help. One thread; tests call it again and again. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "piommu_driver.h"

static const struct ctl_command commands[] = {
	{ "units", "", "the IOMMU units: family, registers, segment, what they own, what they can do", 0, 0, ctl_units },
	{ "groups", "[GROUP|BDF|NODE]", "the groups of devices that the hardware cannot keep apart, and why", 0, 1,
	  ctl_groups },
	{ "walk", "BDF|NODE|UNIT:ID IOVA", "each step of the translation of a device's access, raw and decoded", 2, 2,
	  ctl_walk },
	{ "decode", "TEXT|-", "what faults in a kernel's log, or the words of a record, say", 1, 16, ctl_decode },
	{ "doctor", "", "is this machine ready for piommu: a line for each check, with the remedy", 0, 0, ctl_doctor },
};

/* Commands that the tool will have: told from a typing mistake. */
static const char *const later[] = { "why", "what-if", "faults", "domains", "stats", "top" };

enum {
	OPT_PLATFORM = 256,
	OPT_VERSION,
	OPT_MAP,
};

static void print_help(void)
{
	printf("usage: piommu-ctl [--platform P] [-j|--json] [-v] COMMAND [ARGS]\n\ncommands:\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("  %-7s%-23s%s\n", commands[i].name, commands[i].args, commands[i].help);
	printf("\nplatforms:\n");
	for (unsigned i = 0; piommu_platforms[i]; i++)
		printf("  %s\n", piommu_platforms[i]->usage);
	printf("\noptions:\n"
	       "  --platform P  the machine to look at; without it, this one (linux)\n"
	       "  -j, --json    one JSON document on stdout\n"
	       "  -v            more words, and what is being done, on stderr\n"
	       "  --map IOVA:LEN[:r|w|rw]  walk on sim: first attach the device and map fresh memory there; may be repeated\n"
	       "  --help, --version\n"
	       "\nexit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 refused because unsafe\n");
}

/*
 * `stop`: at the first word that is no option, so that what follows a command is read as that command's.
 * @return -1 to go on, or the exit code
 */
static int parse_options(struct ctl *ctl, int argc, char **argv, bool stop)
{
	static const struct option options[] = {
		{ "platform", required_argument, NULL, OPT_PLATFORM },
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "map", required_argument, NULL, OPT_MAP },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 0; /* glibc: start over */
	while ((option = getopt_long(argc, argv, stop ? "+hjv" : "hjv", options, NULL)) != -1) {
		switch (option) {
		case OPT_PLATFORM:
			ctl->platform = optarg;
			break;
		case 'j':
			ctl->json = true;
			break;
		case 'v':
			ctl->verbose = true;
			break;
		case OPT_MAP:
			if (ctl->nmaps == CTL_MAPS_MAX)
				return ctl_fail(ctl, CTL_USAGE, "--map: more than %u", CTL_MAPS_MAX);
			ctl->maps[ctl->nmaps++] = optarg;
			break;
		case 'h':
			print_help();
			return CTL_DONE;
		case OPT_VERSION:
			printf("piommu-ctl %s\n", PIOMMU_VERSION);
			return CTL_DONE;
		default:
			return CTL_USAGE; /* getopt has said it */
		}
	}
	return -1;
}

static int run_command(struct ctl *ctl, const struct ctl_command *command, int argc, char **argv)
{
	int rc = parse_options(ctl, argc, argv, false);

	if (rc >= 0)
		return rc;
	argc -= optind;
	argv += optind;
	if (argc < (int)command->min_args || argc > (int)command->max_args)
		return ctl_fail(ctl, CTL_USAGE, "usage: piommu-ctl %s %s", command->name, command->args);
	if (ctl->nmaps && command->run != ctl_walk)
		return ctl_fail(ctl, CTL_USAGE, "--map is for walk");
	return command->run(ctl, argc, argv);
}

static int find_and_run(struct ctl *ctl, int argc, char **argv)
{
	if (argc < 1)
		return ctl_fail(ctl, CTL_USAGE, "no command; piommu-ctl --help lists them");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, argv[0]) == 0)
			return run_command(ctl, &commands[i], argc, argv);
	}
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		if (strcmp(later[i], argv[0]) == 0)
			return ctl_fail(ctl, CTL_USAGE, "%s: not in this version", argv[0]);
	}
	return ctl_fail(ctl, CTL_USAGE, "\"%s\" is no command; piommu-ctl --help lists them", argv[0]);
}

int ctl_main(int argc, char **argv)
{
	struct ctl ctl = { .platform = "linux" };
	int rc = parse_options(&ctl, argc, argv, true);

	if (rc < 0)
		rc = find_and_run(&ctl, argc - optind, argv + optind);
	if ((fflush(stdout) || ferror(stdout)) && rc == CTL_DONE)
		rc = ctl_fail(&ctl, CTL_FAILED, "the output could not be written");
	return rc;
}
