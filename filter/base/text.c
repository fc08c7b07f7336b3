/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "filter/base/grow.h"
#include "filter/base/shortage.h"
#include "filter/base/utf8.h"

#define FIRST_CAPACITY 128
#define READ_BYTES     16384

void text_done(struct text *t)
{
	free(t->bytes);
	*t = TEXT_INIT(t->max);
}

void text_clear(struct text *t)
{
	t->len = 0;
	t->failed = t->starved = false;
	if (t->bytes)
		t->bytes[0] = '\0';
}

const char *text_str(const struct text *t)
{
	return t->bytes ? t->bytes : "";
}

static bool enlarge(struct text *t, size_t capacity)
{
	char *grown;

	if (capacity - 1 > t->max)
		capacity = t->max + 1;
	grown = grow(t->bytes, t->capacity, capacity);
	if (!grown)
		return false;
	t->bytes = grown;
	t->capacity = capacity;
	return true;
}

/* Room for len more octets and the NUL; false, and failed is set, when there is none. */
static inline bool reserve(struct text *t, size_t len)
{
	size_t capacity;

	if (t->failed)
		return false;
	if (len < t->capacity - t->len) /* none is ever larger than max wants it */
		return true;
	if (len > t->max - t->len) {
		t->failed = true;
		return false;
	}
	capacity = t->capacity ? t->capacity * 2 : FIRST_CAPACITY;
	while (capacity <= t->len + len) /* few sizes, which malloc finds again */
		capacity *= 2;
	if (!enlarge(t, capacity)) {
		t->failed = t->starved = true;
		shortage_note();
		return false;
	}
	return true;
}

void text_room(struct text *t, size_t len)
{
	if (len < t->capacity || !enlarge(t, len + 1))
		return;
	t->bytes[t->len] = '\0';
}

void text_add(struct text *t, const void *bytes, size_t len)
{
	if (len == 0 || !reserve(t, len))
		return;
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
	t->bytes[t->len] = '\0';
}

void text_adds(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_addc(struct text *t, char c)
{
	if (!reserve(t, 1))
		return;
	t->bytes[t->len++] = c;
	t->bytes[t->len] = '\0';
}

void text_add_int(struct text *t, int64_t n)
{
	uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	char digits[20];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + left % 10);
	while (left /= 10);
	if (n < 0)
		text_addc(t, '-');
	text_add(t, digits + at, sizeof digits - at);
}

void text_addf(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_addv(t, format, args);
	va_end(args);
}

void text_addv(struct text *t, const char *format, va_list args)
{
	size_t room = t->failed ? 0 : t->capacity - t->len;
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(room ? t->bytes + t->len : NULL, room, format, args);
	if (len < 0 || !reserve(t, (size_t)len)) {
		t->failed = true;
		if (room)
			t->bytes[t->len] = '\0';
	} else {
		if ((size_t)len >= room)
			(void)vsnprintf(t->bytes + t->len, (size_t)len + 1, format, again);
		t->len += (size_t)len;
	}
	va_end(again);
}

void text_add_safe(struct text *t, const char *bytes, size_t len, size_t max)
{
	size_t used = 0;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_char_len(bytes + i, len - i);
		bool good = n && !utf8_is_control(bytes + i, n);
		size_t add = good ? n : 1;

		if (used + add > max)
			return;
		text_add(t, good ? bytes + i : "?", add);
		used += add;
		i += n ? n : 1;
	}
}

void text_add_milli(struct text *t, int64_t thousandths)
{
	uint64_t magnitude = thousandths < 0 ? 0 - (uint64_t)thousandths : (uint64_t)thousandths;
	unsigned rest = (unsigned)(magnitude % 1000);
	int digits = 3;

	for (; digits > 0 && rest % 10 == 0; digits--)
		rest /= 10;
	if (thousandths < 0)
		text_addc(t, '-');
	text_add_int(t, (int64_t)(magnitude / 1000));
	if (digits > 0)
		text_addc(t, '.');
	for (unsigned unit = digits == 3 ? 100 : digits == 2 ? 10 : 1; digits > 0; digits--, unit /= 10)
		text_addc(t, (char)('0' + rest / unit % 10));
}

static int read_all(struct text *t, int fd)
{
	char buf[READ_BYTES];

	for (;;) { /* ends at t->max */
		ssize_t n = read(fd, buf, sizeof buf);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if ((size_t)n > t->max - t->len)
			return -EFBIG;
		text_add(t, buf, (size_t)n);
		if (t->failed)
			return -ENOMEM;
	}
}

static bool is_nameless_pipe(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
}

int text_read_file(struct text *t, const char *path)
{
	size_t len_before = t->len;
	struct stat st;
	int fd, r = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (S_ISDIR(st.st_mode))
		r = -EISDIR;
	else if (!S_ISREG(st.st_mode) && !is_nameless_pipe(fd))
		r = -EINVAL;
	else if (fcntl(fd, F_SETFL, 0) < 0)
		r = -errno;
	else
		r = read_all(t, fd);
	(void)close(fd);
	if (r < 0 && t->bytes) {
		t->len = len_before;
		t->bytes[t->len] = '\0';
	}
	return r;
}

const char *text_file_error(int r)
{
	return r == -EINVAL ? "it is no regular file" : strerror(-r);
}
