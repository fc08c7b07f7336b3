/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/opendkim/opendkim_verify.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/message.h"

/*
 * All keys are those of RFC 8463. The first octet says how the body is cut, and whether the guards are there.
 */
#define ED25519_KEY "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_KEY                                                                                                        \
	"v=DKIM1; k=rsa; "                                                                                             \
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/"      \
	"byYzCNb3W9"                                                                                                   \
	"1y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define NOW_S 1528638000

static void on_field(void *arg, const char *name, size_t name_len, const char *value, size_t len)
{
	opendkim_message_header(arg, name, name_len, value, len);
}

static void give_body(struct opendkim_message *m, const char *s, size_t len, size_t cut)
{
	for (size_t at = 0; at < len; at += cut)
		opendkim_message_body(m, s + at, len - at < cut ? len - at : cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sluice_dns_record records[] = { { ED25519_KEY, strlen(ED25519_KEY), 0 },
		{ RSA_KEY, strlen(RSA_KEY), 0 } };
	const struct sluice_dns_answer answer = { .status = SLUICE_DNS_OK, .count = 2, .records = records };
	static struct opendkim_key keys[DKIM_MAX_SIGNATURES];
	static struct opendkim_library *libraries[2]; /* with the guards, and without */
	static struct dkim_keys *kept;
	const struct opendkim_library *lib;
	struct dkim_verified *signatures;
	const char *s = (const char *)data, *body;
	struct opendkim_message *m;
	size_t count, cut, body_len;

	if (size == 0)
		return 0;
	if (!kept) {
		kept = dkim_keys_new();
		libraries[0] = opendkim_library_new(OPENDKIM_GUARDS);
		libraries[1] = opendkim_library_new(0);
	}
	lib = libraries[*s & 1];
	MUST(kept && lib && (m = opendkim_message_new(lib, 10)));
	cut = 1 + (uint8_t)*s;
	s++;
	size--;
	message_read(s, size, on_field, m, &body, &body_len);
	opendkim_message_header_end(m, NOW_S);
	if (body)
		give_body(m, body, body_len, cut);
	signatures = opendkim_message_signatures(m, &count);
	for (size_t i = 0; i < count; i++)
		opendkim_key_choose(lib, &answer, &signatures[i].sig, 1024, kept, &keys[i]);
	MUST(opendkim_message_finish(m, keys));
	for (size_t i = 0; i < count; i++) {
		MUST(signatures[i].result.result != DKIM_NONE &&
			!signatures[i].result.why == (signatures[i].result.result == DKIM_PASS));
		MUST(!signatures[i].partial || signatures[i].sig.has_length);
	}
	opendkim_message_free(m);
	return 0;
}
