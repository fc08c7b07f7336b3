/* SPDX-License-Identifier: BSD-2-Clause */
/* option.h - the value of one setting, read as its row in a table says: the daemon's settings and those of plugins alike. */
#ifndef POLICY_OPTION_H
#define POLICY_OPTION_H

#include "filter/base/text.h"
#include "filter/policy/lex.h"
#include "plugins/plugin.h"

/*
 * Read the value of row o from the lexer's token on; what follows it is the caller's. Text is in the lexer's arena.
 * ret->option and ret->line are the caller's to set. 0, -EINVAL, -ENOMEM.
 */
int option_parse(struct lexer *l, const struct sluice_option *o, struct sluice_setting *ret, struct err *reterr) SLUICE_MUST_USE;
/* Is the '[' that the lexer is at no list, but of "[::1]:6379" without its quotes? 0: no; -EINVAL, with that said. */
int option_unquoted(const struct lexer *l, const struct sluice_option *o, struct err *reterr) SLUICE_MUST_USE;
/* The row's default, which must be well formed. at: for messages. */
int option_default(const struct sluice_option *o, struct arena *arena, struct sluice_setting *ret, struct err *reterr) SLUICE_MUST_USE;
/* 500ms 3s 5m 1h 7d; 10 64K 10M 1G: whole numbers of milliseconds, of bytes. False: of another form, or too large. */
bool option_duration(const char *s, size_t len, int64_t *ret_ms);
bool option_size(const char *s, size_t len, int64_t *ret);
/* "-12", "1.5": thousandths. */
bool option_decimal(const char *s, size_t len, int64_t *ret);
/* As it would be written in the configuration; a secret is "(secret)". */
void option_print(struct text *out, const struct sluice_option *o, const struct sluice_setting *s);
/* "yes or no", "a duration such as 5s, 10m or 1h", ...: for messages and the manual. */
const char *option_type_help(enum sluice_option_type type);

#endif
