/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "filter/base/text.h"

#define LOG_LINE_MAX 8192

struct log {
	char *program;
	int to, level; /* atomic: set by a reload while others write */
};

struct log *log_new(const char *program)
{
	struct log *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->program = strdup(program);
	l->level = LOG_LEVEL_INFO;
	if (!l->program) {
		free(l);
		return NULL;
	}
	openlog(l->program, LOG_PID | LOG_NDELAY, LOG_MAIL);
	return l;
}

void log_free(struct log *l)
{
	if (!l)
		return;
	closelog();
	free(l->program);
	free(l);
}

void log_set(struct log *l, enum log_to to, enum log_level level)
{
	__atomic_store_n(&l->to, (int)to, __ATOMIC_RELAXED);
	__atomic_store_n(&l->level, (int)level, __ATOMIC_RELAXED);
}

bool log_wants(const struct log *l, enum log_level level)
{
	return (int)level <= __atomic_load_n(&l->level, __ATOMIC_RELAXED);
}

void log_line(struct log *l, enum log_level level, const char *line)
{
	static const int priorities[] = { LOG_WARNING, LOG_INFO, LOG_DEBUG };
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(LOG_LINE_MAX);

	if (!log_wants(l, level))
		return;
	if (__atomic_load_n(&l->to, __ATOMIC_RELAXED) == LOG_TO_STDERR)
		text_addf(&out, "%s: ", l->program);
	for (size_t i = 0; line[i] && out.len < LOG_LINE_MAX - 8; i++) {
		unsigned char b = (unsigned char)line[i];

		text_addc(&out, b < 0x20 || b == 0x7f ? (b == '\n' ? ' ' : '?') : line[i]);
	}
	if (__atomic_load_n(&l->to, __ATOMIC_RELAXED) == LOG_TO_SYSLOG) {
		syslog(priorities[level], "%s", text_str(&out));
		return;
	}
	text_addc(&out, '\n');
	(void)!write(STDERR_FILENO, text_str(&out), out.len); /* one call: lines of several threads do not mix */
}

void log_write(struct log *l, enum log_level level, const char *format, ...)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(LOG_LINE_MAX);
	va_list args;

	if (!log_wants(l, level))
		return;
	va_start(args, format);
	text_addv(&out, format, args);
	va_end(args);
	log_line(l, level, text_str(&out));
}
