/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver of fake.h, and its domains. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

static void vnote(struct fake *fake, char line[64], const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

static void vnote(struct fake *fake, char line[64], const char *fmt, va_list ap)
{
	vsnprintf(line, 64, fmt, ap);
	pthread_mutex_lock(&fake->mutex);
	if (fake->nlog < FAKE_LOG)
		memcpy(fake->log[fake->nlog++], line, 64);
	pthread_mutex_unlock(&fake->mutex);
}

void fake_note(struct fake *fake, const char *fmt, ...)
{
	char line[64];
	va_list ap;

	va_start(ap, fmt);
	vnote(fake, line, fmt, ap);
	va_end(ap);
}

/* A note, and what the test's hook says to it. */
static __attribute__((format(printf, 2, 3))) int called(struct fake *fake, const char *fmt, ...)
{
	char line[64];
	va_list ap;

	va_start(ap, fmt);
	vnote(fake, line, fmt, ap);
	va_end(ap);
	return fake->hook ? fake->hook(fake->hook_ctx, line) : 0;
}

static __attribute__((format(printf, 2, 3))) void complain(struct fake *fake, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!fake->wrong[0])
		vsnprintf(fake->wrong, sizeof(fake->wrong), fmt, ap);
	va_end(ap);
}

static bool fails_now(struct fake *fake, unsigned *countdown)
{
	bool now;

	pthread_mutex_lock(&fake->mutex);
	now = *countdown && --*countdown == 0;
	pthread_mutex_unlock(&fake->mutex);
	return now;
}

static struct fake *fake_of(const struct piommu_unit *unit)
{
	return (struct fake *)(void *)unit->plat;
}

static const char *short_name(const struct piommu_device *device)
{
	return strncmp(device->name, "0000:", 5) ? device->name : device->name + 5;
}

/* ---- domains ---- */

static int find_page(const struct fake_maps *maps, uint64_t iova)
{
	for (unsigned i = 0; i < maps->n; i++)
		if (maps->iova[i] == align_down(iova, 4096))
			return (int)i;
	return -1;
}

static int dom_lookup(struct piommu_domain *domain, uint64_t iova, struct piommu_pt_leaf *leaf)
{
	struct fake_domain *fd = (struct fake_domain *)(void *)domain;
	int at;

	pthread_mutex_lock(&fd->fake->mutex);
	at = find_page(&fd->maps, iova);
	if (at >= 0)
		*leaf = (struct piommu_pt_leaf){ .pa = fd->maps.pa[at] + iova % 4096, .size = 4096, .prot = fd->maps.prot[at] };
	pthread_mutex_unlock(&fd->fake->mutex);
	return at >= 0 ? 0 : -ENOENT;
}

static int map_pages(struct fake_maps *maps, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	for (uint64_t at = 0; at < len; at += 4096)
		if (find_page(maps, iova + at) >= 0)
			return -EEXIST;
	for (uint64_t at = 0; at < len && maps->n < 64; at += 4096) {
		maps->iova[maps->n] = iova + at;
		maps->prot[maps->n] = prot;
		maps->pa[maps->n++] = pa + at;
	}
	return 0;
}

static int dom_map(struct piommu_domain *domain, uint64_t iova, uint64_t pa, size_t len, unsigned prot)
{
	struct fake_domain *fd = (struct fake_domain *)(void *)domain;
	int err;

	pthread_mutex_lock(&fd->fake->mutex);
	err = map_pages(&fd->maps, iova, pa, len, prot);
	pthread_mutex_unlock(&fd->fake->mutex);
	if (err)
		return err;
	return called(fd->fake, "map %c %llx %llx", fd->name, (unsigned long long)iova, (unsigned long long)len);
}

static int dom_unmap(struct piommu_domain *domain, uint64_t iova, size_t len, struct piommu_gather *gather, size_t *unmapped)
{
	struct fake_domain *fd = (struct fake_domain *)(void *)domain;

	if (gather)
		piommu_gather_add(gather, iova, iova + len - 1);
	if (unmapped)
		*unmapped = len;
	return called(fd->fake, "unmap %c %llx", fd->name, (unsigned long long)iova);
}

static int dom_flush(struct piommu_domain *domain, struct piommu_gather *gather)
{
	(void)domain;
	piommu_gather_init(gather);
	return 0;
}

static bool points_at(const struct fake_dev *dev, const struct piommu_domain *domain)
{
	for (unsigned i = 0; i < FAKE_PASIDS; i++)
		if (dev->pasids[i].domain == domain)
			return true;
	return dev->domain == domain;
}

static void dom_destroy(struct piommu_domain *domain)
{
	struct fake_domain *fd = (struct fake_domain *)(void *)domain;
	struct fake *fake = fd->fake;

	pthread_mutex_lock(&fake->mutex);
	for (unsigned i = 0; i < fake->ndevs; i++)
		if (points_at(&fake->devs[i], domain))
			complain(fake, "domain %c destroyed under %s", fd->name, fake->devs[i].name);
	fake->ndomains--;
	pthread_mutex_unlock(&fake->mutex);
	free(fd);
}

static const struct piommu_domain_ops fake_domain_ops = {
	.map = dom_map, .unmap = dom_unmap, .flush = dom_flush, .lookup = dom_lookup, .destroy = dom_destroy
};

static char next_name(struct fake *fake)
{
	char name = fake->next_domain;

	fake->next_domain = name == 'Z' ? 'A' : (char)(name + 1);
	return name;
}

static int drv_domain_create(struct piommu_unit *unit, enum piommu_domain_type type, unsigned iova_bits,
			     struct piommu_domain **out)
{
	struct fake *fake = fake_of(unit);
	struct fake_domain *fd;
	int err = called(fake, "domain_create %s", unit->name);

	if (err)
		return err;
	fd = calloc(1, sizeof(*fd));
	fd->fake = fake;
	fd->domain.ops = &fake_domain_ops;
	fd->domain.type = type;
	fd->domain.iova_bits = iova_bits ? iova_bits : 48;
	fd->domain.page_sizes = fake->page_sizes;
	fd->domain.pool = unit->pool;
	pthread_mutex_lock(&fake->mutex);
	fd->name = type == PIOMMU_DOMAIN_IDENTITY ? 'i' : type == PIOMMU_DOMAIN_BLOCKING ? 'b' : next_name(fake);
	fake->ndomains++;
	pthread_mutex_unlock(&fake->mutex);
	*out = &fd->domain;
	return 0;
}

static int drv_fits(const struct piommu_domain *domain, struct piommu_unit *unit)
{
	(void)domain;
	(void)unit;
	return 0;
}

/* ---- units ---- */

static bool drv_match(const struct piommu_fw_unit *fw)
{
	(void)fw;
	return true;
}

static int drv_probe(struct piommu_unit *unit, struct piommu_window *window)
{
	(void)window;
	unit->caps = (struct piommu_unit_caps){
		.iova_bits = 48,
		.pa_bits = 46,
		.page_sizes = fake_of(unit)->page_sizes,
		.ntags = fake_of(unit)->ntags,
		.first_tag = 1,
		.hole = { 0xfee00000, 0xfeefffff },
	};
	return called(fake_of(unit), "probe %s", unit->name);
}

static void drv_remove(struct piommu_unit *unit)
{
	called(fake_of(unit), "remove %s", unit->name);
}

static int drv_enable(struct piommu_unit *unit)
{
	int err = called(fake_of(unit), "enable %s", unit->name);

	return fails_now(fake_of(unit), &fake_of(unit)->fail_enable) ? -ETIMEDOUT : err;
}

/* Nothing that a unit which is off has in its tables leads anywhere. */
static int drv_shutdown(struct piommu_unit *unit)
{
	struct fake *fake = fake_of(unit);
	int err = called(fake, "shutdown %s", unit->name);

	pthread_mutex_lock(&fake->mutex);
	for (unsigned i = 0; i < fake->ndevs && !err; i++) {
		struct fake_dev *dev = &fake->devs[i];

		if (dev->unit != unit)
			continue;
		dev->domain = NULL;
		memset(dev->pasids, 0, sizeof(dev->pasids));
	}
	pthread_mutex_unlock(&fake->mutex);
	return err;
}

static int drv_flush_tag(struct piommu_unit *unit, uint32_t tag)
{
	int err = called(fake_of(unit), "flush %s %u", unit->name, tag);

	return fails_now(fake_of(unit), &fake_of(unit)->fail_flush_tag) ? -ETIMEDOUT : err;
}

static unsigned drv_poll(struct piommu_unit *unit, const struct piommu_event_sink *sink)
{
	struct fake *fake = fake_of(unit);
	struct piommu_event event;
	bool some;

	pthread_mutex_lock(&fake->mutex);
	some = fake->nevents > 0 && (!fake->event.unit[0] || !strcmp(fake->event.unit, unit->name));
	if (some) {
		unsigned turn = fake->nfaulting ? fake->nevents % fake->nfaulting : 0;

		fake->nevents--;
		fake->event.iova += 4096;
		if (fake->nfaulting) {
			fake->event.id = fake->faulting[turn];
			fake->nemitted[turn]++;
		}
		event = fake->event;
	}
	pthread_mutex_unlock(&fake->mutex);
	if (some)
		sink->emit(sink->ctx, &event);
	return some;
}

/* ---- devices ---- */

static int drv_probe_device(struct piommu_unit *unit, struct piommu_device *device)
{
	struct fake *fake = fake_of(unit);
	struct fake_dev *dev = fake_dev(fake, device->name);
	int err = called(fake, "probe_device %s", short_name(device));

	if (err)
		return err;
	pthread_mutex_lock(&fake->mutex);
	if (dev->probed)
		complain(fake, "%s probed twice", dev->name);
	dev->probed = true;
	dev->unit = unit;
	device->pasid_bits = dev->pasid_bits;
	device->ats = dev->ats;
	device->priv = dev;
	pthread_mutex_unlock(&fake->mutex);
	return 0;
}

static void drv_release_device(struct piommu_device *device)
{
	struct fake *fake = fake_of(device->unit);
	struct fake_dev *dev = fake_dev(fake, device->name);

	called(fake, "release_device %s", short_name(device));
	pthread_mutex_lock(&fake->mutex);
	if (!dev->probed)
		complain(fake, "%s released without a probe", dev->name);
	for (unsigned i = 0; i < FAKE_PASIDS; i++)
		if (dev->pasids[i].domain)
			complain(fake, "%s released with PASID %u", dev->name, dev->pasids[i].pasid);
	dev->probed = false;
	pthread_mutex_unlock(&fake->mutex);
}

/* Devices with a stream id in common are one group. */
static int drv_device_group(struct piommu_device *device, struct piommu_group **out)
{
	struct fake *fake = fake_of(device->unit);
	int err = called(fake, "device_group %s", short_name(device));

	if (err)
		return err;
	for (unsigned i = 0; i < device->nids; i++) {
		err = piommu_group_of_id(device, device->ids[i], out);
		if (err != -ENOENT)
			return err;
	}
	return piommu_group_by_topology(device, out);
}

static bool drv_is_attach_deferred(const struct piommu_device *device)
{
	return ((const struct fake_dev *)device->priv)->deferred;
}

static enum piommu_default drv_default_domain(const struct piommu_device *device)
{
	return ((const struct fake_dev *)device->priv)->demand;
}

static int drv_attach(struct piommu_device *device, struct piommu_domain *domain, uint32_t tag)
{
	struct fake_domain *fd = (struct fake_domain *)(void *)domain;
	struct fake *fake = fd->fake;
	struct fake_dev *dev = fake_dev(fake, device->name);
	int err = called(fake, "attach %s %c %u", short_name(device), fd->name, tag);

	if (fails_now(fake, &fake->fail_attach))
		err = fake->fail_with;
	if (err)
		return err;
	pthread_mutex_lock(&fake->mutex);
	if (!dev->probed)
		complain(fake, "%s attached without a probe", dev->name);
	dev->unit = device->unit;
	dev->domain = domain;
	dev->on = fd->name;
	pthread_mutex_unlock(&fake->mutex);
	return 0;
}

static struct fake_pasid *find_pasid(struct fake_dev *dev, uint32_t pasid)
{
	struct fake_pasid *free = NULL;

	for (unsigned i = 0; i < FAKE_PASIDS; i++) {
		if (dev->pasids[i].domain && dev->pasids[i].pasid == pasid)
			return &dev->pasids[i];
		if (!dev->pasids[i].domain)
			free = &dev->pasids[i];
	}
	return free;
}

static int drv_attach_pasid(struct piommu_device *device, uint32_t pasid, struct piommu_domain *domain, uint32_t tag)
{
	struct fake *fake = fake_of(device->unit);
	struct fake_dev *dev = fake_dev(fake, device->name);
	struct fake_pasid *at;
	int err = domain ? called(fake, "pasid %s %u %c %u", short_name(device), pasid, fake_name(domain), tag)
			 : called(fake, "pasid %s %u -", short_name(device), pasid);

	if (err)
		return err;
	pthread_mutex_lock(&fake->mutex);
	at = find_pasid(dev, pasid);
	if (!dev->pasid_bits || pasid >> dev->pasid_bits)
		complain(fake, "%s asked for PASID %u, which it does not have", dev->name, pasid);
	else if (at)
		*at = (struct fake_pasid){ pasid, domain };
	pthread_mutex_unlock(&fake->mutex);
	return 0;
}

/* ---- looking ---- */

static void drv_inv_stats(const struct piommu_unit *unit, struct piommu_ring_stats *out)
{
	(void)unit;
	*out = (struct piommu_ring_stats){ 0 };
}

static void drv_version(const struct piommu_unit_facts *facts, struct piommu_window *window, char *text, size_t len)
{
	(void)facts;
	(void)window;
	snprintf(text, len, "1.0");
}

const struct piommu_driver fake_driver = {
	.name = "fake",
	.match = drv_match,
	.probe = drv_probe,
	.remove = drv_remove,
	.enable = drv_enable,
	.shutdown = drv_shutdown,
	.probe_device = drv_probe_device,
	.release_device = drv_release_device,
	.device_group = drv_device_group,
	.is_attach_deferred = drv_is_attach_deferred,
	.default_domain = drv_default_domain,
	.attach_pasid = drv_attach_pasid,
	.domain_create = drv_domain_create,
	.domain_fits = drv_fits,
	.attach = drv_attach,
	.flush_tag = drv_flush_tag,
	.poll = drv_poll,
	.version = drv_version,
	.inv_stats = drv_inv_stats,
};
