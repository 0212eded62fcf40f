/* SPDX-License-Identifier: BSD-3-Clause */
/* A unit's domain tags: which are taken. Slow path; a tag comes back on the thread that runs deferrals. */
#include <errno.h>
#include <stdlib.h>

#include "core.h"

int core_tags_init(struct core_unit *cu)
{
	size_t words = (cu->unit.caps.ntags + 63) / 64;

	mutex_assert_unshared(&cu->mutex);
	cu->tags = calloc(words ? words : 1, sizeof(*cu->tags));
	if (!cu->tags)
		return -ENOMEM;
	for (uint32_t tag = 0; tag < cu->unit.caps.first_tag; tag++)
		cu->tags[tag / 64] |= BIT64(tag % 64);
	return 0;
}

int core_tag_get(struct core_unit *cu, uint32_t *tag)
{
	int err = -ENOSPC;

	mutex_lock(&cu->mutex);
	for (uint32_t t = cu->unit.caps.first_tag; t < cu->unit.caps.ntags; t++) {
		if (cu->tags[t / 64] == UINT64_MAX) {
			t |= 63;
			continue;
		}
		if (cu->tags[t / 64] & BIT64(t % 64))
			continue;
		cu->tags[t / 64] |= BIT64(t % 64);
		*tag = t;
		err = 0;
		break;
	}
	mutex_unlock(&cu->mutex);
	return err;
}

void core_tag_put(struct core_unit *cu, uint32_t tag)
{
	mutex_lock(&cu->mutex);
	cu->tags[tag / 64] &= ~BIT64(tag % 64);
	mutex_unlock(&cu->mutex);
}
