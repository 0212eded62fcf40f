/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our groups against Linux's on real machines (argv: the corpus's folder of groups). The listing goes through the dump
 * platform, which never reads the group column; this program reads that column, and nothing else, as the answer to expect.
 * Every file prints a line. Those with full ACS data must agree; the others show how far unknown facts carry.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers.h"
#include "tempdir.h"
#include "piommu_topo.h"
#include "suite.h"

#define MAX_FUNCTIONS 1024

/* Complete listings made as root: ACS of every function that has it. (pci-494678a7eb07 has ACS of one function.) */
static const char *const full[] = {
	"acpi-57af923774f0.tsv", "lspci-x1yoga8-B184FD76ACEB.tsv", "pci-62fe003769d3.tsv",
	"pci-d289ee89f0f4.tsv",  "pci-da6f645d4a2e.tsv",
};

/* Listings without the bridges' bus ranges, or of a part of a machine: what is above a function is not known there. */
static const char *const no_parents[] = { "iommu-871d04d789c9.tsv", "pci-494678a7eb07.tsv", "pci-c332dbeaf537.tsv" };

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

struct expected {
	struct piommu_sbdf sbdf;
	int group;
};

/* What Linux said: address and group of every line that has a group. */
static unsigned read_expected(const char *path, struct expected *out)
{
	char line[1024];
	unsigned n = 0;
	FILE *file = fopen(path, "re");

	CU_ASSERT_FATAL(file != NULL);
	while (fgets(line, sizeof(line), file) && n < MAX_FUNCTIONS) {
		char bdf[PIOMMU_SBDF_STRLEN];

		if (sscanf(line, "%19s\t%d\t", bdf, &out[n].group) == 2 && piommu_sbdf_parse(bdf, &out[n].sbdf) == 0)
			n++;
	}
	fclose(file);
	return n;
}

static struct piommu_topo *build(const char *path)
{
	const struct piommu_log log = { piommu_log_stderr, NULL, PIOMMU_LOG_WARN };
	struct piommu_platform *plat = NULL;
	struct piommu_pci_function *fns = NULL;
	struct piommu_topo *topo = NULL;
	struct tempdir files;
	char why[256] = "";
	size_t n = 0;
	int err;

	tempdir_create(&files);
	tempdir_symlink(&files, "pci.tsv", path);
	err = dump_platform.open(files.dir, &log, &plat);
	CU_ASSERT_EQUAL_FATAL(err, 0);
	err = plat->ops->pci_functions(plat, &fns, &n);
	CU_ASSERT_EQUAL_FATAL(err, 0);
	err = piommu_topo_build(fns, n, PIOMMU_TOPO_LINUX, &topo, why);
	if (err)
		printf("%s: %s\n", path, why);
	CU_ASSERT_EQUAL_FATAL(err, 0);
	free(fns);
	plat->ops->close(plat);
	tempdir_remove(&files);
	return topo;
}

/* Pairs of functions that are together here and apart in Linux ("larger"), and the other way round ("smaller"). */
static void compare(const char *path, unsigned *larger, unsigned *smaller)
{
	static struct expected expected[MAX_FUNCTIONS];
	struct piommu_topo *topo = build(path);
	unsigned n = read_expected(path, expected);

	*larger = *smaller = 0;
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = i + 1; k < n; k++) {
			unsigned a = topo->nodes[piommu_topo_find(topo, expected[i].sbdf)].group;
			unsigned b = topo->nodes[piommu_topo_find(topo, expected[k].sbdf)].group;

			*larger += a == b && expected[i].group != expected[k].group;
			*smaller += a != b && expected[i].group == expected[k].group;
		}
	}
	printf("%-36s %4u functions %4u groups  ", strrchr(path, '/') + 1, topo->nnodes, topo->ngroups);
	if (*larger + *smaller == 0)
		printf("agree\n");
	else
		printf("disagree: %u pairs together only here, %u only in Linux\n", *larger, *smaller);
	piommu_topo_free(topo);
}

static const char *folder;

static bool is_in(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], name) == 0)
			return true;
	}
	return false;
}

static void compare_file(const char *name, unsigned *larger, unsigned *smaller)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	compare(path, larger, smaller);
}

static void machines_with_full_acs_agree_with_linux(void)
{
	unsigned larger, smaller;

	for (unsigned i = 0; i < COUNT(full); i++) {
		compare_file(full[i], &larger, &smaller);
		CHECK_EQ(larger, 0);
		CHECK_EQ(smaller, 0);
	}
}

static void unknown_acs_makes_groups_larger_and_never_smaller(void)
{
	char path[1024];
	char line[512];
	unsigned files = 0;
	unsigned agree = 0;
	FILE *index;

	snprintf(path, sizeof(path), "%s/index.tsv", folder);
	index = fopen(path, "re");
	CU_ASSERT_FATAL(index != NULL);
	while (fgets(line, sizeof(line), index)) {
		unsigned larger, smaller;

		line[strcspn(line, "\t")] = '\0';
		if (!strstr(line, ".tsv") || is_in(full, COUNT(full), line))
			continue;
		compare_file(line, &larger, &smaller);
		if (!is_in(no_parents, COUNT(no_parents), line))
			CHECK_EQ(smaller, 0);
		agree += larger + smaller == 0;
		files++;
	}
	fclose(index);
	printf("without full ACS data: %u of %u agree\n", agree, files);
	CU_ASSERT(files > 0);
}

static const struct suite_test tests[] = {
	SUITE_TEST(machines_with_full_acs_agree_with_linux),
	SUITE_TEST(unknown_acs_makes_groups_larger_and_never_smaller),
};

int main(int argc, char **argv)
{
	if (argc < 2 || access(argv[1], R_OK) != 0)
		suite_skip("no corpus of groups at %s", argc < 2 ? "(no argument)" : argv[1]);
	folder = argv[1];
	argv[1] = argv[0];
	return suite_run(argc - 1, argv + 1, "corpus", tests, sizeof(tests) / sizeof(tests[0]));
}
