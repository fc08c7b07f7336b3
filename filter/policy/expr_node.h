/* SPDX-License-Identifier: BSD-2-Clause */
/* expr_node.h - what a condition is made of, for the files that parse, judge and prove: expr.c, proof.c. */
#ifndef POLICY_EXPR_NODE_H
#define POLICY_EXPR_NODE_H

#include "filter/base/ip.h"
#include "filter/policy/expr.h"

enum expr_op { EXPR_AND, EXPR_OR, EXPR_NOT, EXPR_TRUE, EXPR_COMPARE, EXPR_IN_LIST, EXPR_IN_SET, EXPR_MATCHES, EXPR_CONTAINS, EXPR_KNOWN };
enum compare { EQ, NE, LT, LE, GT, GE };

struct constant {
	struct value value;
	struct net net; /* of IP */
};

struct expr {
	enum expr_op op;
	enum compare compare;
	const struct expr *a, *b; /* AND, OR, NOT */
	unsigned fact;
	int other; /* COMPARE with another fact: its index, else -1 */
	struct place place, other_place;
	const struct constant *constants; /* COMPARE, MATCHES, CONTAINS: one; IN_SET: count */
	size_t count;
	const struct list *list;
};

#endif
