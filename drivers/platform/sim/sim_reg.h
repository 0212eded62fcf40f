/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One register of a model's table, and which accesses it has: a 32-bit register as an aligned doubleword, a wider one as aligned
 * quadwords or doublewords. Anything else is a bug of the driver: it is counted and complained of, reads as zero and has no effect.
 * The lock is held.
 */
#ifndef SIM_REG_H
#define SIM_REG_H

#include "sim_model.h"

enum sim_reg_access {
	SIM_RO,
	SIM_WO,
	SIM_RW,
	SIM_W1C, /* writable bits are cleared by writing 1 */
};

struct sim_reg {
	uint32_t off;
	uint8_t len; /* bytes */
	uint8_t access;
	uint8_t kind; /* the family's: which units have it, or when it can be changed */
	const char *name;
	uint64_t writable; /* other bits are reserved: they must be written as zero, or as they read */
	uint64_t status;   /* hardware's, ignored in a write */
};

/* `reg` is the one that `off` is in, NULL where there is none. False: no legal access. */
bool sim_reg_may_read(struct sim_model *model, const struct sim_reg *reg, unsigned off, unsigned width);
bool sim_reg_may_write(struct sim_model *model, const struct sim_reg *reg, unsigned off, unsigned width);
/*
 * What the register, of 4 or 8 bytes, becomes that is `old` now: hardware's bits as they are, reserved ones, which are complained of,
 * zero.
 */
uint64_t sim_reg_merge(struct sim_model *model, const struct sim_reg *reg, uint64_t old, unsigned off, unsigned width,
		       uint64_t value);
/* A write to one of SIM_W1C, of 4 bytes. */
void sim_reg_clear(struct sim_model *model, const struct sim_reg *reg, uint32_t *words, uint32_t value);

/* A register file is doublewords; what is wider has its low half first. */
static inline uint64_t sim_wide(const uint32_t *words)
{
	return words[0] | (uint64_t)words[1] << 32;
}

static inline void sim_put_wide(uint32_t *words, uint64_t value)
{
	words[0] = (uint32_t)value;
	words[1] = (uint32_t)(value >> 32);
}

/* A whole register at its place, 4 or 8 bytes. */
static inline uint64_t sim_reg_get(const struct sim_reg *reg, const uint32_t *words)
{
	return reg->len == 8 ? sim_wide(words) : words[0];
}

static inline void sim_reg_put(const struct sim_reg *reg, uint32_t *words, uint64_t value)
{
	if (reg->len == 8)
		sim_put_wide(words, value);
	else
		words[0] = (uint32_t)value;
}

#endif
