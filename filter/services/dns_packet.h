/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_packet.h - read the answer to one question out of a DNS message (RFC 1035 4). Pure. */
#ifndef SERVICES_DNS_PACKET_H
#define SERVICES_DNS_PACKET_H

#include "filter/services/dns.h"

#define DNS_PACKET_MAX_CNAMES         16
#define DNS_PACKET_MAX_RECORDS        1024 /* of a section; a message with more is FAILED */
#define DNS_PACKET_FAILED_TTL_S       5    /* RFC 2308 7 allows five minutes; mail is tried again sooner than that */
#define DNS_PACKET_BARE_TTL_S         60   /* of a negative answer without an SOA record */
#define DNS_PACKET_NEGATIVE_MAX_TTL_S 3600

/*
 * The answer to q. CNAMEs are followed within the message; a chain that ends outside of it is NODATA. The TTL is the
 * lowest of the chain; of a negative answer that of RFC 2308 5, within the limits above. A message that is malformed,
 * truncated, not a response, or of another question is FAILED. NULL: no memory.
 */
struct dns_answer *dns_packet_answer(const struct dns_question *q, const uint8_t *packet, size_t len, bool secure);

#endif
