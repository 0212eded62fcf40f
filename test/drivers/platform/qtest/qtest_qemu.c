/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts and ends QEMU. No file-system objects: sockets and memory files are inherited. The processor halts at once and
 * virtual time jumps to the next deadline (icount, sleep=off), so that edu's 100 ms of DMA take 100 us.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qtest_machine.h"

#define ROM_BYTES 65536u
#define REPLY_TIMEOUT_S 20

/* Descriptors as QEMU's command line names them. */
enum child_fd {
	CHILD_QTEST = 3,
	CHILD_RAM,
	CHILD_ROM,
	CHILD_END,
};

static const char *const fixed_args[] = {
	"-accel", "tcg", "-icount", "shift=0,sleep=off", "-bios", "/dev/fd/5", "-display", "none", "-nodefaults",
	"-no-user-config", "-object", "memory-backend-file,id=gram,size=268435456,mem-path=/dev/fd/4,share=on", "-m", "256",
	/* QEMU 7.2 wants this very name for the channel. */
	"-chardev", "socket,id=qtest,fd=3", "-qtest", "chardev:qtest", "-qtest-log", "none",
	/* The periodic timers of HPET and PIT would keep QEMU spinning. */
	"-machine", "q35,memory-backend=gram,hpet=off,pit=off,sata=off,smbus=off,usb=off,vmport=off",
	/* edu's default mask cuts addresses to 28 bits. */
	"-device", "edu,addr=02.0,dma_mask=0xffffffffffffffff", "-device", "edu,addr=03.0,dma_mask=0xffffffffffffffff",
	"-device", "edu,addr=04.0,dma_mask=0xffffffffffffffff", "-device", "pcie-pci-bridge,id=ppb,addr=05.0", "-device",
	"edu,bus=ppb,addr=01.0,dma_mask=0xffffffffffffffff", "-device", "edu,bus=ppb,addr=02.0,dma_mask=0xffffffffffffffff",
	"-device", "pcie-root-port,id=rp,addr=06.0,chassis=1", "-device", "edu,bus=rp,addr=00.0,dma_mask=0xffffffffffffffff"
};

#define NFIXED (sizeof(fixed_args) / sizeof(fixed_args[0]))

int qtest_find_qemu(char *out, size_t len)
{
	const char *env = getenv("PIOMMU_QEMU"), *path = getenv("PATH");

	if (env && *env) {
		snprintf(out, len, "%s", env);
		return access(out, X_OK) ? -ENOENT : 0;
	}
	while (path && *path) {
		size_t n = strcspn(path, ":");

		snprintf(out, len, "%.*s/qemu-system-x86_64", (int)n, path);
		if (!access(out, X_OK))
			return 0;
		path += n + (path[n] == ':');
	}
	return -ENOENT;
}

/* The last word of a dead QEMU. */
static void print_stderr(const struct qtest *qt)
{
	char text[4096];
	off_t size = lseek(qt->err_fd, 0, SEEK_END);
	off_t from = size > (off_t)sizeof(text) ? size - (off_t)sizeof(text) : 0;
	ssize_t n = pread(qt->err_fd, text, sizeof(text), from);

	if (n > 0)
		fprintf(stderr, "%.*s", (int)n, text);
}

_Noreturn static void lost(void *ctx, const char *why)
{
	struct qtest *qt = ctx;
	int status = 0;

	fflush(stdout);
	fprintf(stderr, "qtest: QEMU is lost: %s\n", why);
	kill(qt->pid, SIGKILL);
	waitpid(qt->pid, &status, 0);
	if (WIFEXITED(status))
		fprintf(stderr, "qtest: it had exited with status %d\n", WEXITSTATUS(status));
	else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		fprintf(stderr, "qtest: it was ended by signal %d\n", WTERMSIG(status));
	fprintf(stderr, "qtest: its last words:\n");
	print_stderr(qt);
	exit(1);
}

/* One processor for both ends of the socket; which one depends on the process, so that parallel tests spread. */
static void pin(void)
{
	cpu_set_t allowed, one;
	int n, want;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) || (n = CPU_COUNT(&allowed)) < 2)
		return;
	want = getpid() % n;
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || want-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

static int memory_file(const char *name, size_t len, int *out)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)len)) {
		close(fd);
		return -errno;
	}
	*out = fd;
	return 0;
}

/* The processor starts at the last 16 bytes of the ROM: cli; hlt; jmp back. */
static int make_rom(int *out)
{
	static const uint8_t reset_vector[] = { 0xfa, 0xf4, 0xeb, 0xfd };
	int rc = memory_file("rom", ROM_BYTES, out);

	if (rc)
		return rc;
	return pwrite(*out, reset_vector, sizeof(reset_vector), ROM_BYTES - 16) == sizeof(reset_vector) ? 0 : -EIO;
}

/* In the child: the descriptors to their places (through numbers above them, as they may overlap), then QEMU. */
_Noreturn static void become_qemu(const struct qtest *qt, pid_t parent, int sock, const char *path, char **args)
{
	const int from[] = { sock, qt->ram_fd, qt->rom_fd };
	int high[CHILD_END - CHILD_QTEST];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126); /* it died before the line above */
	for (int i = 0; i < CHILD_END - CHILD_QTEST; i++)
		high[i] = fcntl(from[i], F_DUPFD, 64);
	dup2(qt->err_fd, 2);
	for (int i = 0; i < CHILD_END - CHILD_QTEST; i++) {
		if (dup2(high[i], CHILD_QTEST + i) < 0)
			_exit(126);
		close(high[i]);
	}
	execv(path, args);
	_exit(127);
}

static int spawn(struct qtest *qt, const char *path, int sock)
{
	const struct qtest_options *o = &qt->options;
	char *args[NFIXED + 4];
	char vtd[160];
	unsigned n = 0;
	pid_t parent = getpid();

	snprintf(vtd, sizeof(vtd), "intel-iommu,aw-bits=%u,intremap=%s,caching-mode=%s,pt=%s", o->aw_bits ? o->aw_bits : 48,
		 o->no_intremap ? "off" : "on", o->caching_mode ? "on" : "off", o->no_passthrough ? "off" : "on");
	args[n++] = (char *)(uintptr_t)path;
	args[n++] = (char *)(uintptr_t) "-device";
	args[n++] = vtd; /* before the devices it serves */
	for (unsigned i = 0; i < NFIXED; i++)
		args[n++] = (char *)(uintptr_t)fixed_args[i];
	args[n] = NULL;
	qt->pid = fork();
	if (qt->pid < 0)
		return -errno;
	if (qt->pid == 0)
		become_qemu(qt, parent, sock, path, args);
	return 0;
}

/* At a multiple of 2 MiB, so that what is aligned for the bus is aligned for us. */
static int map_ram(struct qtest *qt)
{
	const uint64_t align = UINT64_C(2) << 20;
	uint8_t *room = mmap(NULL, QTEST_RAM_BYTES + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *at = (uint8_t *)(uintptr_t)align_up((uintptr_t)room, align);

	if (room == MAP_FAILED)
		return -errno;
	if (at > room)
		munmap(room, (size_t)(at - room));
	if (at < room + align)
		munmap(at + QTEST_RAM_BYTES, (size_t)(room + align - at));
	qt->ram = mmap(at, QTEST_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, qt->ram_fd, 0);
	if (qt->ram != MAP_FAILED)
		return 0;
	qt->ram = NULL;
	munmap(at, QTEST_RAM_BYTES);
	return -errno;
}

int qtest_qemu_start(struct qtest *qt)
{
	const struct timeval timeout = { .tv_sec = REPLY_TIMEOUT_S };
	char path[512];
	int sock[2], rc;

	qt->ram_fd = qt->rom_fd = qt->err_fd = qt->link.fd = -1;
	if (qtest_find_qemu(path, sizeof(path)))
		return -ENOENT;
	pin();
	if ((rc = memory_file("ram", QTEST_RAM_BYTES, &qt->ram_fd)) || (rc = make_rom(&qt->rom_fd)) ||
	    (rc = memory_file("stderr", 0, &qt->err_fd)) || (rc = map_ram(qt)))
		return rc;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
		return -errno;
	qt->link = (struct qtest_link){ .fd = sock[0], .lost = lost, .lost_ctx = qt };
	setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	rc = spawn(qt, path, sock[1]);
	close(sock[1]);
	return rc;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void qtest_qemu_stop(struct qtest *qt)
{
	if (qt->pid > 0) {
		kill(qt->pid, SIGKILL); /* it does not go when its socket is closed */
		waitpid(qt->pid, NULL, 0);
	}
	if (qt->ram)
		munmap(qt->ram, QTEST_RAM_BYTES);
	close_fd(qt->link.fd);
	close_fd(qt->ram_fd);
	close_fd(qt->rom_fd);
	close_fd(qt->err_fd);
}
