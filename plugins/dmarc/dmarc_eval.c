/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/dmarc/dmarc_eval.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/mail/domain.h"

#define LABEL_MAX      63
#define WALK_LABELS    7  /* a longer name is cut down to so many after the first question */
#define DMARC_TAGS_MAX 64 /* of one record; more are not read */

const char *const dmarc_policy_words[] = { "none", "quarantine", "reject", NULL };
const char *const dmarc_result_words[] = { "pass", "fail", "none", "temperror", "permerror", NULL };

/* ---- names ---- */

/* Letters, digits, and what else people have put into names: an author is not to get away by an underscore. */
static bool good_octet(char c)
{
	return c > ' ' && c <= '~' && !strchr("\\\"()<>[],:;@", c);
}

static bool copy_name(const char *bytes, size_t len, char ret[DMARC_NAME_SIZE])
{
	size_t label = 0;

	if (len == 0 || len >= DMARC_NAME_SIZE)
		return false;
	for (size_t i = 0; i < len; i++) {
		label = bytes[i] == '.' ? 0 : label + 1;
		if (!good_octet(bytes[i]) || label > LABEL_MAX)
			return false;
		if (bytes[i] == '.' && (i == 0 || i + 1 == len || bytes[i - 1] == '.'))
			return false;
		ret[i] = ascii_lower(bytes[i]);
	}
	ret[len] = '\0';
	return true;
}

bool dmarc_domain(const char *bytes, size_t len, char ret[DMARC_NAME_SIZE])
{
	char ascii[DOMAIN_ASCII_SIZE];
	bool good;

	if (len > 0 && bytes[len - 1] == '.')
		len--;
	good = domain_to_ascii(bytes, len, ascii) && copy_name(ascii, strlen(ascii), ret);
	if (!good)
		ret[0] = '\0';
	return good;
}

/* ---- records ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct dmarc_span trimmed(const char *at, size_t len)
{
	while (len > 0 && is_blank(*at)) {
		at++;
		len--;
	}
	while (len > 0 && is_blank(at[len - 1]))
		len--;
	return (struct dmarc_span){ at, len };
}

static struct dmarc_span up_to(struct dmarc_span s, char c)
{
	const char *end = memchr(s.at, c, s.len);

	return (struct dmarc_span){ s.at, end ? (size_t)(end - s.at) : s.len };
}

enum tag_name { TAG_P, TAG_SP, TAG_NP, TAG_ADKIM, TAG_ASPF, TAG_PSD, TAG_T, TAG_RUA, TAG_RUF, TAG_FO, TAGS };
static const char *const tag_names[TAGS] = { "p", "sp", "np", "adkim", "aspf", "psd", "t", "rua", "ruf", "fo" };

/* One tag; what breaks the grammar is not there. */
static void read_tag(struct dmarc_span spec, struct dmarc_span tags[TAGS])
{
	struct dmarc_span left = up_to(spec, '='), name = trimmed(left.at, left.len), value;

	if (left.len == spec.len)
		return;
	value = trimmed(left.at + left.len + 1, spec.len - left.len - 1);
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] < ' ' || value.at[i] > '~')
			return;
	for (size_t i = 0; i < TAGS; i++)
		if (!tags[i].at && value.len > 0 && ascii_equals(name.at, name.len, tag_names[i]))
			tags[i] = value;
}

static bool is_version(struct dmarc_span spec)
{
	struct dmarc_span left = up_to(spec, '='), value;

	if (left.len == spec.len || (*left.at != 'v' && *left.at != 'V') || trimmed(left.at, left.len).len != 1)
		return false;
	value = trimmed(left.at + left.len + 1, spec.len - left.len - 1);
	return value.len == 6 && memcmp(value.at, "DMARC1", 6) == 0;
}

/* scheme ":" something; of mailto an address (RFC 3986, RFC 6068) */
static bool is_uri(struct dmarc_span uri)
{
	struct dmarc_span scheme = up_to(uri, ':');
	const char *rest = scheme.at + scheme.len + 1, *end = uri.at + uri.len, *at;

	if (scheme.len == 0 || scheme.len + 1 >= uri.len || !ascii_is_alpha(*scheme.at))
		return false;
	for (size_t i = 0; i < scheme.len; i++)
		if (!ascii_is_alnum(scheme.at[i]) && !strchr("+-.", scheme.at[i]))
			return false;
	for (const char *p = rest; p < end; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`{|}", *p))
			return false;
	if (!ascii_equals(scheme.at, scheme.len, "mailto"))
		return true;
	at = memchr(rest, '@', (size_t)(end - rest));
	return at && at > rest && at + 1 < end;
}

static bool has_uri(struct dmarc_span list)
{
	while (list.at && list.len > 0) {
		struct dmarc_span one = up_to(list, ',');
		size_t used = one.len < list.len ? one.len + 1 : one.len;

		if (is_uri(trimmed(one.at, one.len)))
			return true;
		list.at += used;
		list.len -= used;
	}
	return false;
}

/* False: the tag is there, and is no policy. */
static bool read_policy(struct dmarc_span tag, enum dmarc_policy deflt, enum dmarc_policy *ret)
{
	*ret = deflt;
	for (enum dmarc_policy i = DMARC_POLICY_NONE; i <= DMARC_POLICY_REJECT; i++)
		if (tag.at && ascii_equals(tag.at, tag.len, dmarc_policy_words[i])) {
			*ret = i;
			return true;
		}
	return !tag.at;
}

static bool tag_is(struct dmarc_span tag, const char *value)
{
	return tag.at && ascii_equals(tag.at, tag.len, value);
}

bool dmarc_record_parse(const char *bytes, size_t len, struct dmarc_record *ret)
{
	struct dmarc_span tags[TAGS] = { 0 }, rest = { bytes, len }, spec = up_to(rest, ';');
	bool good;

	*ret = (struct dmarc_record){ 0 };
	if (len == 0 || !is_version(spec))
		return false;
	for (size_t i = 0; i < DMARC_TAGS_MAX && spec.len < rest.len; i++) {
		rest.at += spec.len + 1;
		rest.len -= spec.len + 1;
		spec = up_to(rest, ';');
		read_tag(spec, tags);
	}
	good = tags[TAG_P].at && read_policy(tags[TAG_P], DMARC_POLICY_NONE, &ret->p);
	good &= read_policy(tags[TAG_SP], ret->p, &ret->sp);
	good &= read_policy(tags[TAG_NP], ret->sp, &ret->np);
	if (!good)
		ret->p = ret->sp = ret->np = DMARC_POLICY_NONE;
	ret->applies = good || has_uri(tags[TAG_RUA]);
	ret->psd = tag_is(tags[TAG_PSD], "y")   ? DMARC_PSD_YES
	           : tag_is(tags[TAG_PSD], "n") ? DMARC_PSD_NO
	                                        : DMARC_PSD_UNKNOWN;
	ret->strict_dkim = tag_is(tags[TAG_ADKIM], "s");
	ret->strict_spf = tag_is(tags[TAG_ASPF], "s");
	ret->testing = tag_is(tags[TAG_T], "y");
	ret->rua = tags[TAG_RUA];
	ret->ruf = tags[TAG_RUF];
	ret->fo = tags[TAG_FO];
	return true;
}

/* ---- the walk ---- */

/* Without its first label. NULL: it has but one. */
static const char *parent_of(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot ? dot + 1 : NULL;
}

void dmarc_names_walk(const char *domain, struct dmarc_names *ret)
{
	unsigned labels = domain_labels(domain, strlen(domain));
	const char *name = domain;

	*ret = (struct dmarc_names){ .at = { domain }, .count = 1 };
	for (name = parent_of(name), labels--; name; name = parent_of(name), labels--)
		if (labels <= WALK_LABELS)
			ret->at[ret->count++] = name;
}

void dmarc_names_fixed(const char *domain, const char *org, struct dmarc_names *ret)
{
	*ret = (struct dmarc_names){ .at = { domain, org }, .count = org == domain ? 1 : 2, .org = org };
}

/* One label more than name, which is within the domain and not all of it. */
static const char *below(const char *domain, const char *name)
{
	const char *at = name - 1;

	while (at > domain && at[-1] != '.')
		at--;
	return at;
}

/* The one record among the TXT records of a name; NULL: there is none, or there are several (4.10). */
static const struct sluice_dns_record *find_record(const struct sluice_dns_answer *answer, struct dmarc_record *ret)
{
	const struct sluice_dns_record *found = NULL;
	struct dmarc_record record;

	for (size_t i = 0; answer->status == SLUICE_DNS_OK && i < answer->count; i++) {
		if (!dmarc_record_parse(answer->records[i].data, answer->records[i].len, &record))
			continue;
		if (found)
			return NULL;
		found = &answer->records[i];
		*ret = record;
	}
	return found;
}

static bool unanswered(const struct sluice_dns_answer *a)
{
	return a->status == SLUICE_DNS_FAILED || a->status == SLUICE_DNS_TIMEOUT;
}

/* 4.10.2 */
static const char *find_org(const struct dmarc_walk *w)
{
	const char *org = w->names.at[0];
	size_t last = w->steps - 1;

	if (w->names.org)
		return w->names.org;
	if (last > 0 && w->texts[last] && w->records[last].psd == DMARC_PSD_YES)
		return below(w->names.at[0], w->names.at[last]);
	for (size_t i = 0; i < w->steps; i++)
		if (w->texts[i])
			org = w->names.at[i];
	return org;
}

/* 4.10.1: the author's record, else that of the Organizational Domain, else that of the public suffix */
static int find_policy(const struct dmarc_walk *w)
{
	size_t last = w->steps - 1;

	if (w->texts[0])
		return 0;
	for (size_t i = 1; i < w->steps; i++)
		if (w->texts[i] && w->names.at[i] == w->org)
			return (int)i;
	return w->texts[last] && w->records[last].psd == DMARC_PSD_YES ? (int)last : DMARC_NO_POLICY;
}

void dmarc_walk_read(
	const struct dmarc_names *names, const struct sluice_dns_answer *const *answers, struct dmarc_walk *ret)
{
	bool failed = false, ended = false;

	*ret = (struct dmarc_walk){ .names = *names };
	while (ret->steps < names->count && !ended) {
		size_t i = ret->steps++;

		failed |= unanswered(answers[i]);
		ret->texts[i] = find_record(answers[i], &ret->records[i]);
		ended = ret->texts[i] && ret->records[i].psd != DMARC_PSD_UNKNOWN && !names->org;
	}
	ret->org = failed && !names->org ? NULL : find_org(ret);
	ret->policy = failed && !ret->texts[0] ? DMARC_UNKNOWN_POLICY : find_policy(ret);
}

/* ---- alignment ---- */

static bool same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool is_within(const char *name, const char *parent)
{
	return domain_within(name, strlen(name), parent, strlen(parent));
}

/* Its own Organizational Domain is the domain or a part of its end: where the author's is neither, they are apart. */
bool dmarc_needs_org(const struct dmarc_walk *author, const char *domain, bool strict)
{
	return !strict && !same(domain, author->names.at[0]) && author->org && is_within(domain, author->org);
}

enum dmarc_alignment dmarc_align(
	const struct dmarc_walk *author, const char *domain, const char *domain_org, bool strict)
{
	if (same(domain, author->names.at[0]))
		return DMARC_ALIGNED;
	if (strict)
		return DMARC_APART;
	if (!author->org)
		return DMARC_OPEN;
	if (!dmarc_needs_org(author, domain, strict))
		return DMARC_APART;
	if (!domain_org)
		return DMARC_OPEN;
	return same(domain_org, author->org) ? DMARC_ALIGNED : DMARC_APART;
}

bool dmarc_is_near(const char *author, const char *domain)
{
	const char *parent;

	while ((parent = parent_of(author)) && parent_of(parent))
		author = parent; /* down to two labels */
	return is_within(domain, author);
}

/* ---- the end ---- */

static enum dmarc_policy policy_of(const struct dmarc_walk *author, enum dmarc_existence existence)
{
	const struct dmarc_record *r = &author->records[author->policy];

	if (author->policy == 0)
		return r->p;
	return existence == DMARC_EXISTS_NOT ? r->np : r->sp;
}

/* One step less (4.7, t=y) */
static enum dmarc_policy lowered(enum dmarc_policy policy)
{
	return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

struct dmarc_verdict dmarc_judge(const struct dmarc_walk *author, enum dmarc_existence existence,
	enum dmarc_alignment spf, enum dmarc_alignment dkim)
{
	const struct dmarc_record *r = author->policy >= 0 ? &author->records[author->policy] : NULL;
	struct dmarc_verdict v = { .result = DMARC_NONE };

	if (author->policy == DMARC_UNKNOWN_POLICY)
		return (struct dmarc_verdict){ .result = DMARC_TEMPERROR, .why = "the policy cannot be looked up" };
	if (!r || !r->applies)
		return v;
	v.policy = policy_of(author, existence);
	v.has_policy = author->policy == 0 || existence != DMARC_EXISTENCE_UNKNOWN || r->sp == r->np;
	if (spf == DMARC_ALIGNED || dkim == DMARC_ALIGNED) {
		v.result = DMARC_PASS;
	} else if (spf == DMARC_OPEN || dkim == DMARC_OPEN) {
		v.result = DMARC_TEMPERROR;
		v.why = "it cannot be found out who vouches for the domain";
	} else if (!v.has_policy) {
		v.result = DMARC_TEMPERROR;
		v.why = "it cannot be found out whether the domain exists";
	} else {
		v.result = DMARC_FAIL;
		v.why = "neither SPF nor DKIM vouches for the domain";
		v.disposition = r->testing ? lowered(v.policy) : v.policy;
	}
	return v;
}
