/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the simulated platform share: its state, and one function or two of each part. */
#ifndef SIM_H
#define SIM_H

#include <limits.h>
#include <stdatomic.h>

#include "piommu_driver.h"
#include "piommu_sim.h"
#include "sim_mem.h"
#include "vtd_model.h"

#define SIM_MAX_UNITS 8u
#define SIM_UNIT_BASE UINT64_C(0xfed90000)
#define SIM_UNIT_LEN 0x1000u
#define SIM_ECAM_BASE UINT64_C(0xb0000000)
#define SIM_CFG_SIZE 4096u

/* ---- sim_config.c ---- */
struct sim_config {
	uint64_t units;
	uint64_t aw;                                                                              /* bits */
	uint64_t leaf_lg2;                                                                        /* largest leaf */
	uint64_t all, nodes, cm, coherent, rwbf, qi, pt, ir, plmr, rmrr, virt, thread, kernel_on; /* 0 or 1 */
	uint64_t nfr;
	uint64_t mem; /* bytes */
	uint64_t latency_ns;
};
/* `args` as given to open. @return 0, or -EINVAL with one line logged */
int sim_config_parse(const char *args, const struct piommu_log *log, struct sim_config *out);

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
	uint16_t requester;            /* the id that its requests carry when they reach the unit */
	unsigned unit;                 /* or SIM_NO_UNIT */
	unsigned cfg_len;              /* 256 for a conventional function, else 4096; a node has none */
	uint8_t *cfg;                  /* SIM_CFG_SIZE bytes */
	_Atomic bool present;
	_Atomic unsigned under_way; /* accesses of the device that found it present */
};
struct sim_machine {
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
	uint8_t bytes[1024];
	size_t len;
};
void sim_fw_make_dmar(const struct sim_config *config, unsigned haw, struct sim_table *table);
void sim_fw_make_mcfg(struct sim_table *table);

/* ---- sim_platform.c ---- */
struct sim {
	struct piommu_platform plat;
	struct sim_config config;
	struct sim_mem mem;
	struct sim_machine machine;
	struct sim_table dmar, mcfg;
	struct vtd_model *units[SIM_MAX_UNITS];
	pthread_mutex_t lock; /* guards `controlled` */
	bool controlled[SIM_MAX_UNITS];
};
/* NULL where `plat` is another kind of platform. */
struct sim *sim_of(struct piommu_platform *plat);
/* Whether a manager has the unit's window to drive it. */
bool sim_is_controlled(struct sim *sim, unsigned unit);

#endif
