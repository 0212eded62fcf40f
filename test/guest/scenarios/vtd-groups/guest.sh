# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
# Groups as this kernel forms them, and as we do.
compare-groups
