/* SPDX-License-Identifier: BSD-2-Clause */
/* parser.h - what the files share that read a configuration: policy.c, block.c, rule.c. Each returns 0, -EINVAL or -ENOMEM. */
#ifndef POLICY_PARSER_H
#define POLICY_PARSER_H

#include "filter/policy/policy.h"

struct on_error { /* what a block says of a check that cannot finish */
	const char *check;
	unsigned fact;           /* CHECK.error */
	unsigned causes, before; /* a bit for each enum case_error: what this one is about, what was said above */
	struct place place;
};

struct parser {
	struct policy *p;
	const struct policy_host *host;
	struct lexer *l;
	struct err *err;
	struct place settings_seen[SETTINGS_MAX_ROWS]; /* by row: where it was set; line 0: not yet */
	struct expr_scope scope;
	struct lexer_constants constants;
	VEC(struct on_error) errors; /* of the block of rules */
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
/* The token as a path, relative to its file where it is so; the token stays. */
int parser_path(struct parser *ps, const char *what, const char **ret);

/* Read a file that the token at `at` names; it is kept as long as the policy. */
int parser_load(struct parser *ps, const char *path, struct place at, const struct source **ret);

/* list_statement.c */
int list_statement(struct parser *ps, struct place at);

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

/* name.c: `role NAME { when ... }`, `condition NAME { when ... }`, `constant NAME VALUE`, from the name on */
int name_condition_statement(struct parser *ps, struct place at, bool role);
int name_constant_statement(struct parser *ps, struct place at);
/* `in ROLE, ROLE`: the condition of being in one of them. */
int name_roles(struct parser *ps, const struct expr **ret);
/* For struct expr_scope; arg: a struct policy. */
const struct expr *name_find_condition(void *arg, const char *name);
const char *name_suggest_condition(void *arg, const char *name);

/* profile.c: `profile NAME { ... }`, from the name on */
int profile_statement(struct parser *ps, struct place at);

/* pattern.c: `pattern NAME ...`, from the name on; and, at the end, all of them to what is looked for */
int pattern_statement(struct parser *ps);
int pattern_compile(struct parser *ps);

/* action.c: what a rule does, from the action's word on */
int action_parse(struct parser *ps, struct rule *rule);
/* `["451 4.7.1 text"]`, or the usual one. */
int action_optional_reply(struct parser *ps, const char *usual, const struct reply **ret);

/*
 * on_error.c: from the word on up to the end of the action. rule has place, stage and the condition of its roles, and gets the rest.
 * *ret_acts: false when there is nothing to be done.
 */
int on_error_parse(struct parser *ps, struct on_error *e, struct rule *rule, bool *ret_acts);

/* assertion.c: `assert "text" { ... }`, from the text on */
int assertion_statement(struct parser *ps, struct place at);
void assertion_done(struct assertion *a);

/* advice.c: warnings about a policy that is read. */
int advice_give(struct policy *p, struct err *reterr);

/* rule.c: `at STAGE ... { rule ... }`, from the stage on */
int rule_at_statement(struct parser *ps);

#endif
