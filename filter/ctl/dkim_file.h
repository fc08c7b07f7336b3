/* SPDX-License-Identifier: BSD-2-Clause */
/* dkim_file.h - a new key to sign with, in a file; and its record. */
#ifndef CTL_DKIM_FILE_H
#define CTL_DKIM_FILE_H

#include "filter/base/text.h"
#include "filter/mail/dkim_record.h"

struct dkim_file {
	const char *keys;   /* folder of all keys; its owner owns the key, too */
	const char *domain; /* valid, as the selector is */
	const char *selector;
	const char *suffix; /* of the file KEYS/DOMAIN/SELECTOR; ".pem" for one that signs from the next load on */
	enum dkim_key_type type;
	unsigned bits; /* of RSA */
};

/* Make it, and its record, which is added. A file that is there is left as it is. An exit status; what is wrong is said on stderr. */
int dkim_file_make(const struct dkim_file *f, struct text *record);

/* A TXT record on stdout, as a zone file has it: a long one is several strings. */
void dkim_print_record(const char *name, const char *record);

#endif
