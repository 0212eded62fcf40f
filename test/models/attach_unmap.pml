/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ordering contract of doc/locking.md: one thread unmaps and maps again, two others attach and detach a device each,
 * and hardware caches what it can whenever it can and forgets only what it is told to forget.
 *
 * Memory is what hardware and other processors see. A processor's stores wait in its buffer until a drain process moves
 * them: in order (TSO, x86), or in any order between locations (WEAK: Arm, and all that matters of it here). Buffers are
 * explicit, so a barrier is "my buffer is empty". A mutex's unlock is a store that overtakes none before it, and nothing
 * more; taking it drains the buffer on x86 only. An invalidation reaches the unit through a store too, the doorbell, behind
 * the cleared entries. WEAK does all that TSO does, so the good variants have it. What x86 keeps in order by
 * itself is tso_attach_no_barrier.
 *
 * A flush of a tag may fail, with FLUSH_FAILS: then the unit stays in the list, and the tag with it.
 *
 * SUBMIT: a burst, which passes its barrier when it takes its place in a queue. The list was looked at before, and is looked at again after it.
 *
 * good    two_units              -DWEAK -DUNITS=2
 * good    one_unit               -DWEAK -DUNITS=1
 * good    flush_fails            -DWEAK -DUNITS=1 -DFLUSH_FAILS
 * good    submit_two_units       -DWEAK -DUNITS=2 -DSUBMIT
 * good    submit_one_unit        -DWEAK -DUNITS=1 -DSUBMIT
 * good    submit_flush_fails     -DWEAK -DUNITS=1 -DSUBMIT -DFLUSH_FAILS
 * good    tso_attach_no_barrier  -DTSO -DUNITS=2 -DATTACH_NO_BARRIER
 * broken  unmap_no_barrier       -DTSO -DUNITS=2 -DUNMAP_NO_BARRIER : STALE
 * broken  submit_no_barrier      -DTSO -DUNITS=2 -DSUBMIT -DUNMAP_NO_BARRIER : STALE
 * broken  submit_one_look        -DTSO -DUNITS=2 -DSUBMIT -DONE_LOOK : STALE
 * broken  attach_no_barrier      -DWEAK -DUNITS=2 -DATTACH_NO_BARRIER : STALE
 * broken  entry_before_list      -DTSO -DUNITS=2 -DENTRY_BEFORE_LIST : STALE
 * broken  list_before_leave      -DTSO -DUNITS=2 -DLIST_BEFORE_LEAVE : STALE
 * broken  leave_not_awaited      -DTSO -DUNITS=2 -DLEAVE_NOT_AWAITED : STALE
 * broken  tag_before_flush       -DTSO -DUNITS=1 -DTAG_BEFORE_FLUSH : CLEAN
 * broken  tag_before_flush_stale -DTSO -DUNITS=1 -DTAG_BEFORE_FLUSH : STALE
 * broken  flush_failure_ignored  -DTSO -DUNITS=1 -DFLUSH_FAILS -DFLUSH_FAILURE_IGNORED : CLEAN
 * broken  flush_failure_stale    -DTSO -DUNITS=1 -DFLUSH_FAILS -DFLUSH_FAILURE_IGNORED : STALE
 * broken  list_no_grace          -DTSO -DUNITS=2 -DLIST_NO_GRACE : FREED
 */
#if !defined(TSO) && !defined(WEAK)
#error "which memory: TSO or WEAK"
#endif

#define NDEVICES 2
#define NTAGS	 2
#define ROUNDS(d) (2 - (d)) /* of attach and detach */
#define UNMAPS	 2 /* of one page; each time another page takes its place */
#define NLISTS	 7 /* one, and one for each change: none is used twice, so that a late reader shows */

/* Locations. The page-table entry holds the number of its page, from 1; a device's entry holds its tag. */
#define PTE	 0
#define LIST	 1
#define MUTEX	 2
#define ENTRY(d) (3 + (d))
#define NLOCATIONS 5

#define UNMAPPER 0
#define MOVER(d) ((d) + 1)

byte mem[NLOCATIONS];
chan buffer[3] = [4] of { byte, byte };

#define STORE(cpu, at, value) buffer[cpu]!at, value
#define FULL_BARRIER(cpu)     (len(buffer[cpu]) == 0)
#define DOORBELL(cpu)	      (len(buffer[cpu]) == 0)

/* Hardware: a context cache for each device, an IOTLB by unit and tag. 0 is empty. */
#define UNIT(d)	     ((d) % UNITS)
#define IOTLB(u, t)  iotlb[(u) * NTAGS + (t) - 1]
byte context[NDEVICES];
byte iotlb[UNITS * NTAGS];

/* The published lists: the tag on each unit, 0 where the domain is not used there. */
#define TAG_IN(l, u) list_tag[(l) * UNITS + (u)]
byte list_tag[NLISTS * UNITS];
bool list_freed[NLISTS];

/* Under the mutex. */
byte last_list;
byte users[UNITS];
bool tag_used[UNITS * NTAGS];

byte retired; /* the pages up to this one are unmapped, and their unmaps have returned */
byte section; /* of the unmapper's RCU read sections: it is in one until it ends */
bool offline;

#define STALE(d)                                                                                                               \
	(context[d] != 0 && IOTLB(UNIT(d), context[d]) != 0 && IOTLB(UNIT(d), context[d]) <= retired)
#define CLEAN(u, t) (IOTLB(u, t) == 0)
#define FREED(l)    list_freed[l]

chan retire = [NLISTS] of { byte, byte, byte };

proctype drain(byte cpu)
{
	byte at, value;

end:
	do
#ifdef TSO
	:: atomic { buffer[cpu]?at, value -> mem[at] = value; at = 0; value = 0 }
#else
	:: atomic { buffer[cpu]??PTE, value -> mem[PTE] = value; value = 0 }
	:: atomic { buffer[cpu]??LIST, value -> mem[LIST] = value; value = 0 }
	:: atomic { buffer[cpu]??eval(ENTRY(0)), value -> mem[ENTRY(0)] = value; value = 0 }
	:: atomic { buffer[cpu]??eval(ENTRY(1)), value -> mem[ENTRY(1)] = value; value = 0 }
	:: atomic { buffer[cpu]?MUTEX, value -> mem[MUTEX] = value; value = 0 } /* at the head only: release */
#endif
	od
}

proctype walker(byte d)
{
end:
	do
	:: atomic { context[d] == 0 && mem[ENTRY(d)] != 0 -> context[d] = mem[ENTRY(d)] }
	:: atomic {
		context[d] != 0 && IOTLB(UNIT(d), context[d]) == 0 && mem[PTE] != 0 ->
		IOTLB(UNIT(d), context[d]) = mem[PTE]
	   }
	od
}

inline invalidate(list)
{
	unit = 0;
	do
	:: unit < UNITS ->
		atomic {
			assert(!FREED(list));
			DOORBELL(UNMAPPER);
			if
			:: TAG_IN(list, unit) != 0 -> IOTLB(unit, TAG_IN(list, unit)) = 0
			:: else
			fi;
			unit++
		}
	:: else -> break
	od
}

proctype unmapper()
{
	byte page = 1;
	byte list, unit;
#ifdef SUBMIT
	byte seen;
#endif

	do
	:: page <= UNMAPS ->
		STORE(UNMAPPER, PTE, 0);
#ifdef SUBMIT
		list = mem[LIST];
		do
		:: true ->
#ifndef UNMAP_NO_BARRIER
			FULL_BARRIER(UNMAPPER);
#endif
			seen = mem[LIST]; /* no earlier than that: the commands may still be on their way */
			invalidate(list);
#ifdef ONE_LOOK
			break;
#endif
			if
			:: seen == list -> break
			:: else -> list = seen
			fi
		od;
		seen = 0;
#else
#ifndef UNMAP_NO_BARRIER
		FULL_BARRIER(UNMAPPER);
#endif
		list = mem[LIST];
		invalidate(list);
#endif
		atomic { retired = page; section++; page++; list = 0 }
		if
		:: page <= UNMAPS -> STORE(UNMAPPER, PTE, page)
		:: else
		fi
	:: else -> break
	od;
	offline = true
}

/* A grace period later: begun when the smaller or larger list is there to be seen. */
proctype reclaimer()
{
	byte list, unit, tag, was;

end:
	do
	:: retire?list, unit, tag ->
#ifndef LIST_NO_GRACE
		atomic { mem[LIST] != list -> was = section }
		(offline || section != was);
#endif
		atomic {
			list_freed[list] = true;
			if
			:: tag != 0 -> tag_used[unit * NTAGS + tag - 1] = false
			:: else
			fi;
			list = 0; unit = 0; tag = 0; was = 0
		}
	od
}

#ifdef TSO
#define LOCK(cpu) atomic { mem[MUTEX] == 0 && FULL_BARRIER(cpu) -> mem[MUTEX] = 1 }
#else
#define LOCK(cpu) atomic { mem[MUTEX] == 0 -> mem[MUTEX] = 1 }
#endif
#define UNLOCK(cpu) STORE(cpu, MUTEX, 0)

/* A copy of the last list with `tag` for this unit, not yet published. */
inline list_make(unit, tag)
{
	last_list++;
	i = 0;
	do
	:: i < UNITS -> TAG_IN(last_list, i) = TAG_IN(last_list - 1, i); i++
	:: else -> break
	od;
	i = 0;
	TAG_IN(last_list, unit) = tag
}

inline tag_get(unit)
{
	if
	:: !tag_used[unit * NTAGS] -> tag = 1
	:: tag_used[unit * NTAGS] && !tag_used[unit * NTAGS + 1] -> tag = 2 /* with none left, it waits for the reclaimer */
	fi;
	assert(CLEAN(unit, tag));
	tag_used[unit * NTAGS + tag - 1] = true
}

inline list_grow(d)
{
	tag_get(UNIT(d));
	list_make(UNIT(d), tag);
#ifdef ENTRY_BEFORE_LIST
	STORE(MOVER(d), ENTRY(d), tag);
#endif
	STORE(MOVER(d), LIST, last_list);
	retire!last_list - 1, 0, 0
}

inline attach(d)
{
	LOCK(MOVER(d));
	atomic { /* its stores are in no other's sight before they drain */
		if
		:: TAG_IN(last_list, UNIT(d)) == 0 -> list_grow(d)
		:: else -> tag = TAG_IN(last_list, UNIT(d))
		fi;
		users[UNIT(d)]++;
		UNLOCK(MOVER(d))
	}
#ifndef ATTACH_NO_BARRIER
	FULL_BARRIER(MOVER(d));
#endif
#ifndef ENTRY_BEFORE_LIST
	STORE(MOVER(d), ENTRY(d), tag)
#endif
}

#define context_flush(d)   atomic { DOORBELL(MOVER(d)) -> context[d] = 0 }
#define tag_flush(d)	   atomic { DOORBELL(MOVER(d)) -> IOTLB(UNIT(d), tag) = 0 }
#define list_publish(d, t) STORE(MOVER(d), LIST, last_list); retire!last_list - 1, UNIT(d), t

/* Away from the domain, and seen to be away by the hardware. */
inline leave(d)
{
	STORE(MOVER(d), ENTRY(d), 0);
#ifndef LEAVE_NOT_AWAITED
	context_flush(d)
#endif
}

inline list_shrink(d)
{
	atomic {
		list_make(UNIT(d), 0);
#ifdef TAG_BEFORE_FLUSH
		tag_used[UNIT(d) * NTAGS + tag - 1] = false;
		list_publish(d, 0)
#else
		list_publish(d, tag)
#endif
	}
}

/* The last device of its unit has left. */
inline unit_put(d)
{
	if
#ifdef TAG_BEFORE_FLUSH
	:: list_shrink(d)
#else
	:: tag_flush(d); list_shrink(d)
#endif
#ifdef FLUSH_FAILS
	:: true
#ifdef FLUSH_FAILURE_IGNORED
	   -> list_shrink(d)
#endif
#endif
	fi
}

inline detach(d)
{
#ifndef LIST_BEFORE_LEAVE
	leave(d);
#endif
	LOCK(MOVER(d));
	users[UNIT(d)]--;
	if
	:: users[UNIT(d)] == 0 -> unit_put(d)
	:: else
	fi;
	UNLOCK(MOVER(d));
#ifdef LIST_BEFORE_LEAVE
	leave(d);
#endif
#ifdef LEAVE_NOT_AWAITED
	context_flush(d);
#endif
#ifdef TAG_BEFORE_FLUSH
	tag_flush(d)
#endif
}

proctype mover(byte d)
{
	byte round, tag, i;

	do
	:: round < ROUNDS(d) ->
		attach(d);
		detach(d);
		atomic { round++; tag = 0 }
	:: else -> break
	od
}

proctype monitor()
{
end:
	if
	:: atomic { STALE(0) || STALE(1) -> assert(!(STALE(0) || STALE(1))) } /* unreached */
	fi /* unreached */
}

init
{
	atomic {
		mem[PTE] = 1;
		run drain(UNMAPPER);
		run drain(MOVER(0));
		run drain(MOVER(1));
		run walker(0);
		run walker(1);
		run reclaimer();
		run monitor();
		run unmapper();
		run mover(0);
		run mover(1)
	}
}
