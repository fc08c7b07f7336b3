/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_wire.h - what the daemon and a helper of sluice-scan say to each other, in packets. Pure.
 *
 *	request   LENGTH TAB TYPE TAB NAME                  with the descriptor of a file of LENGTH octets
 *	answer    file TAB DEPTH TAB TYPE TAB NAME LF       any number of these two
 *	          found TAB KIND TAB TEXT TAB NAME LF
 *	          end TAB UNPACKED LF
 *
 * A helper that has read a hostile file may be the sender's: nothing is believed of an answer but what scan_answer_read() lets pass.
 */
#ifndef SERVICES_SCAN_WIRE_H
#define SERVICES_SCAN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "plugins/plugin.h"

#define SCAN_READY           "ready" /* the first packet of a helper: its box is closed */
#define SCAN_REQUEST_MAX     1024    /* octets of a request */
#define SCAN_ANSWER_MAX      (128u << 10)
#define SCAN_NAME_MAX        255 /* octets; longer ones are cut */
#define SCAN_TYPE_MAX        100
#define SCAN_TEXT_MAX        200

extern const char *const scan_kind_words[]; /* in the order of enum sluice_scan_kind */

void scan_request_write(struct text *out, size_t len, const char *type, const char *name, size_t name_len);
struct scan_request {
	size_t len;
	char type[SCAN_TYPE_MAX + 1], name[SCAN_NAME_MAX + 1]; /* "": none */
};
bool scan_request_read(const char *packet, size_t len, struct scan_request *ret);

void scan_answer_file(struct text *out, unsigned depth, const char *type, const char *name, size_t name_len);
void scan_answer_found(struct text *out, enum sluice_scan_kind kind, const char *text, const char *name, size_t name_len);
void scan_answer_end(struct text *out, uint64_t unpacked_bytes);

/* One block, for free(). NULL: it is no answer, or there is no memory. */
struct sluice_scan_answer *scan_answer_read(const char *packet, size_t len);

#endif
