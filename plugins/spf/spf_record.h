/* SPDX-License-Identifier: BSD-2-Clause */
/* spf_record.h - SPF records as the grammar of RFC 7208 has them: text in, terms out. Pure, without memory of its own. */
#ifndef SPF_SPF_RECORD_H
#define SPF_SPF_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/plugin.h"
#include "plugins/spf/spf_macro.h"

#define SPF_RECORD_MAX_BYTES 65535 /* what a TXT record can hold; a longer one is a syntax error */

enum spf_choice { SPF_NO_RECORD, SPF_ONE_RECORD, SPF_SEVERAL_RECORDS };
/* Which of the TXT records is SPF (RFC 7208 4.5). *ret is written for SPF_ONE_RECORD, and borrowed. */
enum spf_choice spf_record_choose(const struct sluice_dns_answer *txt, struct spf_span *ret);

enum spf_kind {
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS,
	SPF_REDIRECT,
	SPF_EXP,
	SPF_UNKNOWN_MODIFIER,
};

struct spf_term {
	enum spf_kind kind;
	char qualifier;           /* of a mechanism: + - ~ ? */
	struct spf_span text;     /* as it was published */
	struct spf_span spec;     /* domain-spec or macro-string; len 0: the current domain */
	struct sluice_ip ip;      /* of ip4 and ip6; an IPv4-mapped ip6 stays of family 6 */
	uint8_t prefix4, prefix6; /* 32 and 128 where none is given */
};

struct spf_record {
	struct spf_span text;
	struct spf_span redirect, exp; /* their domain-specs; len 0: none */
};

/*
 * Check a whole record (RFC 7208 4.6, 12). text: len octets, borrowed for as long as *ret is used. False: there is a
 * syntax error somewhere in it, and with that the result of the check is permerror, whatever stands before.
 */
bool spf_record_parse(struct spf_span text, struct spf_record *ret);
/* The next term of a record that was checked; *pos is 0 at first. False: there are no more. */
bool spf_record_next(const struct spf_record *r, size_t *pos, struct spf_term *ret);

#endif
