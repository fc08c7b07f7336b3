/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/scan/scan.h"
#include "tests/fuzz/fuzz.h"

/* The first line is the name, the rest a file: whatever it is, there is an answer that the daemon takes, within the limits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct scan_limits limits = { .depth = 3, .entries = 100, .unpacked_bytes = 4 << 20, .ratio = 250, .time_ms = 10000 };
	static magic_t magic;
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(SCAN_ANSWER_MAX);
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	struct scan_request rq = { .type = "image/png" };
	struct sluice_scan_answer *a;

	if (!end || end - data > SCAN_NAME_MAX || memchr(data, '\0', (size_t)(end - data)))
		return 0;
	if (!magic) {
		magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_ERROR);
		MUST(magic && magic_load(magic, NULL) == 0);
	}
	memcpy(rq.name, data, (size_t)(end - data));
	rq.len = size - (size_t)(end + 1 - data);
	scan_file(magic, &limits, &rq, (const char *)end + 1, &out);
	a = scan_answer_read(out.bytes, out.len);
	MUST(a);
	free(a);
	return 0;
}
