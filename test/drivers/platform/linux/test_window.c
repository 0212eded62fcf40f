/* SPDX-License-Identifier: BSD-3-Clause */
/* Register windows: which way they are reached, who is refused, and who may only look. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "suite.h"

#define BASE UINT64_C(0xfed90000)
#define WORD UINT32_C(0x10203040)

static const struct piommu_fw_unit unit = { .name = "dmar0", .family = PIOMMU_FAMILY_VTD, .base = BASE, .len = 4096 };

/* A machine whose unit 0xfed90000 is map 1 of uio3; its other map, and another device, cover something else. */
static void make_uio_machine(struct fixture *fx)
{
	fixture_make(fx);
	fixture_file(fx, "/run/lock/.keep", "");
	fixture_file(fx, "/proc/iomem", "00100000-3ffdffff : System RAM\nfed90000-fed90fff : PRP0001:00\n");
	fixture_uio(fx, "uio0", 0, 0xfeb00000, 4096);
	fixture_registers(fx, "/dev/uio0", 4096, 0, 0);
	fixture_uio(fx, "uio3", 0, 0xfea00000, 4096);
	fixture_uio(fx, "uio3", 1, BASE, 4096);
	fixture_registers(fx, "/dev/uio3", 8192, 4096 + 8, WORD);
	fixture_registers(fx, "/dev/mem", BASE + 4096, BASE + 8, ~WORD);
}

/* The unit's UIO device goes: its map covers something else now. */
static void unbind_uio(struct fixture *fx)
{
	fixture_uio(fx, "uio3", 1, 0xfe000000, 4096);
}

static int window_map(struct piommu_platform *plat, enum piommu_window_access access, struct piommu_window *window)
{
	return plat->ops->window_map(plat, &unit, access, window);
}

static void registers_are_reached_through_the_uio_map_that_covers_them(void)
{
	struct piommu_window window;
	struct piommu_platform *plat;
	struct fixture fx;

	make_uio_machine(&fx);
	plat = fixture_open(&fx, "");
	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_CONTROL, &window), 0);
	CHECK_HEX(piommu_read32(&window, 8), WORD);
	CHECK_HEX(window.pa, BASE);
	CHECK_EQ(window.len, 4096);
	piommu_write32(&window, 0x18, 0x80000000);
	plat->ops->window_unmap(plat, &window);
	CU_ASSERT_PTR_NULL(window.base);
	CHECK_HEX(fixture_word(&fx, "/dev/uio3", 4096 + 0x18), 0x80000000);
	plat->ops->close(plat);
	fixture_remove(&fx);
}

static void dev_mem_is_used_when_asked_for_and_no_uio_device_is_there(void)
{
	struct piommu_window window;
	struct piommu_platform *plat;
	struct fixture fx;

	make_uio_machine(&fx);
	plat = fixture_open(&fx, "devmem");
	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_CONTROL, &window), 0);
	CHECK_HEX(piommu_read32(&window, 8), WORD);
	plat->ops->window_unmap(plat, &window);
	unbind_uio(&fx);
	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_CONTROL, &window), 0);
	CHECK_HEX(piommu_read32(&window, 8), ~WORD);
	plat->ops->close(plat); /* unmaps what was left */
	fixture_remove(&fx);
}

static void without_uio_both_ways_are_named(void)
{
	struct piommu_window window;
	struct piommu_platform *plat;
	struct fixture fx;

	fixture_make(&fx);
	fixture_file(&fx, "/proc/iomem", "00100000-3ffdffff : System RAM\n");
	fixture_registers(&fx, "/dev/mem", BASE + 4096, BASE + 8, WORD);
	plat = fixture_open(&fx, "");
	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_CONTROL, &window), -ENOENT);
	CHECK_HAS(fx.said, "uio_pdrv_genirq");
	CHECK_HAS(fx.said, "linux:devmem");
	plat->ops->close(plat);
	fixture_remove(&fx);
}

static void a_uio_map_that_ends_too_early_is_refused(void)
{
	const struct piommu_fw_unit large = { .name = "dmar0", .family = PIOMMU_FAMILY_VTD, .base = BASE, .len = 8192 };
	struct piommu_window window;
	struct piommu_platform *plat;
	struct fixture fx;

	make_uio_machine(&fx);
	plat = fixture_open(&fx, "");
	CHECK_EQ(plat->ops->window_map(plat, &large, PIOMMU_WINDOW_CONTROL, &window), -ENOENT);
	CHECK_HAS(fx.said, "map1 of uio3 ends before");
	plat->ops->close(plat);
	fixture_remove(&fx);
}

static void a_second_manager_is_refused_across_routes(void)
{
	struct piommu_window window, other;
	struct piommu_platform *first, *second;
	struct fixture fx;
	char pid[32];

	make_uio_machine(&fx);
	first = fixture_open(&fx, "");
	second = fixture_open(&fx, "devmem");
	CHECK_EQ(window_map(first, PIOMMU_WINDOW_CONTROL, &window), 0);
	unbind_uio(&fx);
	CHECK_EQ(window_map(second, PIOMMU_WINDOW_CONTROL, &other), -EBUSY);
	snprintf(pid, sizeof(pid), "process %ld,", (long)getpid());
	CHECK_HAS(fx.said, pid);
	first->ops->window_unmap(first, &window);
	CHECK_EQ(window_map(second, PIOMMU_WINDOW_CONTROL, &other), 0);
	second->ops->close(second);
	first->ops->close(first);
	fixture_remove(&fx);
}

static void a_killed_manager_holds_nothing(void)
{
	struct piommu_window window;
	struct piommu_platform *plat;
	struct fixture fx;
	int ready[2];
	char byte = 0;
	pid_t pid;

	make_uio_machine(&fx);
	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		plat = fixture_open(&fx, "");
		byte = window_map(plat, PIOMMU_WINDOW_CONTROL, &window) == 0;
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK_EQ(byte, 1);
	plat = fixture_open(&fx, "");
	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_CONTROL, &window), -EBUSY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_CONTROL, &window), 0);
	plat->ops->close(plat);
	close(ready[0]);
	close(ready[1]);
	fixture_remove(&fx);
}

static void looking_needs_no_lock_and_takes_none(void)
{
	struct piommu_window window, look;
	struct piommu_platform *plat;
	struct fixture fx;

	make_uio_machine(&fx);
	plat = fixture_open(&fx, "");
	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_INSPECT, &look), 0);
	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_CONTROL, &window), 0);
	CHECK_HEX(piommu_read32(&look, 8), WORD);
	plat->ops->window_unmap(plat, &look);
	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_INSPECT, &look), 0);
	plat->ops->close(plat);
	fixture_remove(&fx);
}

static void *look_again_and_again(void *ctx)
{
	struct piommu_platform *plat = ctx;
	uintptr_t wrong = 0;

	for (unsigned i = 0; i < 50; i++) {
		struct piommu_window window;

		if (window_map(plat, PIOMMU_WINDOW_INSPECT, &window)) {
			wrong++;
			continue;
		}
		wrong += piommu_read32(&window, 8) != WORD;
		plat->ops->window_unmap(plat, &window);
		wrong += window.base != NULL;
	}
	return (void *)wrong;
}

static void threads_look_at_once(void)
{
	struct piommu_platform *plat;
	pthread_t threads[3];
	struct fixture fx;
	void *wrong;

	make_uio_machine(&fx);
	plat = fixture_open(&fx, "");
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, look_again_and_again, plat), 0);
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], &wrong);
		CU_ASSERT_PTR_NULL(wrong);
	}
	plat->ops->close(plat);
	fixture_remove(&fx);
}

/* A write through a window that was mapped to look does not reach the registers: it ends the process. */
static void looking_cannot_write(void)
{
	struct piommu_window look;
	struct piommu_platform *plat;
	struct fixture fx;
	int status = 0;
	pid_t pid;

	make_uio_machine(&fx);
	pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		plat = fixture_open(&fx, "");
		if (window_map(plat, PIOMMU_WINDOW_INSPECT, &look) == 0)
			piommu_write32(&look, 8, 0);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	CHECK_HEX(fixture_word(&fx, "/dev/uio3", 4096 + 8), WORD);
	fixture_remove(&fx);
}

static void check_kernel_driven(struct fixture *fx)
{
	struct piommu_platform *plat = fixture_open(fx, "");
	struct piommu_window window;

	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_CONTROL, &window), -EBUSY);
	CHECK_HAS(fx->said, "dmar0: the kernel drives this unit");
	CHECK_HAS(fx->said, "intel_iommu=off intremap=off");
	CHECK_EQ(window_map(plat, PIOMMU_WINDOW_INSPECT, &window), 0);
	plat->ops->close(plat);
	fixture_remove(fx);
}

static void a_unit_that_the_kernel_translates_with_is_refused(void)
{
	struct fixture fx;

	make_uio_machine(&fx);
	fixture_file(&fx, "/sys/class/iommu/dmar0/intel-iommu/address", "fed90000\n");
	check_kernel_driven(&fx);
}

/* intel_iommu=off without intremap=off: no translation, but the kernel keeps the registers for interrupt remapping. */
static void a_unit_whose_registers_the_kernel_claimed_is_refused(void)
{
	struct fixture fx;

	make_uio_machine(&fx);
	fixture_file(&fx, "/proc/iomem", "00100000-3ffdffff : System RAM\nfed90000-fed90fff : dmar0\n");
	check_kernel_driven(&fx);
}

static void a_refusal_says_what_keeps_the_kernel_off_an_smmu(void)
{
	const struct piommu_fw_unit smmu = { .name = "smmu0", .family = PIOMMU_FAMILY_SMMUV3, .base = BASE, .len = 4096 };
	struct piommu_platform *plat;
	struct piommu_window window;
	struct fixture fx;

	make_uio_machine(&fx);
	fixture_file(&fx, "/sys/class/iommu/smmu3.0x00000000fed90000/uevent", "");
	plat = fixture_open(&fx, "");
	CHECK_EQ(plat->ops->window_map(plat, &smmu, PIOMMU_WINDOW_CONTROL, &window), -EBUSY);
	CHECK_HAS(fx.said, "smmu0: the kernel drives this unit, as smmu3.0x00000000fed90000");
	CHECK_HAS(fx.said, "initcall_blacklist=arm_smmu_driver_init deferred_probe_timeout=0");
	plat->ops->close(plat);
	fixture_remove(&fx);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(registers_are_reached_through_the_uio_map_that_covers_them),
		SUITE_TEST(dev_mem_is_used_when_asked_for_and_no_uio_device_is_there),
		SUITE_TEST(without_uio_both_ways_are_named),
		SUITE_TEST(a_uio_map_that_ends_too_early_is_refused),
		SUITE_TEST(a_second_manager_is_refused_across_routes),
		SUITE_TEST(a_killed_manager_holds_nothing),
		SUITE_TEST(looking_needs_no_lock_and_takes_none),
		SUITE_TEST(threads_look_at_once),
		SUITE_TEST(looking_cannot_write),
		SUITE_TEST(a_unit_that_the_kernel_translates_with_is_refused),
		SUITE_TEST(a_unit_whose_registers_the_kernel_claimed_is_refused),
		SUITE_TEST(a_refusal_says_what_keeps_the_kernel_off_an_smmu),
	};

	return suite_run(argc, argv, "linux-window", tests, sizeof(tests) / sizeof(tests[0]));
}
