/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * case_person.h - what a case, as case_json() writes it, says of people: mail addresses, wherever they stand in it, and the user that a
 * client is authenticated as. It can be hidden: a local part and a user become "~" and a hash with a secret key, the same for the
 * same person, so cases of one stay together. Pure.
 */
#ifndef OBSERVE_CASE_PERSON_H
#define OBSERVE_CASE_PERSON_H

#include <stdbool.h>

#include "filter/base/hash.h"
#include "filter/base/text.h"

/* Add the case to out with all people hidden, and the member "hidden"; one that is hidden already stays as it is. */
void case_hide(struct text *out, const char *json, size_t len, const struct hash_key *key);
/* Is the case about this address, or user, hidden or not? Case does not matter. key: NULL: there are no hidden ones. */
bool case_names(const char *json, size_t len, const char *person, const struct hash_key *key);

#endif
