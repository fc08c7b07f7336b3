/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/services/scan_wire.h"
#include "tests/fuzz/fuzz.h"

/* What a helper says: what is taken is within its limits, and is the same when it is written again. */
static void read_answer(const char *packet, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text again = TEXT_INIT(SCAN_ANSWER_MAX);
	struct sluice_scan_answer *a = scan_answer_read(packet, len);

	if (!a)
		return;
	MUST(a->file_count > 0 && a->file_count <= SLUICE_SCAN_MAX_FILES && a->finding_count <= SLUICE_SCAN_MAX_FINDINGS);
	for (size_t i = 0; i < a->file_count; i++)
		scan_answer_file(&again, a->files[i].depth, a->files[i].type, a->files[i].name, strlen(a->files[i].name));
	for (size_t i = 0; i < a->finding_count; i++) {
		MUST((unsigned)a->findings[i].kind < SLUICE_SCAN_KINDS);
		scan_answer_found(&again, a->findings[i].kind, a->findings[i].text, a->findings[i].name, strlen(a->findings[i].name));
	}
	scan_answer_end(&again, a->unpacked_bytes);
	free(a);
	a = scan_answer_read(again.bytes, again.len);
	MUST(a);
	free(a);
}

/* What the daemon says: any name and type come out of it as they may be sent. */
static void write_request(const char *name, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(SCAN_REQUEST_MAX);
	struct scan_request rq;

	scan_request_write(&out, len, "text/plain", name, len);
	MUST(!out.failed && scan_request_read(out.bytes, out.len, &rq) && rq.len == len && strlen(rq.name) <= SCAN_NAME_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scan_request rq;

	read_answer((const char *)data, size);
	write_request((const char *)data, size);
	(void)scan_request_read((const char *)data, size, &rq);
	return 0;
}
