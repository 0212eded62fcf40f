/* SPDX-License-Identifier: BSD-3-Clause */
/* A fuzz target is this one function; libFuzzer calls it, and so does replay.c in every ordinary build. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold of any input; the word that libFuzzer and replay.c understand is abort(). */
#define MUST(condition) \
	do { \
		if (!(condition)) \
			fuzz_broken(__FILE__, __LINE__, #condition); \
	} while (0)

_Noreturn void fuzz_broken(const char *file, int line, const char *condition);

#endif
