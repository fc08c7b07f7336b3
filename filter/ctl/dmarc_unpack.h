/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_unpack.h - the XML that is in a file: as it is, compressed with gzip, in a zip archive, or attached to a mail in one of these
 * forms. What is in it counts, not how it is called. It is a stranger's: nothing larger than DMARC_UNPACKED_MAX comes out, in all,
 * and nothing that is packed twice.
 */
#ifndef CTL_DMARC_UNPACK_H
#define CTL_DMARC_UNPACK_H

#include <stddef.h>

#include "filter/base/err.h"

#define DMARC_PACKED_MAX   (64u << 20)  /* octets of a file */
#define DMARC_UNPACKED_MAX (128u << 20) /* octets of all XML in it */
#define DMARC_MEMBERS_MAX  32 /* reports in one archive; parts of a mail that are looked at: ten times as many */

/*
 * found(arg, xml, len) is called for each; the octets are borrowed for the call. 0; -EINVAL with *reterr, which says what is wrong
 * with the file, and how to do better where that is known; -ENOMEM. What was found before that was good.
 */
int dmarc_unpack(const char *bytes, size_t len, void (*found)(void *arg, const char *xml, size_t len), void *arg,
	struct err *reterr);

#endif
