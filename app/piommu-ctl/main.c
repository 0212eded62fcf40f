/* SPDX-License-Identifier: BSD-3-Clause */
/* All but this file is a library, so that tests run commands without a process each. */
#include "ctl.h"

int main(int argc, char **argv)
{
	return ctl_main(argc, argv);
}
