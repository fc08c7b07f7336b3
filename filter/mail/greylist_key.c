/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/greylist_key.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/key.h"

#define KEY_MAX      (1u << 18) /* of a sender: far more than an address has */
#define BATV_TAG_MIN 4 /* "prvs=" then a tag of some digits and letters, then "=" */

/* Octets of "prvs=TAG=" or "btv1==TAG==" at the start; 0: none. */
static size_t batv_len(const char *local, size_t len)
{
	static const char *const marks[][2] = { { "prvs=", "=" }, { "btv1==", "==" } };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		size_t mark = strlen(marks[i][0]), end_len = strlen(marks[i][1]);
		const char *end;

		if (len <= mark || !ascii_equal(local, mark, marks[i][0], mark))
			continue;
		end = memmem(local + mark, len - mark, marks[i][1], end_len);
		if (end && (size_t)(end - local) >= mark + BATV_TAG_MIN && (size_t)(end - local) + end_len < len)
			return (size_t)(end - local) + end_len;
	}
	return 0;
}

void greylist_fold_sender(struct text *out, const struct sluice_address *sender)
{
	size_t at = batv_len(sender->local, sender->local_len);
	bool in_number = false;

	for (; at < sender->local_len; at++) {
		char c = ascii_lower(sender->local[at]);

		if (c == '+' || c == '=') { /* an extension, or a recipient in VERP */
			text_addc(out, '#');
			break;
		}
		if (!ascii_is_digit(c))
			text_addc(out, c);
		else if (!in_number)
			text_addc(out, '#');
		in_number = ascii_is_digit(c);
	}
	text_addc(out, '@');
	for (size_t i = 0; i < sender->domain_len; i++)
		text_addc(out, ascii_lower(sender->domain[i]));
}

void greylist_client_key(struct text *out, const char *net, const char *domain, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text client = TEXT_INIT(1024);

	text_adds(&client, domain ? "@" : "");
	text_add(&client, domain ? domain : net ? net : "", domain || net ? len : 0);
	text_adds(out, "greylist");
	key_add(out, text_str(&client), client.len, true);
}

void greylist_try_key(struct text *out, const struct sluice_address *sender, const struct sluice_address *rcpt)
{
	SLUICE_CLEANUP(text_done) struct text folded = TEXT_INIT(KEY_MAX);

	greylist_fold_sender(&folded, sender);
	key_add(out, text_str(&folded), folded.len, false);
	key_add(out, rcpt ? rcpt->text : "", rcpt ? rcpt->len : 0, true);
}
