/* SPDX-License-Identifier: BSD-2-Clause */
/* parser.h - what the files share that read a configuration: policy.c, block.c, rule.c. Each returns 0, -EINVAL or -ENOMEM. */
#ifndef POLICY_PARSER_H
#define POLICY_PARSER_H

#include "filter/policy/policy.h"

struct parser {
	struct policy *p;
	const struct policy_host *host;
	struct lexer *l;
	struct err *err;
	struct place settings_seen[SETTINGS_MAX_ROWS]; /* by row: where it was set; line 0: not yet */
	struct expr_scope scope;
};

/* parser.c */
int parser_no_memory(struct parser *ps);
int parser_next(struct parser *ps);
/* An error: the token is not what belongs here. */
int parser_unexpected(struct parser *ps, const char *wanted);
/* Pass over a token of this type, or parser_unexpected(). */
int parser_expect(struct parser *ps, enum token_type type, const char *wanted);
/* A statement at the top ends with its line; within a block the next may follow on the same one. */
int parser_end_of_statement(struct parser *ps);
/* A name that the site gives: of a rule, a role, a list. */
int parser_name(struct parser *ps, const char *what, const char **ret);

/* block.c: each from the token behind the word that begins it; at: that word's place */
const struct settings_row *block_find_row(const char *section, const char *key);
bool block_is_section(const char *word);
int block_find_plugin(const struct parser *ps, const char *name); /* index, or -1 */
int block_setting(struct parser *ps, const struct settings_row *row, struct place at);
int block_section(struct parser *ps, const char *section);
int block_plugin(struct parser *ps, unsigned index, struct place at);
/* The defaults of all settings that were not set, those of plugins without a block among them. */
int block_defaults(struct parser *ps);

/* limit.c: from the rate on, up to the action */
int limit_parse(struct parser *ps, enum sluice_stage stage, const struct limit **ret);

/* rule.c: the same */
int rule_role_statement(struct parser *ps, struct place at);
int rule_at_statement(struct parser *ps);

#endif
