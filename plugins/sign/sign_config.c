/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/sign/sign_config.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/domain.h"
#include "filter/mail/header_field.h"
#include "filter/mail/sign_field.h"

#define SIGN_CONFIG_MAX_KEYS 4096
#define PATH_MAX_BYTES       4096
#define KEY_SUFFIX           ".pem"
#define HOUR_MS              INT64_C(3600000)

enum { KEYS, KEY_TABLE, SIGNING_TABLE, HEADER, EXPIRE, SUBDOMAINS };
const struct sluice_option sign_options[] = {
	[KEYS] = { "keys", SLUICE_OPT_PATH, false, NULL, 0, 0, NULL,
		"folder of keys, as sluicectl dkim keygen makes them: DOMAIN/SELECTOR.pem signs the mail of DOMAIN" },
	[KEY_TABLE] = { "key_table", SLUICE_OPT_PATH, false, NULL, 0, 0, NULL, "OpenDKIM's KeyTable: which keys there are" },
	[SIGNING_TABLE] = { "signing_table", SLUICE_OPT_PATH, false, NULL, 0, 0, NULL,
		"OpenDKIM's SigningTable: which of them sign whose mail" },
	[HEADER] = { "header", SLUICE_OPT_TEXT, true, NULL, 0, 0, NULL, "another header field to sign, besides the usual ones" },
	[EXPIRE] = { "expire", SLUICE_OPT_DURATION, false, NULL, HOUR_MS, 400 * 24 * HOUR_MS, NULL,
		"how long a signature is good for (x=); without it, without end" },
	[SUBDOMAINS] = { "subdomains", SLUICE_OPT_BOOL, false, NULL, 0, 0, "yes",
		"a key of the folder signs the mail of domains below its own, that have none, too" },
	{ .key = NULL },
};

const struct sign_oversigned sign_oversigned[] = {
	{ "from:", false }, { "subject:", false }, { "to:", false }, { "date:", true }, { NULL, false }, /* Sendmail adds Date */
};
static const char *const never_signed[] = { "DKIM-Signature", "Received", "Return-Path", "Authentication-Results", "Bcc", "Resent-Bcc" };

static int wrong(struct sluice_config_error *reterr, unsigned line, const char *format, ...) SLUICE_PRINTF(3, 4);
static int wrong(struct sluice_config_error *reterr, unsigned line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reterr->text, sizeof reterr->text, format, args);
	va_end(args);
	reterr->line = line;
	return -EINVAL;
}

/* ---- the tables ---- */

/* A path of a table, relative to its folder, with the domain in the place of a %. */
static void add_path(struct text *out, const char *table, const struct key_row *row)
{
	const char *slash = strrchr(table, '/');

	if (*row->path != '/' && slash)
		text_add(out, table, (size_t)(slash + 1 - table));
	for (const char *s = row->path; *s; s++) {
		if (*s == '%')
			text_adds(out, row->domain);
		else
			text_addc(out, *s);
	}
}

static int load_table_keys(struct sign_config *c, const char *table, const char *user, struct err *reterr)
{
	for (size_t i = 0; i < c->key_table.rows.len; i++) {
		SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(PATH_MAX_BYTES);
		const struct key_row *row = &c->key_table.rows.items[i];
		struct sign_key key;
		struct err why;
		int r;

		add_path(&path, table, row);
		r = sign_key_load(text_str(&path), row->domain, row->selector, user, &key, &why);
		if (r < 0)
			return r == -ENOMEM ? r : err_set(reterr, r, "%s:%u: %s", table, row->line, why.text);
		if (!vec_push(&c->keys, key)) {
			sign_key_done(&key);
			return -ENOMEM;
		}
	}
	return 0;
}

static int check_names(const struct sign_config *c, const char *table, const char *key_table, struct err *reterr)
{
	for (size_t i = 0; i < c->signing_table.rows.len; i++) {
		const struct signing_row *row = &c->signing_table.rows.items[i];

		if (strcmp(row->key, "%") != 0 && !key_table_find(&c->key_table, row->key, strlen(row->key)))
			return err_set(reterr, -EINVAL, "%s:%u: %s has no key %s", table, row->line, key_table, row->key);
	}
	return 0;
}

static int load_table(const char *path, struct text *out, struct err *reterr)
{
	int r = text_read_file(out, path);

	return r < 0 && r != -ENOMEM ? err_set(reterr, -EINVAL, "%s cannot be read: %s", path, text_file_error(r)) : r;
}

static int load_tables(struct sign_config *c, const char *key_table, const char *signing_table, const char *user, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text keys = TEXT_INIT(SIGN_TABLE_MAX_BYTES), signing = TEXT_INIT(SIGN_TABLE_MAX_BYTES);
	int r = load_table(key_table, &keys, reterr);

	if (r == 0)
		r = load_table(signing_table, &signing, reterr);
	if (r == 0)
		r = key_table_parse(key_table, text_str(&keys), keys.len, &c->key_table, reterr);
	if (r == 0)
		r = signing_table_parse(signing_table, text_str(&signing), signing.len, &c->signing_table, reterr);
	if (r == 0)
		r = check_names(c, signing_table, key_table, reterr);
	return r < 0 ? r : load_table_keys(c, key_table, user, reterr);
}

/* ---- the folder ---- */

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return len > suffix_len && !strcmp(name + len - suffix_len, suffix);
}

/* One file of a domain's folder; what is not called SELECTOR.pem is no key. */
static int load_file(struct sign_config *c, const char *folder, const char *domain, const char *name, const char *user, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(PATH_MAX_BYTES), selector = TEXT_INIT(PATH_MAX_BYTES);
	struct sign_key key;
	int r;

	if (*name == '.' || !ends_with(name, KEY_SUFFIX))
		return 0;
	text_add(&selector, name, strlen(name) - strlen(KEY_SUFFIX));
	text_addf(&path, "%s/%s/%s", folder, domain, name);
	if (!dkim_domain_valid(domain, strlen(domain)))
		return err_set(reterr, -EINVAL, "%s: '%s' is no domain: a key is in DOMAIN/SELECTOR%s", text_str(&path), domain, KEY_SUFFIX);
	if (!dkim_selector_valid(text_str(&selector), selector.len))
		return err_set(reterr, -EINVAL, "%s: '%s' is no selector: it has letters, digits and hyphens", text_str(&path), text_str(&selector));
	if (c->keys.len == SIGN_CONFIG_MAX_KEYS)
		return err_set(reterr, -EINVAL, "%s: there are at most %d keys", folder, SIGN_CONFIG_MAX_KEYS);
	r = sign_key_load(text_str(&path), domain, text_str(&selector), user, &key, reterr);
	if (r < 0)
		return r;
	if (vec_push(&c->keys, key))
		return 0;
	sign_key_done(&key);
	return -ENOMEM;
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int load_domain(struct sign_config *c, const char *folder, const char *domain, const char *user, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(PATH_MAX_BYTES);
	size_t before = c->keys.len;
	struct dirent **names;
	int count, r = 0;

	text_addf(&path, "%s/%s", folder, domain);
	count = scandir(text_str(&path), &names, no_dots, alphasort);
	if (count < 0)
		return errno == ENOTDIR ? 0 : err_set(reterr, -EINVAL, "%s cannot be read: %s", text_str(&path), strerror(errno));
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = load_file(c, folder, domain, names[i]->d_name, user, reterr);
		free(names[i]);
	}
	free(names);
	if (r == 0 && c->keys.len - before > SIGN_MAX_KEYS)
		return err_set(reterr, -EINVAL, "%s has more than %d keys, and each of them signs: move those away that are not used any more",
			text_str(&path), SIGN_MAX_KEYS);
	return r;
}

static int load_folder(struct sign_config *c, const char *folder, const char *user, struct err *reterr)
{
	size_t before = c->keys.len;
	struct dirent **names;
	int count = scandir(folder, &names, no_dots, alphasort), r = 0;

	if (count < 0)
		return err_set(reterr, -EINVAL, "%s cannot be read: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = load_domain(c, folder, names[i]->d_name, user, reterr);
		free(names[i]);
	}
	free(names);
	if (r == 0 && c->keys.len == before)
		return err_set(reterr, -EINVAL, "%s has no key in it: make one with sluicectl dkim keygen DOMAIN --out %s", folder, folder);
	return r;
}

/* ---- the header ---- */

static bool is_header_name(const char *name)
{
	for (const char *s = name; *s; s++)
		if (!ascii_is_alnum(*s) && *s != '-' && *s != '_')
			return false;
	return *name;
}

static int add_header(struct sign_config *c, const char *name)
{
	char *copy = strdup(name);

	if (copy && vec_push(&c->headers, copy))
		return 0;
	free(copy);
	return -ENOMEM;
}

static int read_header(struct sign_config *c, const struct sluice_setting *s, struct sluice_config_error *reterr)
{
	if (!is_header_name(s->text))
		return wrong(reterr, s->line, "'%s' is no name of a header field: write one such as X-Mailer", s->text);
	for (size_t i = 0; i < ARRAY_LEN(never_signed); i++)
		if (ascii_equals(s->text, strlen(s->text), never_signed[i]))
			return wrong(reterr, s->line, "%s is never signed: it changes on the way", never_signed[i]);
	if (sign_config_signs(c, s->text, strlen(s->text)))
		return wrong(reterr, s->line, "%s is signed already: leave it out", s->text);
	if (c->headers.len == SIGN_FIELD_USUAL + SIGN_MAX_HEADERS)
		return wrong(reterr, s->line, "there are at most %d lines 'header'", SIGN_MAX_HEADERS);
	return add_header(c, s->text);
}

/* ---- the block ---- */

struct read {
	const char *texts[SUBDOMAINS + 1]; /* of paths */
	unsigned lines[SUBDOMAINS + 1];
};

static int read_settings(struct sign_config *c, const struct sluice_block *b, struct read *ret, struct sluice_config_error *reterr)
{
	int r = 0;

	for (const char *const *name = sign_field_usual; r == 0 && *name; name++)
		r = add_header(c, *name);
	for (size_t i = 0; r == 0 && i < b->count; i++) {
		const struct sluice_setting *s = &b->settings[i];

		ret->texts[s->option] = s->text;
		ret->lines[s->option] = s->line;
		if (s->option == HEADER)
			r = read_header(c, s, reterr);
		else if (s->option == EXPIRE)
			c->expire_s = s->number / 1000;
		else if (s->option == SUBDOMAINS)
			c->subdomains = s->number != 0;
	}
	return r;
}

static int load(struct sign_config *c, const struct sluice_block *b, struct sluice_config_error *reterr)
{
	struct read got = { .lines = { 0 } };
	struct err why = { "" };
	unsigned line = 0;
	int r = read_settings(c, b, &got, reterr);

	if (r < 0)
		return r;
	if (!got.texts[KEY_TABLE] != !got.texts[SIGNING_TABLE]) {
		line = got.lines[KEY_TABLE] + got.lines[SIGNING_TABLE];
		return wrong(reterr, line, "key_table says which keys there are, signing_table whose mail they sign: set both");
	}
	if (got.texts[KEY_TABLE]) {
		line = got.lines[KEY_TABLE];
		r = load_tables(c, got.texts[KEY_TABLE], got.texts[SIGNING_TABLE], b->user, &why);
	}
	if (r == 0 && got.texts[KEYS]) {
		line = got.lines[KEYS];
		r = load_folder(c, got.texts[KEYS], b->user, &why);
	}
	if (r == -EINVAL)
		return wrong(reterr, line, "%s", why.text);
	return r;
}

int sign_configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct sign_config *c = calloc(1, sizeof *c);
	int r = c ? load(c, blocks, reterr) : -ENOMEM;

	(void)count;
	if (r < 0) {
		sign_release(c);
		return r;
	}
	*ret_state = c;
	return 0;
}

void sign_release(void *state)
{
	struct sign_config *c = state;

	if (!c)
		return;
	for (size_t i = 0; i < c->keys.len; i++)
		sign_key_done(&c->keys.items[i]);
	for (size_t i = 0; i < c->headers.len; i++)
		free(c->headers.items[i]);
	vec_done(&c->keys);
	vec_done(&c->headers);
	key_table_done(&c->key_table);
	signing_table_done(&c->signing_table);
	free(c);
}

/* ---- who signs ---- */

static size_t find_in_tables(const struct sign_config *c, const char *local, size_t local_len, const char *domain, size_t domain_len,
	const struct sign_key *ret[SIGN_MAX_KEYS])
{
	const struct signing_row *rows[SIGN_MAX_KEYS];
	size_t found = signing_table_match(&c->signing_table, local, local_len, domain, domain_len, rows), count = 0;

	for (size_t i = 0; i < found; i++) {
		bool by_domain = !strcmp(rows[i]->key, "%");
		const struct key_row *row = key_table_find(&c->key_table, by_domain ? domain : rows[i]->key, by_domain ? domain_len : strlen(rows[i]->key));

		if (row)
			ret[count++] = &c->keys.items[row - c->key_table.rows.items];
	}
	return count;
}

static size_t find_in_folder(const struct sign_config *c, const char *domain, size_t domain_len, const struct sign_key *ret[SIGN_MAX_KEYS])
{
	size_t count = 0;

	for (size_t i = c->key_table.rows.len; i < c->keys.len && count < SIGN_MAX_KEYS; i++) {
		const struct sign_key *key = &c->keys.items[i];

		if (domain_equal(domain, domain_len, key->domain, strlen(key->domain)))
			ret[count++] = key;
	}
	return count;
}

size_t sign_config_find(const struct sign_config *config, const char *local, size_t local_len, const char *domain, size_t domain_len,
	const struct sign_key *ret[SIGN_MAX_KEYS])
{
	size_t count = find_in_tables(config, local, local_len, domain, domain_len, ret);

	while (count == 0) {
		const char *dot;

		count = find_in_folder(config, domain, domain_len, ret);
		dot = domain_len ? memchr(domain, '.', domain_len) : NULL;
		if (count || !config->subdomains || !dot)
			break;
		domain_len -= (size_t)(dot + 1 - domain);
		domain = dot + 1;
	}
	return count;
}

bool sign_config_signs(const struct sign_config *config, const char *name, size_t len)
{
	for (size_t i = 0; i < config->headers.len; i++)
		if (header_field_is(name, len, config->headers.items[i]))
			return true;
	return false;
}
