/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model's TLB forgets nothing until told to, then exactly what was named, and not before a synchronisation that covers it. IHI
 * 0062, SMMU_CBn_TLBI*, SMMU_TLBI*, SMMU_CBn_TLBSYNC, SMMU_sTLBGSYNC. Each test changes memory, sees the stale answer, invalidates beside the
 * target, sees it again, invalidates the target.
 */
#include <errno.h>
#include <string.h>

#include "scene.h"

static void set(struct scene *s)
{
	struct smmuv2_model_config cfg = rig_config();

	scene_set(s, &cfg);
}

static void cleared_leaf_is_served_until_an_invalidation_is_synchronised(void)
{
	struct scene s;

	set(&s);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	rig_put(&s.rig, s.leaf[0], 0, 0);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 0);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	w64(&s.rig, cb(&s.rig, 2, 0x600), VA64(5, 0x5000));
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true); /* asked for only */
	sync_bank(&s.rig, 3);                      /* another bank's */
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	CHECK_EQ(rig_counts(&s.rig).tlb_invalidations, 0);
	sync_bank(&s.rig, 2);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), false);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 3);
	CHECK_EQ(rig_counts(&s.rig).tlb_invalidations, 1);
	CHECK_EQ(rig_counts(&s.rig).descriptors, 1);
	CHECK_EQ(rig_counts(&s.rig).waits, 2);
	rig_close(&s.rig);
}

static void narrower_permission_is_stale_too(void)
{
	struct scene s;

	set(&s);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	rig_put(&s.rig, s.leaf[0], 0, s.page[0] | S1_RO);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	w64(&s.rig, cb(&s.rig, 2, 0x620), VA64(5, 0x5000));
	sync_bank(&s.rig, 2);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), false);
	rig_close(&s.rig);
}

/* What a register of one bank, or a global one, leaves of the stranded pages; VMID 0. */
static void each_invalidation_drops_what_it_names(void)
{
	static const struct {
		unsigned bank, off; /* bank 9: global */
		unsigned width;
		uint64_t value;
		unsigned left;
	} cases[] = {
		{ 2, 0x600, 8, VA64(5, 0x5000), 0x0111 }, /* TLBIVA */
		{ 2, 0x600, 8, VA64(6, 0x5000), 0x1101 }, /* the ASID counts, not whose bank it is */
		{ 2, 0x600, 8, VA64(7, 0x5000), 0x1111 },
		{ 2, 0x600, 8, VA64(5, 0x7000), 0x1111 },
		{ 2, 0x608, 8, VA64(0, 0x5000), 0x0101 }, /* TLBIVAA */
		{ 2, 0x610, 4, 5, 0x0011 },               /* TLBIASID */
		{ 2, 0x618, 4, 0, 0x0000 },               /* TLBIALL: the VMID's */
		{ 2, 0x620, 8, VA64(5, 0x6000), 0x1011 }, /* TLBIVAL */
		{ 2, 0x628, 8, VA64(0, 0x6000), 0x1010 }, /* TLBIVAAL */
		{ 9, 0x064, 4, 0, 0x0000 },               /* TLBIVMID */
		{ 9, 0x064, 4, 1, 0x1111 },
		{ 9, 0x0b8, 4, 0, 0x0000 }, /* TLBIVMIDS1 */
		{ 9, 0x068, 4, 0, 0x0000 }, /* TLBIALLNSNH */
		{ 9, 0x06c, 4, 0, 0x1111 }, /* TLBIALLH */
		{ 9, 0x0c0, 8, 5, 0x1111 }, /* TLBIVAH64 */
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s;
		unsigned off;

		set(&s);
		scene_strand(&s);
		off = cases[i].bank == 9 ? cases[i].off : cb(&s.rig, cases[i].bank, cases[i].off);
		sim_model_write(s.rig.unit, off, cases[i].width, cases[i].value);
		sync_all(&s.rig);
		CHECK_HEX(scene_left(&s), cases[i].left);
		rig_close(&s.rig);
	}
}

/* nG = 0: an entry of all ASIDs of the VMID. By address it goes whatever the ASID, with an ASID it does not go. */
static void global_entries(void)
{
	struct scene s;

	set(&s);
	rig_put(&s.rig, s.leaf[0], 0, s.page[0] | S1_GLOBAL);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	CHECK_EQ(rig_lands(&s.rig, 1, 0x5000, s.page[0]), true); /* the other ASID is served from it */
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	rig_put(&s.rig, s.leaf[0], 0, 0);
	w32(&s.rig, cb(&s.rig, 2, 0x610), 5);
	w32(&s.rig, cb(&s.rig, 2, 0x610), 0);
	sync_bank(&s.rig, 2);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	w64(&s.rig, cb(&s.rig, 2, 0x600), VA64(77, 0x5000));
	sync_bank(&s.rig, 2);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), false);
	CHECK_EQ(scene_hits(&s, 1, 0x5000), true);
	rig_close(&s.rig);
}

/* Banks with the same VMID and ASID share their entries, other VMIDs do not. */
static void tag_is_vmid_and_asid(void)
{
	struct smmuv2_model_config cfg = rig_config();
	struct scene s;

	cfg.vmid16 = true;
	scene_set(&s, &cfg);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	rig_bank(&s.rig, 4, 0x10007, s.root[1] | UINT64_C(5) << 48, 0x00803519);
	rig_bank(&s.rig, 5, 0x10000, s.root[1] | UINT64_C(5) << 48, 0x00803519);
	rig_stream(&s.rig, 4, 4, 4);
	rig_stream(&s.rig, 5, 5, 5);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), true);
	CHECK_EQ(rig_lands(&s.rig, 5, 0x5000, s.page[0]), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	w32(&s.rig, 0x64, 7); /* TLBIVMID */
	rig_put(&s.rig, s.leaf[1], 0, 0);
	rig_put(&s.rig, s.leaf[0], 0, 0);
	sync_all(&s.rig);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), false);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	rig_close(&s.rig);
}

/* sCR0.VMID16EN: the VMID is in CBA2R, all of it counts. */
static void vmid_has_16_bits_only_with_vmid16en(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page, leaf;
	struct rig rig;

	cfg.vmid16 = true;
	rig_open(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	leaf = rig_map(&rig, root, 1, 12, 0x5000, page | S2_RW);
	w32(&rig, 0, 0x80000412);
	rig_bank_s2(&rig, 0, root, 7); /* CBAR.VMID does not count */
	w32(&rig, cb(&rig, 0, 0), 0);
	w32(&rig, gr1(&rig, 0x800), 0x12070001);
	w32(&rig, cb(&rig, 0, 0), 0x121);
	rig_stream(&rig, 0, 0, 0);
	CHECK_EQ(rig_lands(&rig, 0, 0x5000, page), true);
	rig_put(&rig, leaf, 0, 0);
	w32(&rig, 0x64, 7);
	sync_all(&rig);
	CHECK_EQ(rig_lands(&rig, 0, 0x5000, page), true);
	w32(&rig, 0x64, 0x1207);
	sync_all(&rig);
	CHECK_EQ(rig_lands(&rig, 0, 0x5000, page), false);
	rig_close(&rig);
}

/* TLBIALL of a stage 1 bank and TLBIVMIDS1 are for stage 1; TLBIVMID is for both. */
static void stage_2_entries_of_the_vmid_are_apart(void)
{
	struct scene s;

	set(&s);
	rig_put(&s.rig, s.leaf[1], 2, s.page[1] | S2_RW); /* 0x7000 */
	rig_bank_s2(&s.rig, 0, s.root[1], 0);
	rig_stream(&s.rig, 4, 4, 0);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x7000, s.page[1]), true);
	rig_put(&s.rig, s.leaf[1], 2, 0);
	w32(&s.rig, cb(&s.rig, 2, 0x618), 0);
	w32(&s.rig, 0xb8, 0);
	sync_all(&s.rig);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x7000, s.page[1]), true);
	w32(&s.rig, 0x64, 0);
	sync_all(&s.rig);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x7000, s.page[1]), false);
	rig_close(&s.rig);
}

static void asid_has_16_bits_only_with_tcr2_as(void)
{
	struct scene s;

	set(&s);
	rig_bank_s1(&s.rig, 4, s.root[1], 0x105); /* AS */
	w32(&s.rig, gr1(&s.rig, 20), 0x10000);
	w32(&s.rig, gr1(&s.rig, 0x814), 1);
	w64(&s.rig, cb(&s.rig, 5, 0x20), s.root[1] | UINT64_C(0x105) << 48);
	w32(&s.rig, cb(&s.rig, 5, 0x10), 0x38005); /* no AS */
	w32(&s.rig, cb(&s.rig, 5, 0x30), 0x00803519);
	w32(&s.rig, cb(&s.rig, 5, 0x00), 0x121);
	rig_stream(&s.rig, 4, 4, 4);
	rig_stream(&s.rig, 5, 5, 5);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), true);
	CHECK_EQ(rig_lands(&s.rig, 5, 0x5000, s.page[0]), true); /* ASID 5 */
	rig_close(&s.rig);
}

/* A table is replaced: an address that was never used goes by the old one until an invalidation that is not for leaves only. */
static void last_level_invalidations_keep_the_tables(void)
{
	struct scene s;
	uint64_t level2, old_level3;

	set(&s);
	level2 = rig_get(&s.rig, s.root[0], 0) & UINT64_C(0xfffffffff000);
	old_level3 = rig_get(&s.rig, level2, 0) & UINT64_C(0xfffffffff000);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	rig_put(&s.rig, level2, 0, rig_pages(&s.rig, 4096) | 3);
	w64(&s.rig, cb(&s.rig, 2, 0x620), VA64(5, 0x5000)); /* TLBIVAL */
	sync_bank(&s.rig, 2);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true); /* again by the old table */
	rig_put(&s.rig, old_level3, 7, s.page[0] | S1_RW);
	CHECK_EQ(scene_hits(&s, 0, 0x7000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 2);
	w64(&s.rig, cb(&s.rig, 2, 0x600), VA64(5, 0x5000)); /* TLBIVA: the leaf of 5, and the tables on the way to it */
	sync_bank(&s.rig, 2);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), false);
	CHECK_EQ(scene_hits(&s, 0, 0x7000), true); /* a leaf of its own */
	CHECK_EQ(scene_hits(&s, 0, 0x6000), false);
	rig_close(&s.rig);
}

/* D8: one invalidation by any address in a block drops what was cached of the block. */
static void one_invalidation_drops_a_whole_block(void)
{
	struct scene s;
	uint64_t level2, block;

	set(&s);
	level2 = rig_get(&s.rig, s.root[0], 0) & UINT64_C(0xfffffffff000);
	block = s.page[0] & ~UINT64_C(0x1fffff);
	rig_put(&s.rig, level2, 3, block | BLOCK(S1_RW));
	CHECK_EQ(rig_lands(&s.rig, 0, 0x600000, block), true);
	rig_put(&s.rig, level2, 3, 0);
	CHECK_EQ(rig_lands(&s.rig, 0, 0x6ff000, block + 0xff000), true);
	w64(&s.rig, cb(&s.rig, 2, 0x620), VA64(5, 0x7ff000));
	sync_bank(&s.rig, 2);
	CHECK_EQ(rig_lands(&s.rig, 0, 0x600000, block), false);
	rig_close(&s.rig);
}

/* Sixteen pages with bit 52: one that was never used is remembered with its neighbour, and again with it after its own invalidation. */
static void contiguous_group_is_remembered_whole(void)
{
	struct scene s;
	uint64_t pages, leaf = 0;

	set(&s);
	pages = rig_pages(&s.rig, 0x10000);
	for (unsigned i = 0; i < 16; i++) {
		uint64_t at = rig_map(&s.rig, s.root[0], 1, 12, 0x10000 + 0x1000 * i,
				      (pages + 0x1000 * i) | S1_RW | UINT64_C(1) << 52);

		leaf = i == 5 ? at : leaf;
	}
	CHECK_EQ(rig_lands(&s.rig, 0, 0x13000, pages + 0x3000), true);
	rig_put(&s.rig, leaf, 0, 0);
	CHECK_EQ(rig_lands(&s.rig, 0, 0x15000, pages + 0x5000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 1);
	w64(&s.rig, cb(&s.rig, 2, 0x620), VA64(5, 0x15000));
	sync_bank(&s.rig, 2);
	CHECK_EQ(rig_lands(&s.rig, 0, 0x15000, pages + 0x5000), false);
	w64(&s.rig, cb(&s.rig, 2, 0x620), VA64(5, 0x1f000));
	sync_bank(&s.rig, 2);
	CHECK_EQ(rig_lands(&s.rig, 0, 0x1f000, pages + 0xf000), true);
	CHECK_EQ(rig_lands(&s.rig, 0, 0x15000, pages + 0x5000), true);
	CHECK_EQ(rig_counts(&s.rig).stale_hits, 2);
	rig_close(&s.rig);
}

static void page_of_64k_goes_by_any_of_its_addresses(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page, leaf;
	struct rig rig;

	rig_open(&rig, &cfg);
	root = rig_pages(&rig, 0x10000);
	page = rig_pages(&rig, 0x10000);
	leaf = rig_map(&rig, root, 2, 16, 0x50000, page | S1_RW);
	rig_bank(&rig, 2, 0x10000, root | UINT64_C(5) << 48, 0x00807516); /* TG0 64 KiB, T0SZ 22 */
	rig_stream(&rig, 0, 0, 2);
	rig_enable(&rig);
	CHECK_EQ(rig_lands(&rig, 0, 0x51000, page + 0x1000), true);
	rig_put(&rig, leaf, 0, 0);
	CHECK_EQ(rig_lands(&rig, 0, 0x5f000, page + 0xf000), true);
	w64(&rig, cb(&rig, 2, 0x600), VA64(5, 0x60000));
	sync_bank(&rig, 2);
	CHECK_EQ(rig_lands(&rig, 0, 0x51000, page + 0x1000), true);
	w64(&rig, cb(&rig, 2, 0x600), VA64(5, 0x53000));
	sync_bank(&rig, 2);
	CHECK_EQ(rig_lands(&rig, 0, 0x51000, page + 0x1000), false);
	rig_close(&rig);
}

/* By IPA, tagged by VMID alone; the last-level variant keeps the tables. */
static void stage_2_by_address(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page, leaf, level2;
	struct rig rig;

	rig_open(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	leaf = rig_map(&rig, root, 1, 12, 0x5000, page | S2_RW);
	level2 = rig_get(&rig, root, 0) & UINT64_C(0xfffffffff000);
	rig_bank_s2(&rig, 0, root, 9);
	rig_bank_s2(&rig, 1, root, 8);
	rig_stream(&rig, 0, 0, 0);
	rig_enable(&rig);
	CHECK_EQ(rig_lands(&rig, 0, 0x5000, page), true);
	rig_put(&rig, leaf, 0, 0);
	rig_put(&rig, leaf, 1, page | S2_RW); /* 0x6000 */
	w64(&rig, cb(&rig, 1, 0x630), 5);     /* the other VMID */
	sync_bank(&rig, 1);
	CHECK_EQ(rig_lands(&rig, 0, 0x5000, page), true);
	rig_put(&rig, level2, 0, 0);
	w64(&rig, cb(&rig, 0, 0x638), 5); /* TLBIIPAS2L */
	sync_bank(&rig, 0);
	CHECK_EQ(rig_lands(&rig, 0, 0x5000, page), false);
	CHECK_EQ(rig_lands(&rig, 0, 0x6000, page), true); /* by a table that is no longer there */
	w64(&rig, cb(&rig, 0, 0x630), 5);
	w64(&rig, cb(&rig, 0, 0x638), 6);
	sync_bank(&rig, 0);
	CHECK_EQ(rig_lands(&rig, 0, 0x6000, page), false);
	rig_close(&rig);
}

/* sACR: bit 8 keeps those that match no group, bit 10 those whose group says so. */
static void mmu500_keeps_streams_that_pass(void)
{
	static const struct {
		uint32_t sacr;
		bool has_group, is_kept;
	} cases[] = { { 0x100, false, true }, { 0x400, true, true }, { 0x400, false, false }, { 0x100, true, false } };
	struct smmuv2_model_config cfg = rig_config();

	cfg.version = SMMUV2_MODEL_MMU500;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s;

		scene_set(&s, &cfg);
		w32(&s.rig, 0x00, 0x12); /* what matches no group passes */
		w32(&s.rig, 0x10, cases[i].sacr);
		if (cases[i].has_group)
			rig_stream(&s.rig, 4, 4, 0x10000);
		CHECK_EQ(rig_lands(&s.rig, 4, s.page[0], s.page[0]), true);
		rig_stream(&s.rig, 4, 4, 2);
		w32(&s.rig, 0x64, 0); /* TLBIVMID: nobody's VMID */
		sync_all(&s.rig);
		CHECK_EQ(rig_lands(&s.rig, 4, s.page[0], s.page[0]), cases[i].is_kept);
		CHECK_EQ(rig_counts(&s.rig).stale_hits, cases[i].is_kept);
		w32(&s.rig, 0x68, 0); /* TLBIALLNSNH */
		sync_all(&s.rig);
		CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[0]), true);
		CHECK_EQ(rig_lands(&s.rig, 4, s.page[0], s.page[0]), false);
		rig_close(&s.rig);
	}
}

/* AArch32: address in bits 31:12, ASID in 7:0. A stage 2 bank of version 1 goes by VMID and the global synchronisation. */
static void invalidations_of_version_1(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page, leaf;
	struct rig rig;

	cfg.version = SMMUV2_MODEL_V1;
	rig_open(&rig, &cfg);
	root = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	leaf = rig_map(&rig, root, 1, 12, 0x5000, page | S1_RW);
	rig_bank_32(&rig, 2, 0x10000, root | UINT64_C(5) << 48, 0x80803500);
	rig_stream(&rig, 0, 0, 2);
	rig_enable(&rig);
	CHECK_EQ(rig_lands(&rig, 0, 0x5000, page), true);
	rig_put(&rig, leaf, 0, 0);
	w32(&rig, cb(&rig, 2, 0x600), 0x5006);
	sync_bank(&rig, 2);
	CHECK_EQ(rig_lands(&rig, 0, 0x5000, page), true);
	w32(&rig, cb(&rig, 2, 0x600), 0x5005);
	sync_bank(&rig, 2);
	CHECK_EQ(rig_lands(&rig, 0, 0x5000, page), false);

	rig_put(&rig, leaf, 0, page | S2_RW);
	rig_bank_32(&rig, 0, 9, root, 0x80003540); /* SL0 1, T0SZ 0 */
	rig_stream(&rig, 1, 1, 0);
	CHECK_EQ(rig_lands(&rig, 1, 0x5000, page), true);
	rig_put(&rig, leaf, 0, 0);
	w32(&rig, 0x64, 9);
	CHECK_EQ(rig_lands(&rig, 1, 0x5000, page), true);
	sync_all(&rig);
	CHECK_EQ(rig_lands(&rig, 1, 0x5000, page), false);
	rig_close(&rig);
}

/* CBAR.HYPC: entries have neither VMID nor ASID, and go by registers of their own. */
static void hypervisors_entries_are_apart(void)
{
	struct scene s;

	set(&s);
	rig_bank(&s.rig, 4, 0x10400, s.root[1] | UINT64_C(6) << 48, 0x00803519);
	rig_stream(&s.rig, 4, 4, 4);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), true);
	scene_strand(&s);
	w32(&s.rig, 0x68, 0); /* TLBIALLNSNH: not of a hypervisor */
	sync_all(&s.rig);
	CHECK_HEX(scene_left(&s), 0x0000);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), true);
	w64(&s.rig, 0xc0, 5); /* TLBIVAH64 */
	sync_all(&s.rig);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), false);
	rig_close(&s.rig);
}

/* The last-level variant keeps the tables; TLBIALL of the bank itself, too, is for them. */
static void hypervisors_tables_are_remembered(void)
{
	struct scene s;

	set(&s);
	rig_bank(&s.rig, 4, 0x10400, s.root[1], 0x00803519);
	rig_stream(&s.rig, 4, 4, 4);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), true);
	rig_put(&s.rig, s.root[1], 0, 0);
	w64(&s.rig, 0xb0, 5); /* TLBIVALH64 */
	sync_all(&s.rig);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), true);
	w64(&s.rig, 0xc0, 5);
	sync_all(&s.rig);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), false);
	rig_map(&s.rig, s.root[1], 1, 12, 0x5000, s.page[1] | S1_RW);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), true);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	rig_put(&s.rig, s.root[1], 0, 0);
	rig_put(&s.rig, s.leaf[0], 0, 0);
	w32(&s.rig, cb(&s.rig, 4, 0x618), 0);
	sync_bank(&s.rig, 4);
	CHECK_EQ(rig_lands(&s.rig, 4, 0x5000, s.page[1]), false);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	rig_close(&s.rig);
}

static void what_does_not_translate_is_not_cached(void)
{
	struct scene s;

	set(&s);
	CHECK_EQ(scene_hits(&s, 0, 0x9000), false);
	rig_map(&s.rig, s.root[0], 1, 12, 0x9000, s.page[0] | S1_RW);
	CHECK_EQ(scene_hits(&s, 0, 0x9000), true);
	rig_close(&s.rig);
}

/* A block over pages that are still cached: two entries for one address (FSR.TLBMCF). */
static void leaf_replaced_without_invalidation_conflicts(void)
{
	struct scene s;
	uint64_t level2, block;

	set(&s);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	level2 = rig_get(&s.rig, s.root[0], 0) & UINT64_C(0xfffffffff000);
	block = s.page[0] & ~UINT64_C(0x1fffff);
	rig_put(&s.rig, level2, 0, block | BLOCK(S1_RW));
	w64(&s.rig, cb(&s.rig, 2, 0x600), VA64(5, 0x8000)); /* tables go, the leaf of 0x5000 stays */
	sync_bank(&s.rig, 2);
	CHECK_EQ(rig_lands(&s.rig, 0, 0x8000, block + 0x8000), true);
	CHECK_EQ(rig_write(&s.rig, 0, 0x5000, 1), -EFAULT);
	CHECK_HEX(r32(&s.rig, cb(&s.rig, 2, 0x58)), 0x420);
	CHECK_EQ(rig_counts(&s.rig).misuse, 1);
	rig_check_blamed(&s.rig, "2 TLB entries");
	rig_close_blamed(&s.rig);
}

static void new_table_under_an_old_asid_needs_an_invalidation(void)
{
	struct scene s;
	uint64_t root;

	set(&s);
	root = rig_pages(&s.rig, 4096);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	w64(&s.rig, cb(&s.rig, 2, 0x20), root | UINT64_C(5) << 48);
	w32(&s.rig, cb(&s.rig, 2, 0x610), 5);
	sync_bank(&s.rig, 2);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), false);
	CHECK_EQ(rig_counts(&s.rig).misuse, 0);
	w64(&s.rig, cb(&s.rig, 3, 0x20), root | UINT64_C(7) << 48); /* a new ASID needs none */
	CHECK_EQ(scene_hits(&s, 1, 0x5000), false);
	CHECK_EQ(rig_counts(&s.rig).misuse, 0);
	w64(&s.rig, cb(&s.rig, 2, 0x20), s.root[0] | UINT64_C(5) << 48);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true);
	CHECK_EQ(scene_hits(&s, 0, 0x6000), true);
	w64(&s.rig, cb(&s.rig, 3, 0x20), s.root[0] | UINT64_C(5) << 48); /* nor one that another bank has with this table */
	CHECK_EQ(rig_lands(&s.rig, 1, 0x5000, s.page[0]), true);
	CHECK_EQ(rig_counts(&s.rig).misuse, 0);
	w64(&s.rig, cb(&s.rig, 2, 0x20), root | UINT64_C(5) << 48);
	CHECK_EQ(scene_hits(&s, 0, 0x5000), true); /* stale */
	CHECK_EQ(rig_counts(&s.rig).misuse, 1);
	rig_check_blamed(&s.rig, "new TTBR");
	rig_close_blamed(&s.rig);
}

static void unit_that_does_not_snoop_sees_what_was_written_back(void)
{
	struct smmuv2_model_config cfg = rig_config();
	uint64_t root, page, leaf;
	struct rig rig;

	rig_open_noncoherent(&rig, &cfg);
	CHECK_HEX(r32(&rig, 0x20) & 0x4000, 0);
	root = rig_pages(&rig, 4096);
	page = rig_pages(&rig, 4096);
	leaf = rig_map(&rig, root, 1, 12, 0x5000, page | S1_RW);
	rig_bank(&rig, 2, 0x10000, root, 0x00800019); /* walks not cacheable: nothing wrong here */
	rig_stream(&rig, 0, 0, 2);
	rig_enable(&rig);
	CHECK_EQ(rig_lands(&rig, 0, 0x5000, page), true);
	rig_put_dirty(&rig, leaf, 1, page | S1_RW);
	CHECK_EQ(rig_lands(&rig, 0, 0x6000, page), false);
	CHECK_EQ(rig_counts(&rig).unflushed, 1);
	rig_put(&rig, leaf, 1, page | S1_RW);
	CHECK_EQ(rig_lands(&rig, 0, 0x6000, page), true);
	CHECK_EQ(rig_counts(&rig).unflushed, 1);
	rig_check_blamed(&rig, "write-back");
	rig_close_blamed(&rig);
}

static const struct suite_test tests[] = {
	SUITE_TEST(cleared_leaf_is_served_until_an_invalidation_is_synchronised),
	SUITE_TEST(narrower_permission_is_stale_too),
	SUITE_TEST(each_invalidation_drops_what_it_names),
	SUITE_TEST(global_entries),
	SUITE_TEST(tag_is_vmid_and_asid),
	SUITE_TEST(vmid_has_16_bits_only_with_vmid16en),
	SUITE_TEST(stage_2_entries_of_the_vmid_are_apart),
	SUITE_TEST(asid_has_16_bits_only_with_tcr2_as),
	SUITE_TEST(last_level_invalidations_keep_the_tables),
	SUITE_TEST(one_invalidation_drops_a_whole_block),
	SUITE_TEST(contiguous_group_is_remembered_whole),
	SUITE_TEST(page_of_64k_goes_by_any_of_its_addresses),
	SUITE_TEST(stage_2_by_address),
	SUITE_TEST(mmu500_keeps_streams_that_pass),
	SUITE_TEST(invalidations_of_version_1),
	SUITE_TEST(hypervisors_entries_are_apart),
	SUITE_TEST(hypervisors_tables_are_remembered),
	SUITE_TEST(what_does_not_translate_is_not_cached),
	SUITE_TEST(leaf_replaced_without_invalidation_conflicts),
	SUITE_TEST(new_table_under_an_old_asid_needs_an_invalidation),
	SUITE_TEST(unit_that_does_not_snoop_sees_what_was_written_back),
};

int main(int argc, char **argv)
{
	return suite_run(argc, argv, "sim_smmuv2_tlb", tests, sizeof(tests) / sizeof(tests[0]));
}
