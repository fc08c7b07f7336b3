/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/dmarc/dmarc_failures.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/json.h"
#include "filter/mail/dmarc_failure.h"
#include "filter/mail/dmarc_redact.h"

#define DAY_S          86400
#define KEPT_MS        (INT64_C(2) * DAY_S * 1000)
#define HASH_BYTES     16
#define SIGNATURES_MAX 256  /* that are looked at */
#define RECORD_MAX     4096 /* octets of an SPF record; a longer one is not shown */

static struct dmarc_span fact(const struct sluice_check_ctx *c, const char *name)
{
	struct dmarc_span s = { NULL, 0 };

	s.at = sluice_fact(c, name, &s.len);
	return s;
}

static bool is(struct dmarc_span s, const char *word)
{
	return s.at && ascii_equals(s.at, s.len, word);
}

/* ---- signatures ---- */

static bool is_of(const struct dmarc_row_facts *f, struct dmarc_span domain)
{
	return ascii_equals(domain.at, domain.len, f->header_from) ||
	       (f->org_domain.at && ascii_equal(domain.at, domain.len, f->org_domain.at, f->org_domain.len));
}

/* One that does not pass, rather of the author's domain. False: there is none. */
static bool find_failed(const struct dmarc_row_facts *f, struct dmarc_signature *ret)
{
	bool found = false;

	for (size_t i = 0; f->signature && i < SIGNATURES_MAX; i++) {
		struct dmarc_span text = f->signature(f->arg, i);
		struct dmarc_signature s;

		if (!text.at)
			break;
		if (!dmarc_signature_read(text, &s) || is(s.result, "pass") || is(s.result, "temperror"))
			continue;
		if (found && (is_of(f, ret->domain) || !is_of(f, s.domain)))
			continue;
		*ret = s;
		found = true;
	}
	return found;
}

/* ---- the value ---- */

/* What is known of what a mail server does then (RFC 6591 3.2.2). */
static const char *delivery_of(const struct sluice_conclusion *v)
{
	switch (v->action) {
	case SLUICE_REJECT:
		return "reject";
	case SLUICE_HOLD:
	case SLUICE_DISCARD:
		return "policy";
	case SLUICE_ACCEPT:
		return v->tagged ? "spam" : "delivered";
	case SLUICE_TEMPFAIL:
		break;
	}
	return "other";
}

static void add_span(struct text *out, const char *key, struct dmarc_span s)
{
	json_text(out, key, s.at, s.len);
}

static void add_signature(struct text *out, const struct dmarc_signature *s)
{
	const char *at = s->identity.len ? memrchr(s->identity.at, '@', s->identity.len) : NULL;

	json_open(out, "dkim", '{');
	add_span(out, "domain", s->domain);
	add_span(out, "selector", s->selector);
	if (at)
		json_text(out, "identity", at, s->identity.len - (size_t)(at - s->identity.at));
	add_span(out, "result", s->result);
	json_close(out, '}');
}

static void add_failure(struct text *out, const struct sluice_check_ctx *c, const struct dmarc_row_facts *f,
	const struct dmarc_signature *failed, const char *header)
{
	struct dmarc_span spf = fact(c, "spf.record");

	json_open(out, "failure", '{');
	json_str(out, "delivery", delivery_of(f->done));
	if (spf.at && spf.len <= RECORD_MAX)
		add_span(out, "spf_record", spf);
	if (failed)
		add_signature(out, failed);
	json_str(out, "header", header);
	json_close(out, '}');
}

/* ---- the store ---- */

static bool hash_of(const char *bytes, size_t len, unsigned char ret[EVP_MAX_MD_SIZE])
{
	return EVP_Digest(bytes, len, ret, NULL, EVP_sha256(), NULL) == 1;
}

static bool place(struct dmarc_quota *quota, int64_t day, struct dmarc_span domain, char hex[2 * HASH_BYTES + 1])
{
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(1024);
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned number;
	uint64_t key;

	if (!hash_of(domain.at, domain.len, hash))
		return false;
	memcpy(&key, hash, sizeof key);
	if (!dmarc_quota_take(quota, day, key, &number))
		return false;
	text_add(&name, domain.at, domain.len);
	text_addf(&name, " %u", number);
	if (name.failed || !hash_of(name.bytes, name.len, hash))
		return false;
	for (size_t i = 0; i < HASH_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	return true;
}

static void put(struct sluice_check_ctx *c, int64_t day, const char *hash, const struct text *value)
{
	struct sluice_store_op op = { .verb = SLUICE_STORE_PUT };
	char key[64];

	op.key = key;
	op.key_len = (size_t)snprintf(key, sizeof key, "dmarc|failure|%lld|%s", (long long)day, hash);
	op.put.value = text_str(value);
	op.put.value_len = value->len;
	op.put.lifetime_ms = KEPT_MS;
	(void)sluice_ask_store(c, &op);
}

void dmarc_failures_note(
	struct sluice_check_ctx *c, struct dmarc_quota *quota, const struct dmarc_row_facts *f, const char *header)
{
	SLUICE_CLEANUP(text_done)
	struct text row = TEXT_INIT(DMARC_ROW_MAX_BYTES), value = TEXT_INIT(SLUICE_STORE_VALUE_MAX);
	struct dmarc_record record = *f->record;
	struct dmarc_row_facts with_ruf = *f;
	struct dmarc_signature failed;
	bool has_failed = find_failed(f, &failed);
	int64_t day = sluice_now_s(c) / DAY_S;
	char hash[2 * HASH_BYTES + 1];

	/* whose names are for others to have, such as a registry, is not told of their mail (RFC 9991 2) */
	if (record.psd == DMARC_PSD_YES ||
		!dmarc_failure_wanted(record.fo.at, record.fo.len,
			&(struct dmarc_failed){ .spf_aligned = f->spf_aligned,
				.dkim_aligned = f->dkim_aligned,
				.spf = is(f->spf_result, "fail") || is(f->spf_result, "softfail"),
				.dkim = has_failed }))
		return;
	record.rua = record.ruf;
	with_ruf.record = &record;
	if (!dmarc_row_write(&row, &with_ruf))
		return;
	text_addf(&value, "{\"seen\":%lld,\"row\":%s", (long long)sluice_now_s(c), text_str(&row));
	add_failure(&value, c, f, has_failed ? &failed : NULL, header);
	text_addc(&value, '}');
	if (!value.failed && place(quota, day, f->policy_domain, hash))
		put(c, day, hash, &value);
}
