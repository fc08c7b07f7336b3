/* SPDX-License-Identifier: BSD-2-Clause */
/* sign_field.h - what fields that sign are made of (RFC 6376 3.5): names, base64 and the signature itself, folded by LF. */
#ifndef MAIL_SIGN_FIELD_H
#define MAIL_SIGN_FIELD_H

#include "filter/base/text.h"
#include "filter/mail/sign_key.h"

#define SIGN_HASH_BYTES 32 /* SHA-256 */

/*
 * The names of the fields that are signed if nobody says otherwise (RFC 6376 5.4.1), and what else a reader is shown; those that change on
 * the way (Received, Return-Path) are not among them. NULL ends the list.
 */
#define SIGN_FIELD_USUAL 29
extern const char *const sign_field_usual[SIGN_FIELD_USUAL + 1];

/* Names with colons between, for a line that begins with "\th=". Added to out. */
void sign_field_add_names(struct text *out, const char *names);
void sign_field_add_base64(struct text *out, const unsigned char *bytes, size_t len);
/* The key's signature of a hash (rsa-sha256 or ed25519-sha256), as base64. False: OpenSSL could not make it. */
bool sign_field_add_signature(struct text *out, const struct sign_key *key, const unsigned char hash[SIGN_HASH_BYTES]);

#endif
