/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor's checks of the host, on made-up file trees and command lines. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "suite.h"
#include "tempdir.h"

static struct report report;

/* The nth finding of a check, from 0 on; fails the test when there is none. */
static const struct finding *find(const char *check, unsigned nth)
{
	static const struct finding none = { "", FINDING_OK, "(no such finding)", "" };

	for (unsigned i = 0; i < report.n; i++) {
		if (strcmp(report.at[i].check, check) == 0 && nth-- == 0)
			return &report.at[i];
	}
	CU_FAIL("no such finding");
	return &none;
}

static void check(const char *name, enum finding_status status, const char *text)
{
	const struct finding *finding = find(name, 0);

	CHECK_EQ(finding->status, status);
	CHECK_HAS(finding->text, text);
	/* Whatever is not good comes with what to do. */
	CHECK_EQ(status != FINDING_OK, finding->remedy[0] != '\0');
}

/* ---- The command line ---- */

static enum doctor_kind kind; /* whose machine; DOCTOR_INTEL between tests */

static void read_line(const char *line)
{
	memset(&report, 0, sizeof(report));
	doctor_cmdline(&report, kind, line);
}

static void check_line(const char *line, enum finding_status status, const char *text)
{
	read_line(line);
	CHECK_EQ(report.n, 1);
	check("command-line", status, text);
}

/* One complaint about a word, then the verdict on the whole. */
static void check_word(const char *line, const char *text, enum finding_status verdict)
{
	read_line(line);
	CHECK_EQ(report.n, 2);
	check("command-line", FINDING_WARN, text);
	CHECK_EQ(find("command-line", 1)->status, verdict);
}

static void kernel_is_kept_off_only_by_both_options(void)
{
	check_line("quiet intel_iommu=off intremap=off", FINDING_OK, "keeps the kernel off");
	check_line("iommu=off intremap=off\n", FINDING_OK, "keeps the kernel off");
	check_line("intel_iommu=off nointremap", FINDING_OK, "keeps the kernel off");
	check_line("BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro", FINDING_WARN, "nothing keeps");
	check_line("", FINDING_WARN, "nothing keeps");
	check_line("intel_iommu=off", FINDING_FAIL, "intremap=off is missing");
	check_line("intremap=off", FINDING_WARN, "nothing keeps");
	check_line("intel_iommu=on,sm_on iommu=pt", FINDING_FAIL, "gives the units to the kernel");
}

static void last_option_wins(void)
{
	check_line("intel_iommu=on intel_iommu=off intremap=off", FINDING_OK, "keeps");
	check_line("intremap=off intel_iommu=off intel_iommu=on", FINDING_FAIL, "gives the units");
	check_line("intel_iommu=off intremap=off intremap=on", FINDING_FAIL, "intremap=off is missing");
}

static void misspelt_names_are_found(void)
{
	check_word("intel_iomu=off", "intel_iommu= was meant", FINDING_WARN);
	check_word("INTEL_IOMMU=off", "misspelt", FINDING_WARN);
	check_word("iommu_intel=off", "intel_iommu= was meant", FINDING_WARN);
	check_word("intel_iommu:off", "intel_iommu= was meant", FINDING_WARN);
	check_word("intelIommu=off intremap=off", "intel_iommu= was meant", FINDING_WARN);
	check_word("intel_iommu=off int_remap=off", "intremap= was meant", FINDING_FAIL);
	check_word("iomu=off", "iommu= was meant", FINDING_WARN);
}

static void a_dash_is_taken_by_the_kernel_but_told(void)
{
	check_word("intel-iommu=off intremap=off", "misspelt", FINDING_OK);
	check_word("intel-iommu=on", "misspelt", FINDING_FAIL);
}

static void misspelt_values_are_found(void)
{
	check_word("intel_iommu=of", "no value \"of\"", FINDING_WARN);
	check_word("intel_iommu=off intremap=Off", "no value \"Off\"", FINDING_FAIL);
	check_word("intel_iommu", "has no value", FINDING_WARN);
	check_word("intel_iommu=", "has no value", FINDING_WARN);
}

static void other_options_are_left_alone(void)
{
	check_line("iommu.strict=1 iommu.passthrough=0 amd_iommu=off virtio_iommu.x=1 intel_pstate=off intel_idle.max_cstate=1 "
		   "mitigations=off nointremap",
		   FINDING_WARN, "nothing keeps");
	check_line("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=b",
		   FINDING_WARN, "nothing keeps");
}

static void smmus_are_kept_free_by_an_initcall(void)
{
	kind = DOCTOR_ARM;
	check_line("quiet initcall_blacklist=arm_smmu_driver_init deferred_probe_timeout=0", FINDING_OK,
		   "keeps the kernel off");
	check_line("initcall_blacklist=foo,arm_smmu_driver_init deferred_probe_timeout=0", FINDING_OK, "keeps the kernel off");
	check_line("modprobe.blacklist=arm_smmu_v3 deferred_probe_timeout=0", FINDING_OK, "are modules");
	check_line("quiet", FINDING_WARN, "nothing keeps");
	CHECK_HAS(find("command-line", 0)->remedy, "initcall_blacklist=arm_smmu_driver_init");
	CU_ASSERT_PTR_NULL(strstr(find("command-line", 0)->remedy, "intel"));
	check_line("intel_iommu=off intremap=off", FINDING_WARN, "nothing keeps");
	check_line("iommu.passthrough=1", FINDING_WARN, "leaves the units with the kernel's driver");
	check_line("iommu.passthrough=0", FINDING_WARN, "nothing keeps");
	check_word("initcall_blacklist=arm_smmu_v3_driver_init", "no SMMU driver of the kernel", FINDING_WARN);
	check_word("initcal_blacklist=arm_smmu_driver_init", "initcall_blacklist= was meant", FINDING_WARN);
	kind = DOCTOR_INTEL;
}

static void devices_that_wait_for_an_smmus_driver_are_told(void)
{
	kind = DOCTOR_ARM;
	read_line("initcall_blacklist=arm_smmu_driver_init");
	CHECK_EQ(report.n, 2);
	CHECK_EQ(find("command-line", 0)->status, FINDING_OK);
	CHECK_EQ(find("command-line", 1)->status, FINDING_WARN);
	CHECK_HAS(find("command-line", 1)->remedy, "deferred_probe_timeout=0");
	kind = DOCTOR_INTEL;
}

static void amd_has_an_option_of_its_own(void)
{
	kind = DOCTOR_AMD;
	check_line("amd_iommu=off", FINDING_OK, "keeps the kernel off");
	check_line("intel_iommu=off intremap=off", FINDING_WARN, "nothing keeps");
	CHECK_HAS(find("command-line", 0)->remedy, "amd_iommu=off");
	kind = DOCTOR_INTEL;
}

/* ---- The host ---- */

static struct tempdir dir;

static void examine(bool is_superuser)
{
	memset(&report, 0, sizeof(report));
	doctor_host(&report, dir.dir, is_superuser);
	tempdir_remove(&dir);
}

static void a_ready_machine_is_all_ok(void)
{
	char path[64];

	tempdir_create(&dir);
	tempdir_text(&dir, "proc/cmdline", "intel_iommu=off intremap=off\n");
	tempdir_text(&dir, "proc/interrupts",
		     "           CPU0\n  1:  9  IO-APIC  1-edge  i8042\n 24:  7  PCI-MSI 1-edge nvme0q0\n");
	tempdir_mkdir(&dir, "sys/class/iommu");
	tempdir_text(&dir, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "128\n");
	tempdir_text(&dir, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "100\n");
	tempdir_text(&dir, "sys/class/uio/uio0/name", "vtd-dmar0\n");
	tempdir_text(&dir, "sys/class/uio/uio0/maps/map0/addr", "0x00000000fed90000\n");
	tempdir_text(&dir, "sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	tempdir_text(&dir, "dev/mem", "");
	snprintf(path, sizeof(path), "run/lock/piommu-%x.lock", 0xfed90000u);
	tempdir_text(&dir, path, "");
	examine(true);
	for (unsigned i = 0; i < report.n; i++)
		CHECK_EQ(report.at[i].status, FINDING_OK);
	check("hugepages", FINDING_OK, "100 of 128 pages of 2048kB free");
	check("uio", FINDING_OK, "uio0 (vtd-dmar0) maps 0x00000000fed90000");
}

static void a_machine_that_the_kernel_drives_fails(void)
{
	tempdir_create(&dir);
	tempdir_text(&dir, "proc/cmdline", "intel_iommu=on\n");
	tempdir_text(&dir, "proc/interrupts", " 24:  7  IR-PCI-MSI-0000:00:02.0  0-edge  nvme0q0\n");
	tempdir_mkdir(&dir, "sys/class/iommu/dmar0");
	tempdir_mkdir(&dir, "sys/class/iommu/dmar1");
	examine(true);
	check("command-line", FINDING_FAIL, "gives the units");
	check("kernel-iommu", FINDING_FAIL, "dmar");
	check("interrupt-remapping", FINDING_FAIL, "remaps interrupts");
}

static void firmware_says_whose_remedies_help(void)
{
	static const struct {
		const char *file, *remedy;
	} machines[] = {
		{ "sys/firmware/acpi/tables/DMAR", "intel_iommu=off" },
		{ "sys/firmware/acpi/tables/IVRS", "amd_iommu=off" },
		{ "sys/firmware/acpi/tables/IORT", "initcall_blacklist=" },
		{ "sys/firmware/fdt", "initcall_blacklist=" },
	};

	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		tempdir_create(&dir);
		tempdir_text(&dir, machines[i].file, "");
		tempdir_text(&dir, "proc/cmdline", "quiet\n");
		tempdir_mkdir(&dir, "sys/class/iommu/one");
		examine(true);
		check("kernel-iommu", FINDING_FAIL, "one");
		CHECK_HAS(find("kernel-iommu", 0)->remedy, machines[i].remedy);
		CHECK_HAS(find("command-line", 0)->remedy, machines[i].remedy);
	}
}

/* 256 MiB of them. */
static void hugepages_are_asked_for_in_the_kernels_size(void)
{
	tempdir_create(&dir);
	tempdir_text(&dir, "proc/meminfo", "MemTotal: 1 kB\nHugepagesize:     524288 kB\n");
	examine(true);
	CHECK_HAS(find("hugepages", 0)->remedy, "echo 1 >");
	tempdir_create(&dir);
	tempdir_text(&dir, "proc/meminfo", "Hugepagesize:       2048 kB\n");
	examine(true);
	CHECK_HAS(find("hugepages", 0)->remedy, "echo 128 >");
}

static void an_empty_machine_lacks_everything_and_says_so(void)
{
	tempdir_create(&dir);
	examine(false);
	check("command-line", FINDING_WARN, "cannot be read");
	check("hugepages", FINDING_FAIL, "none");
	check("uio", FINDING_WARN, "no UIO device");
	check("dev-mem", FINDING_WARN, "no /dev/mem");
	check("rights", FINDING_FAIL, "not root");
	check("locks", FINDING_OK, "no other manager");
}

static void used_up_hugepages_fail(void)
{
	tempdir_create(&dir);
	tempdir_text(&dir, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "16\n");
	tempdir_text(&dir, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n");
	tempdir_text(&dir, "sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n");
	examine(true);
	check("hugepages", FINDING_FAIL, "0 of 16");
}

static void lockdown_closes_dev_mem(void)
{
	tempdir_create(&dir);
	tempdir_text(&dir, "dev/mem", "");
	tempdir_text(&dir, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	examine(true);
	check("dev-mem", FINDING_WARN, "locked down");
}

static void only_a_living_manager_holds_a_lock(void)
{
	tempdir_create(&dir);
	tempdir_text(&dir, "run/lock/piommu-fed90000.lock", "4711\n");
	tempdir_text(&dir, "run/lock/piommu-fed91000.lock", "4712\n");
	tempdir_mkdir(&dir, "proc/4712");
	examine(true);
	check("locks", FINDING_WARN, "process 4712");
	for (unsigned i = 0; i < report.n; i++)
		CU_ASSERT_PTR_NULL(strstr(report.at[i].text, "4711"));
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(kernel_is_kept_off_only_by_both_options),
		SUITE_TEST(last_option_wins),
		SUITE_TEST(misspelt_names_are_found),
		SUITE_TEST(a_dash_is_taken_by_the_kernel_but_told),
		SUITE_TEST(misspelt_values_are_found),
		SUITE_TEST(other_options_are_left_alone),
		SUITE_TEST(smmus_are_kept_free_by_an_initcall),
		SUITE_TEST(devices_that_wait_for_an_smmus_driver_are_told),
		SUITE_TEST(amd_has_an_option_of_its_own),
		SUITE_TEST(a_ready_machine_is_all_ok),
		SUITE_TEST(a_machine_that_the_kernel_drives_fails),
		SUITE_TEST(firmware_says_whose_remedies_help),
		SUITE_TEST(hugepages_are_asked_for_in_the_kernels_size),
		SUITE_TEST(an_empty_machine_lacks_everything_and_says_so),
		SUITE_TEST(used_up_hugepages_fail),
		SUITE_TEST(lockdown_closes_dev_mem),
		SUITE_TEST(only_a_living_manager_holds_a_lock),
	};

	return suite_run(argc, argv, "doctor", tests, sizeof(tests) / sizeof(tests[0]));
}
