/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A manager as text, whole, so that two moments of it can be compared: units with their tags and pools, devices, groups, domains and the
 * units they list, objects in memory, references. Event counters are left out. For tests: nothing else happens meanwhile.
 */
#ifndef DUMP_H
#define DUMP_H

#include "core.h"

enum dump_how {
	DUMP_EXACT,
	/*
	 * Without what the documentation lets differ: the numbers of groups and tags, the order of drivers; units that stayed in a domain's list, unused, because
	 * their tag did not flush or memory was short; reasons and topology as they were before memory was short; pages in use.
	 */
	DUMP_MEANING,
};

/* Waits for what is deferred first. `p` NULL: there is none. malloc'ed. */
char *dump_manager(struct piommu *p, enum dump_how how);
/* Where two texts differ, as a line of each, into `text`. */
void dump_difference(const char *was, const char *is, char *text, size_t len);

#endif
