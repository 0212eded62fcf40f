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
	uint64_t aw;                                                                       /* bits */
	uint64_t leaf_lg2;                                                                 /* largest leaf */
	uint64_t all, cm, coherent, rwbf, qi, pt, ir, plmr, rmrr, virt, thread, kernel_on; /* 0 or 1 */
	uint64_t nfr;
	uint64_t mem; /* bytes */
	uint64_t latency_ns;
};
/* `args` as given to open. @return 0, or -EINVAL with one line logged */
int sim_config_parse(const char *args, const struct piommu_log *log, struct sim_config *out);

/* ---- sim_machine.c ---- */
#define SIM_NO_UNIT UINT_MAX /* behind none: requests are not translated */
struct sim_function {
	struct piommu_sbdf sbdf;
	const char *name;
	uint16_t requester; /* the id that its requests carry when they reach the unit */
	uint8_t root_devfn; /* of itself or the port on bus 0 that it is behind */
	unsigned unit;      /* or SIM_NO_UNIT */
	unsigned cfg_len;   /* 256 for a conventional function, else 4096 */
	uint8_t *cfg;       /* SIM_CFG_SIZE bytes; the machine's lock */
	_Atomic bool present;
	_Atomic unsigned under_way; /* accesses of the device that found it present */
};
struct sim_machine {
	struct sim_function *at; /* ascending by address */
	size_t n;
	uint8_t *cfg;         /* all configuration spaces */
	pthread_mutex_t lock; /* guards their bytes, and every change of `present` */
};
int sim_machine_init(struct sim_machine *machine, const struct sim_config *config);
void sim_machine_fini(struct sim_machine *machine);
int sim_machine_cfg_read(struct sim_machine *machine, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t *value);
int sim_machine_cfg_write(struct sim_machine *machine, struct piommu_sbdf sbdf, unsigned off, unsigned width, uint32_t value);
/* All functions that are present at one moment; `*out` is malloc'ed. @return 0 or -ENOMEM */
int sim_machine_functions(struct sim_machine *machine, struct piommu_pci_function **out, size_t *n);
/* A function that is present, kept so until end(): unplugging it waits. NULL: there is none. No lock. */
struct sim_function *sim_machine_begin(struct sim_machine *machine, struct piommu_sbdf sbdf);
void sim_machine_end(struct sim_function *function);
/* As piommu_sim_plug() and piommu_sim_unplug(). */
int sim_machine_plug(struct sim_machine *machine, struct piommu_sbdf sbdf);
int sim_machine_unplug(struct sim_machine *machine, struct piommu_sbdf sbdf);
/* What a unit's scopes name on bus 0 (beside everything else, where the last unit has INCLUDE_PCI_ALL). `n` entries. */
#define SIM_MAX_SCOPES 8u
struct sim_scope {
	uint8_t devfn;
	bool is_bridge;
};
unsigned sim_machine_scopes(unsigned unit, const struct sim_config *config, struct sim_scope scopes[SIM_MAX_SCOPES]);

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

#endif
