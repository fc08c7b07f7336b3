/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/seal/seal_config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/header_field.h"
#include "filter/mail/sign_field.h"

#define KEY_SUFFIX ".pem"
#define NAME_BYTES 254

enum { KEY, HEADER };
const struct sluice_option seal_options[] = {
	[KEY] = { "key", SLUICE_OPT_PATH, false, NULL, 0, 0, NULL,
		"key to seal with, in DOMAIN/SELECTOR.pem, as sluicectl dkim keygen makes it" },
	[HEADER] = { "header", SLUICE_OPT_TEXT, true, NULL, 0, 0, NULL,
		"a header field to sign; given once or more, these are signed in the place of the usual ones" },
	{ .key = NULL },
};

/* RFC 8617 4.1.2 and 5.1.1: fields of ARC are signed by the seal, and Authentication-Results may be taken off on the way. */
static const char *const never_signed[] = { "ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results", "Authentication-Results",
	"Received", "Return-Path", "Bcc", "Resent-Bcc" };

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

/* A copy of the octets; false: too long. */
static bool copy(char out[NAME_BYTES], const char *bytes, size_t len)
{
	if (len >= NAME_BYTES)
		return false;
	memcpy(out, bytes, len);
	out[len] = '\0';
	return true;
}

/* Domain and selector are where keygen puts them. */
static int read_key(struct seal_config *c, const struct sluice_setting *s, const char *user, struct sluice_config_error *reterr)
{
	const char *slash = strrchr(s->text, '/'), *folder = slash ? memrchr(s->text, '/', (size_t)(slash - s->text)) : NULL;
	size_t len = slash ? strlen(slash + 1) : 0, suffix_len = strlen(KEY_SUFFIX);
	char domain[NAME_BYTES], selector[NAME_BYTES];
	struct err why;
	int r;

	folder = folder ? folder + 1 : s->text;
	if (len <= suffix_len || strcmp(slash + 1 + len - suffix_len, KEY_SUFFIX) != 0 || !copy(selector, slash + 1, len - suffix_len) ||
		!copy(domain, folder, (size_t)(slash - folder)) || !dkim_domain_valid(domain, strlen(domain)) ||
		!dkim_selector_valid(selector, strlen(selector)))
		return wrong(reterr, s->line, "%s does not end with DOMAIN/SELECTOR.pem: make one with sluicectl dkim keygen", s->text);
	r = sign_key_load(s->text, domain, selector, user, &c->key, &why);
	c->has_key = r == 0;
	return r == -EINVAL ? wrong(reterr, s->line, "%s", why.text) : r;
}

static int add_header(struct seal_config *c, const char *name)
{
	char *lower = strdup(name);

	for (char *p = lower; p && *p; p++)
		*p = ascii_lower(*p);
	if (lower && vec_push(&c->headers, lower))
		return 0;
	free(lower);
	return -ENOMEM;
}

static bool is_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == ':' || *p == ';')
			return false;
	return *name != '\0';
}

static int read_header(struct seal_config *c, const struct sluice_setting *s, struct sluice_config_error *reterr)
{
	if (!is_name(s->text))
		return wrong(reterr, s->line, "%s is no name of a header field: write one such as List-Id", s->text);
	for (size_t i = 0; i < ARRAY_LEN(never_signed); i++)
		if (header_field_is(s->text, strlen(s->text), never_signed[i]))
			return wrong(reterr, s->line, "%s cannot be signed: it changes on the way, or the seal itself signs it", s->text);
	for (size_t i = 0; i < c->headers.len; i++)
		if (header_field_is(s->text, strlen(s->text), c->headers.items[i]))
			return wrong(reterr, s->line, "%s is named twice: once is enough, all fields of that name are signed", s->text);
	if (c->headers.len >= SEAL_MAX_HEADERS)
		return wrong(reterr, s->line, "%s is one header field too many: leave some out", s->text);
	return add_header(c, s->text);
}

static int load(struct seal_config *c, const struct sluice_block *b, struct sluice_config_error *reterr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->count; i++) {
		const struct sluice_setting *s = &b->settings[i];

		r = s->option == KEY ? read_key(c, s, b->user, reterr) : read_header(c, s, reterr);
	}
	if (c->headers.len)
		return r;
	for (const char *const *name = sign_field_usual; r == 0 && *name; name++)
		r = add_header(c, *name);
	return r == 0 ? add_header(c, "DKIM-Signature") : r; /* RFC 8617 4.1.2 */
}

int seal_configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct seal_config *c = calloc(1, sizeof *c);
	int r = c ? load(c, blocks, reterr) : -ENOMEM;

	(void)count;
	if (r < 0) {
		seal_release(c);
		return r;
	}
	*ret_state = c;
	return 0;
}

void seal_release(void *state)
{
	struct seal_config *c = state;

	if (!c)
		return;
	sign_key_done(&c->key);
	for (size_t i = 0; i < c->headers.len; i++)
		free(c->headers.items[i]);
	vec_done(&c->headers);
	free(c);
}
