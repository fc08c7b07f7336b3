/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "filter/base/cleanup.h"
#include "filter/scan/scan_box.h"

enum { CLOSED = 0, OPEN = 1, NOT_ENTERED = 2 }; /* how a process in the box ends by itself */

static int result(long r)
{
	return r < 0 ? CLOSED : OPEN;
}

/* ---- what an intruder would try ---- */

static int try_socket(void)
{
	return result(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

static int try_fork(void)
{
	return result(syscall(SYS_fork));
}

static int try_clone(void)
{
	return result(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int try_execve(void)
{
	char *argv[] = { NULL };

	return result(syscall(SYS_execve, "/bin/true", argv, argv));
}

static int try_kill(void)
{
	return result(syscall(SYS_kill, 1, 0));
}

static int try_ptrace(void)
{
	return result(syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0));
}

static int try_connect(void)
{
	return result(syscall(SYS_connect, SCAN_BOX_LINK, "", 0));
}

static int try_unlink(void)
{
	return result(syscall(SYS_unlinkat, -1, "/tmp/x", 0));
}

static int try_setuid(void)
{
	return result(syscall(SYS_setuid, 0));
}

static int try_memory_as_code(void)
{
	return result(syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int try_process_vm(void)
{
	return result(syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0));
}

#ifndef SANITIZED
static int try_open(void)
{
	return result(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY));
}

static int try_write(void)
{
	return result(syscall(SYS_write, STDERR_FILENO, "x", 1));
}

static int try_much_memory(void)
{
	return mmap(NULL, (size_t)1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? CLOSED : OPEN;
}
#endif

/* A descriptor that the box has closed. */
static int try_old_descriptor(void)
{
	return close(9) < 0 ? CLOSED : OPEN;
}

static const struct {
	const char *what;
	int (*attempt)(void);
} attempts[] = {
	{ "socket", try_socket }, { "fork", try_fork }, { "clone", try_clone }, { "execve", try_execve }, { "kill", try_kill }, { "ptrace", try_ptrace },
	{ "connect", try_connect }, { "unlink", try_unlink }, { "setuid", try_setuid }, { "memory that is code", try_memory_as_code },
	{ "memory of others", try_process_vm }, { "a descriptor of before", try_old_descriptor },
#ifndef SANITIZED
	{ "open", try_open }, { "write", try_write }, { "more memory than it may have", try_much_memory },
#endif
};

/* How a process that enters the box and runs this has ended, as waitpid() has it. */
static int in_the_box(int (*attempt)(void))
{
	const struct scan_box box = { .memory_bytes = 512u << 20, .cpu_s = 5 };
	const char *what;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(STDIN_FILENO, 9) < 0 || scan_box_enter(&box, &what) < 0)
			_exit(NOT_ENTERED);
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void nothing_gets_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
		int status = in_the_box(attempts[i].attempt);

		if (!(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) && !(WIFEXITED(status) && WEXITSTATUS(status) == CLOSED))
			fail_msg("%s: it was not refused, %d", attempts[i].what, status);
	}
}

static int be_good(void)
{
	char *more = malloc(1 << 20);

	if (more)
		memset(more, 1, 1 << 20);
	free(more);
	return more ? 3 : CLOSED;
}

static void what_is_needed_goes_on(void **state)
{
	int status = in_the_box(be_good);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_gets_out), cmocka_unit_test(what_is_needed_goes_on) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
