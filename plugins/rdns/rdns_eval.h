/* SPDX-License-Identifier: BSD-2-Clause */
/* rdns_eval.h - does a client's name lead back to its address (RFC 8601 2.7.3 "iprev")? Pure. */
#ifndef RDNS_EVAL_H
#define RDNS_EVAL_H

#include <stdbool.h>
#include <stddef.h>

#include "plugins/plugin.h"

#define RDNS_MAX_NAMES 10 /* names of one address that are looked at; RFC 7208 4.6.4 sets the same limit */

enum rdns_result {
	RDNS_PASS,      /* a name leads back */
	RDNS_FAIL,      /* there are names, and none leads back */
	RDNS_TEMPERROR, /* the DNS did not answer, and no other answer settles it */
	RDNS_PERMERROR, /* the address has no name */
};

/*
 * Judge from the answer to the PTR question and those to the forward questions (A or AAAA, as ip is), forward[i] for the
 * name of the PTR's record i, at most RDNS_MAX_NAMES. *ret_name, on PASS, is the first name that leads back.
 */
enum rdns_result rdns_judge(const struct sluice_ip *ip, const struct sluice_dns_answer *ptr,
	const struct sluice_dns_answer *const *forward, size_t *ret_name);

#endif
