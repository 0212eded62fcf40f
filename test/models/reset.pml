/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reset fence (rule R11, cases T16 to T18 of doc/locking.md): a group of two members, each reset by somebody, the first
 * by two at once, so that begin and end nest; a thread that attaches the group and a PASID; and one that tears it all down.
 *
 * A reset holds no lock while it lasts: begin blocks the device and counts, the last end puts it on the domain its group
 * is on by then. Everything else is under the group's mutex, so nothing here depends on the order of stores.
 *
 * good    counted                 -DATTACHES=2
 * broken  fence_is_a_group_flag   -DATTACHES=2 -DFENCE_IS_A_GROUP_FLAG : UNTOUCHED
 * broken  fence_is_a_device_flag  -DATTACHES=2 -DFENCE_IS_A_DEVICE_FLAG : UNTOUCHED
 * broken  fence_of_one_member     -DATTACHES=2 -DFENCE_OF_ONE_MEMBER : UNTOUCHED
 * broken  attach_not_fenced       -DATTACHES=2 -DATTACH_NOT_FENCED : UNTOUCHED
 * broken  pasid_not_fenced        -DATTACHES=2 -DPASID_NOT_FENCED : PASID_AT_REST
 * broken  teardown_refused        -DATTACHES=2 -DTEARDOWN_REFUSED : TEARDOWN_SUCCEEDS
 * broken  teardown_not_blocked    -DATTACHES=2 -DTEARDOWN_NOT_BLOCKED : UNTOUCHED
 * broken  end_restores_old        -DATTACHES=2 -DEND_RESTORES_OLD : DANGLING
 * broken  reset_without_reference -DATTACHES=2 -DRESET_WITHOUT_REFERENCE : DEVICE_ALIVE
 */
#define MEMBERS	  2
#define RESETTERS 3

#define IDENTITY 0 /* what a released device is on */
#define BLOCKED	 1
#define DOMAIN	 2 /* the user's */

bool mutex;
byte fence[MEMBERS];
byte entry[MEMBERS]; /* what hardware has */
byte group_domain;
bool claimed = true;
bool domain_alive = true;
byte references[MEMBERS]; /* one is the group's */

byte resetting[MEMBERS]; /* between begin and end, seen from outside */
byte done;

#define LOCK   atomic { !mutex -> mutex = true }
#define UNLOCK mutex = false

#define TOUCHED(m)	  (resetting[m] > 0 && entry[m] != BLOCKED)
#define UNTOUCHED	  !(TOUCHED(0) || TOUCHED(1))
#define PASID_AT_REST	  (resetting[0] == 0 && resetting[1] == 0)
#define DANGLING	  (!domain_alive && (entry[0] == DOMAIN || entry[1] == DOMAIN))
#define DEVICE_ALIVE(m)	  (references[m] > 0)
#define TEARDOWN_SUCCEEDS (!refused)

#ifdef FENCE_OF_ONE_MEMBER
#define FENCED (fence[0] > 0)
#else
#define FENCED (fence[0] > 0 || fence[1] > 0)
#endif

inline fence_raise(m)
{
#if defined(FENCE_IS_A_GROUP_FLAG)
	fence[0] = 1;
	fence[1] = 1;
#elif defined(FENCE_IS_A_DEVICE_FLAG)
	fence[m] = 1;
#else
	fence[m]++;
#endif
}

inline fence_lower(m)
{
#if defined(FENCE_IS_A_GROUP_FLAG)
	fence[0] = 0;
	fence[1] = 0;
#elif defined(FENCE_IS_A_DEVICE_FLAG)
	fence[m] = 0;
#else
	fence[m]--;
#endif
}

inline entry_restore(m)
{
#ifdef END_RESTORES_OLD
	entry[m] = old;
#else
	entry[m] = group_domain;
#endif
}

inline reset_begin(m)
{
	LOCK;
	old = group_domain;
	fence_raise(m);
	entry[m] = BLOCKED;
	atomic { UNLOCK; resetting[m]++ }
}

inline reset_end(m)
{
	atomic { resetting[m]--; !mutex -> mutex = true }
	assert(DEVICE_ALIVE(m));
	fence_lower(m);
	if
	:: fence[m] == 0 -> entry_restore(m)
	:: else
	fi;
	UNLOCK
}

proctype resetter(byte m)
{
	byte old;

	atomic {
		!mutex; /* looked up under the mutex, where a listed member is alive */
		if
		:: !claimed -> goto out
		:: else
		fi;
#ifndef RESET_WITHOUT_REFERENCE
		references[m]++
#endif
	}
	reset_begin(m);
	reset_end(m);
#ifndef RESET_WITHOUT_REFERENCE
	references[m]--;
#endif
out:
	done++
}

inline group_move(domain)
{
	entry[0] = domain;
	entry[1] = domain;
	group_domain = domain
}

proctype attacher()
{
	byte tries;

	do
	:: tries < ATTACHES ->
		LOCK;
		if
		:: !claimed
#ifndef ATTACH_NOT_FENCED
		:: claimed && FENCED /* -EBUSY */
		:: claimed && !FENCED -> group_move(DOMAIN)
#else
		:: claimed -> group_move(DOMAIN)
#endif
		fi;
		UNLOCK;
		tries++
	:: tries < ATTACHES ->
		LOCK;
		if
		:: !claimed
#ifndef PASID_NOT_FENCED
		:: claimed && FENCED /* -EBUSY */
		:: claimed && !FENCED -> assert(PASID_AT_REST)
#else
		:: claimed -> assert(PASID_AT_REST)
#endif
		fi;
		UNLOCK;
		tries++
	:: else -> break
	od;
	done++
}

/* Detach, release, and the domain's end. A member in reset stays blocked; its last end sees where the group is by then. */
proctype teardown()
{
	bool refused;
	byte m;

	LOCK;
#ifdef TEARDOWN_REFUSED
	refused = FENCED;
#endif
	assert(TEARDOWN_SUCCEEDS);
	group_domain = IDENTITY;
	do
	:: m < MEMBERS ->
		if
#ifdef TEARDOWN_NOT_BLOCKED
		:: entry[m] = IDENTITY
#else
		:: fence[m] == 0 -> entry[m] = IDENTITY
		:: else
#endif
		fi;
		references[m]--;
		m++
	:: else -> break
	od;
	claimed = false;
	UNLOCK;
	domain_alive = false;
	done++
}

proctype monitor()
{
end:
	if
	:: atomic { !(UNTOUCHED) -> assert(UNTOUCHED) } /* unreached */
	:: atomic { DANGLING -> assert(!DANGLING) } /* unreached */
	fi /* unreached */
}

proctype judge()
{
	(done == RESETTERS + 2);
	assert(fence[0] == 0 && fence[1] == 0);
	assert(references[0] == 0 && references[1] == 0);
	assert(entry[0] == group_domain && entry[1] == group_domain)
}

init
{
	atomic {
		references[0] = 1;
		references[1] = 1;
		run monitor();
		run judge();
		run resetter(0);
		run resetter(0);
		run resetter(1);
		run attacher();
		run teardown()
	}
}
