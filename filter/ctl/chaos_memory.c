/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/chaos.h"

#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);

static _Thread_local unsigned left; /* until it fails; 0: it does not */
static _Thread_local bool failed;
static uintptr_t glib_begin = UINTPTR_MAX, glib_end;

static int find_glib(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (int i = 0; strstr(info->dlpi_name, "libglib-2.0") && i < info->dlpi_phnum; i++) {
		uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, end = begin + info->dlpi_phdr[i].p_memsz;

		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		glib_begin = begin < glib_begin ? begin : glib_begin;
		glib_end = end > glib_end ? end : glib_end;
	}
	return 0;
}

void chaos_memory_fail_at(unsigned n)
{
	if (!glib_end)
		(void)dl_iterate_phdr(find_glib, NULL);
	failed = false;
	left = n;
}

bool chaos_memory_failed(void)
{
	return failed;
}

static bool fails(const void *caller)
{
	if (!left || ((uintptr_t)caller >= glib_begin && (uintptr_t)caller < glib_end) || --left)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size);
}
