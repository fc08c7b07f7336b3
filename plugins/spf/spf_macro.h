/* SPDX-License-Identifier: BSD-2-Clause */
/* spf_macro.h - the macro language of SPF (RFC 7208 7), and the domain names that it makes. Pure. */
#ifndef SPF_SPF_MACRO_H
#define SPF_SPF_MACRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "plugins/plugin.h"

#define SPF_NAME_MAX              253 /* octets of a domain name in text (RFC 7208 7.3) */
#define SPF_LABEL_MAX             63
#define SPF_MACRO_VALUE_MAX_BYTES 4096  /* a macro whose value is longer cannot be expanded */
#define SPF_EXPANSION_MAX_BYTES   65535 /* a domain-spec that becomes longer, before it is cut, is no name */

/* Octets of somebody else. */
struct spf_span {
	const char *at;
	size_t len;
};
#define SPF_SPAN(literal) ((struct spf_span){ (literal), sizeof(literal) - 1 })

/* ---- grammar ---- */

enum spf_letters {
	SPF_LETTERS_OF_NAME, /* s l o d i p h v */
	SPF_LETTERS_OF_EXP,  /* c r t as well: only for people to read */
};
bool spf_is_macro_string(struct spf_span s, enum spf_letters allowed);
/* domain-spec: a macro-string of a name's letters, and its end is a macro or a top label. */
bool spf_is_domain_spec(struct spf_span s);
/* explain-string: blanks may stand in it, octets beyond ASCII may not. */
bool spf_is_explain_string(struct spf_span s);

/* ---- expansion: only of what was found to be of its form ---- */

/* What the letters stand for. The spans are octets as they are, of any value. */
struct spf_macros {
	struct spf_span local, sender_domain, domain, helo, receiver;
	struct spf_span validated; /* of %{p} */
	struct sluice_ip client;   /* of family 4 or 6 */
	int64_t now_s;
};

/* Does it have this macro-letter (in lower case)? Of %{p}, the one that costs look-ups, one wants to know before. */
bool spf_uses(struct spf_span s, char letter);
/* False: it does not fit out, or a value is longer than SPF_MACRO_VALUE_MAX_BYTES. */
bool spf_expand(struct spf_span s, const struct spf_macros *m, struct text *out);

/* ---- names ---- */

/* A domain name of any octets: labels with dots between, none at the end. */
struct spf_name {
	char text[SPF_NAME_MAX + 1];
	size_t len;
};

/* False: the octets cannot be a name (an empty label, one over 63 octets, over 253 in all). */
bool spf_name_set(struct spf_name *name, const char *bytes, size_t len);
bool spf_name_is_ascii(const struct spf_name *name);
/*
 * The target-name of a term (RFC 7208 4.8): its spec expanded, and cut from the left to 253 octets; the current domain
 * if it has none. False: there is no such name. Nor is there one of a local part beyond ASCII (RFC 8616 4).
 */
bool spf_target(struct spf_span spec, const struct spf_macros *m, struct spf_name *ret);
/* As text for the DNS, with the escapes of RFC 1035 5.1. Returns buf. */
const char *spf_name_for_dns(const struct spf_name *name, char buf[4 * SPF_NAME_MAX + 1]);

#endif
