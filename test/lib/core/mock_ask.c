/* SPDX-License-Identifier: BSD-3-Clause */
/* See mock.h. Short ways to a manager, and to its answers by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock.h"
#include "suite.h"

struct piommu_sbdf mock_sbdf(const char *name)
{
	struct piommu_sbdf sbdf = { 0 };

	if (piommu_sbdf_parse(name, &sbdf)) { /* called by any thread: nothing of CUnit's here */
		printf("FAIL mock: %s is no address\n", name);
		exit(1);
	}
	return sbdf;
}

static bool is_node(const char *name)
{
	return name[0] == '/';
}

int mock_add(struct piommu *p, const char *name)
{
	return is_node(name) ? piommu_node_add(p, name) : piommu_device_add(p, mock_sbdf(name));
}

int mock_remove(struct piommu *p, const char *name)
{
	return is_node(name) ? piommu_node_remove(p, name) : piommu_device_remove(p, mock_sbdf(name));
}

struct piommu_group *mock_group(struct piommu *p, const char *name)
{
	struct piommu_group *group = NULL;
	int err = is_node(name) ? piommu_group_find_node(p, name, &group) : piommu_group_find(p, mock_sbdf(name), &group);

	if (err)
		printf("mock: no group of %s: %d\n", name, err);
	CU_ASSERT_FATAL(!err);
	return group;
}

struct piommu_group_info mock_group_info(struct piommu *p, const char *name)
{
	struct piommu_group *group = mock_group(p, name);
	struct piommu_group_info info;

	piommu_group_info(group, &info);
	piommu_group_put(group);
	return info;
}

void mock_check_unit(struct piommu *p, const char *name, const char *unit)
{
	const char *has = mock_group_info(p, name).unit;

	if (strcmp(has ? has : "none", unit ? unit : "none") != 0)
		printf("mock: %s is behind %s\n", name, has ? has : "none");
	CHECK_HAS(has ? has : "none", unit ? unit : "none");
}

struct piommu_fw_unit mock_desc(const char *name)
{
	struct piommu_fw_unit desc = { .family = PIOMMU_FAMILY_VIRTIO, .numa_node = -1 };

	snprintf(desc.name, sizeof(desc.name), "%s", name);
	return desc;
}

const struct piommu_driver *mock_driver(struct mock *mock, enum mock_kind kind)
{
	return &mock->drivers[kind].driver;
}

struct piommu_unit *mock_register(struct mock *mock, struct piommu *p, enum mock_kind kind, const char *name)
{
	struct piommu_fw_unit desc = mock_desc(name);
	struct piommu_unit *unit = NULL;

	CU_ASSERT_EQUAL_FATAL(piommu_unit_register(p, mock_driver(mock, kind), &desc, &unit), 0);
	return unit;
}

struct piommu *mock_create(const struct piommu_config *config)
{
	struct piommu *p = NULL;

	CU_ASSERT_EQUAL_FATAL(piommu_create(config, &p), 0);
	piommu_thread_offline(); /* tests sleep at gates */
	return p;
}

struct piommu *mock_start(struct mock *mock, enum piommu_default kind)
{
	struct piommu_config config;

	mock_init(mock);
	config = mock_config(mock);
	config.default_domain = kind;
	return mock_create(&config);
}

void mock_stop(struct mock *mock, struct piommu *p)
{
	CHECK_EQ(piommu_destroy(p), 0);
	mock_fini(mock);
}
