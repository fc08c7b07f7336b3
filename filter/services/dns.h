/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns.h - one DNS question and its answer, as values.
 * An answer is immutable and counted, so that the cache, the reactor and sessions share it without copies.
 */
#ifndef SERVICES_DNS_H
#define SERVICES_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "plugins/plugin.h"

#define DNS_NAME_TEXT_MAX      1025 /* a name of 255 octets in text with every octet escaped, and the NUL */
#define DNS_ANSWER_MAX_RECORDS 256  /* records beyond it are not looked at */

struct dns_question {
	const char *name; /* borrowed; lower case, no dot at the end, escapes as in RFC 1035 5.1; "" is the root */
	enum sluice_dns_type type;
};

/*
 * Bring a name into the form of struct dns_question, in buf. False when it cannot be in the DNS: an empty label, one over
 * 63 octets, over 255 in all, a bad escape.
 */
bool dns_question_set(struct dns_question *q, char buf[DNS_NAME_TEXT_MAX], const char *name, enum sluice_dns_type type);

struct dns_answer; /* counted */

/* Borrowed; lives as long as the answer. */
const struct sluice_dns_answer *dns_answer_view(const struct dns_answer *a);
struct dns_answer *dns_answer_ref(struct dns_answer *a);
void dns_answer_unref(struct dns_answer *a); /* takes NULL */
/* Octets it holds, for the cache's limit. */
size_t dns_answer_size(const struct dns_answer *a);
/* A status with no records. Never NULL for FAILED and TIMEOUT with ttl_s 0 (static answers); else NULL: no memory. */
struct dns_answer *dns_answer_empty(enum sluice_dns_status status, uint32_t ttl_s);
/* records and their data are copied. NULL: no memory. */
struct dns_answer *dns_answer_new(const struct sluice_dns_answer *content);

const char *dns_status_name(enum sluice_dns_status status); /* "ok" "nodata" "nxdomain" "failed" "timeout" */
const char *dns_type_name(enum sluice_dns_type type);       /* "A" ... */
bool dns_type_parse(const char *name, size_t len, enum sluice_dns_type *ret);
/* One record as a zone file would have it: 192.0.2.1; 10 mx.example.org; TXT with \DDD for what does not print. */
void dns_record_print(struct text *out, enum sluice_dns_type type, const struct sluice_dns_record *r);

#endif
