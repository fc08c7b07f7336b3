/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opendkim_verify.h - the signatures of one message, verified by libopendkim: its header fields, the end of the header, its body, its
 * end, in this order, on one thread at a time. It judges by itself but for the guards, which are named here one by one.
 */
#ifndef OPENDKIM_OPENDKIM_VERIFY_H
#define OPENDKIM_OPENDKIM_VERIFY_H

#include "filter/mail/dkim_verify.h"

/*
 * Where libopendkim 2.11 beta 2 is wrong by the RFC. A test may leave them out, to see what it says by itself; what could end the
 * process or fill its memory (see opendkim_verify.c) never reaches it.
 */
enum opendkim_guard {
	OPENDKIM_GUARD_GRAMMAR =
		1 << 0, /* what is no list of tags, or has a tag twice, is no signature (RFC 6376 3.2) */
	OPENDKIM_GUARD_ALGORITHM = 1 << 1, /* rsa-sha1 proves nothing (RFC 8301 3.1) */
	OPENDKIM_GUARD_QUERY = 1 << 2,     /* q= without dns/txt asks for a key that is not had (RFC 6376 3.5) */
	OPENDKIM_GUARD_TIME =
		1 << 3, /* t= and x= are digits, and compared with the time of the transaction (RFC 6376 3.5) */
	OPENDKIM_GUARD_KEY =
		1 << 4, /* dkim_lookup chooses the record; libopendkim gets its key in the one form that it knows */
	OPENDKIM_GUARD_LAST_LINE = 1 << 5, /* a body whose last line has no end gets one (RFC 6376 3.4.3) */
	OPENDKIM_GUARD_LENGTH = 1 << 6,    /* l= is digits (RFC 6376 3.5) */
};
#define OPENDKIM_GUARDS ((1u << 7) - 1)

#define OPENDKIM_LINE_MAX_BYTES                                                                                        \
	(1 << 20)                 /* of the body: libopendkim holds a line in memory for each of its canonical forms */
#define OPENDKIM_RECORD_SIZE 1024 /* of a record, and a NUL: it has no more room */

struct opendkim_library;
/* One serves any number of threads. guards: of enum opendkim_guard. NULL: no memory. */
struct opendkim_library *opendkim_library_new(unsigned guards);
void opendkim_library_free(struct opendkim_library *lib); /* takes NULL */

/* As struct dkim_key. record: as libopendkim gets it; "": it has a flaw. */
struct opendkim_key {
	struct dkim_flaw flaw;
	bool testing;
	unsigned bits;
	char record[OPENDKIM_RECORD_SIZE];
};
/* As dkim_key_choose(); nothing of *ret has to be given back. */
void opendkim_key_choose(const struct opendkim_library *lib, const struct sluice_dns_answer *answer,
	const struct dkim_signature *sig, unsigned min_bits, struct dkim_keys *kept, struct opendkim_key *ret);

struct opendkim_message;
/* As the functions of dkim_verify.h, which say more. lib has to outlive the message. */
struct opendkim_message *opendkim_message_new(const struct opendkim_library *lib, size_t max_signatures);
void opendkim_message_free(struct opendkim_message *m); /* takes NULL */
void opendkim_message_header(
	struct opendkim_message *m, const char *name, size_t name_len, const char *value, size_t len);
void opendkim_message_header_end(struct opendkim_message *m, int64_t now_s);
void opendkim_message_body(struct opendkim_message *m, const char *bytes, size_t len);
/*
 * The flaws of their struct dkim_signature are not those of dkim_signature_parse(), but those that are settled before libopendkim is
 * asked: a signature without one needs a key.
 */
struct dkim_verified *opendkim_message_signatures(struct opendkim_message *m, size_t *ret_count);
size_t opendkim_message_skipped(const struct opendkim_message *m);
bool opendkim_message_finish(struct opendkim_message *m, const struct opendkim_key *keys) SLUICE_MUST_USE;

#endif
