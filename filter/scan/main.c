/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - sluice-scan: a helper of sluiced, which starts it with a socket as its standard input. It loads what it needs, closes the box
 * around itself, says that it is ready, answers one request, and ends: what a file has taken over reads no other.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/scan/scan.h"
#include "filter/scan/scan_box.h"

struct arguments {
	struct scan_limits limits;
	struct scan_box box;
};

static bool read_arguments(int argc, char **argv, struct arguments *ret)
{
	uint64_t *const all[] = { &ret->limits.depth, &ret->limits.entries, &ret->limits.unpacked_bytes, &ret->limits.ratio, &ret->limits.time_ms,
		&ret->box.memory_bytes, &ret->box.cpu_s };

	if (argc != (int)ARRAY_LEN(all) + 1)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (!ascii_to_u64(argv[i + 1], strlen(argv[i + 1]), INT64_MAX, all[i]))
			return false;
	return ret->limits.ratio > 0;
}

/* What a file makes the libraries look for afterwards has to be there before. */
static magic_t load_magic(void)
{
	magic_t magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_ERROR);

	if (magic && magic_load(magic, NULL) == 0) {
		(void)magic_buffer(magic, "first", 5);
		return magic;
	}
	(void)fprintf(stderr, "libmagic has no database: %s\n", magic ? magic_error(magic) : strerror(errno));
	return NULL;
}

/* ---- the link ---- */

static bool say(const char *bytes, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	const struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	return sendmsg(SCAN_BOX_LINK, &m, MSG_NOSIGNAL) == (ssize_t)len;
}

/* The length of a request and, in *ret_fd, the file. -1: there are no more. */
static ssize_t hear(char *packet, size_t size, int *ret_fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { packet, size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	ssize_t n = recvmsg(SCAN_BOX_LINK, &m, 0);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(ret_fd, CMSG_DATA(c), sizeof *ret_fd);
	return n;
}

static void serve(magic_t magic, const struct scan_limits *limits)
{
	SLUICE_CLEANUP(text_done) struct text answer = TEXT_INIT(SCAN_ANSWER_MAX);
	char packet[SCAN_REQUEST_MAX];
	struct scan_request rq;
	void *bytes = NULL;
	int fd;
	ssize_t n = hear(packet, sizeof packet, &fd);

	if (n < 0 || !scan_request_read(packet, (size_t)n, &rq))
		return;
	if (rq.len)
		bytes = mmap(NULL, rq.len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return;
	scan_file(magic, limits, &rq, bytes ? bytes : "", &answer);
	if (!answer.failed)
		(void)say(answer.bytes, answer.len);
}

int main(int argc, char **argv)
{
	struct arguments args;
	const char *what;
	magic_t magic;
	int r;

	if (!read_arguments(argc, argv, &args)) {
		(void)fprintf(stderr, "this program is started by sluiced\n");
		return EX_USAGE;
	}
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* names in archives are then turned into UTF-8 without tables that would have to be opened */
	magic = load_magic();
	if (!magic)
		return EX_UNAVAILABLE;
	r = scan_box_enter(&args.box, &what);
	if (r < 0) {
		(void)fprintf(stderr, "the box cannot be closed, for %s: %s\n", what, strerror(-r));
		return EX_OSERR;
	}
	if (say(SCAN_READY, strlen(SCAN_READY)))
		serve(magic, &args.limits);
	_exit(EX_OK); /* what else an exit does would leave the box */
}
