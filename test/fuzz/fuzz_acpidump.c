/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of acpidump: every table of it, past every complaint, to the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "piommu_fw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct piommu_fw_acpidump dump = { (const char *)data, size, 0 };
	int rc;

	do {
		size_t before = dump.at;
		struct piommu_fw_error err = { "" };
		void *bytes = NULL;
		size_t len = 0;
		char sig[5];

		rc = piommu_fw_acpidump_next(&dump, sig, &bytes, &len, &err);
		MUST(rc == 0 || rc == -ENOENT || rc == -EINVAL);
		MUST(dump.at <= size && (rc == -ENOENT || dump.at > before));
		if (rc == 0) {
			/* Two digits and a blank for each byte. */
			MUST(strlen(sig) == 4 && len > 0 && len * 3 <= dump.at - before);
			free(bytes);
		} else {
			MUST(!bytes);
			MUST(rc == -ENOENT || (err.text[0] && !strchr(err.text, '\n')));
		}
	} while (rc != -ENOENT);
	return 0;
}
