/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts what must not be on the fast path, exactly and without tools: the processor is asked to trap after every
 * instruction (x86 trap flag, Intel SDM 3A 18.3.1.4), and a signal handler looks at the instruction that comes next. Locked
 * instructions are those with a LOCK prefix and XCHG with memory; indirect ones are CALL and JMP through a register or
 * memory, but not jumps through a fixed slot, which is how a shared library's function is reached; allocations are first
 * instructions of the allocator's entry points. The instructions themselves are counted, too, those of the workload's loop with them.
 *
 * One thread at a time, with no other thread running operations. On other processors nothing is counted.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "bench.h"

#define OPERATIONS 4u
#define LARGE LEAVES /* pages; a trap takes microseconds: of operations larger than this, one is enough */

#if defined(__x86_64__) && !defined(UNDER_TSAN) /* which delivers signals late */

/* A signal handler has no argument of its own. */
static volatile struct tally {
	unsigned long steps, locked, indirect, allocations;
	bool counting;
	bool paused;
} tally;

static bool is_prefix(unsigned char byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66:
	case 0x67:
	case 0xf0:
	case 0xf2:
	case 0xf3:
		return true;
	default:
		return false;
	}
}

static bool is_allocator(uintptr_t code)
{
	const uintptr_t entries[] = { (uintptr_t)malloc, (uintptr_t)calloc, (uintptr_t)realloc, (uintptr_t)aligned_alloc,
				      (uintptr_t)posix_memalign };

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (code == entries[i])
			return true;
	return false;
}

static void look_at(const unsigned char *code)
{
	unsigned char modrm;
	bool locked = false;

	tally.allocations += is_allocator((uintptr_t)code);
	for (; is_prefix(*code); code++)
		locked |= *code == 0xf0;
	if ((*code & 0xf0) == 0x40) /* REX */
		code++;
	modrm = code[1];
	if ((*code == 0x86 || *code == 0x87) && modrm >> 6 != 3)
		locked = true;
	tally.steps++;
	tally.locked += locked;
	if (*code == 0xff && (modrm >> 3 & 7) == 2)
		tally.indirect++;
	if (*code == 0xff && (modrm >> 3 & 7) == 4 && (modrm & 0xc7) != 0x05)
		tally.indirect++;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *at = context;

	(void)sig;
	(void)info;
	if (!tally.paused)
		look_at((const unsigned char *)(uintptr_t)at->uc_mcontext.gregs[REG_RIP]);
}

/* Past the red zone, which may hold the caller's variables. */
static void trap_on(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
				 : "cc", "memory");
}

static void trap_off(void)
{
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
				 : "cc", "memory");
}

static int drain(struct job *job)
{
	return job->row->workload->drain ? job->row->workload->drain(job) : 0;
}

static int step(struct job *job, unsigned n, struct tally *out)
{
	int err;

	memset((void *)(uintptr_t)&tally, 0, sizeof(tally));
	tally.counting = true;
	trap_on();
	err = job->row->workload->run(job, n);
	trap_off();
	tally.counting = false;
	*out = (struct tally){ tally.steps, tally.locked, tally.indirect, tally.allocations, false, false };
	return err ? err : drain(job);
}

/* The call through which the library came here is the simulated unit's, too: registers of a real one are memory. */
void count_pause(void)
{
	if (!tally.counting)
		return;
	tally.paused = true;
	tally.indirect--;
}

void count_resume(void)
{
	if (tally.counting)
		tally.paused = false;
}

void count_instructions(struct job *job, struct counts *out)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	struct sigaction before;
	unsigned burst = job->row->burst;
	unsigned n = burst * (burst * job->row->pages > LARGE ? 1 : OPERATIONS);
	struct tally none, some;
	int err;

	*out = (struct counts){ NAN, NAN, NAN, NAN };
	if (sigaction(SIGTRAP, &action, &before))
		return;
	err = step(job, 0, &none);
	if (!err)
		err = step(job, n, &some);
	sigaction(SIGTRAP, &before, NULL);
	if (err || some.steps <= none.steps)
		return;
	out->instructions = (double)(some.steps - none.steps) / n;
	out->locked = (double)(some.locked - none.locked) / n;
	out->indirect = (double)(some.indirect - none.indirect) / n;
	out->allocations = (double)(some.allocations - none.allocations) / n;
}

#else

void count_instructions(struct job *job, struct counts *out)
{
	(void)job;
	*out = (struct counts){ NAN, NAN, NAN, NAN };
}

void count_pause(void)
{
}

void count_resume(void)
{
}

#endif
