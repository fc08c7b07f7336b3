/* SPDX-License-Identifier: BSD-2-Clause */
/* list_postfix.h - the domains, networks or addresses that a parameter of Postfix names, with those in its files and maps. */
#ifndef POLICY_LIST_POSTFIX_H
#define POLICY_LIST_POSTFIX_H

#include "filter/policy/list_file.h"

#define LIST_POSTFIX_FOLDER  "/etc/postfix"
#define LIST_POSTFIX_TIME_MS 10000 /* for all that postconf and postmap have to say of one parameter */

struct list_postfix {
	const char *parameter;
	const char *folder; /* of main.cf; NULL: where Postfix has it */
	enum sluice_list_type type; /* not patterns */
};

bool list_postfix_parameter(const char *name, size_t len); /* could a parameter have this name? */
/*
 * Each of them as Postfix means it: in relay_domains, a domain's subdomains as well if parent_domain_matches_subdomains says so; of a
 * map, the keys that Postfix could find. Runs postconf, and postmap for each map. files: those that the answer depends
 * on, also after an error. The errors of list_file_each(); what cannot be listed is one for a line, too. Not for a thread that has no time.
 */
int list_postfix_each(const struct list_postfix *what, list_line_fn fn, void *arg, struct list_files *files,
	struct err *reterr) SLUICE_MUST_USE;

#endif
