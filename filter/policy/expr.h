/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * expr.h - conditions: pure, total, typed expressions over facts, with three truth values (Kleene). What reads a fact
 * that is not known is unknown, and a rule whose condition is not certainly true does not match: a check that could
 * not finish refuses nobody.
 *
 *	or    = and { "or" and }
 *	and   = not { "and" not }
 *	not   = [ "not" ] ( "(" or ")" | test )
 *	test  = NAME | FACT | FACT ("==" | "!=" | "<" | "<=" | ">" | ">=") (VALUE | FACT) | FACT ["not"] "in" (LIST | "[" {VALUE} "]")
 *	      | FACT "matches" PATTERN | FACT "contains" VALUE | FACT "is" ("known" | "unknown")
 */
#ifndef POLICY_EXPR_H
#define POLICY_EXPR_H

#include "filter/base/value.h"
#include "filter/policy/catalog.h"
#include "filter/policy/lex.h"
#include "filter/policy/list.h"

#define EXPR_MAX_DEPTH 32
#define EXPR_MAX_NODES 256 /* of one condition, with those that it names */

enum truth { TRUTH_NO, TRUTH_UNKNOWN, TRUTH_YES };

struct expr;

/* What the words of a condition mean. */
struct expr_scope {
	const struct catalog *catalog;
	struct arena *arena;
	const struct list *(*find_list)(void *arg, const char *name); /* NULL: not defined */
	const char *(*suggest_list)(void *arg, const char *name);
	const struct expr *(*find_condition)(void *arg, const char *name); /* NULL: not defined */
	const char *(*suggest_condition)(void *arg, const char *name);
	void *arg;
};

/* The fact that the token names. -EINVAL with *reterr and what was perhaps meant. */
int expr_find_fact(const struct token *t, const struct catalog *c, int *ret, struct err *reterr) SLUICE_MUST_USE;
/* Read a value of the fact's type from the lexer's token on; of TEXTS, one or several in [ ]. As expr_parse(). */
int expr_read_value(struct lexer *l, const struct expr_scope *scope, unsigned fact, struct value *ret, struct err *reterr) SLUICE_MUST_USE;
/* Parse from the lexer's token up to the first one that does not belong to it. 0, -EINVAL, -ENOMEM. */
int expr_parse(struct lexer *l, const struct expr_scope *scope, const struct expr **ret, struct err *reterr) SLUICE_MUST_USE;
/* Either may be NULL: then the other. NULL from two that are not: no memory. */
const struct expr *expr_and(struct arena *arena, const struct expr *a, const struct expr *b);
const struct expr *expr_or(struct arena *arena, const struct expr *a, const struct expr *b);
/* The fact, a word, is one of these (a bit for each by its index). NULL: no memory. */
const struct expr *expr_one_of(struct arena *arena, unsigned fact, unsigned words, struct place place);
/* facts: by index of the catalog. Pure. */
enum truth expr_eval(const struct expr *e, const struct value *facts);
/*
 * A fact that is open, and has to be asked for before it can be said whether the condition is yes: it may be, as what is open turns out.
 * -1: there is none. Of several, the first as they stand in it. Pure.
 */
int expr_open_fact(const struct expr *e, const struct value *facts);
/* The part that keeps a condition from being true which is not: of parts that must all hold, the first that does not, and is not open. */
const struct expr *expr_failed(const struct expr *e, const struct value *facts);
/* Each fact that the expression reads, with the place where it stands; may come more than once. */
int expr_each_fact(const struct expr *e, int (*fact)(void *arg, unsigned fact, struct place at), void *arg);

#endif
