/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/mail/mailbox.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header_lexer l = { (const char *)data, (const char *)data + size };
	struct text address = TEXT_INIT(MAILBOX_MAX_BYTES);
	enum mailbox_step step;

	do {
		const char *before = l.at;

		step = mailbox_next(&l, &address);
		MUST(step == MAILBOX_END || l.at > before);
		MUST(step != MAILBOX_ADDRESS || (address.len >= 3 && memchr(address.bytes, '@', address.len)));
	} while (step != MAILBOX_END);
	text_done(&address);
	return 0;
}
