/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver_tests sim|qemu FAMILY VARIANT [FILTER] [drop]: the driver tests, on one machine. `drop` leaves the invalidation out of every
 * unmap, and then they must fail: test_check_can_fail.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver_tests.h"
#include "rig.h"

static unsigned add(struct suite_test *all, unsigned at, const struct suite_test *tests, unsigned n)
{
	memcpy(all + at, tests, n * sizeof(*tests));
	return at + n;
}

/* The tests but for those of granules are written for pages of 4 KiB. */
static bool has_4k(const struct rig_target *target)
{
	return !strstr(target->variant, "granule=16k") && !strstr(target->variant, "granule=64k");
}

/* No table of QEMU's SMMUv3 machine names a range. */
static bool has_reserved(const struct rig_target *target)
{
	return !strcmp(target->kind, "sim") || machine_family(target->family)->qemu_has_reserved;
}

int main(int argc, char **argv)
{
	struct suite_test all[128];
	struct rig_target target = {
		.kind = argc > 1 ? argv[1] : "sim",
		.family = argc > 2 ? argv[2] : "vtd",
		.variant = argc > 3 ? argv[3] : "",
	};
	char *args[] = { argv[0], argc > 4 ? argv[4] : (char *)(uintptr_t) "", NULL };
	char name[160];
	unsigned n = 0;

	target.drop = argc > 5 && !strcmp(argv[5], "drop");
	if ((strcmp(target.kind, "sim") && strcmp(target.kind, "qemu")) || !machine_family(target.family)) {
		fprintf(stderr, "usage: %s sim|qemu vtd|smmuv3|smmuv2 VARIANT [FILTER] [drop]\n", argv[0]);
		return 2;
	}
	rig_set_target(&target);
	if (granule_ntests + map_ntests + fault_ntests + stale_ntests + burst_ntests + domain_ntests + topology_ntests +
		    reserved_ntests + move_ntests + kept_ntests + broken_ntests >
	    128)
		return 2;
	n = add(all, n, granule_tests, granule_ntests);
	if (has_4k(&target)) {
		n = add(all, n, map_tests, map_ntests);
		n = add(all, n, fault_tests, fault_ntests);
		n = add(all, n, stale_tests, stale_ntests);
		n = add(all, n, burst_tests, burst_ntests);
		n = add(all, n, domain_tests, domain_ntests);
		n = add(all, n, topology_tests, topology_ntests);
		if (has_reserved(&target))
			n = add(all, n, reserved_tests, reserved_ntests);
		if (!strcmp(target.kind, "sim")) {
			n = add(all, n, move_tests, move_ntests);
			if (!strcmp(target.family, "smmuv3"))
				n = add(all, n, kept_tests, kept_ntests);
			n = add(all, n, broken_tests, broken_ntests);
		}
	}
	snprintf(name, sizeof(name), "driver on %s:%s,%s", target.kind, target.family, target.variant);
	return suite_run(2, args, name, all, n);
}
