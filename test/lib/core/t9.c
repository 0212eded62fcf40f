/* SPDX-License-Identifier: BSD-3-Clause */
/* See t9.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "t9.h"

#define MOST 3000u      /* calls that fail; a loop that does not end is a mistake of the test */
#define ENOUGH 5u       /* reports of one kind */
#define HARDWARE 0x100u /* kind: `arm` of the test */

struct run {
	const struct t9 *t;
	unsigned kinds;
	bool on;      /* from the n-th on */
	unsigned way; /* of the test, to fail it; t->nways: ours */
	unsigned n;
	unsigned kind;  /* what failed in this call */
	unsigned fired; /* all that failed so far */
	unsigned nfailures;
	char *after;  /* what a good call makes of it, in meaning */
	char *before; /* before the call, in meaning */
};

static void without_pages(char *text)
{
	for (char *at; (at = strstr(text, "    pages "));)
		memmove(at, at + strcspn(at, "\n"), strlen(at + strcspn(at, "\n")) + 1);
}

static char *look(const struct t9 *t, enum dump_how how)
{
	char *manager = dump_manager(t->manager(t->ctx), how);
	char *hardware = t->hardware(t->ctx, how);
	char *both = malloc(strlen(manager) + strlen(hardware) + 1);

	CU_ASSERT_FATAL(both != NULL);
	strcpy(both, manager);
	strcat(both, hardware);
	if (t->keeps_pages)
		without_pages(both);
	free(manager);
	free(hardware);
	return both;
}

static void complain(struct run *run, const char *what, const char *detail)
{
	char text[700];

	run->nfailures++;
	snprintf(text, sizeof(text), "%s, n = %u (%s%s): %s%s", run->t->name, run->n,
		 run->kind == HARDWARE ? "hardware"
		 : run->kind           ? fault_where()
				       : "nothing",
		 run->on ? ", and all after it" : "", what, detail);
	CU_assertImplementation(CU_FALSE, __LINE__, text, __FILE__, "", CU_FALSE);
}

static bool same(struct run *run, const char *was, enum dump_how how, const char *what)
{
	char text[600];
	char *is = look(run->t, how);

	dump_difference(was, is, text, sizeof(text));
	free(is);
	if (text[0])
		complain(run, what, text);
	return !text[0];
}

/* A reference that is not to be had says that the thing is just going, and so does the call; and one that goes has no mates. */
static bool may_return(const struct run *run, int err)
{
	if (run->kind == FAULT_REFERENCE && (err == -ENOENT || err == -EAGAIN || err == -ENODEV || err == -EXDEV))
		return true;
	for (unsigned i = 0; i < sizeof(run->t->errors) / sizeof(run->t->errors[0]); i++)
		if (run->t->errors[i] == err)
			return true;
	return false;
}

static void arm(struct run *run)
{
	if (run->way < run->t->nways)
		run->t->arm(run->t->ctx, run->way, run->n);
	else
		fault_arm(run->kinds, run->n, run->on);
}

static void disarm(struct run *run)
{
	if (run->way < run->t->nways)
		run->kind = run->t->disarm(run->t->ctx, run->way) ? HARDWARE : 0;
	else
		run->kind = fault_disarm();
	run->fired |= run->kind;
}

static void anew(struct run *run)
{
	run->t->end(run->t->ctx);
	run->t->begin(run->t->ctx);
}

static bool works_and_goes_back(struct run *run)
{
	const struct t9 *t = run->t;

	if (t->works && run->kind != FAULT_REFERENCE && run->kind != FAULT_ANSWER)
		t->works(t->ctx);
	t->undo(t->ctx);
	return same(run, run->before, DUMP_MEANING, "undone, it is not as before: ");
}

/* It returned an error that says: nothing has changed. */
static bool nothing_changed(struct run *run, const char *was)
{
	const struct t9 *t = run->t;
	int err;

	if (t->clean)
		t->clean(t->ctx);
	if (!same(run, was, run->on ? DUMP_MEANING : DUMP_EXACT, "it failed, and something has changed: "))
		return false;
	err = t->call(t->ctx);
	if (err) {
		complain(run, "it does not work the second time: ", strerror(-err));
		return false;
	}
	return works_and_goes_back(run);
}

static bool as_good_as_new(struct run *run)
{
	/* What was on its way out is passed over, and what is said to be broken stays behind no unit: as is documented. */
	bool other = run->kind == FAULT_REFERENCE || run->kind == FAULT_ANSWER;

	if (run->kind && run->kind != FAULT_REFERENCE && run->t->heal)
		run->t->heal(run->t->ctx);
	if (!other && !same(run, run->after, DUMP_MEANING, "it returned 0, but not all of it was done: "))
		return false;
	return works_and_goes_back(run);
}

/* @return whether something failed */
static bool once(struct run *run)
{
	const struct t9 *t = run->t;
	char *was = look(t, run->on ? DUMP_MEANING : DUMP_EXACT);
	bool good = true;
	int err;

	arm(run);
	err = t->call(t->ctx);
	disarm(run);
	if (!run->kind && err)
		complain(run, "nothing was made to fail, but it did: ", strerror(-err));
	if (err && !may_return(run, err))
		complain(run, "its header has no such error: ", strerror(-err));
	if (err && t->remains && t->remains(t->ctx, err)) {
		anew(run);
	} else {
		good = err ? nothing_changed(run, was) : as_good_as_new(run);
	}
	free(was);
	if (!good)
		anew(run);
	return run->kind;
}

static unsigned all_of(struct run *run, const char *how)
{
	run->nfailures = 0;
	for (run->n = 1; run->n < MOST && run->nfailures < ENOUGH; run->n++) {
		if (run->t->anew)
			anew(run);
		if (!once(run))
			break;
	}
	CU_ASSERT(run->n < MOST);
	if (getenv("T9_COUNTS"))
		printf("  %s: %s: %u\n", run->t->name, how, run->n - 1);
	return run->n - 1;
}

/* What a good call makes of it. */
static bool learn(struct run *run)
{
	const struct t9 *t = run->t;
	int err;

	run->before = look(t, DUMP_MEANING);
	err = t->call(t->ctx);
	if (err) {
		complain(run, "it does not work at all: ", strerror(-err));
		return false;
	}
	run->after = look(t, DUMP_MEANING);
	return works_and_goes_back(run);
}

void t9_run(const struct t9 *t)
{
	struct run run = { .t = t, .kinds = t->kinds ? t->kinds : FAULT_ALL, .way = t->nways };

	t->begin(t->ctx);
	if (learn(&run)) {
		all_of(&run, "one by one");
		run.on = true;
		run.kinds &= FAULT_MEMORY;
		all_of(&run, "out of memory");
		run.on = false;
		for (run.way = 0; run.way < t->nways; run.way++)
			all_of(&run, "hardware");
		CU_ASSERT(t->may_not_fail || run.fired);
	}
	free(run.before);
	free(run.after);
	t->end(t->ctx);
}
