/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * failmalloc.c - memory that runs out when a test wants it to: to be preloaded. FAILMALLOC names a file that holds a struct control, which is
 * shared with the test; with FAILMALLOC_TRACE it writes to stderr who got nothing. What glib and libunbound ask for is always given: the one ends
 * the process when it gets nothing, as is its contract, the other (1.17) reads through a null pointer.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct control {
	_Atomic uint64_t asked; /* how often memory was asked for, since the test set it to 0 */
	_Atomic uint64_t from, count; /* of these, counted from 1, so many get nothing; from 0: none */
	_Atomic uint64_t failed;
};

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

static struct control *control;
static bool traces;
static _Thread_local bool tracing;
static const char *const spared[] = { "libglib-2.0", "libunbound" };
static uintptr_t begins[2], ends[2]; /* where they are in memory */

static int find_spared(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (size_t i = 0; i < 2; i++) {
		if (!strstr(info->dlpi_name, spared[i]))
			continue;
		begins[i] = UINTPTR_MAX;
		for (int j = 0; j < info->dlpi_phnum; j++) {
			const ElfW(Phdr) *p = &info->dlpi_phdr[j];
			uintptr_t begin = info->dlpi_addr + p->p_vaddr;

			if (p->p_type != PT_LOAD)
				continue;
			begins[i] = begin < begins[i] ? begin : begins[i];
			ends[i] = begin + p->p_memsz > ends[i] ? begin + p->p_memsz : ends[i];
		}
	}
	return 0;
}

static bool is_spared(const void *caller)
{
	for (size_t i = 0; i < 2; i++)
		if ((uintptr_t)caller >= begins[i] && (uintptr_t)caller < ends[i])
			return true;
	return false;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAILMALLOC");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped = fd >= 0 ? mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (fd >= 0)
		(void)close(fd);
	(void)dl_iterate_phdr(find_spared, NULL);
	traces = getenv("FAILMALLOC_TRACE") != NULL;
	if (mapped != MAP_FAILED)
		control = mapped;
}

static void trace(void)
{
	void *frames[16];

	tracing = true;
	backtrace_symbols_fd(frames, backtrace(frames, 16), STDERR_FILENO);
	tracing = false;
}

static bool fails(const void *caller)
{
	uint64_t from, n;

	if (!control || tracing || is_spared(caller))
		return false;
	n = atomic_fetch_add(&control->asked, 1) + 1;
	from = atomic_load(&control->from);
	if (!from || n < from || n - from >= atomic_load(&control->count))
		return false;
	atomic_fetch_add(&control->failed, 1);
	if (traces)
		trace();
	errno = ENOMEM;
	return true;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size);
}
