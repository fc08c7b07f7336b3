/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/dmarc/dmarc_reports.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/address.h"
#include "filter/mail/domain.h"
#include "plugins/dmarc/dmarc_failures.h"
#include "plugins/dmarc/dmarc_row.h"

#define DAY_S          86400
#define KEPT_MS        (INT64_C(5) * DAY_S * 1000)
#define ROW_BYTES      1024 /* that the rows of a day may have on average: most have half of it */
#define HASH_BYTES     16   /* of SHA-256 that tell rows apart */
#define HEALTH_SUBJECT "dmarc.reports"

/* ---- settings ---- */

static int config_error(struct sluice_config_error *e, unsigned line, const char *text)
{
	(void)snprintf(e->text, sizeof e->text, "%s", text);
	e->line = line;
	return -EINVAL;
}

static bool good_address(const char *s)
{
	struct sluice_address a = address_split(s, strlen(s));

	if (a.len != strlen(s) || !a.local_len || !domain_valid(a.domain, a.domain_len, 2))
		return false;
	for (size_t i = 0; i < a.local_len; i++)
		if (!ascii_is_alnum(a.local[i]) && !strchr("!#$%&'*+-/=?^_`{|}~.", a.local[i]))
			return false;
	return true;
}

static bool good_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static bool is_set(const struct sluice_setting *s)
{
	return s && s->number;
}

int dmarc_reports_configure(const struct sluice_block *blocks, unsigned first, struct dmarc_reports *ret,
	struct sluice_config_error *reterr)
{
	const struct sluice_setting *set[DMARC_REPORT_OPTIONS] = { NULL }, *wants;
	const char *from, *org, *contact;

	*ret = (struct dmarc_reports){ NULL, NULL };
	for (size_t i = 0; i < blocks->count; i++)
		if (blocks->settings[i].option >= first && blocks->settings[i].option < first + DMARC_REPORT_OPTIONS)
			set[blocks->settings[i].option - first] = &blocks->settings[i];
	wants = is_set(set[DMARC_REPORTS]) ? set[DMARC_REPORTS] : set[DMARC_FAILURE_REPORTS];
	if (!is_set(wants))
		return 0;
	from = set[DMARC_REPORT_FROM] ? set[DMARC_REPORT_FROM]->text : "";
	org = set[DMARC_REPORT_ORG] ? set[DMARC_REPORT_ORG]->text : "";
	contact = set[DMARC_REPORT_CONTACT] ? set[DMARC_REPORT_CONTACT]->text : "";
	if (!*from)
		return config_error(reterr, wants->line,
			"reports need an address to be sent from: add 'report_from dmarc-reports@example.org', of a "
			"domain of yours");
	if (!good_address(from))
		return config_error(reterr, set[DMARC_REPORT_FROM]->line,
			"report_from is no plain address: write one such as dmarc-reports@example.org");
	if (!*org)
		return config_error(
			reterr, wants->line, "reports name who makes them: add 'report_org \"Example Inc.\"'");
	if (!good_text(org) || !good_text(contact))
		return config_error(reterr, wants->line, "report_org and report_contact are one line of text");
	if (is_set(set[DMARC_REPORTS]))
		ret->seen = dmarc_seen_new(
			(size_t)set[DMARC_REPORT_ROWS]->number, (size_t)set[DMARC_REPORT_ROWS]->number * ROW_BYTES);
	if (is_set(set[DMARC_FAILURE_REPORTS]))
		ret->failures = dmarc_quota_new((unsigned)set[DMARC_FAILURE_RATE]->number, DMARC_FAILURES_MAX);
	return (ret->seen || !is_set(set[DMARC_REPORTS])) && (ret->failures || !is_set(set[DMARC_FAILURE_REPORTS]))
	               ? 0
	               : -ENOMEM;
}

void dmarc_reports_done(struct dmarc_reports *r)
{
	dmarc_seen_free(r->seen);
	dmarc_quota_free(r->failures);
}

/* ---- facts ---- */

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

static enum dmarc_policy policy_of(struct dmarc_span word)
{
	enum dmarc_policy p = DMARC_POLICY_REJECT;

	while (p > DMARC_POLICY_NONE && !is(word, dmarc_policy_words[p]))
		p--;
	return p;
}

static struct dmarc_span signature(void *arg, size_t i)
{
	struct dmarc_span s = { NULL, 0 };

	s.at = sluice_fact_item(arg, "dkim.signatures", i, &s.len);
	return s;
}

/* What the site did not do, and says why, unless it says that there is nothing to say. */
static struct dmarc_span override_of(const struct sluice_check_ctx *c)
{
	struct dmarc_span s = fact(c, "dmarc.override");

	return is(s, "none") || s.len == 0 ? (struct dmarc_span){ NULL, 0 } : s;
}

/* False: there is nothing to report of this message. */
static bool find(struct sluice_check_ctx *c, struct dmarc_row_facts *f, struct dmarc_record *record)
{
	const struct sluice_address *from = sluice_mail_from(c);
	struct dmarc_span text = fact(c, "dmarc.record"), result = fact(c, "dmarc.result");

	f->policy_domain = fact(c, "dmarc.policy_domain");
	if (!from || !text.at || !f->policy_domain.at || !dmarc_record_parse(text.at, text.len, record))
		return false;
	if (!is(result, "pass") && !is(result, "fail"))
		return false; /* it cannot be said which */
	f->record = record;
	f->org_domain = fact(c, "dmarc.org_domain");
	f->spf_aligned = is(fact(c, "dmarc.spf_aligned"), "yes");
	f->dkim_aligned = is(fact(c, "dmarc.dkim_aligned"), "yes");
	f->policy = policy_of(fact(c, "dmarc.policy"));
	f->asked = f->policy; /* dmarc.disposition is what is left of it after an override */
	if (record->testing && f->asked > DMARC_POLICY_NONE)
		f->asked--;
	f->override = override_of(c);
	f->client = *sluice_client_ip(c);
	f->envelope_from = (struct dmarc_span){ from->null ? "" : from->domain, from->null ? 0 : from->domain_len };
	f->spf_domain = fact(c, "spf.domain");
	f->spf_result = fact(c, "spf.result");
	f->signature = signature;
	f->arg = c;
	return true;
}

/* ---- the store ---- */

static bool hash_of(const struct text *row, char hex[2 * HASH_BYTES + 1], uint64_t *ret)
{
	unsigned char hash[EVP_MAX_MD_SIZE];

	if (EVP_Digest(row->bytes, row->len, hash, NULL, EVP_sha256(), NULL) != 1)
		return false;
	for (size_t i = 0; i < HASH_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	memcpy(ret, hash, sizeof *ret);
	return true;
}

static void store(struct sluice_check_ctx *c, int64_t day, const char *hash, const struct text *row)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(SLUICE_STORE_VALUE_MAX);
	struct sluice_store_op op = { .verb = SLUICE_STORE_PUT };
	char key[64];

	text_addf(&value, "{\"seen\":%lld,\"row\":%s}", (long long)sluice_now_s(c), text_str(row));
	op.key = key;
	op.key_len = (size_t)snprintf(key, sizeof key, "dmarc|row|%lld|%s", (long long)day, hash);
	op.put.value = text_str(&value);
	op.put.value_len = value.len;
	op.put.lifetime_ms = KEPT_MS;
	(void)sluice_ask_store(c, &op); /* each time: it may have been lost, or refused, before */
	op.verb = SLUICE_STORE_COUNT;
	op.count.window_ms = KEPT_MS;
	op.count.add = 1;
	(void)sluice_ask_store(c, &op);
}

static bool admit(struct sluice_check_ctx *c, struct dmarc_seen *seen, int64_t day, uint64_t hash, size_t bytes)
{
	switch (dmarc_seen_admit(seen, day, hash, bytes)) {
	case DMARC_ADMITTED:
		return true;
	case DMARC_FIRST:
		sluice_report_health(c, HEALTH_SUBJECT, true, "a new day");
		return true;
	case DMARC_FULL:
		sluice_report_health(c, HEALTH_SUBJECT, false,
			"this day has as many different rows as report_rows allows: what would make more is not "
			"reported");
		break;
	}
	return false;
}

static void count(struct sluice_check_ctx *c, struct dmarc_seen *seen, const struct dmarc_row_facts *f)
{
	SLUICE_CLEANUP(text_done) struct text row = TEXT_INIT(DMARC_ROW_MAX_BYTES);
	int64_t day = sluice_now_s(c) / DAY_S;
	char hash[2 * HASH_BYTES + 1];
	uint64_t number;

	if (dmarc_row_write(&row, f) && hash_of(&row, hash, &number) && admit(c, seen, day, number, row.len))
		store(c, day, hash, &row);
}

void dmarc_reports_note(struct sluice_check_ctx *c, const struct dmarc_reports *reports, const char *header_from,
	bool psl, const char *header, const struct sluice_conclusion *v)
{
	struct dmarc_row_facts f = { .header_from = header_from, .psl = psl, .done = v };
	struct dmarc_record record;

	if (v->action == SLUICE_TEMPFAIL) /* it comes again, and is counted then */
		return;
	f.envelope_to = (struct dmarc_span){ v->rcpt_domain, v->rcpt_domain_len };
	if (!find(c, &f, &record) ||
		sluice_list_has_domain(c, DMARC_REPORTS_OPT_OUT, f.policy_domain.at, f.policy_domain.len))
		return;
	if (reports->seen)
		count(c, reports->seen, &f);
	if (reports->failures && header && is(fact(c, "dmarc.result"), "fail") && !sluice_mail_from(c)->null)
		dmarc_failures_note(c, reports->failures, &f, header);
}
