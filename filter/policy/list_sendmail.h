/* SPDX-License-Identifier: BSD-2-Clause */
/* list_sendmail.h - the domains or networks of a class in sendmail.cf, and those that its access map lets relay. */
#ifndef POLICY_LIST_SENDMAIL_H
#define POLICY_LIST_SENDMAIL_H

#include "filter/policy/list_file.h"

#define LIST_SENDMAIL_CF      "/etc/mail/sendmail.cf"
#define LIST_SENDMAIL_TIME_MS 10000 /* for makemap to list the access map */

struct list_sendmail {
	const char *what; /* "access", or a class: "w", "R", a long name without braces */
	const char *cf;   /* NULL: LIST_SENDMAIL_CF */
	enum sluice_list_type type; /* domain or network: only those of this kind are told */
};

bool list_sendmail_name(const char *name, size_t len); /* could a class have it? */
/*
 * Each of them as Sendmail means it: what may relay stands for its subdomains, too, unless the rules are those of relay_hosts_only, and
 * part of an address for a network. For the access map makemap is run, for classes nothing. files and errors: as list_postfix_each().
 */
int list_sendmail_each(const struct list_sendmail *what, list_line_fn fn, void *arg, struct list_files *files,
	struct err *reterr) SLUICE_MUST_USE;

#endif
