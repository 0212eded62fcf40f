/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A walk of VMSAv8-64 translation tables, as the Arm models need it: pure, memory through a callback. Arm Architecture Reference
 * Manual, chapter D8 (translation tables, descriptor formats, concatenation, contiguous bit). In words of its own: nothing of
 * the library's page tables is used.
 *
 * Who caches: the caller. A walk says which tables it passed, so that they can be remembered, and can begin at one of them.
 */
#ifndef LPAE_WALK_H
#define LPAE_WALK_H

#include <stdbool.h>
#include <stdint.h>

struct lpae_config {
	unsigned stage;       /* 1 or 2 */
	unsigned granule_lg2; /* 12, 14 or 16 */
	unsigned in_bits;     /* 64 - TxSZ */
	unsigned out_bits;    /* IPS or PS, cut to what the unit has */
	unsigned start_level; /* lpae_start_level(), or what SL0 says: lpae_sl0_level() */
	uint64_t root;        /* the table of start_level, or the first of several concatenated */
	bool wide;      /* addresses of 52 bits: 64 KiB granule only. Entries have bits 51:48 in 15:12, and 4 TiB blocks */
	bool ignore_af; /* AF = 0 is no fault (AFFD) */
	bool flat;      /* APTable of the upper levels is ignored (HAD, HPD) */
};

struct lpae_reader {
	/* The 8 bytes at `pa`. False: they cannot be had (no memory, or the fault of another stage, which `ctx` keeps). */
	bool (*load)(void *ctx, uint64_t pa, unsigned level, uint64_t *entry);
	void *ctx;
};

enum lpae_fault {
	LPAE_NO_FAULT,
	LPAE_TRANSLATION,
	LPAE_ADDR_SIZE,
	LPAE_ACCESS_FLAG,
	LPAE_EXTERNAL, /* the reader said no */
};

/* What the levels above take away (APTable). */
#define LPAE_NO_WRITE 1u
#define LPAE_NO_USER 2u

/* A place to go on from: the table that is read at `level`. */
struct lpae_table {
	uint64_t pa;
	unsigned level;
	unsigned limits;
};

struct lpae_walk {
	enum lpae_fault fault;
	unsigned level;    /* of the last entry: the leaf, or where it failed */
	uint64_t entry_pa; /* where that entry is; 0 where none was read */
	uint64_t entry;    /* 0 where none could be read */
	uint64_t reserved; /* RES0 bits, reserved values of fields: of the first entry that has any. No fault in itself */
	/* A leaf: */
	uint64_t pa; /* of the leaf's first byte */
	unsigned leaf_lg2;
	unsigned group_lg2;  /* with the contiguous bit: of the group it is in; else as leaf_lg2 */
	unsigned user, priv; /* PIOMMU_READ | PIOMMU_WRITE of unprivileged and privileged accesses; in stage 2 both the same */
	bool global;         /* stage 1: nG = 0 */
	/* Tables below the first one, from the top. */
	struct lpae_table passed[3];
	unsigned npassed;
};

/* Of stage 1: 0 to 3. */
unsigned lpae_start_level(unsigned granule_lg2, unsigned in_bits);
/*
 * Of stage 2, from SL0 and the width; `pa_bits` is the unit's. @return 0 to 3, or -1: SL0 is not valid, or inconsistent with the
 * width (more than 16 tables concatenated, or nothing left for the first level)
 */
int lpae_sl0_level(unsigned granule_lg2, unsigned sl0, unsigned in_bits, unsigned pa_bits);
/* Bytes of the first table, concatenated ones together; the root is aligned to it, and to 64 bytes in any case. */
uint64_t lpae_root_align(const struct lpae_config *config);
/* IPS, PS: 32 to 52. 0: not a valid encoding. */
unsigned lpae_size_bits(unsigned encoding);

/* `from`: where to begin, NULL: at the root. `iova` is not wider than 64 bits; bits above in_bits must be 0 or it is a fault. */
void lpae_walk(const struct lpae_config *config, const struct lpae_reader *reader, const struct lpae_table *from, uint64_t iova,
	       struct lpae_walk *out);

/*
 * Whether all valid entries of the leaf's contiguous group say the same: bit 52 set, addresses in a row, attributes equal. Entries
 * that are not valid are let pass: a group is made and unmade one by one. True for a leaf without the bit.
 */
bool lpae_group_agrees(const struct lpae_config *config, const struct lpae_reader *reader, const struct lpae_walk *leaf);

/* `walk` has the leaf of [iova, iova + 1 << leaf_lg2), or a fault at an entry that is not just absent. False ends it. */
typedef bool (*lpae_leaf_fn)(void *ctx, uint64_t iova, uint64_t len, const struct lpae_walk *walk);
/* Every leaf in order. @return false: `fn` or a limit of tables ended it */
bool lpae_each(const struct lpae_config *config, const struct lpae_reader *reader, lpae_leaf_fn fn, void *ctx);

#endif
