/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sign_message.h - one message on its way to its signatures (RFC 6376 5, RFC 8463): its header fields, the end of the header, its
 * body, its end, in this order, on one thread at a time.
 */
#ifndef SIGN_SIGN_MESSAGE_H
#define SIGN_SIGN_MESSAGE_H

#include "filter/base/text.h"
#include "plugins/sign/sign_config.h"

#define SIGN_FIELD_NAME       "DKIM-Signature"
#define SIGN_HEADER_MAX_BYTES (4u << 20) /* of the fields that are signed; a message with more cannot be signed */
#define SIGN_REASON_MAX_BYTES 512

enum sign_result { SIGN_SIGNED, SIGN_NOT_OURS, SIGN_FAILED };

struct sign_message;

/* NULL: no memory. config must outlive it. */
struct sign_message *sign_message_new(const struct sign_config *config);
void sign_message_free(struct sign_message *m); /* takes NULL */

/* A field as the MTA has it: the value with its leading blank, folded by LF or CRLF. */
void sign_message_header(struct sign_message *m, const char *name, size_t name_len, const char *value, size_t value_len);
/* Here it is settled who signs: by the one address in all fields From. */
void sign_message_end_of_header(struct sign_message *m);
/* The body as it came by SMTP, lines ended by CRLF, in chunks of any size. */
void sign_message_body(struct sign_message *m, const char *bytes, size_t len);
/* All signatures, or none, made at that time (since 1970). Further calls say the same. */
enum sign_result sign_message_end(struct sign_message *m, int64_t now_s);

/* Of what the end said: how many there are, the value of each as a field SIGN_FIELD_NAME, folded by LF, and its "d/s". */
size_t sign_message_count(const struct sign_message *m);
const char *sign_message_signature(const struct sign_message *m, size_t i);
const char *sign_message_signer(const struct sign_message *m, size_t i);
/* Why it is not signed; "" when it is. */
const char *sign_message_reason(const struct sign_message *m);

#endif
