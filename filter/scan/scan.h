/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan.h - look at one file, and at what is in it: media types, names, programs, archives, documents. All that a file can do to whoever
 * reads it, it does here: in a process of its own (scan_box.h), never in the daemon.
 */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include <magic.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "filter/services/scan_wire.h"

struct scan_limits {
	uint64_t depth;          /* archives within archives */
	uint64_t entries;        /* in all */
	uint64_t unpacked_bytes; /* in all */
	uint64_t ratio;          /* of unpacked to packed, of one archive with more than SCAN_RATIO_BYTES unpacked */
	uint64_t time_ms;
};
#define SCAN_RATIO_BYTES (8u << 20)

/* magic: MAGIC_MIME_TYPE, with its database loaded. out: gets an answer of scan_wire.h, of SCAN_ANSWER_MAX octets at most. */
void scan_file(magic_t magic, const struct scan_limits *limits, const struct scan_request *rq, const char *bytes, struct text *out);

#endif
