/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Case T9 for one call: for every n the n-th thing that can fail in it fails. A call that fails has changed nothing, in the manager and in
 * the hardware, and does its work when it is made again; one that succeeds all the same is as good as one in which nothing failed.
 * Undone, everything is where it was.
 */
#ifndef T9_H
#define T9_H

#include "dump.h"
#include "fault.h"

struct t9 {
	const char *name;
	void *ctx;      /* for the functions */
	unsigned kinds; /* of fault.h; 0: FAULT_ALL */
	int errors[10]; /* that the call may return, as its header says */

	void (*begin)(void *ctx); /* a machine and a manager, ready for the call */
	void (*end)(void *ctx);   /* ends both, and checks that nothing is left */
	struct piommu *(*manager)(void *ctx);
	char *(*hardware)(void *ctx, enum dump_how how);
	int (*call)(void *ctx);
	void (*works)(void *ctx); /* after a call that returned 0; NULL: nothing to see */
	void (*undo)(void *ctx);  /* of a call that returned 0 */
	/*
	 * After an error: whether the call is done all the same, as its header says, as far as the hardware followed. Checks that. The
	 * manager then only ends. NULL: never.
	 */
	bool (*remains)(void *ctx, int err);
	/* After an error that changed nothing: takes away what its header says may be left. NULL: nothing. */
	void (*clean)(void *ctx);
	/* After a call that returned 0 although something failed: what its header says to do then. NULL: nothing. */
	void (*heal)(void *ctx);
	/* Other ways in which the n-th of something fails, `nways` of them: how it is made to, and whether it did. */
	unsigned nways;
	void (*arm)(void *ctx, unsigned way, unsigned n);
	bool (*disarm)(void *ctx, unsigned way);
	bool anew;         /* each n on a machine of its own: a second call does less */
	bool may_not_fail; /* on some machines nothing in it can */
	bool keeps_pages;  /* what it has made for a bus once the driver keeps: pages in use are not compared */
};

/* All of it: each n once, then memory that is gone from the n-th on. */
void t9_run(const struct t9 *t);

#endif
