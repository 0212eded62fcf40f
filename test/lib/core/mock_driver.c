/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See mock.h. One set of callbacks for all mock drivers: which one is called shows in the unit. Each checks what the core promises it:
 * one thread at a time, devices in their order, domains that nobody uses any more when they are destroyed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_driver.h"

static struct mock *mock_of(const struct piommu_unit *unit)
{
	return ((const struct mock_driver *)(const void *)unit->driver)->mock;
}

static struct mock_unit *unit_of(const struct piommu_unit *unit)
{
	return unit->priv;
}

static struct mock_domain *domain_of(struct piommu_domain *domain)
{
	return (struct mock_domain *)(void *)domain;
}

static const char *type_name(enum piommu_domain_type type)
{
	return type == PIOMMU_DOMAIN_PAGING ? "paging" : type == PIOMMU_DOMAIN_IDENTITY ? "identity" : "blocking";
}

/* ---- One thread at a time ---- */

static void section_enter(struct mock *mock, struct mock_section *section, const char *what)
{
	bool taken;

	pthread_mutex_lock(&mock->lock);
	taken = section->depth && !pthread_equal(section->owner, pthread_self());
	if (!taken) {
		section->owner = pthread_self();
		section->depth++;
	}
	pthread_mutex_unlock(&mock->lock);
	if (taken)
		mock_broken(mock, "%s while another thread is in such a callback", what);
}

static void section_leave(struct mock *mock, struct mock_section *section)
{
	pthread_mutex_lock(&mock->lock);
	if (section->depth && pthread_equal(section->owner, pthread_self()))
		section->depth--;
	pthread_mutex_unlock(&mock->lock);
}

/* An op of a unit that has been probed, and nothing more to it than its hook. */
static int unit_op(struct piommu_unit *unit, enum mock_op op, const char *name)
{
	struct mock *mock = mock_of(unit);
	struct mock_call call = { .mock = mock, .op = op, .driver = unit->driver, .unit = unit };
	int result;

	mock_note(mock, "%s %s", name, unit->name);
	section_enter(mock, &unit_of(unit)->section, name);
	result = mock_enter(&call);
	section_leave(mock, &unit_of(unit)->section);
	mock_note(mock, "%s %s done", name, unit->name);
	return result < 0 ? result : 0;
}

/* ---- Units ---- */

static bool match_first(const struct piommu_fw_unit *fw)
{
	return fw->base >= 0xfed90000 && fw->base < 0xfeda0000;
}

static bool match_second(const struct piommu_fw_unit *fw)
{
	return fw->base >= 0xfeda0000;
}

static int drv_probe(struct piommu_unit *unit, struct piommu_window *window)
{
	struct mock *mock = mock_of(unit);
	struct mock_call call = { .mock = mock, .op = MOCK_PROBE, .driver = unit->driver, .unit = unit };
	int result;

	(void)window;
	mock_note(mock, "probe %s", unit->name);
	result = mock_enter(&call);
	if (result < 0)
		return result;
	unit->priv = calloc(1, sizeof(struct mock_unit));
	if (!unit->priv)
		return -ENOMEM;
	unit_of(unit)->mock = mock;
	unit->caps = (struct piommu_unit_caps){
		.iova_bits = 48,
		.pa_bits = 46,
		.page_sizes = BIT64(12),
		.ntags = 64,
		.first_tag = 1,
		.hole = { 1, 0 },
	};
	mock_note(mock, "probe %s done", unit->name);
	return 0;
}

static void drv_remove(struct piommu_unit *unit)
{
	unit_op(unit, MOCK_REMOVE, "remove");
	free(unit->priv);
	unit->priv = NULL;
}

static int drv_enable(struct piommu_unit *unit)
{
	return unit_op(unit, MOCK_ENABLE, "enable");
}

static int drv_shutdown(struct piommu_unit *unit)
{
	return unit_op(unit, MOCK_SHUTDOWN, "shutdown");
}

/* ---- Devices: one at a time ---- */

static int find_owner(struct mock *mock, const struct mock_call *call)
{
	char owner[16];

	pthread_mutex_lock(&mock->lock);
	memcpy(owner, mock_slot(mock, call->device->name)->owner, sizeof(owner));
	pthread_mutex_unlock(&mock->lock);
	for (unsigned i = 0; i < call->nunits; i++) {
		if (strcmp(call->units[i]->name, owner) != 0)
			continue;
		*call->unit_out = call->units[i];
		return 0;
	}
	return -ENODEV;
}

static int drv_find_unit(struct piommu_unit *const *units, unsigned n, const struct piommu_device *device,
			 struct piommu_unit **out)
{
	struct mock_call call = { .op = MOCK_FIND_UNIT, .device = device, .units = units, .nunits = n, .unit_out = out };
	int result;

	if (!n) /* none of our units could be it */
		return -ENODEV;
	call.driver = units[0]->driver;
	call.mock = mock_of(units[0]);
	if (call.driver->needs_firmware)
		mock_broken(call.mock, "%s needs a firmware description, and is asked about %s", call.driver->name,
			    device->name);
	for (unsigned i = 0; i < n; i++)
		if (units[i]->driver != call.driver)
			mock_broken(call.mock, "%s is asked with units that are not its own", call.driver->name);
	mock_note(call.mock, "find_unit %s %s", call.driver->name, device->name);
	section_enter(call.mock, &call.mock->probing, "find_unit");
	result = mock_enter(&call);
	if (!result)
		result = find_owner(call.mock, &call);
	section_leave(call.mock, &call.mock->probing);
	mock_note(call.mock, "find_unit %s %s done", call.driver->name, device->name);
	return result < 0 ? result : 0;
}

/* Its state is made here and freed in release_device, so that a sanitizer sees who looks at it too late. */
static int take_device(struct mock *mock, struct piommu_unit *unit, struct piommu_device *device)
{
	struct mock_slot *slot;
	bool again;

	device->priv = malloc(sizeof(struct piommu_unit *));
	if (!device->priv)
		return -ENOMEM;
	*(struct piommu_unit **)device->priv = unit;
	pthread_mutex_lock(&mock->lock);
	slot = mock_slot(mock, device->name);
	again = slot->taken++ > 0;
	pthread_mutex_unlock(&mock->lock);
	if (again)
		mock_broken(mock, "%s is probed while it is probed already", device->name);
	return 0;
}

static int drv_probe_device(struct piommu_unit *unit, struct piommu_device *device)
{
	struct mock *mock = mock_of(unit);
	struct mock_call call = {
		.mock = mock, .op = MOCK_PROBE_DEVICE, .driver = unit->driver, .unit = unit, .device = device
	};
	int result;

	if (unit->driver->needs_firmware != device->from_firmware)
		mock_broken(mock, "%s is handed to %s", device->name, unit->driver->name);
	if (device->unit)
		mock_broken(mock, "%s has a unit before its probe returned", device->name);
	mock_note(mock, "probe_device %s", device->name);
	section_enter(mock, &mock->probing, "probe_device");
	result = mock_enter(&call);
	if (result >= 0)
		result = take_device(mock, unit, device);
	section_leave(mock, &mock->probing);
	mock_note(mock, "probe_device %s done", device->name);
	return result;
}

static void drv_release_device(struct piommu_device *device)
{
	struct piommu_unit *unit = *(struct piommu_unit **)device->priv;
	struct mock *mock = mock_of(unit);
	struct mock_call call = {
		.mock = mock, .op = MOCK_RELEASE_DEVICE, .driver = unit->driver, .unit = unit, .device = device
	};
	struct mock_slot *slot;

	mock_note(mock, "release_device %s", device->name);
	mock_enter(&call);
	pthread_mutex_lock(&mock->lock);
	slot = mock_slot(mock, device->name);
	slot->taken--;
	slot->dom = NULL;
	pthread_mutex_unlock(&mock->lock);
	free(device->priv);
	device->priv = NULL;
}

static int drv_device_group(struct piommu_device *device, struct piommu_group **out)
{
	struct mock *mock;
	struct mock_call call = { .op = MOCK_DEVICE_GROUP, .unit = device->unit, .device = device, .group_out = out };
	int result;

	if (!device->unit) {
		printf("FAIL mock: device_group of %s without a unit\n", device->name);
		exit(1);
	}
	mock = call.mock = mock_of(device->unit);
	call.driver = device->unit->driver;
	if (device->unit != *(struct piommu_unit **)device->priv)
		mock_broken(mock, "%s is behind another unit than its probe was told", device->name);
	mock_note(mock, "device_group %s", device->name);
	section_enter(mock, &mock->probing, "device_group");
	result = mock_enter(&call);
	if (!result)
		result = piommu_group_by_topology(device, out);
	section_leave(mock, &mock->probing);
	return result < 0 ? result : 0;
}

/* ---- Domains ---- */

static int overlap(const struct mock_maps *maps, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < maps->n; i++)
		if (maps->at[i].start <= last && first <= maps->at[i].last)
			return (int)i;
	return -1;
}

static int dom_map(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	struct mock_maps *maps = &domain_of(domain)->maps;
	int err = 0;

	(void)prot;
	pthread_mutex_lock(&maps->lock);
	if (overlap(maps, iova, iova + len - 1) >= 0) {
		err = -EEXIST;
	} else if (maps->n == sizeof(maps->at) / sizeof(maps->at[0])) {
		err = -ENOMEM;
	} else {
		maps->at[maps->n] = (struct piommu_span){ iova, iova + len - 1 };
		maps->pa[maps->n++] = pa;
	}
	pthread_mutex_unlock(&maps->lock);
	return err;
}

/* Whole mappings only. */
static int dom_unmap(struct piommu_domain *domain, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	struct mock_maps *maps = &domain_of(domain)->maps;
	size_t gone = 0;
	int i;

	pthread_mutex_lock(&maps->lock);
	while ((i = overlap(maps, iova, iova + len - 1)) >= 0) {
		gone += maps->at[i].last - maps->at[i].start + 1;
		maps->at[i] = maps->at[--maps->n];
		maps->pa[i] = maps->pa[maps->n];
	}
	pthread_mutex_unlock(&maps->lock);
	if (gather)
		piommu_gather_add(gather, iova, iova + len - 1);
	if (unmapped)
		*unmapped = gone;
	return gone == len ? 0 : -ENOENT;
}

static int dom_flush(struct piommu_domain *domain, struct piommu_gather *gather)
{
	(void)domain;
	piommu_gather_init(gather);
	return 0;
}

static int dom_lookup(struct piommu_domain *domain, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	struct mock_maps *maps = &domain_of(domain)->maps;
	int i;

	pthread_mutex_lock(&maps->lock);
	i = overlap(maps, iova, iova);
	if (i >= 0)
		*leaf = (struct piommu_pt_leaf){ .pa = maps->pa[i] + (align_down(iova, 4096) - maps->at[i].start),
						 .size = 4096,
						 .prot = PIOMMU_RW };
	pthread_mutex_unlock(&maps->lock);
	return i < 0 ? -ENOENT : 0;
}

static void dom_destroy(struct piommu_domain *domain)
{
	struct mock_domain *md = domain_of(domain);
	struct mock *mock = md->mock;
	struct mock_call call = {
		.mock = mock, .op = MOCK_DOMAIN_DESTROY, .driver = md->driver, .domain = domain, .type = domain->type
	};
	char user[PIOMMU_NAME_LEN] = "";

	mock_note(mock, "destroy %s", type_name(domain->type));
	mock_enter(&call);
	pthread_mutex_lock(&mock->lock);
	for (unsigned i = 0; i < mock->nslots; i++)
		if (mock->slots[i].dom == domain)
			memcpy(user, mock->slots[i].name, sizeof(user));
	pthread_mutex_unlock(&mock->lock);
	if (user[0])
		mock_broken(mock, "a %s domain is destroyed, and %s is on it", type_name(domain->type), user);
	atomic_fetch_sub(&mock->ndomains, 1);
	mock_note(mock, "destroy %s done", type_name(domain->type));
	pthread_mutex_destroy(&md->maps.lock);
	free(md);
}

static int make_domain(const struct mock_call *call, unsigned iova_bits, struct piommu_domain **out)
{
	struct mock_domain *md = calloc(1, sizeof(*md));

	if (!md)
		return -ENOMEM;
	md->domain.ops = &call->mock->domain_ops;
	md->domain.type = call->type;
	md->domain.iova_bits = iova_bits ? iova_bits : 48;
	md->domain.page_sizes = BIT64(12);
	md->domain.pool = call->unit->pool;
	md->mock = call->mock;
	md->driver = call->driver;
	pthread_mutex_init(&md->maps.lock, NULL);
	atomic_fetch_add(&call->mock->ndomains, 1);
	*out = &md->domain;
	return 0;
}

static int drv_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits,
			     struct piommu_domain **out)
{
	struct mock *mock = mock_of(unit);
	struct mock_call call = { .mock = mock, .op = MOCK_DOMAIN_CREATE, .driver = unit->driver, .unit = unit, .type = type };
	int result;

	mock_note(mock, "create %s %s", unit->name, type_name(type));
	section_enter(mock, &unit_of(unit)->section, "domain_create");
	result = mock_enter(&call);
	section_leave(mock, &unit_of(unit)->section);
	mock_note(mock, "create %s %s done", unit->name, type_name(type));
	return result < 0 ? result : make_domain(&call, iova_bits, out);
}

static int drv_domain_fits(const struct piommu_domain *domain, struct piommu_unit *unit)
{
	struct mock *mock = mock_of(unit);

	if (domain->ops != &mock->domain_ops) {
		mock_broken(mock, "%s is asked about a domain of another family", unit->driver->name);
		return -EINVAL;
	}
	return ((const struct mock_domain *)(const void *)domain)->driver == unit->driver ? 0 : -EINVAL;
}

static int drv_attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	struct piommu_unit *unit = device->unit;
	struct mock *mock = mock_of(unit);
	struct mock_call call = { .mock = mock,
				  .op = MOCK_ATTACH,
				  .driver = unit->driver,
				  .unit = unit,
				  .device = device,
				  .domain = domain,
				  .type = domain->type };
	int result;

	(void)tag;
	if (domain->ops != &mock->domain_ops || domain_of(domain)->driver != unit->driver) {
		mock_broken(mock, "%s is attached to a domain of another family", device->name);
		return -EINVAL;
	}
	mock_note(mock, "attach %s %s", device->name, type_name(domain->type));
	section_enter(mock, &unit_of(unit)->section, "attach");
	result = mock_enter(&call);
	if (result >= 0) {
		pthread_mutex_lock(&mock->lock);
		mock_slot(mock, device->name)->dom = domain;
		pthread_mutex_unlock(&mock->lock);
	}
	section_leave(mock, &unit_of(unit)->section);
	mock_note(mock, "attach %s %s done", device->name, type_name(domain->type));
	return result < 0 ? result : 0;
}

static int drv_flush_tag(struct piommu_unit *unit, uint32_t tag)
{
	(void)tag;
	section_enter(mock_of(unit), &unit_of(unit)->section, "flush_tag");
	section_leave(mock_of(unit), &unit_of(unit)->section);
	return 0;
}

static unsigned drv_poll(struct piommu_unit *unit, const struct piommu_event_sink *sink)
{
	(void)unit;
	(void)sink;
	return 0;
}

static void drv_inv_stats(const struct piommu_unit *unit, struct piommu_ring_stats *out)
{
	(void)unit;
	*out = (struct piommu_ring_stats){ 0 };
}

void mock_drivers_init(struct mock *mock)
{
	static const struct {
		const char *name;
		enum piommu_family family;
		bool (*match)(const struct piommu_fw_unit *fw);
	} kinds[MOCK_NKINDS] = {
		[MOCK_FW] = { "mock-fw", PIOMMU_FAMILY_VTD, match_first },
		[MOCK_FW2] = { "mock-fw2", PIOMMU_FAMILY_VTD, match_second },
		[MOCK_BARE] = { "mock-bare", PIOMMU_FAMILY_VIRTIO, NULL },
		[MOCK_BARE2] = { "mock-bare2", PIOMMU_FAMILY_AMDVI, NULL },
	};

	mock->domain_ops = (struct piommu_domain_ops){
		.map = dom_map, .unmap = dom_unmap, .flush = dom_flush, .lookup = dom_lookup, .destroy = dom_destroy
	};
	for (unsigned i = 0; i < MOCK_NKINDS; i++) {
		mock->drivers[i].mock = mock;
		mock->drivers[i].driver = (struct piommu_driver){
			.name = kinds[i].name,
			.family = kinds[i].family,
			.needs_firmware = kinds[i].match != NULL,
			.match = kinds[i].match,
			.probe = drv_probe,
			.remove = drv_remove,
			.enable = drv_enable,
			.shutdown = drv_shutdown,
			.find_unit = drv_find_unit, /* a trap where it needs firmware */
			.probe_device = drv_probe_device,
			.release_device = drv_release_device,
			.device_group = drv_device_group,
			.domain_create = drv_domain_create,
			.domain_fits = drv_domain_fits,
			.attach = drv_attach,
			.flush_tag = drv_flush_tag,
			.poll = drv_poll,
			.inv_stats = drv_inv_stats,
		};
		mock->table[i] = &mock->drivers[i].driver;
	}
}
