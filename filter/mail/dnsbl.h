/* SPDX-License-Identifier: BSD-2-Clause */
/* dnsbl.h - what an answer of a DNS list (RFC 5782) says, and what that is worth. Pure. */
#ifndef MAIL_DNSBL_H
#define MAIL_DNSBL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/ip.h"
#include "plugins/plugin.h"

#define DNSBL_MAX_ROWS    64 /* rows of one zone: a bit each */
#define DNSBL_MAX_RECORDS 64 /* records of one answer that are looked at */

/* One row of a zone's configuration: which answers it is about, and their weight. */
struct dnsbl_row {
	bool bits;      /* match an answer that has one of the bits of net.ip; else one within net */
	struct net net; /* IPv4 */
	int64_t weight_milli;
};

enum dnsbl_kind {
	DNSBL_NOT_LISTED,
	DNSBL_LISTED,  /* all records are listings, though perhaps of no row */
	DNSBL_REFUSED, /* the list does not serve us: an answer that such lists give to open resolvers or heavy users */
	DNSBL_NO_LIST, /* an answer outside 127.0.0.0/8: the zone has lapsed, or a resolver rewrites answers */
	DNSBL_UNANSWERED,
};

/*
 * Read one answer to a question for A. On LISTED *matched has the bit of each row that a record matches added;
 * on REFUSED and NO_LIST *ret_record is the record that said so.
 */
enum dnsbl_kind dnsbl_read(const struct sluice_dns_answer *answer, const struct dnsbl_row *rows, size_t count,
	uint64_t *matched, struct sluice_ip *ret_record);
/* The weights of the rows whose bits are set, added. */
int64_t dnsbl_weight(const struct dnsbl_row *rows, size_t count, uint64_t matched);
/* May a list of domains be asked for it: a domain of two labels or more, without a dot at its end, and no address. */
bool dnsbl_may_ask_domain(const char *name, size_t len);

#endif
