/* SPDX-License-Identifier: BSD-3-Clause */
/* Accesses to registers that a model does not have, or not so; see sim_reg.h. The lock is held. */
#include "sim_reg.h"

static bool fits(struct sim_model *model, const struct sim_reg *reg, unsigned off, unsigned width, const char *verb)
{
	if (reg && (width == 4 || (width == 8 && reg->len >= 8)) && is_aligned(off, width))
		return true;
	model->counts.width_errors++;
	if (reg)
		sim_model_complain(model, "%s%u of %s at 0x%x: it has %u bits", verb, width * 8, reg->name, off, reg->len * 8);
	else
		sim_model_complain(model, "%s%u at 0x%x: no register of this unit", verb, width * 8, off);
	return false;
}

bool sim_reg_may_read(struct sim_model *model, const struct sim_reg *reg, unsigned off, unsigned width)
{
	if (!fits(model, reg, off, width, "read"))
		return false;
	if (reg->access != SIM_WO)
		return true;
	sim_model_misuse(model, "read%u of %s: it can only be written", width * 8, reg->name);
	return false;
}

bool sim_reg_may_write(struct sim_model *model, const struct sim_reg *reg, unsigned off, unsigned width)
{
	if (!fits(model, reg, off, width, "write"))
		return false;
	if (reg->access != SIM_RO)
		return true;
	model->counts.width_errors++;
	sim_model_complain(model, "write%u of %s: it is read-only", width * 8, reg->name);
	return false;
}

uint64_t sim_reg_merge(struct sim_model *model, const struct sim_reg *reg, uint64_t old, unsigned off, unsigned width,
		       uint64_t value)
{
	unsigned shift = off % reg->len * 8;
	uint64_t mask = ((width == 8 ? UINT64_MAX : UINT32_MAX) << shift) & ~reg->status;
	uint64_t wanted = (old & ~mask) | (value << shift & mask);
	uint64_t reserved = wanted & ~(reg->writable | reg->status);

	if (reserved)
		sim_model_misuse(model, "write%u of %s: 0x%llx sets reserved bits 0x%llx", width * 8, reg->name,
				 (unsigned long long)value, (unsigned long long)reserved);
	return wanted & ~reserved;
}

void sim_reg_clear(struct sim_model *model, const struct sim_reg *reg, uint32_t *words, uint32_t value)
{
	uint64_t reserved = value & ~(reg->writable | reg->status);

	if (reserved)
		sim_model_misuse(model, "write32 of %s: 0x%x has reserved bits 0x%llx", reg->name, value,
				 (unsigned long long)reserved);
	words[0] &= ~(value & (uint32_t)reg->writable);
}
