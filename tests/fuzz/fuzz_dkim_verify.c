/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/mail/dkim_verify.h"
#include "tests/fuzz/fuzz.h"

/*
 * A message, as it comes from an MTA: "NAME:VALUE" with folds, an empty line, the body; lines end with LF or
 * CRLF. All keys are those of RFC 8463. The first octet says how the body is cut.
 */
#define ED25519_KEY "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_KEY                                                                                                        \
	"v=DKIM1; k=rsa; "                                                                                             \
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/"      \
	"byYzCNb3W9"                                                                                                   \
	"1y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define NOW_S 1528638000

static size_t field_len(const char *s, size_t len)
{
	size_t at = 0;

	do {
		const char *eol = memchr(s + at, '\n', len - at);

		at = eol ? (size_t)(eol - s) + 1 : len;
	} while (at < len && (s[at] == ' ' || s[at] == '\t'));
	return at;
}

static void give_field(struct dkim_message *m, const char *s, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(1 << 20);
	const char *colon = memchr(s, ':', len);

	while (len && (s[len - 1] == '\n' || s[len - 1] == '\r'))
		len--;
	if (!colon || colon >= s + len)
		return;
	for (const char *p = colon + 1; p < s + len; p++) {
		if (*p == '\n' && p[-1] != '\r')
			text_addc(&value, '\r');
		text_addc(&value, *p ? *p : ' '); /* libmilter's are C strings */
	}
	dkim_message_header(m, s, (size_t)(colon - s), text_str(&value), value.len);
}

static void give_body(struct dkim_message *m, const char *s, size_t len, size_t cut)
{
	for (size_t at = 0; at < len; at += cut)
		dkim_message_body(m, s + at, len - at < cut ? len - at : cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sluice_dns_record records[] = { { ED25519_KEY, strlen(ED25519_KEY), 0 },
		{ RSA_KEY, strlen(RSA_KEY), 0 } };
	const struct sluice_dns_answer answer = { .status = SLUICE_DNS_OK, .count = 2, .records = records };
	static struct dkim_keys *kept;
	struct dkim_key keys[DKIM_MAX_SIGNATURES];
	struct dkim_verified *signatures;
	const char *s = (const char *)data;
	struct dkim_message *m;
	size_t count, cut;

	if (size == 0)
		return 0;
	if (!kept)
		kept = dkim_keys_new();
	MUST(kept && (m = dkim_message_new(DKIM_SIGNATURE, 10)));
	cut = 1 + (uint8_t)*s;
	s++;
	size--;
	while (size && *s != '\n' && *s != '\r') {
		size_t n = field_len(s, size);

		give_field(m, s, n);
		s += n;
		size -= n;
	}
	dkim_message_header_end(m, NOW_S);
	if (size)
		give_body(m, s + 1, size - 1, cut);
	signatures = dkim_message_signatures(m, &count);
	for (size_t i = 0; i < count; i++)
		dkim_key_choose(&answer, &signatures[i].sig, 1024, kept, &keys[i]);
	MUST(dkim_message_finish(m, keys));
	for (size_t i = 0; i < count; i++) {
		MUST(signatures[i].result.result != DKIM_NONE &&
			!signatures[i].result.why == (signatures[i].result.result == DKIM_PASS));
		MUST(!signatures[i].partial || signatures[i].sig.has_length);
		dkim_keys_release(kept, keys[i].key);
	}
	dkim_message_free(m);
	return 0;
}
