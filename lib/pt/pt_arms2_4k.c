/* SPDX-License-Identifier: BSD-3-Clause */
/* Arm stage 2 with a granule of 4 KiB: see pt_arm.h, and pt_entry_points.h. */
#define PT_NAME arms2_4k
#define ARM_STAGE 2
#define ARM_PAGE_LG2 12

#include "pt_arm.h"
#include "pt_entry_points.h"
