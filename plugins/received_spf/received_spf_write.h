/* SPDX-License-Identifier: BSD-2-Clause */
/* received_spf_write.h - the field Received-SPF (RFC 7208 9.1). Pure. */
#ifndef RECEIVED_SPF_RECEIVED_SPF_WRITE_H
#define RECEIVED_SPF_RECEIVED_SPF_WRITE_H

#include "filter/base/text.h"
#include "plugins/plugin.h"

#define RECEIVED_SPF_MAX_BYTES 8192 /* of the value */
#define RECEIVED_SPF_PART_MAX  512  /* of one part; a longer one is left out: cut short it would name something else */

struct received_spf_part {
	const char *bytes; /* NULL: not known */
	size_t len;
};
struct received_spf {
	const char *result, *identity, *receiver;
	const struct sluice_ip *client;
	struct received_spf_part domain, envelope_from, helo, mechanism;
};

/* Its value, folded with "\n\t"; what is not printable ASCII is replaced by '?', unless it is UTF-8 and utf8 is set. Added to out. */
void received_spf_write(struct text *out, const struct received_spf *r, bool utf8);

#endif
