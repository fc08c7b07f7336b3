/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/case_person.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/json.h"

#define PERSON_MAX 512 /* octets that are hashed of one */
#define HASH_DIGITS 13 /* of five bits */
#define HIDDEN_LEN (1 + HASH_DIGITS)

static const char hidden_mark[] = ",\"hidden\":true}";

static bool is_alnum(char c)
{
	return (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* As atext and dots (RFC 5322 3.2.3), but what also stands between a name and its value, and between the parts of a key. */
static bool is_local(char c)
{
	return is_alnum(c) || (c && strchr("!#$%&'*+-/?^_`{}~.", c));
}

static bool is_domain(char c)
{
	return is_alnum(c) || c == '-' || c == '.' || c == '[' || c == ']' || c == ':';
}

/* Where the local part before an @ begins, not before `from`. A quoted one is in the quotes that JSON has escaped. */
static const char *local_begin(const char *from, const char *at)
{
	const char *p = at;

	if (at - from >= 4 && at[-1] == '"' && at[-2] == '\\') {
		for (p = at - 4; p >= from; p--)
			if (p[0] == '\\' && p[1] == '"')
				return p;
		return at;
	}
	while (p > from && is_local(p[-1]))
		p--;
	return p;
}

static void add_hidden(struct text *out, const char *who, size_t len, const struct hash_key *key)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	char lower[PERSON_MAX];
	uint64_t n;

	if (len > PERSON_MAX)
		len = PERSON_MAX;
	for (size_t i = 0; i < len; i++)
		lower[i] = ascii_lower(who[i]);
	n = hash_bytes(key, lower, len);
	text_addc(out, '~');
	for (int shift = (HASH_DIGITS - 1) * 5; shift >= 0; shift -= 5)
		text_addc(out, digits[n >> shift & 31]);
}

/* ---- the user ---- */

struct user {
	const char *name;
	size_t len;
};

/* Only of one that is no address. */
static struct user find_user(const char *json, size_t len)
{
	static const char before[] = "\"user\":\"";
	const char *p = memmem(json, len, before, sizeof before - 1), *end = json + len;
	struct user u = { .name = p ? p + sizeof before - 1 : "" };

	while (p && u.name + u.len < end && u.name[u.len] != '"')
		u.len += u.name[u.len] == '\\' && u.name + u.len + 1 < end ? 2 : 1;
	return u.len && !memchr(u.name, '@', u.len) ? u : (struct user){ .len = 0 };
}

static bool is_edge(char c)
{
	return c == '"' || c == '|';
}

/* As a whole string or part of a key; what stands before a colon is the name of a member. */
static bool is_user_at(const char *json, const char *end, const char *p, const struct user *u)
{
	const char *after = p + u->len;

	return u->len && p > json && is_edge(p[-1]) && end - p > (ptrdiff_t)u->len && is_edge(*after) && ascii_equal(p, u->len, u->name, u->len) &&
		!(*after == '"' && end - after > 1 && after[1] == ':');
}

/* ---- cases ---- */

/* What has no address in it. */
static void add_plain(struct text *out, const char *json, const char *end, const char *from, const char *to, const struct user *u, const struct hash_key *key)
{
	const char *done = from;

	for (const char *p = from; p < to && u->len; p++) {
		if (!is_user_at(json, end, p, u))
			continue;
		text_add(out, done, (size_t)(p - done));
		add_hidden(out, u->name, u->len, key);
		p = done = p + u->len;
	}
	text_add(out, done, (size_t)(to - done));
}

static void add_without_people(struct text *out, const char *json, size_t len, const struct hash_key *key)
{
	const struct user u = find_user(json, len);
	const char *end = json + len, *done = json, *at = json;

	while ((at = memchr(at, '@', (size_t)(end - at))) != NULL) {
		const char *local = local_begin(done, at), *domain_end = at + 1;

		while (domain_end < end && is_domain(*domain_end))
			domain_end++;
		while (domain_end > at + 1 && !is_alnum(domain_end[-1]) && domain_end[-1] != ']') /* of the sentence around it */
			domain_end--;
		if (local < at && domain_end > at + 1) {
			add_plain(out, json, end, done, local, &u, key);
			add_hidden(out, local, (size_t)(domain_end - local), key);
			done = at;
		}
		at++;
	}
	add_plain(out, json, end, done, end, &u, key);
}

static bool is_hidden(const char *json, size_t len)
{
	size_t mark = sizeof hidden_mark - 1;

	return len >= mark && !memcmp(json + len - mark, hidden_mark, mark);
}

void case_hide(struct text *out, const char *json, size_t len, const struct hash_key *key)
{
	if (!len || json[len - 1] != '}' || is_hidden(json, len)) {
		text_add(out, json, len);
		return;
	}
	add_without_people(out, json, len - 1, key);
	text_adds(out, hidden_mark);
}

/* Does it stand there by itself, and not as part of something longer? */
static bool stands_in(const char *json, size_t len, const char *who, size_t who_len)
{
	const char *end = json + len;
	bool address = memchr(who, '@', who_len) != NULL;

	for (const char *p = json; p + who_len < end; p++) {
		const char *after = p + who_len;

		if (ascii_lower(*p) != ascii_lower(*who) || !ascii_equal(p, who_len, who, who_len) || p == json)
			continue;
		if (address ? !is_local(p[-1]) && !is_alnum(*after) && *after != '-' && !(*after == '.' && end - after > 1 && is_alnum(after[1]))
			    : is_user_at(json, end, p, &(struct user){ who, who_len }))
			return true;
	}
	return false;
}

bool case_names(const char *json, size_t len, const char *person, const struct hash_key *key)
{
	SLUICE_CLEANUP(text_done) struct text quoted = TEXT_INIT(4096), hidden = TEXT_INIT(4096);
	const char *at = strrchr(person, '@');

	json_text(&quoted, NULL, person, strlen(person));
	if (quoted.len <= 2 || quoted.failed)
		return false;
	if (key) {
		add_hidden(&hidden, text_str(&quoted) + 1, quoted.len - 2, key);
		text_adds(&hidden, at ? at : "");
	}
	return stands_in(json, len, text_str(&quoted) + 1, quoted.len - 2) || (key && stands_in(json, len, text_str(&hidden), hidden.len));
}
