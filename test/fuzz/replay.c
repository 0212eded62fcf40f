/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target without libFuzzer: over every seed of a folder, then over as many mutations of them as asked for,
 * always the same ones. usage: replay DIR [MUTATIONS]
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define SEEDS_MAX 256u
#define INPUT_MAX (16u << 10)

struct seed {
	uint8_t *bytes;
	size_t len;
};

static struct seed seeds[SEEDS_MAX];
static unsigned nseeds;

/* xorshift64: the same numbers on every machine. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t below(uint64_t *state, size_t n)
{
	return n ? (size_t)(next_random(state) % n) : 0;
}

/* In a block of its exact size, for AddressSanitizer. */
static void run_one(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static size_t mutate_once(uint8_t *bytes, size_t len, uint64_t *state)
{
	static const uint8_t words[] = { 0x00, 0x01, 0x04, 0x06, 0x08, 0x7f, 0x80, 0xff };
	const struct seed *other = &seeds[below(state, nseeds)];
	size_t at = below(state, len);
	size_t n = 1 + below(state, 32);

	switch (below(state, 6)) {
	case 0:
		if (len)
			bytes[at] ^= (uint8_t)(1u << below(state, 8));
		return len;
	case 1:
		if (len)
			bytes[at] = words[below(state, sizeof(words))];
		return len;
	case 2:
		return at;
	case 3: /* cut a piece out */
		if (n > len - at)
			n = len - at;
		memmove(bytes + at, bytes + at + n, len - at - n);
		return len - n;
	case 4: /* write a piece twice */
		if (n > len - at)
			n = len - at;
		if (len + n > INPUT_MAX)
			return len;
		memmove(bytes + at + n, bytes + at, len - at);
		return len + n;
	default: /* go on with another seed */
		n = at < other->len ? other->len - at : 0;
		memcpy(bytes + at, other->bytes + at, n);
		return at + n;
	}
}

static void run_mutations(unsigned long count)
{
	uint8_t *bytes = malloc(INPUT_MAX);
	uint64_t state = 0x9e3779b97f4a7c15u;

	for (unsigned long i = 0; i < count; i++) {
		const struct seed *seed = &seeds[below(&state, nseeds)];
		size_t len = seed->len;

		memcpy(bytes, seed->bytes, len);
		for (size_t n = 1 + below(&state, 6); n > 0; n--)
			len = mutate_once(bytes, len, &state);
		run_one(bytes, len);
	}
	free(bytes);
}

static void load(const char *dir, const char *name)
{
	struct seed *seed = &seeds[nseeds];
	FILE *file;
	char *path;

	if (name[0] == '.' || nseeds == SEEDS_MAX || asprintf(&path, "%s/%s", dir, name) < 0)
		return;
	file = fopen(path, "rb");
	free(path);
	if (!file)
		return;
	seed->bytes = malloc(INPUT_MAX);
	seed->len = fread(seed->bytes, 1, INPUT_MAX, file);
	fclose(file);
	nseeds++;
}

int main(int argc, char **argv)
{
	struct dirent **names;
	unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	int n = argc > 1 ? scandir(argv[1], &names, NULL, alphasort) : -1;

	if (n < 0) {
		fprintf(stderr, "usage: replay DIR [MUTATIONS]\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		load(argv[1], names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (!nseeds) {
		fprintf(stderr, "replay: no seeds in %s\n", argv[1]);
		return 1;
	}
	for (unsigned i = 0; i < nseeds; i++)
		run_one(seeds[i].bytes, seeds[i].len);
	run_mutations(mutations);
	for (unsigned i = 0; i < nseeds; i++)
		free(seeds[i].bytes);
	printf("%u seeds and %lu mutations\n", nseeds, mutations);
	return 0;
}
