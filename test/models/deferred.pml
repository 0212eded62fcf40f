/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deferred attach (cases T13, T13b, T15 of doc/locking.md): several threads race the first map of a device whose attach is
 * deferred, another attaches it in the ordinary way, a third resets it. Any attach may fail, as often as FAILURES says.
 *
 * The flag is read once without the mutex, relaxed, and again under it. Its store waits in the writer's buffer until it
 * drains, at the latest before the mutex is free again; meanwhile others read the old value. A map that got an error, or
 * -EBUSY, is tried again by its caller: each has to come to its end.
 *
 * good    three_maps                     -DMAPPERS=3 -DFAILURES=1
 * good    two_maps_two_failures          -DMAPPERS=2 -DFAILURES=2
 * broken  flag_not_reread                -DMAPPERS=3 -DFAILURES=1 -DFLAG_NOT_REREAD : ATTACHED_ONCE
 * broken  reread_without_mutex           -DMAPPERS=3 -DFAILURES=0 -DREREAD_WITHOUT_MUTEX : ATTACHED_ONCE
 * broken  flag_cleared_before_success    -DMAPPERS=3 -DFAILURES=0 -DFLAG_CLEARED_FIRST : USABLE
 * broken  flag_cleared_in_spite          -DMAPPERS=3 -DFAILURES=1 -DFLAG_CLEARED_IN_SPITE : STILL_DEFERRED
 * broken  ordinary_clears_in_spite       -DMAPPERS=2 -DFAILURES=1 -DORDINARY_CLEARS_IN_SPITE : STILL_DEFERRED
 * broken  loser_not_counted              -DMAPPERS=3 -DFAILURES=0 -DLOSER_NOT_COUNTED : COUNTED
 * broken  reset_not_asked                -DMAPPERS=2 -DFAILURES=0 -DRESET_NOT_ASKED : OUTSIDE_RESET
 */
bool mutex;
bool deferred = true; /* as the others see it */
bool draining;	      /* the owner of the mutex has cleared it, and they do not see it yet */
bool attached;	      /* the device's entry, as hardware sees it */
bool fenced;	      /* a reset is going on; under the mutex */

byte failures = FAILURES;
byte slow;     /* maps that found the flag set, */
byte attaches; /* attached, */
byte refused;  /* got an error or -EBUSY, */
byte lost;     /* or came too late and were counted */
byte done;

#define ATTACHED_ONCE  (!attached)
#define STILL_DEFERRED ((deferred && !draining) == !attached)
#define OUTSIDE_RESET  (!fenced)
#define USABLE	       (attached)
#define COUNTED	       (slow == attaches + refused + lost)

#define LOCK	  atomic { !mutex -> mutex = true }
#define UNLOCK	  atomic { !draining -> assert(STILL_DEFERRED); mutex = false }
#define FLAG_READ (deferred && !draining) /* by the owner of the mutex: it sees its own store */
#define FLAG_CLEAR                                                                                                             \
	if                                                                                                                     \
	:: deferred -> draining = true                                                                                         \
	:: else                                                                                                                \
	fi

proctype drain()
{
end:
	do
	:: atomic { draining -> draining = false; deferred = false }
	od
}

/* The driver's attach; it takes its time. */
inline hardware_attach(ok)
{
	assert(OUTSIDE_RESET);
	if
	:: attached = true; ok = true
	:: atomic { failures > 0 -> failures--; ok = false }
	fi
}

inline deferred_attach(ok)
{
#ifdef FLAG_CLEARED_FIRST
	FLAG_CLEAR;
#endif
	assert(ATTACHED_ONCE);
	hardware_attach(ok);
	atomic {
		if
		:: ok ->
			attaches++;
			FLAG_CLEAR
		:: else ->
			refused++;
#ifdef FLAG_CLEARED_IN_SPITE
			FLAG_CLEAR
#endif
		fi
	}
}

/* The slow path of the first map. */
inline first_map(ok)
{
	atomic { slow++; ok = false }
#ifdef REREAD_WITHOUT_MUTEX
	wanted = deferred;
#endif
	LOCK;
#if defined(FLAG_NOT_REREAD)
	wanted = true;
#elif !defined(REREAD_WITHOUT_MUTEX)
	wanted = FLAG_READ;
#endif
	if
	:: !wanted ->
		ok = true;
#ifndef LOSER_NOT_COUNTED
		lost++
#endif
#ifndef RESET_NOT_ASKED
	:: wanted && fenced -> refused++ /* -EBUSY */
	:: wanted && !fenced -> deferred_attach(ok)
#else
	:: wanted -> deferred_attach(ok)
#endif
	fi;
	UNLOCK
}

proctype mapper()
{
	bool ok, wanted;

	do
	:: atomic { deferred -> ok = false } /* relaxed: may be the old value */
		first_map(ok);
		if
		:: ok -> break
		:: else -> !fenced /* the caller tries again, after the reset */
		fi
	:: !deferred -> break
	od;
	atomic { assert(USABLE); done++ }
}

proctype ordinary()
{
	bool ok;

	LOCK;
	if
	:: fenced
	:: else ->
		ok = attached;
		hardware_attach(ok);
#ifndef ORDINARY_CLEARS_IN_SPITE
		if
		:: ok -> FLAG_CLEAR
		:: else
		fi
#else
		FLAG_CLEAR
#endif
	fi;
	UNLOCK;
	done++
}

proctype resetter()
{
	LOCK;
	fenced = true;
	UNLOCK;
	LOCK;
	fenced = false;
	UNLOCK;
	done++
}

proctype judge()
{
	(done == MAPPERS + 2);
	assert(COUNTED);
	assert(attached && !deferred)
}

init
{
	byte n;

	atomic {
		run drain();
		run ordinary();
		run resetter();
		run judge();
		do
		:: n < MAPPERS -> run mapper(); n++
		:: else -> break
		od;
		n = 0
	}
}
