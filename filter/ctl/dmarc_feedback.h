/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_feedback.h - an aggregate report that somebody else has made, as values: of RFC 9990, of RFC 7489 and of before. It is
 * a stranger's file: a document type, and with it every entity, is refused, as is what is nested or long beyond sense. Pure.
 */
#ifndef CTL_DMARC_FEEDBACK_H
#define CTL_DMARC_FEEDBACK_H

#include "filter/base/arena.h"
#include "filter/base/err.h"
#include "filter/base/vec.h"

#define FEEDBACK_ROWS_MAX  500000
#define FEEDBACK_TEXT_MAX  4096 /* octets of one text; a longer one is cut */
#define FEEDBACK_DEPTH_MAX 64
#define FEEDBACK_COUNT_MAX INT64_C(1000000000000) /* messages of a record, that anybody could have counted */

/* Texts are UTF-8; "" where the report has none. */
struct feedback_row {
	const char *source_ip;
	int64_t count;
	const char *disposition, *dkim, *spf; /* as DMARC has it */
	const char *reason;                   /* type of the first one */
	const char *header_from, *envelope_from;
	const char *dkim_domain, *dkim_selector, *dkim_result; /* of the first signature */
	const char *spf_domain, *spf_result;
};
struct feedback {
	const char *org, *email, *id;
	int64_t begin_s, end_s;
	const char *domain, *p, *sp, *np, *adkim, *aspf, *testing;
	VEC(struct feedback_row) rows;
	int64_t messages, passed; /* passed: SPF or DKIM vouches for the domain */
	struct arena *arena;      /* of all texts */
};
/* 0; -EINVAL with *reterr, which says what is wrong and where; -ENOMEM. feedback_done() takes any. */
int feedback_parse(const char *xml, size_t len, struct feedback *ret, struct err *reterr);
void feedback_done(struct feedback *f);

#endif
