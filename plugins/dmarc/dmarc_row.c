/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/dmarc/dmarc_row.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/base/json.h"
#include "filter/mail/dmarc_uri.h"

#define SIGNATURES_LOOKED_AT 256
#define WHY_MAX              200 /* octets of why a signature is not good */

/* ---- what was done ---- */

static enum dmarc_policy done_of(const struct dmarc_row_facts *f)
{
	switch (f->done->action) {
	case SLUICE_REJECT:
	case SLUICE_DISCARD:
		return DMARC_POLICY_REJECT;
	case SLUICE_HOLD:
		return DMARC_POLICY_QUARANTINE;
	case SLUICE_ACCEPT:
	case SLUICE_TEMPFAIL:
		break;
	}
	return f->done->tagged ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

static void add_reason(struct dmarc_applied *a, const char *type, const char *comment)
{
	a->reasons[a->count].type = type;
	a->reasons[a->count++].comment = comment;
}

/* The types of RFC 9990 2.1.6; what is none of them is a local policy with a name. */
static void add_override(struct dmarc_applied *a, struct dmarc_span why)
{
	static const char *const types[] = { "local_policy", "mailing_list", "other", "trusted_forwarder" };
	char word[sizeof a->comment];
	size_t len = why.len < sizeof word - 1 ? why.len : sizeof word - 1;

	memcpy(a->comment, why.at, len);
	a->comment[len] = '\0';
	for (size_t i = 0; i <= len; i++)
		word[i] = a->comment[i] == '-' ? '_' : a->comment[i];
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (!strcmp(word, types[i])) {
			add_reason(a, types[i], NULL);
			return;
		}
	add_reason(a, "local_policy", a->comment);
}

static void add_difference(struct dmarc_applied *a, const struct dmarc_row_facts *f, enum dmarc_policy done)
{
	if (done > f->asked)
		add_reason(a, "local_policy", "other things than DMARC spoke against it");
	else if (f->override.at)
		add_override(a, f->override);
	else
		add_reason(a, "local_policy",
			done == DMARC_POLICY_NONE ? "we let it pass" : "we mark such mail, and do not refuse it");
}

void dmarc_row_applied(const struct dmarc_row_facts *f, struct dmarc_applied *ret)
{
	enum dmarc_policy done = done_of(f);

	*ret = (struct dmarc_applied){ .disposition = "none" };
	if (f->spf_aligned || f->dkim_aligned) {
		ret->disposition = f->policy == DMARC_POLICY_NONE ? "none" : "pass";
		return;
	}
	if (f->asked == DMARC_POLICY_NONE || f->override.at)
		done = DMARC_POLICY_NONE; /* whatever was done was not done for DMARC */
	ret->disposition = dmarc_policy_words[done];
	if (done == f->policy)
		return;
	if (f->asked != f->policy)
		add_reason(ret, "policy_test_mode", NULL);
	if (done != f->asked)
		add_difference(ret, f, done);
}

/* ---- signatures ---- */

static struct dmarc_span next_word(struct dmarc_span *rest)
{
	const char *blank = memchr(rest->at, ' ', rest->len);
	struct dmarc_span word = { rest->at, blank ? (size_t)(blank - rest->at) : rest->len };
	size_t used = blank ? word.len + 1 : word.len;

	rest->at += used;
	rest->len -= used;
	return word;
}

/* "NAME=value ": the value, if that is what comes next. */
static struct dmarc_span take(struct dmarc_span *rest, char name)
{
	struct dmarc_span word;

	if (rest->len < 2 || rest->at[0] != name || rest->at[1] != '=')
		return (struct dmarc_span){ "", 0 };
	word = next_word(rest);
	return (struct dmarc_span){ word.at + 2, word.len - 2 };
}

static bool is_within(const char *name, struct dmarc_span parent)
{
	size_t len = strlen(name);

	return len > parent.len && name[len - parent.len - 1] == '.' &&
	       ascii_equal(name + len - parent.len, parent.len, parent.at, parent.len);
}

static int worth_of(const struct dmarc_row_facts *f, const struct dmarc_signature *s)
{
	if (!ascii_equals(s->result.at, s->result.len, "pass"))
		return 0;
	if (ascii_equals(s->domain.at, s->domain.len, f->header_from))
		return 3;
	return is_within(f->header_from, s->domain) ||
	                       (f->org_domain.at &&
				       ascii_equal(s->domain.at, s->domain.len, f->org_domain.at, f->org_domain.len))
	               ? 2
	               : 1;
}

/* "d=example.net i=@example.net s=sel a=rsa-sha256 b=2048 l=100 fail: why", or less of it; no value has a blank in it. */
bool dmarc_signature_read(struct dmarc_span text, struct dmarc_signature *ret)
{
	static const char *const results[] = { "pass", "fail", "policy", "neutral", "temperror", "permerror" };
	const char *colon;

	ret->domain = take(&text, 'd');
	ret->identity = take(&text, 'i');
	ret->selector = take(&text, 's');
	(void)take(&text, 'a');
	(void)take(&text, 'b');
	(void)take(&text, 'l');
	colon = memchr(text.at, ':', text.len);
	ret->result = (struct dmarc_span){ text.at, colon ? (size_t)(colon - text.at) : text.len };
	ret->why = colon && text.len > ret->result.len + 2
	                   ? (struct dmarc_span){ colon + 2, text.len - ret->result.len - 2 }
	                   : (struct dmarc_span){ "", 0 };
	ret->why.len = ret->why.len < WHY_MAX ? ret->why.len : WHY_MAX;
	ret->worth = 0;
	for (size_t i = 0; i < ARRAY_LEN(results); i++)
		if (ascii_equals(ret->result.at, ret->result.len, results[i]))
			return ret->domain.len && ret->selector.len;
	return false;
}

/* In their order, but those that are worth more before the others. */
static size_t read_signatures(const struct dmarc_row_facts *f, struct dmarc_signature ret[DMARC_ROW_SIGNATURES])
{
	size_t count = 0;

	for (size_t i = 0; f->signature && i < SIGNATURES_LOOKED_AT; i++) {
		struct dmarc_span text = f->signature(f->arg, i);
		struct dmarc_signature s;
		size_t at = count;

		if (!text.at)
			break;
		if (!dmarc_signature_read(text, &s))
			continue;
		s.worth = worth_of(f, &s);
		while (at > 0 && ret[at - 1].worth < s.worth)
			at--;
		if (at == DMARC_ROW_SIGNATURES)
			continue;
		count += count < DMARC_ROW_SIGNATURES;
		memmove(&ret[at + 1], &ret[at], (count - at - 1) * sizeof ret[0]);
		ret[at] = s;
	}
	return count;
}

/* ---- the row ---- */

static void add_span(struct text *out, const char *key, struct dmarc_span s)
{
	json_text(out, key, s.at, s.len);
}

static void add_known(struct text *out, const char *key, struct dmarc_span s)
{
	if (s.at)
		add_span(out, key, s);
}

static void add_policy(struct text *out, const struct dmarc_row_facts *f)
{
	const struct dmarc_record *r = f->record;

	json_open(out, "policy", '{');
	add_span(out, "domain", f->policy_domain);
	add_span(out, "org", f->org_domain.at ? f->org_domain : f->policy_domain);
	json_str(out, "discovery", f->psl ? "psl" : "treewalk");
	json_str(out, "p", dmarc_policy_words[r->p]);
	json_str(out, "sp", dmarc_policy_words[r->sp]);
	json_str(out, "np", dmarc_policy_words[r->np]);
	json_str(out, "adkim", r->strict_dkim ? "s" : "r");
	json_str(out, "aspf", r->strict_spf ? "s" : "r");
	json_str(out, "testing", r->testing ? "y" : "n");
	add_span(out, "fo", r->fo.at && r->fo.len <= DMARC_ROW_FO_MAX ? r->fo : (struct dmarc_span){ "0", 1 });
	add_span(out, "rua", r->rua);
	json_close(out, '}');
}

static void add_record(struct text *out, const struct dmarc_row_facts *f)
{
	struct dmarc_signature signatures[DMARC_ROW_SIGNATURES];
	size_t count = read_signatures(f, signatures);
	struct dmarc_applied applied;
	char ip[IP_TEXT_MAX];

	dmarc_row_applied(f, &applied);
	json_open(out, "record", '{');
	json_str(out, "source_ip", ip_format(&f->client, ip));
	json_str(out, "disposition", applied.disposition);
	json_str(out, "dkim", f->dkim_aligned ? "pass" : "fail");
	json_str(out, "spf", f->spf_aligned ? "pass" : "fail");
	json_open(out, "reasons", '[');
	for (size_t i = 0; i < applied.count; i++) {
		json_open(out, NULL, '{');
		json_str(out, "type", applied.reasons[i].type);
		if (applied.reasons[i].comment)
			json_str(out, "comment", applied.reasons[i].comment);
		json_close(out, '}');
	}
	json_close(out, ']');
	json_str(out, "header_from", f->header_from);
	add_known(out, "envelope_from", f->envelope_from);
	add_known(out, "envelope_to", f->envelope_to);
	json_open(out, "signatures", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(out, NULL, '{');
		add_span(out, "domain", signatures[i].domain);
		add_span(out, "selector", signatures[i].selector);
		add_span(out, "result", signatures[i].result);
		if (signatures[i].why.len)
			add_span(out, "why", signatures[i].why);
		json_close(out, '}');
	}
	json_close(out, ']');
	add_known(out, "spf_domain", f->spf_domain);
	add_known(out, "spf_result", f->spf_result);
	json_close(out, '}');
}

bool dmarc_row_write(struct text *out, const struct dmarc_row_facts *f)
{
	struct dmarc_uri uris[DMARC_URIS_MAX];

	if (!f->record->rua.at || dmarc_uris_read(f->record->rua.at, f->record->rua.len, uris) == 0)
		return false;
	json_open(out, NULL, '{');
	add_policy(out, f);
	add_record(out, f);
	json_close(out, '}');
	return !out->failed;
}
