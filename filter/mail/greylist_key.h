/* SPDX-License-Identifier: BSD-2-Clause */
/* greylist_key.h - what makes two tries the same try: keys of the greylist, for the check and for people who ask about it. Pure. */
#ifndef MAIL_GREYLIST_KEY_H
#define MAIL_GREYLIST_KEY_H

#include "filter/base/text.h"
#include "plugins/plugin.h"

/*
 * A sender as it will be at the next try: BATV (draft-levine-smtp-batv: prvs=TAG=user) loses its tag; what a list puts into
 * its bounce address (user+anything, or digits and the recipient in VERP) becomes '#'. Lower case. Added to out.
 */
void greylist_fold_sender(struct text *out, const struct sluice_address *sender);

/*
 * "greylist|CLIENT" added to out: the client's network as text, or "@" and the domain that authorised it, where there is one;
 * len octets of that one.
 */
void greylist_client_key(struct text *out, const char *net, const char *domain, size_t len);
/* "|SENDER|RECIPIENT" added to that: a try. rcpt NULL: at DATA, of the null reverse-path. */
void greylist_try_key(struct text *out, const struct sluice_address *sender, const struct sluice_address *rcpt);

#endif
