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

#define REPLY_TIMEOUT_S 20

/* Descriptors as QEMU's command line names them. */
enum child_fd {
	CHILD_QTEST = 3,
	CHILD_RAM,
	CHILD_OWN,
	CHILD_END,
};

static const char *const common_args[] = {
	"-accel", "tcg", "-icount", "shift=0,sleep=off", "-display", "none", "-nodefaults", "-no-user-config", "-object",
	"memory-backend-file,id=gram,size=268435456,mem-path=/dev/fd/4,share=on", "-m", "256",
	/* QEMU 7.2 wants this very name for the channel. */
	"-chardev", "socket,id=qtest,fd=3", "-qtest", "chardev:qtest", "-qtest-log", "none",
	/* edu's default mask cuts addresses to 28 bits. */
	"-device", "edu,addr=02.0,dma_mask=0xffffffffffffffff", "-device", "edu,addr=03.0,dma_mask=0xffffffffffffffff",
	"-device", "edu,addr=04.0,dma_mask=0xffffffffffffffff", "-device", "pcie-pci-bridge,id=ppb,addr=05.0", "-device",
	"edu,bus=ppb,addr=01.0,dma_mask=0xffffffffffffffff", "-device", "edu,bus=ppb,addr=02.0,dma_mask=0xffffffffffffffff",
	"-device", "pcie-root-port,id=rp,addr=06.0,chassis=1", "-device", "edu,bus=rp,addr=00.0,dma_mask=0xffffffffffffffff"
};

void qtest_args_add(struct qtest_args *args, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n && args->n < QTEST_ARGS_MAX; i++)
		args->word[args->n++] = words[i];
	args->word[args->n] = NULL;
}

int qtest_qemu_find(const struct qtest_board *board, char *out, size_t len)
{
	const char *env = getenv(board->env), *path = getenv("PATH");

	if (env && *env) {
		snprintf(out, len, "%s", env);
		return access(out, X_OK) ? -ENOENT : 0;
	}
	while (path && *path) {
		size_t n = strcspn(path, ":");

		snprintf(out, len, "%.*s/%s", (int)n, path, board->program);
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

/* In the child: the descriptors to their places (through numbers above them, as they may overlap), then QEMU. */
_Noreturn static void become_qemu(const struct qtest *qt, pid_t parent, int sock, const char *path, char **args)
{
	const int from[] = { sock, qt->ram_fd, qt->own_fd };
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
	struct qtest_args args = { .n = 0 };
	pid_t parent = getpid();
	int rc;

	qtest_args_add(&args, &path, 1);
	rc = qt->board->add_args(&qt->options, path, &args); /* first: a unit stands before the devices that it serves */
	if (rc)
		return rc;
	qtest_args_add(&args, common_args, sizeof(common_args) / sizeof(common_args[0]));
	qt->pid = fork();
	if (qt->pid < 0)
		return -errno;
	if (qt->pid == 0)
		become_qemu(qt, parent, sock, path, (char **)(uintptr_t)args.word);
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

	qt->ram_fd = qt->own_fd = qt->err_fd = qt->link.fd = -1;
	if (qtest_qemu_find(qt->board, path, sizeof(path)))
		return -ENOENT;
	pin();
	if ((rc = memory_file("ram", QTEST_RAM_BYTES, &qt->ram_fd)) || (rc = memory_file("own", 0, &qt->own_fd)) ||
	    (rc = memory_file("stderr", 0, &qt->err_fd)) || (rc = map_ram(qt)))
		return rc;
	if (qt->board->fill_file && (rc = qt->board->fill_file(qt->own_fd)))
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
	close_fd(qt->own_fd);
	close_fd(qt->err_fd);
}
