/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the simulated platform share: its state, and one function or two of each part. */
#ifndef SIM_H
#define SIM_H

#include <limits.h>
#include <stdatomic.h>

#include "piommu_driver.h"
#include "piommu_sim.h"
#include "sim_mem.h"
#include "sim_model.h"

#define SIM_MAX_UNITS 8u
#define SIM_MAX_TABLES 3u
#define SIM_ECAM_BASE UINT64_C(0xb0000000)
#define SIM_CFG_SIZE 4096u

struct sim;

/* ---- sim_config.c ---- */
struct sim_config {
	const struct sim_family *family;
	/* What every family has. */
	uint64_t units, nodes;
	uint64_t all; /* 0 or 1, as all without a word of their own */
	uint64_t coherent, thread, kernel_on, virt;
	uint64_t mem; /* bytes */
	uint64_t latency_ns;
	uint64_t reserved; /* display memory that firmware has reserved */
	struct {
		uint64_t aw;       /* bits */
		uint64_t leaf_lg2; /* largest leaf */
		uint64_t cm, rwbf, qi, pt, ir, plmr;
		uint64_t nfr;
	} vtd;
	/* Both Arm families; see sim_arm.c for what they share. */
	struct {
		uint64_t s1s2;     /* SIM_S1, SIM_S2 */
		uint64_t granules; /* a bit for each page size: 12, 14, 16 */
		uint64_t oas;      /* bits; 0: as the model has it (smmuv2) */
	} arm;
	struct {
		uint64_t sidsize, cmdq_lg2, eventq_lg2, tag_bits;
		uint64_t two_level, ril, msi, abort; /* abort: GBPA.ABORT at reset */
	} v3;
	struct {
		uint64_t model; /* enum sim_v2_model */
		uint64_t smrs, cbs, page_lg2;
		uint64_t tbu, exids;
		uint64_t kept; /* enum sim_v2_kept */
	} v2;
};

#define SIM_S1 1u
#define SIM_S2 2u
#define SIM_NODES_SHARED 2u /* both nodes send the same id */
enum sim_v2_model {
	SIM_V2_V1,
	SIM_V2_V2,
	SIM_V2_MMU401,
	SIM_V2_MMU500,
	SIM_V2_QCOM,
};
#define SIM_V2_TBU_MASK 0x6000u /* bits of an id that name a TBU, with tbu=1 */
enum sim_v2_kept {
	SIM_V2_KEPT_NONE,
	SIM_V2_KEPT_BYPASS,
	SIM_V2_KEPT_PAGING,
};

struct sim_choice {
	const char *word;
	uint64_t value;
};
extern const struct sim_choice sim_on_off[], sim_states[], sim_addressing[], sim_stages[], sim_granules[], sim_nodes_keys[];

struct sim_key {
	const char *name;
	size_t off;                       /* in struct sim_config */
	const struct sim_choice *choices; /* or NULL: a number */
	uint64_t min, max;
	const char *values; /* for messages */
	bool is_size;       /* takes k, m, g */
};
#define SIM_AT(field) offsetof(struct sim_config, field)
#define SIM_SWITCH(name, field) \
	{ \
		name, SIM_AT(field), sim_on_off, 0, 0, "0 or 1", false \
	}
/* Keys that mean the same in every family that has them. */
/* What every family begins with. */
#define SIM_DEFAULTS .units = 1, .all = 1, .coherent = 1, .mem = 256u << 20
#define SIM_KEY_UNITS \
	{ \
		"units", SIM_AT(units), NULL, 1, SIM_MAX_UNITS, "1 to 8", false \
	}
#define SIM_KEY_MEM \
	{ \
		"mem", SIM_AT(mem), NULL, 8u << 20, UINT64_C(1) << 40, "8m to 1024g, a multiple of 2m", true \
	}
#define SIM_KEY_PA \
	{ \
		"pa", SIM_AT(virt), sim_addressing, 0, 0, "low or va", false \
	}
#define SIM_KEY_LATENCY \
	{ \
		"latency_ns", SIM_AT(latency_ns), NULL, 0, 1000000000, "0 to 1000000000", false \
	}
#define SIM_KEY_STATE \
	{ \
		"state", SIM_AT(kernel_on), sim_states, 0, 0, "off or on", false \
	}

#define SIM_KEY_STAGE \
	{ \
		"stage", SIM_AT(arm.s1s2), sim_stages, 0, 0, "1, 2 or both", false \
	}
#define SIM_KEY_GRANULE \
	{ \
		"granule", SIM_AT(arm.granules), sim_granules, 0, 0, "all, 4k, 16k or 64k", false \
	}
#define SIM_KEY_NODES \
	{ \
		"nodes", SIM_AT(nodes), sim_nodes_keys, 0, 0, "0, 1 or shared", false \
	}

/* `args` as given to open. @return 0, or -EINVAL with one line logged */
int sim_config_parse(const char *args, const struct piommu_log *log, struct sim_config *out);

/* ---- Families: sim_vtd.c, sim_smmuv3.c, sim_smmuv2.c ---- */
/* A platform node as this family's firmware describes it. */
struct sim_node_face {
	const char *name;
	struct piommu_id said; /* by firmware */
	uint32_t id;           /* that its requests carry at the unit */
};
struct sim_family {
	const char *name;              /* the word after "sim:" */
	const char *unit_name;         /* what lib/fw calls its units, but for their number */
	uint64_t base, stride;         /* registers of unit 0, and from one unit to the next */
	struct piommu_span interrupts; /* accesses there are none of memory; {0, 0}: no such addresses */
	const struct sim_key *keys;
	unsigned nkeys;
	const struct sim_config *defaults;
	/* Combinations that could not work, so that nobody has to find out by a fault. @return 0, or -EINVAL with one line logged */
	int (*check)(const struct sim_config *config, const struct piommu_log *log);
	/* Memory is there, units are not. @return 0 or -errno */
	int (*make_tables)(struct sim *sim);
	int (*make_unit)(struct sim *sim, unsigned index, struct sim_model **out);
	/* What a requester id has become at the unit. */
	uint32_t (*pci_id)(const struct sim_config *config, uint16_t rid);
	struct sim_node_face (*node)(const struct sim_config *config, unsigned n);
	/* What a kernel that drives a unit calls it: the name with the unit's number, or with its address in 16 digits. */
	const char *kernel_name;
	bool is_named_by_address;
};
extern const struct sim_family sim_vtd, sim_smmuv3, sim_smmuv2;
/* NULL-terminated; the first is the default. */
extern const struct sim_family *const sim_families[];

/* ---- sim_pci.c ---- */
#define SIM_REQUESTER_SELF 0xffffu
#define SIM_NSHAPES 25u
#define SIM_NNODES 2u
#define SIM_NO_UNIT UINT_MAX /* behind none: requests are not translated */
struct sim_shape {
	uint8_t bus, devfn;
	uint8_t root_devfn; /* of itself or the port on bus 0 that it is behind */
	uint16_t device;
	uint32_t class_code;
	uint16_t pcie; /* enum piommu_pcie_type */
	uint16_t acs;  /* capability bits, all isolation bits enabled; or none */
	bool multifunction;
	uint8_t secondary, subordinate; /* bridges */
	uint16_t requester;
	const char *name;
};
struct sim_node {
	struct piommu_sbdf sbdf; /* what its requests carry */
	uint8_t acpi_number;
	const char *name;
};
/* What a unit's scopes name on bus 0 (beside everything else, where the last unit has INCLUDE_PCI_ALL). */
#define SIM_MAX_SCOPES 8u
struct sim_scope {
	uint8_t devfn;
	bool is_bridge;
};
extern const struct sim_shape sim_shapes[SIM_NSHAPES]; /* ascending by address */
extern const struct sim_node sim_nodes[SIM_NNODES];    /* behind the last unit */
/* @return how many */
unsigned sim_pci_scopes(unsigned unit, const struct sim_config *config, struct sim_scope scopes[SIM_MAX_SCOPES]);
/* Or SIM_NO_UNIT. */
unsigned sim_pci_unit_of(uint8_t root_devfn, const struct sim_config *config);
bool sim_pci_starts_plugged(struct piommu_sbdf sbdf);
/* Configuration space at power-on, into zeroed bytes. */
void sim_pci_make_cfg(const struct sim_shape *shape, uint8_t *cfg);
/* Bits of the byte at `off` that a write can change. */
uint8_t sim_pci_writable(const uint8_t *cfg, unsigned cfg_len, unsigned off);

/* ---- sim_machine.c ---- */
/* Where a device is or could be. All constant but `present`, `under_way` and the bytes of `cfg`. */
struct sim_slot {
	struct piommu_sbdf sbdf;
	const char *name;
	const struct sim_shape *shape; /* NULL: a platform node */
	uint32_t id;                   /* what its requests carry when they reach the unit */
	struct piommu_id said;         /* of a node: what firmware says that they carry */
	unsigned unit;                 /* or SIM_NO_UNIT */
	unsigned cfg_len;              /* 256 for a conventional function, else 4096; a node has none */
	uint8_t *cfg;                  /* SIM_CFG_SIZE bytes */
	_Atomic bool present;
	_Atomic unsigned under_way; /* accesses of the device that found it present */
};
struct sim_machine {
	const struct sim_family *family;
	struct sim_slot *at; /* SIM_NSHAPES functions, then nodes */
	size_t n;
	uint8_t *cfg;         /* all configuration spaces */
	pthread_mutex_t lock; /* guards their bytes, and every change of `present` */
};
int sim_machine_init(struct sim_machine *machine, const struct sim_config *config);
void sim_machine_fini(struct sim_machine *machine);
int sim_machine_cfg_read(struct sim_machine *machine, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value);
int sim_machine_cfg_write(struct sim_machine *machine, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value);
/* All functions that are present at one moment, and all nodes; `*out` is malloc'ed. @return 0 or -ENOMEM */
int sim_machine_functions(struct sim_machine *machine, struct piommu_pci_function **out, size_t *n);
int sim_machine_nodes(struct sim_machine *machine, struct piommu_node **out, size_t *n);
/* A device that is present, kept so until end(): unplugging it waits. NULL: there is none. No lock. */
struct sim_slot *sim_machine_begin(struct sim_machine *machine, struct piommu_sbdf sbdf);
void sim_machine_end(struct sim_slot *slot);
/* As piommu_sim_plug(), piommu_sim_unplug(), piommu_sim_plug_node(). */
int sim_machine_plug(struct sim_machine *machine, struct piommu_sbdf sbdf);
int sim_machine_unplug(struct sim_machine *machine, struct piommu_sbdf sbdf);
int sim_machine_plug_node(struct sim_machine *machine, const char *name, bool present);

/* ---- sim_fw.c ---- */
struct sim_table {
	char sig[5];
	_Alignas(8) uint8_t bytes[8192]; /* libfdt wants it aligned */
	size_t len;
};
void sim_fw_put(struct sim_table *table, uint64_t value, unsigned width);
void sim_fw_set(struct sim_table *table, size_t off, uint64_t value, unsigned width);
void sim_fw_put_text(struct sim_table *table, const char *text, size_t len);
/* Header and, at the end, length and checksum of an ACPI table. */
void sim_fw_begin(struct sim_table *table, const char *sig, unsigned revision);
void sim_fw_end(struct sim_table *table);
void sim_fw_make_mcfg(struct sim_table *table);

/* ---- sim_fw_dmar.c ---- */
void sim_fw_make_dmar(const struct sim_config *config, unsigned haw, struct sim_table *table);

/* ---- sim_fw_iort.c, sim_fw_fdt.c ---- */
void sim_fw_make_iort(const struct sim_config *config, struct sim_table *table);
/* @return 0; -ENOMEM: the tree does not fit */
int sim_fw_make_fdt(const struct sim_config *config, struct sim_table *table);

/* ---- sim_arm.c ---- */
#define SIM_ARM_RIDS 0x1000u /* of the buses that the root complex has */
#define SIM_ARM_MAX_RUNS 32u
/* Requester ids that go to one unit. */
struct sim_arm_run {
	uint16_t first, last;
	unsigned unit;
};
/* Ascending; what is behind no unit is in none. @return how many */
unsigned sim_arm_runs(const struct sim_config *config, struct sim_arm_run runs[SIM_ARM_MAX_RUNS]);
/* The same for both families, but for the bits that SMMUv2 units may add. */
uint32_t sim_arm_pci_id(const struct sim_config *config, uint16_t rid);
uint32_t sim_arm_node_id(const struct sim_config *config, unsigned n);
/* Pages in half of the registers of an SMMUv2: global ones, and one for each context bank. */
unsigned sim_v2_npages_lg2(const struct sim_config *config);
/* @return 0, or -EINVAL with one line logged */
int sim_arm_check(const struct sim_config *config, const struct piommu_log *log);

/* ---- sim_platform.c ---- */
struct sim {
	struct piommu_platform plat;
	struct sim_config config;
	struct sim_mem mem;
	struct sim_machine machine;
	struct sim_table tables[SIM_MAX_TABLES];
	unsigned ntables;
	struct sim_model *units[SIM_MAX_UNITS];
	pthread_mutex_t lock; /* guards `controlled` */
	bool controlled[SIM_MAX_UNITS];
};
/* NULL where `plat` is another kind of platform. */
struct sim *sim_of(struct piommu_platform *plat);
/* Whether a manager has the unit's window to drive it. */
bool sim_is_controlled(struct sim *sim, unsigned unit);
static inline uint64_t sim_unit_base(const struct sim_config *config, unsigned unit)
{
	return config->family->base + unit * config->family->stride;
}

#endif
