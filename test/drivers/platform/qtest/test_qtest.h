/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the qtest platform share: see test_qtest.c. */
#ifndef TEST_QTEST_H
#define TEST_QTEST_H

#include "qtest.h"
#include "suite.h"

extern const struct piommu_sbdf edu_plain;         /* 00:02.0 */
extern const struct piommu_sbdf edu_behind_bridge; /* 01:01.0; its DMA carries 01:00.0 */
extern const struct piommu_sbdf edu_behind_port;   /* 02:00.0 */

struct qtest *start(const struct qtest_options *options);
/* `n` pages of RAM, at a multiple of their size where that is a power of two. */
struct piommu_mem pages(struct qtest *qt, unsigned n);

/* What each family has of its own. */
extern const struct suite_test vtd_tests[];
extern const unsigned vtd_ntests;
extern const struct suite_test smmuv3_tests[];
extern const unsigned smmuv3_ntests;

#endif
