/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lock among managers: flock() on a file named after the unit's register base, so that the UIO route and the /dev/mem
 * route exclude each other, and so that the kernel drops it when the holder dies. The file stays: removing it would let a
 * third manager lock a new file beside the second's. It says the holder's pid, for the message only.
 */
#include "linux_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* In /run/lock, or in /run where a small system has no such directory. */
static int open_lock_file(const struct linux_platform *lp, uint64_t base, char path[PATH_MAX])
{
	static const char *const dirs[] = { "/run/lock", "/run" };
	int err = -ENOENT;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && err == -ENOENT; i++) {
		int fd;

		err = linux_path(lp, path, "%s/piommu-%" PRIx64 ".lock", dirs[i], base);
		if (err)
			return err;
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0)
			return fd;
		err = -errno;
	}
	return err;
}

/* Of who wrote the file last; 0: it does not say. */
static long holder(int fd)
{
	char text[24] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return strtol(text, NULL, 10);
}

static void say_who_has_it(const struct linux_platform *lp, const char *unit, long pid)
{
	if (pid > 0)
		log_err(lp->plat.log, "%s: another manager, process %ld, has this unit; end it first", unit, pid);
	else
		log_err(lp->plat.log, "%s: another manager has this unit; end it first", unit);
}

int linux_lock_take(const struct linux_platform *lp, const char *unit, uint64_t base)
{
	char path[PATH_MAX];
	char text[24];
	int fd = open_lock_file(lp, base, path);
	int err;

	if (fd < 0) {
		log_err(lp->plat.log, "%s: cannot open its lock file %s: %s; run as root", unit, path, strerror(-fd));
		return fd;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (err == -EBUSY)
			say_who_has_it(lp, unit, holder(fd));
		else
			log_err(lp->plat.log, "%s: cannot lock %s: %s", unit, path, strerror(-err));
		close(fd);
		return err;
	}
	/* The pid is a courtesy: a full file system does not keep a manager from its unit. */
	snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, strlen(text), 0) < 0)
		log_debug(lp->plat.log, "%s: %s does not take the pid: %s", unit, path, strerror(errno));
	return fd;
}

void linux_lock_release(int fd)
{
	(void)!ftruncate(fd, 0); /* if not, it names a process that no longer holds it, until the next holder writes its own */
	close(fd);
}
