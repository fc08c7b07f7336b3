/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/arc/arc_chain.h"
#include "plugins/seal/seal_message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/message.h"

/*
 * Through the judge of chains and the sealer. All keys are the RSA key of RFC 8463; we seal with the
 * Ed25519 key of the same place.
 */
#define RSA_KEY                                                                                                        \
	"v=DKIM1; k=rsa; "                                                                                             \
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/"      \
	"byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/"      \
	"K4w3QIDAQAB"
#define NOW_S 1528638000

static const unsigned char secret[] = { 0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44,
	0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60 };
static char from[] = "from", to[] = "to", subject[] = "subject", *names[] = { from, to, subject };
static char domain[] = "example.org", selector[] = "sel";

struct both {
	struct arc_chain *chain;
	struct seal_message *sealer;
};

static void on_field(void *arg, const char *name, size_t name_len, const char *value, size_t len)
{
	const struct both *both = arg;

	arc_chain_header(both->chain, name, name_len, value, len);
	seal_message_header(both->sealer, name, name_len, value, len);
}

/* The key of everybody. */
static void choose(struct dkim_keys *kept, const struct dkim_signature *sig, struct dkim_key *ret)
{
	const struct sluice_dns_record record = { RSA_KEY, strlen(RSA_KEY), 0 };
	const struct sluice_dns_answer answer = { .status = SLUICE_DNS_OK, .count = 1, .records = &record };

	dkim_key_choose(&answer, sig, 1024, kept, ret);
}

static enum arc_cv judge(struct dkim_keys *kept, struct arc_chain *chain)
{
	struct dkim_key message, seals[ARC_MAX_SETS];
	unsigned count = arc_sets_count(arc_chain_sets(chain));
	bool temporary;
	const char *why;
	enum arc_cv cv;

	MUST(count <= ARC_MAX_SETS);
	if (arc_chain_whole(chain)) {
		choose(kept, arc_chain_signature(chain), &message);
		for (unsigned i = 0; i < count; i++)
			choose(kept, arc_sets_seal(arc_chain_sets(chain), i + 1), &seals[i]);
		MUST(arc_chain_finish(chain, &message, seals));
		dkim_keys_release(kept, message.key);
		for (unsigned i = 0; i < count; i++)
			dkim_keys_release(kept, seals[i].key);
	}
	cv = arc_chain_result(chain, &why, &temporary);
	MUST(!temporary && (cv == ARC_FAIL) == (*why != '\0'));
	return cv;
}

/* What we add is a set that has its form. */
static void check_sealed(const struct seal_message *sealer)
{
	struct arc_sets *sets = arc_sets_new();
	const struct dkim_signature *seal;

	MUST(sets);
	for (enum arc_part part = ARC_RESULTS; part < ARC_PARTS; part++) {
		const char *value = seal_message_field(sealer, part);

		arc_sets_header(sets, arc_part_names[part], strlen(arc_part_names[part]), value, strlen(value));
	}
	seal = arc_sets_seal(sets, seal_message_instance(sealer));
	MUST(seal && !seal->flaw.why && arc_sets_results(sets, seal_message_instance(sealer), &(size_t){ 0 }));
	MUST(arc_sets_field(sets, seal_message_instance(sealer), ARC_MESSAGE));
	arc_sets_free(sets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seal_config config = { .has_key = true, .key = { .domain = domain, .selector = selector, .type = DKIM_KEY_ED25519 },
		.headers = { names, ARRAY_LEN(names), ARRAY_LEN(names) } };
	static struct dkim_keys *kept;
	struct both both;
	const char *body;
	size_t body_len;
	enum arc_cv cv;

	if (!kept) {
		kept = dkim_keys_new();
		config.key.key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof secret);
	}
	MUST(kept && config.key.key && (both.chain = arc_chain_new()) && (both.sealer = seal_message_new(&config)));
	message_read((const char *)data, size, on_field, &both, &body, &body_len);
	arc_chain_header_end(both.chain, NOW_S);
	seal_message_end_of_header(both.sealer);
	if (body_len) {
		arc_chain_body(both.chain, body, body_len);
		seal_message_body(both.sealer, body, body_len);
	}
	cv = judge(kept, both.chain);
	if (seal_message_end(both.sealer, cv, "mx.example.org; none", NOW_S) == SEAL_SEALED)
		check_sealed(both.sealer);
	seal_message_free(both.sealer);
	arc_chain_free(both.chain);
	return 0;
}
