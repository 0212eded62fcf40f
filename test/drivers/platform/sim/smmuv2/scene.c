/* SPDX-License-Identifier: BSD-3-Clause */
#include "scene.h"

void scene_set(struct scene *s, const struct smmuv2_model_config *cfg)
{
	rig_open(&s->rig, cfg);
	for (unsigned i = 0; i < 2; i++) {
		s->root[i] = rig_pages(&s->rig, 4096);
		s->page[i] = rig_pages(&s->rig, 4096);
		s->leaf[i] = rig_map(&s->rig, s->root[i], 1, 12, 0x5000, s->page[i] | S1_RW);
		rig_map(&s->rig, s->root[i], 1, 12, 0x6000, s->page[i] | S1_RW);
		rig_bank_s1(&s->rig, 2 + i, s->root[i], 5 + i);
		rig_stream(&s->rig, i, i, 2 + i);
	}
	rig_enable(&s->rig);
}

bool scene_hits(struct scene *s, unsigned dev, uint64_t iova)
{
	bool good = rig_lands(&s->rig, dev, iova, s->page[dev] + iova % 4096);

	w32(&s->rig, cb(&s->rig, 2 + dev, 0x58), 0x800001fe);
	return good;
}

void scene_strand(struct scene *s)
{
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(scene_hits(s, i, 0x5000), true);
		CHECK_EQ(scene_hits(s, i, 0x6000), true);
		rig_put(&s->rig, s->leaf[i], 0, 0);
		rig_put(&s->rig, s->leaf[i], 1, 0);
	}
}

unsigned scene_left(struct scene *s)
{
	return (scene_hits(s, 0, 0x5000) ? 0x1000u : 0) | (scene_hits(s, 0, 0x6000) ? 0x0100u : 0) |
	       (scene_hits(s, 1, 0x5000) ? 0x0010u : 0) | (scene_hits(s, 1, 0x6000) ? 0x0001u : 0);
}

void sync_bank(struct rig *rig, unsigned bank)
{
	w32(rig, cb(rig, bank, 0x7f0), 0);
	CHECK_HEX(r32(rig, cb(rig, bank, 0x7f4)), 0);
}

void sync_all(struct rig *rig)
{
	w32(rig, 0x70, 0);
	CHECK_HEX(r32(rig, 0x74), 0);
}
