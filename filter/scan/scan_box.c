/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan_box.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "filter/base/cleanup.h"

#define OPEN_FILES 4 /* the link, standard error, and the file that is read */

static int limit(int what, uint64_t most)
{
	const struct rlimit r = { most, most };

	return setrlimit((__rlimit_resource_t)what, &r) < 0 ? -errno : 0;
}

static int set_limits(const struct scan_box *box)
{
	int r = limit(RLIMIT_CORE, 0);

	if (r == 0)
		r = limit(RLIMIT_CPU, box->cpu_s);
	if (r == 0)
		r = limit(RLIMIT_FSIZE, 0);
#ifndef SANITIZED
	if (r == 0)
		r = limit(RLIMIT_AS, box->memory_bytes);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, OPEN_FILES);
	if (r == 0)
		r = limit(RLIMIT_NPROC, 0);
#endif
	return r;
}

/* ---- system calls ---- */

/* With any arguments. */
static const int allowed[] = {
	SCMP_SYS(recvmsg), SCMP_SYS(close), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), /* where the kernel has no vDSO for them */
#ifdef SANITIZED
	SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(newfstatat), SCMP_SYS(fstat), SCMP_SYS(readlink),
	SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(prctl), SCMP_SYS(ioctl), SCMP_SYS(lseek), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(getrlimit), SCMP_SYS(prlimit64), SCMP_SYS(getrusage), SCMP_SYS(pipe2),
#endif
};

/* A library that looks for a file, such as a table of characters, goes on without it. */
static const int denied[] = { SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(newfstatat), SCMP_SYS(readlink) };

static int add_rules(scmp_filter_ctx f)
{
	const uint64_t code = PROT_EXEC;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(allowed); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
#ifndef SANITIZED
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(denied); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), denied[i], 0);
#else
	(void)denied;
#endif
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 1, SCMP_A0_32(SCMP_CMP_EQ, SCAN_BOX_LINK));
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2_64(SCMP_CMP_MASKED_EQ, code, 0));
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2_64(SCMP_CMP_MASKED_EQ, code, 0));
	return r;
}

static int refuse_system_calls(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = f ? add_rules(f) : -ENOMEM;

	if (r == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	return r;
}

int scan_box_enter(const struct scan_box *box, const char **ret_what)
{
	int r;

	*ret_what = "its limits";
	r = set_limits(box);
	if (r < 0)
		return r;
	*ret_what = "its descriptors";
	if (close(STDOUT_FILENO) < 0 && errno != EBADF)
		return -errno;
	if (syscall(SYS_close_range, STDERR_FILENO + 1u, ~0u, 0u) < 0)
		return -errno;
	*ret_what = "its folder";
	if (chdir("/") < 0)
		return -errno;
	*ret_what = "its privileges";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	*ret_what = "its system calls";
	return refuse_system_calls();
}
