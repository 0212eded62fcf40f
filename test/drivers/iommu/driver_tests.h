/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver tests by subject, and the program that runs them: see driver_tests.c. */
#ifndef DRIVER_TESTS_H
#define DRIVER_TESTS_H

#include "suite.h"

extern const struct suite_test granule_tests[];
extern const unsigned granule_ntests;
extern const struct suite_test map_tests[];
extern const unsigned map_ntests;
extern const struct suite_test fault_tests[];
extern const unsigned fault_ntests;
extern const struct suite_test stale_tests[];
extern const unsigned stale_ntests;
extern const struct suite_test burst_tests[];
extern const unsigned burst_ntests;
extern const struct suite_test domain_tests[];
extern const unsigned domain_ntests;
extern const struct suite_test topology_tests[];
extern const unsigned topology_ntests;
extern const struct suite_test move_tests[]; /* sim alone: DMA beside the test */
extern const unsigned move_ntests;
extern const struct suite_test reserved_tests[]; /* where firmware reserves memory for a device: not on QEMU's SMMUv3 */
extern const unsigned reserved_ntests;
extern const struct suite_test kept_tests[]; /* sim:smmuv3 alone: found with all DMA aborted */
extern const unsigned kept_ntests;
extern const struct suite_test broken_tests[]; /* sim alone: no other machine breaks on command */
extern const unsigned broken_ntests;

#endif
