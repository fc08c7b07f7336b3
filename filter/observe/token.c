/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/token.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/base/ascii.h"

const char *const token_scope_words[] = { "read", "operate", "admin", NULL };

static bool is_name(const char *name, size_t len)
{
	if (!len || len > TOKEN_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!ascii_is_alnum(name[i]) && name[i] != '-' && name[i] != '_' && name[i] != '.')
			return false;
	return true;
}

bool token_name_valid(const char *name)
{
	return is_name(name, strlen(name));
}

bool token_scope_read(const char *word, size_t len, enum token_scope *ret)
{
	for (enum token_scope s = TOKEN_READ; s <= TOKEN_ADMIN; s++) {
		if (strlen(token_scope_words[s]) != len || memcmp(token_scope_words[s], word, len) != 0)
			continue;
		*ret = s;
		return true;
	}
	return false;
}

/* The next word of a line, blanks before it passed over; its length may be 0. */
static const char *next_word(const char **p, const char *end, size_t *ret_len)
{
	const char *word;

	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
	word = *p;
	while (*p < end && **p != ' ' && **p != '\t')
		(*p)++;
	*ret_len = (size_t)(*p - word);
	return word;
}

bool token_line_read(const char *line, size_t len, struct http_token *ret)
{
	const char *p = line, *end = line + len, *name, *scope, *hash;
	size_t name_len, scope_len, hash_len, rest_len;
	struct http_token t = { 0 };

	name = next_word(&p, end, &name_len);
	scope = next_word(&p, end, &scope_len);
	hash = next_word(&p, end, &hash_len);
	(void)next_word(&p, end, &rest_len);
	if (rest_len || !is_name(name, name_len) || !token_scope_read(scope, scope_len, &t.scope) || hash_len != (size_t)2 * TOKEN_HASH_BYTES)
		return false;
	memcpy(t.name, name, name_len);
	for (size_t i = 0; i < TOKEN_HASH_BYTES; i++) {
		int octet = ascii_hex_octet(hash + 2 * i);

		if (octet < 0)
			return false;
		t.hash[i] = (unsigned char)octet;
	}
	*ret = t;
	return true;
}

void token_line_write(struct text *out, const struct http_token *t)
{
	text_addf(out, "%s %s ", t->name, token_scope_words[t->scope]);
	for (size_t i = 0; i < TOKEN_HASH_BYTES; i++)
		text_addf(out, "%02x", t->hash[i]);
	text_addc(out, '\n');
}

int token_each(const struct text *file, void (*row)(void *arg, const struct http_token *t, unsigned line), void *arg, struct err *reterr)
{
	const char *p = text_str(file), *end = p + file->len;

	for (unsigned line = 1; p < end; line++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((eol ? eol : end) - p);
		struct http_token t;

		if (len && *p != '#') {
			if (!token_line_read(p, len, &t))
				return err_set(reterr, -EINVAL, "line %u is no 'NAME read|operate|admin HASH': 'sluicectl token add' writes them", line);
			row(arg, &t, line);
		}
		p = eol ? eol + 1 : end;
	}
	return 0;
}

int token_file_read(const char *path, struct text *out, struct err *reterr)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return err_set(reterr, -errno, "%s: %s: 'sluicectl token add' makes it", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 027))
		return err_set(reterr, -EPERM, "%s is not used: it must be a file of root or of the daemon's user, that no others can read or change (chmod 640)",
			path);
	r = text_read_file(out, path);
	return r < 0 ? err_set(reterr, r, "%s: %s", path, strerror(-r)) : 0;
}

void token_hash(const char *token, unsigned char ret[TOKEN_HASH_BYTES])
{
	(void)SHA256((const unsigned char *)token, strlen(token), ret);
}

struct search {
	unsigned char hash[TOKEN_HASH_BYTES];
	struct http_token found;
	bool any;
};

/* Each line is compared, and each whole. */
static void compare(void *arg, const struct http_token *t, unsigned line)
{
	struct search *s = arg;

	(void)line;
	if (CRYPTO_memcmp(t->hash, s->hash, sizeof s->hash) != 0)
		return;
	s->found = *t;
	s->any = true;
}

bool token_find(const struct text *file, const char *token, struct http_token *ret, struct err *reterr)
{
	struct search s = { .any = false };

	*reterr = (struct err){ "" };
	token_hash(token, s.hash);
	if (token_each(file, compare, &s, reterr) < 0 || !s.any) /* a file that is broken lets nobody in */
		return false;
	*ret = s.found;
	return true;
}
