/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dkim_keys.h - public keys as OpenSSL has them, kept by their record: to read one takes several times as long as to verify a
 * signature with it. Any threads; its lock is held for a look into a table.
 */
#ifndef MAIL_DKIM_KEYS_H
#define MAIL_DKIM_KEYS_H

#include "filter/mail/dkim_record.h"

#define DKIM_KEYS_MAX 1024 /* that are kept; of two that want one place the later has it */

struct dkim_keys;

struct dkim_keys *dkim_keys_new(void);    /* NULL: no memory */
void dkim_keys_free(struct dkim_keys *k); /* takes NULL */
/* The key of a record, as dkim_record_key() gives it, for dkim_keys_release() before dkim_keys_free(). NULL: it is none. */
EVP_PKEY *dkim_keys_get(struct dkim_keys *k, const struct dkim_record *r);
void dkim_keys_release(struct dkim_keys *k, EVP_PKEY *key); /* takes NULL */

#endif
