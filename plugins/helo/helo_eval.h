/* SPDX-License-Identifier: BSD-2-Clause */
/* helo_eval.h - what a client called itself. Pure. */
#ifndef HELO_EVAL_H
#define HELO_EVAL_H

#include <stddef.h>

#include "plugins/plugin.h"

enum helo_form { HELO_FQDN, HELO_SINGLE_LABEL, HELO_LITERAL, HELO_MALFORMED };
/*
 * Say what kind of name a client gave in HELO or EHLO (RFC 5321 4.1.1.1, 4.1.3; label rules of RFC 1035 2.3.1).
 * name: len octets as received; no NUL needed; not kept. Octets that fit no form are HELO_MALFORMED: there is no error;
 * an address without brackets is. *ret_ip, when not NULL, is set on HELO_LITERAL.
 */
enum helo_form helo_classify(const char *name, size_t len, struct sluice_ip *ret_ip);

#endif
