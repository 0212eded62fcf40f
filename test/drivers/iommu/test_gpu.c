/* SPDX-License-Identifier: BSD-3-Clause */
/* A machine of which one SMMUv2 is a GPU's (Qualcomm's Adreno): that one is left alone, the others are driven. */
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define TREE_LEN 65536u

static struct {
	const struct piommu_platform_ops *ops;
	char tree[TREE_LEN];
} real;

/* smmu0, the first node of its kind, is said to be an Adreno's. */
static int fw_table(struct piommu_platform *plat, const char sig[4], unsigned nth, const void **bytes, size_t *len)
{
	static const char names[] = "qcom,adreno-smmu\0arm,smmu-v2";
	int rc = real.ops->fw_table(plat, sig, nth, bytes, len);
	int node;

	if (rc || *len < 4 || fdt_check_header(*bytes))
		return rc;
	CU_ASSERT_EQUAL_FATAL(fdt_open_into(*bytes, real.tree, TREE_LEN), 0);
	node = fdt_node_offset_by_compatible(real.tree, -1, "arm,smmu-v2");
	CU_ASSERT_FATAL(node >= 0);
	CU_ASSERT_EQUAL_FATAL(fdt_setprop(real.tree, node, "compatible", names, sizeof(names)), 0);
	*bytes = real.tree;
	*len = fdt_totalsize(real.tree);
	return 0;
}

static void unit_of_a_gpu_is_left_alone(void)
{
	struct piommu_config config = PIOMMU_CONFIG_INIT;
	struct rig r = { .iova_bits = 0 };
	struct piommu_platform_ops ops;
	struct piommu_mem mem;
	struct piommu_domain *domain;
	struct piommu_sim_counts counts;
	uint32_t word;

	r.log = rig_log(&r);
	r.log.level = PIOMMU_LOG_INFO;
	CU_ASSERT_EQUAL_FATAL(machine_open("sim", "smmuv2", "units=2", &r.log, &r.m), 0);
	real.ops = r.m->plat->ops;
	ops = *real.ops;
	ops.fw_table = fw_table;
	r.m->plat->ops = &ops;
	config.instance = r.m->plat;
	config.log = r.log;
	CU_ASSERT_EQUAL_FATAL(piommu_create(&config, &r.p), 0);
	r.m->plat->ops = real.ops; /* piommu_sim.h knows its machines by them */
	mem = rig_mem(&r, RIG_PAGE, 0);
	/* What is behind it does DMA as before, and cannot be had as contained. */
	CHECK_EQ(rig_read(&r, r.m->plain[0], mem.pa, &word, sizeof(word)), 0);
	CHECK_EQ(piommu_claim(rig_group(&r, r.m->plain[0])), -ENODEV);
	CHECK_EQ(piommu_sim_counts(r.m->plat, 0, &counts), 0);
	CHECK_EQ(counts.tlb_invalidations, 0);
	/* The rest of the machine is ours. */
	domain = rig_own(&r, r.m->ported);
	rig_map(&r, domain, 0x5000, mem.pa, RIG_PAGE, PIOMMU_RW);
	CHECK_EQ(rig_read(&r, r.m->ported, 0x5000, &word, sizeof(word)), 0);
	CHECK_EQ(rig_read(&r, r.m->ported, 0x6000, &word, sizeof(word)), -EFAULT);
	CHECK_EQ(piommu_destroy(r.p), 0);
	machine_close(r.m);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = { SUITE_TEST(unit_of_a_gpu_is_left_alone) };

	rig_set_target(&(struct rig_target){ .kind = "sim", .family = "smmuv2", .variant = "units=2" });
	return suite_run(argc, argv, "gpu", tests, 1);
}
