/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libspf2_guard.h - SPF records (RFC 7208) as their grammar has them: what a sender publishes is read, checked and expanded
 * here, and libspf2 gets only records that were written here. Pure.
 */
#ifndef LIBSPF2_LIBSPF2_GUARD_H
#define LIBSPF2_LIBSPF2_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "plugins/plugin.h"

#define GUARD_RECORD_MAX_BYTES    2048  /* a longer record is a syntax error */
#define GUARD_NAME_MAX            253   /* RFC 7208 7.3 */
#define GUARD_EXPANSION_MAX_BYTES 16384 /* a domain-spec that becomes longer matches nothing */
#define GUARD_MAX_PARTS           256   /* of a macro's value between delimiters */
#define GUARD_MAX_TERMS           10    /* that make look-ups, in one check (RFC 7208 4.6.4) */
#define GUARD_MAX_VOIDS           2     /* of them, whose name has no such record */
#define GUARD_MAX_MX              10    /* names of one mx */
#define GUARD_MAX_PTR             10    /* names of the client that are looked at */
#define GUARD_CLEAN_MAX           128

/* Octets of somebody else. */
struct guard_span {
	const char *at;
	size_t len;
};

enum guard_choice { GUARD_NO_RECORD, GUARD_ONE_RECORD, GUARD_SEVERAL_RECORDS };
/* Which of the TXT records is SPF (RFC 7208 4.5). */
enum guard_choice guard_choose(const struct sluice_dns_answer *txt, struct guard_span *ret);

enum guard_kind {
	GUARD_ALL,
	GUARD_INCLUDE,
	GUARD_A,
	GUARD_MX,
	GUARD_PTR,
	GUARD_IP4,
	GUARD_IP6,
	GUARD_EXISTS,
	GUARD_REDIRECT,
	GUARD_EXPLANATION,
	GUARD_OTHER_MODIFIER,
};

struct guard_term {
	enum guard_kind kind;
	char qualifier;         /* + - ~ ? */
	struct guard_span text; /* as it was published */
	struct guard_span spec; /* its domain-spec; len 0: the current domain */
	uint8_t network[16];    /* of ip4 and ip6 */
	uint8_t prefix4, prefix6;
};

struct guard_record {
	struct guard_span text;
	struct guard_span redirect, explanation; /* domain-specs; len 0: none */
};

/* Check the whole record (RFC 7208 4.6, 12). False: a syntax error anywhere in it. */
bool guard_parse(struct guard_span text, struct guard_record *ret);
/* The next term of a record that was checked; *pos is 0 at first. False: there are no more. */
bool guard_next(const struct guard_record *r, size_t *pos, struct guard_term *ret);
/* Is it explain-string (RFC 7208 6.2) of US-ASCII? */
bool guard_is_explanation(struct guard_span text);

/* What the macros stand for (RFC 7208 7.2). */
struct guard_macros {
	struct guard_span local, sender_domain, domain, helo, validated, receiver;
	struct sluice_ip client;
	int64_t now_s;
};

/* Does it have %{p}, the one macro that costs look-ups? */
bool guard_uses_validated(struct guard_span spec);
/* Expand a domain-spec or explain-string that was checked. False: it does not fit out, or has too many parts. */
bool guard_expand(struct guard_span spec, const struct guard_macros *m, struct text *out);

/* A domain name, raw, without a dot at its end. */
struct guard_name {
	char text[GUARD_NAME_MAX + 1];
	size_t len;
};

/* The same octets as a name. False: they cannot be one (an empty label, one over 63 octets, over 253 in all). */
bool guard_name_set(struct guard_name *name, const char *bytes, size_t len);
/* The target-name of a term: its spec expanded and cut from the left to 253 octets. False as guard_name_set(). */
bool guard_target(struct guard_span spec, const struct guard_macros *m, struct guard_name *ret);
/* Has it the form that check_host() asks for at its beginning (RFC 7208 4.3): two labels, not an address literal? */
bool guard_is_domain(const struct guard_name *name);
/* As DNS text, with the escapes of RFC 1035 5.1. */
const char *guard_dns_text(const struct guard_name *name, char buf[4 * GUARD_NAME_MAX + 1]);

/* The limits of one check (RFC 7208 4.6.4). Each: false when it is exceeded. */
struct guard_limits {
	unsigned terms, voids;
};
bool guard_count_term(struct guard_limits *l);
bool guard_count_void(struct guard_limits *l);

#define GUARD_CLEAN_TARGET "target.invalid"
/*
 * A record for libspf2 of this one mechanism (not all, not include), qualifier +: of fixed words and numbers only. Its
 * domain is GUARD_CLEAN_TARGET. Prefix length 0, which libspf2 refuses: *ret_any is set, and each address that the
 * look-up brings has to be shown to it as the client's. Returns buf.
 */
const char *guard_clean_record(
	const struct guard_term *t, const struct sluice_ip *client, char buf[GUARD_CLEAN_MAX], bool *ret_any);

#endif
