/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arc_trust.h - whose word in an ARC chain counts. A chain that passes proves who has sealed, not that it was honest (RFC 8617 9.2):
 * so only sealers that the site trusts are believed. Pure.
 */
#ifndef ARC_ARC_TRUST_H
#define ARC_ARC_TRUST_H

#include "filter/mail/arc_sets.h"

/*
 * The instance whose results are believed: the first of the unbroken row of trusted sealers that ends with the last one, as whoever
 * sealed behind an untrusted one has only its word. trusted: is this domain? 0: the last sealer is not, or there is none.
 */
unsigned arc_trust_instance(const struct arc_sets *sets, bool (*trusted)(const void *arg, const char *domain), const void *arg);

#endif
