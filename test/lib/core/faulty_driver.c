/* SPDX-License-Identifier: BSD-3-Clause */
/* The drivers of faulty.h. Each callback fails with an error that its own documentation has, before it does anything. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "faulty_driver.h"
#include "suite.h"

static struct faulty *machine(const struct piommu_unit *unit)
{
	return (struct faulty *)(void *)unit->plat;
}

static struct faulty_unit *hardware(const struct piommu_unit *unit)
{
	return faulty_unit(machine(unit), unit->name);
}

static struct faulty_domain *self(struct piommu_domain *domain)
{
	return (struct faulty_domain *)(void *)domain;
}

/* ---- Domains ---- */

static int dom_lookup(struct piommu_domain *domain, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	const struct faulty_domain *fd = self(domain);

	for (unsigned i = 0; i < fd->nmaps; i++)
		if (iova >= fd->maps[i].start && iova <= fd->maps[i].last) {
			*leaf = (struct piommu_pt_leaf){ .pa = iova, .size = PIOMMU_PAGE_SIZE, .prot = PIOMMU_RW };
			return 0;
		}
	return -ENOENT;
}

static int dom_map(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	struct faulty_domain *fd = self(domain);
	struct piommu_pt_leaf leaf;

	(void)pa, (void)prot;
	if (fault_here(FAULT_CALLBACK, "map"))
		return -ENOMEM;
	if (!dom_lookup(domain, iova, &leaf))
		return -EEXIST;
	if (fd->nmaps == sizeof(fd->maps) / sizeof(fd->maps[0]))
		return -ENOMEM;
	fd->maps[fd->nmaps++] = (struct piommu_span){ iova, iova + len - 1 };
	return 0;
}

/* Whole maps alone. */
static int dom_unmap(struct piommu_domain *domain, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	struct faulty_domain *fd = self(domain);

	(void)gather;
	for (unsigned i = 0; i < fd->nmaps; i++) {
		if (fd->maps[i].start != iova || fd->maps[i].last != iova + len - 1)
			continue;
		memmove(&fd->maps[i], &fd->maps[i + 1], (--fd->nmaps - i) * sizeof(fd->maps[0]));
		if (unmapped)
			*unmapped = len;
		return 0;
	}
	if (unmapped)
		*unmapped = 0;
	return -ENOENT;
}

static int dom_flush(struct piommu_domain *domain, struct piommu_gather *gather)
{
	(void)domain;
	piommu_gather_init(gather);
	return 0;
}

/* Hardware that is on does not go on using what is freed. */
static void dom_destroy(struct piommu_domain *domain)
{
	struct faulty_domain *fd = self(domain);
	struct faulty_domain **at = &fd->m->domains;

	for (unsigned u = 0; u < FAULTY_UNITS; u++)
		for (unsigned i = 0; i < FAULTY_ENTRIES && fd->m->units[u].on; i++)
			if (fd->m->units[u].entries[i].domain == domain)
				faulty_broken(fd->m, "%s: id %04x is on a domain that is destroyed", fd->m->units[u].name,
					      fd->m->units[u].entries[i].id);
	while (*at != fd)
		at = &(*at)->next;
	*at = fd->next;
	piommu_pool_put(domain->pool, fd->page);
	free(fd);
}

static const struct piommu_domain_ops domain_ops = {
	.map = dom_map, .unmap = dom_unmap, .flush = dom_flush, .lookup = dom_lookup, .destroy = dom_destroy
};

static int domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits, struct piommu_domain **out)
{
	struct faulty_domain *fd;

	if (fault_here(FAULT_CALLBACK, "domain_create"))
		return -ENOMEM;
	fd = calloc(1, sizeof(*fd));
	if (!fd)
		return -ENOMEM;
	fd->page = piommu_pool_get(unit->pool);
	if (!fd->page) {
		free(fd);
		return -ENOMEM;
	}
	fd->domain.ops = &domain_ops;
	fd->domain.type = type;
	fd->domain.iova_bits = iova_bits ? iova_bits : 48;
	fd->domain.page_sizes = BIT64(12);
	fd->domain.pool = unit->pool;
	fd->m = machine(unit);
	fd->next = fd->m->domains;
	fd->m->domains = fd;
	*out = &fd->domain;
	return 0;
}

static int domain_fits(const struct piommu_domain *domain, struct piommu_unit *unit)
{
	(void)domain, (void)unit;
	return fault_here(FAULT_CALLBACK, "domain_fits") ? -EINVAL : 0;
}

/* ---- Units ---- */

static bool match(const struct piommu_fw_unit *fw)
{
	return fw->family == PIOMMU_FAMILY_VTD && fw->len;
}

static int probe(struct piommu_unit *unit, struct piommu_window *window)
{
	(void)window;
	if (fault_here(FAULT_CALLBACK, "probe"))
		return -EBUSY;
	unit->caps = (struct piommu_unit_caps){
		.iova_bits = 48,
		.pa_bits = 46,
		.page_sizes = BIT64(12),
		.ntags = FAULTY_TAGS,
		.first_tag = 1,
		.hole = { 0xfee00000, 0xfeefffff },
	};
	unit->priv = hardware(unit);
	hardware(unit)->probed = true;
	return 0;
}

static void remove_unit(struct piommu_unit *unit)
{
	struct faulty_unit *hw = hardware(unit);

	if (!hw->probed || hw->on)
		faulty_broken(machine(unit), "%s: removed while %s", unit->name, hw->on ? "on" : "not probed");
	hw->probed = false;
}

static int enable(struct piommu_unit *unit)
{
	if (fault_here(FAULT_CALLBACK, "enable"))
		return -ETIMEDOUT;
	if (fault_here(FAULT_ENABLE, "enable"))
		unit->keep_memory = true;
	else
		hardware(unit)->on = true;
	return unit->keep_memory ? -ETIMEDOUT : 0;
}

static int shutdown_unit(struct piommu_unit *unit)
{
	struct faulty_unit *hw = hardware(unit);

	if (fault_here(FAULT_SHUTDOWN, "shutdown"))
		return -EIO;
	hw->on = false;
	memset(hw->entries, 0, sizeof(hw->entries));
	memset(hw->cached, 0, sizeof(hw->cached));
	return 0;
}

static int flush_tag(struct piommu_unit *unit, uint32_t tag)
{
	if (fault_here(FAULT_CALLBACK, "flush_tag"))
		return -ETIMEDOUT;
	hardware(unit)->cached[tag] = NULL;
	return 0;
}

static unsigned poll_nothing(struct piommu_unit *unit, const struct piommu_event_sink *sink)
{
	(void)unit, (void)sink;
	return 0;
}

/* ---- Devices ---- */

static int find_unit(struct piommu_unit *const *units, unsigned n, const struct piommu_device *device, struct piommu_unit **out)
{
	if (fault_here(FAULT_ANSWER, "find_unit"))
		return -EIO;
	if (!n || !device->is_pci || device->sbdf.segment != 1)
		return -ENODEV;
	*out = units[0];
	return 0;
}

static bool is_five(const struct piommu_device *device)
{
	return device->is_pci && !device->sbdf.segment && device->sbdf.devfn >> 3 == 5;
}

static int probe_device(struct piommu_unit *unit, struct piommu_device *device)
{
	(void)unit;
	if (fault_here(FAULT_CALLBACK, "probe_device"))
		return -EIO;
	device->pasid_bits = is_five(device) ? 8 : 0;
	device->ats = is_five(device) && (device->sbdf.devfn & 7) == 1;
	device->priv = malloc(1);
	if (!device->priv)
		return -ENOMEM;
	machine(unit)->ndevices++;
	return 0;
}

static void release_device(struct piommu_device *device)
{
	machine(device->unit)->ndevices--;
	free(device->priv);
	device->priv = NULL;
}

static int device_group(struct piommu_device *device, struct piommu_group **out)
{
	if (fault_here(FAULT_CALLBACK, "device_group"))
		return -ENOMEM;
	return piommu_group_by_topology(device, out);
}

static bool is_attach_deferred(const struct piommu_device *device)
{
	return device->is_pci && device->sbdf.segment == 1 && device->sbdf.devfn == 2 << 3;
}

static struct faulty_entry *entry_of(struct faulty_unit *hw, uint32_t id, uint32_t pasid)
{
	struct faulty_entry *free_entry = NULL;

	for (unsigned i = 0; i < FAULTY_ENTRIES; i++) {
		struct faulty_entry *entry = &hw->entries[i];

		if (entry->domain && entry->id == id && entry->pasid == pasid)
			return entry;
		if (!entry->domain && !free_entry)
			free_entry = entry;
	}
	CU_ASSERT_FATAL(free_entry != NULL);
	return free_entry;
}

static int point(struct piommu_device *device, uint32_t pasid, struct piommu_domain *domain, uint32_t tag)
{
	struct faulty_unit *hw = hardware(device->unit);
	bool tagged = domain && domain->type == PIOMMU_DOMAIN_PAGING;
	bool nowhere = !domain || (!pasid && domain->type == PIOMMU_DOMAIN_IDENTITY);

	if (!hw->on)
		faulty_broken(machine(device->unit), "%s: attached behind %s, which is off", device->name, hw->name);
	if (tagged && hw->cached[tag] && hw->cached[tag] != domain)
		faulty_broken(machine(device->unit), "%s: tag %u is used again before it was flushed", hw->name, tag);
	if (tagged)
		hw->cached[tag] = domain;
	for (unsigned i = 0; i < device->nids; i++) {
		struct faulty_entry *entry = entry_of(hw, device->ids[i].id, pasid);

		*entry = (struct faulty_entry){ device->ids[i].id, pasid, nowhere ? NULL : domain, tag };
	}
	return 0;
}

static int attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	if (fault_here(FAULT_CALLBACK, "attach"))
		return -ETIMEDOUT;
	return point(device, 0, domain, tag);
}

static int attach_pasid(struct piommu_device *device, uint32_t pasid, struct piommu_domain *domain, uint32_t tag)
{
	if (fault_here(FAULT_CALLBACK, "attach_pasid"))
		return -ETIMEDOUT;
	return point(device, pasid, domain, tag);
}

void faulty_make_drivers(struct faulty *m)
{
	m->bare = (struct piommu_driver){
		.name = "bare",
		.probe = probe,
		.remove = remove_unit,
		.enable = enable,
		.shutdown = shutdown_unit,
		.find_unit = find_unit,
		.probe_device = probe_device,
		.release_device = release_device,
		.device_group = device_group,
		.is_attach_deferred = is_attach_deferred,
		.attach_pasid = attach_pasid,
		.domain_create = domain_create,
		.domain_fits = domain_fits,
		.attach = attach,
		.flush_tag = flush_tag,
		.poll = poll_nothing,
	};
	m->fw = m->bare;
	m->fw.name = "fw";
	m->fw.match = match;
	m->fw.needs_firmware = true;
	m->fw.find_unit = NULL;
}
