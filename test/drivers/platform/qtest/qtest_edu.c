/* SPDX-License-Identifier: BSD-3-Clause */
/* edu, QEMU's teaching device: docs/specs/edu.rst. One DMA at a time, done when it says so. */
#include <errno.h>

#include "qtest_machine.h"

#define EDU_SOURCE 0x80
#define EDU_DESTINATION 0x88
#define EDU_COUNT 0x90
#define EDU_COMMAND 0x98
#define EDU_RUN 1u
#define EDU_TO_MEMORY 2u
#define EDU_BUFFER_AT 0x40000u
#define EDU_POLLS 100000u

int qtest_edu_dma(struct qtest *qt, struct piommu_sbdf sbdf, uint64_t iova, unsigned at, size_t len, bool to_memory)
{
	const struct qtest_edu *edu = NULL;

	for (unsigned i = 0; i < qt->nedu; i++)
		if (!piommu_sbdf_compare(qt->edu[i].sbdf, sbdf))
			edu = &qt->edu[i];
	if (!edu)
		return -ENOENT;
	/* QEMU 10.0 writes past its buffer without a word. */
	if (!len || at >= QTEST_EDU_BUFFER || len > QTEST_EDU_BUFFER - at)
		return -EINVAL;
	if (qt->board->dma_begins)
		qt->board->dma_begins(qt);
	qtest_mmio_write(&qt->link, edu->bar + EDU_SOURCE, 8, to_memory ? EDU_BUFFER_AT + at : iova);
	qtest_mmio_write(&qt->link, edu->bar + EDU_DESTINATION, 8, to_memory ? iova : EDU_BUFFER_AT + at);
	qtest_mmio_write(&qt->link, edu->bar + EDU_COUNT, 8, len);
	qtest_mmio_write(&qt->link, edu->bar + EDU_COMMAND, 8, to_memory ? EDU_RUN | EDU_TO_MEMORY : EDU_RUN);
	for (unsigned n = 0; n < EDU_POLLS; n++)
		if (!(qtest_mmio_read(&qt->link, edu->bar + EDU_COMMAND, 8) & EDU_RUN))
			return 0;
	qt->link.lost(qt, "an edu device never finished its DMA");
	return -EIO;
}
