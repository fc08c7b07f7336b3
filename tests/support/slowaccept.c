/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slowaccept.c - a thread that stands still between the system's accept4() and what the caller makes of it: to be preloaded. SLOWACCEPT names a file
 * that holds a uint64_t: 1: the next connection is to be held up there; 2: it is; 0: it goes on.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t *door;
static int (*system_accept4)(int fd, struct sockaddr *address, socklen_t *len, int flags);

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("SLOWACCEPT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped = fd >= 0 ? mmap(NULL, sizeof *door, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (fd >= 0)
		(void)close(fd);
	if (mapped != MAP_FAILED)
		door = mapped;
	*(void **)&system_accept4 = dlsym(RTLD_NEXT, "accept4");
}

__attribute__((visibility("default"))) int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };
	int got = system_accept4(fd, address, len, flags);
	uint64_t next = 1;

	if (got >= 0 && door && atomic_compare_exchange_strong(door, &next, 2))
		while (atomic_load(door))
			(void)nanosleep(&moment, NULL);
	return got;
}
