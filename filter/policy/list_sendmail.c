/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/list_sendmail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/text.h"
#include "filter/services/clock.h"
#include "filter/services/command.h"

#define NAME_BYTES 4096
#define WORD_SHOWN 100

struct reading {
	const struct list_sendmail *what;
	const char *cf;
	list_line_fn fn;
	void *arg;
	struct list_files *files;
	bool below;      /* a domain that may relay stands for its subdomains */
	bool first_only; /* of a line of the file that is read, only the first word */
	bool found;      /* there is such a class, or map */
};

/* ---- items ---- */

static int tell(const struct reading *rd, const char *item, size_t len, struct place at, struct err *reterr)
{
	const struct list_line line = { .item = item, .len = len, .place = at };

	return rd->fn(rd->arg, &line, reterr);
}

static bool is_ipv6(const char *p, size_t len)
{
	return len > 5 && ascii_equal(p, 5, "IPv6:", 5);
}

/* An address, or the beginning of one. */
static bool is_network(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != '.' && (p[i] < '0' || p[i] > '9'))
			return is_ipv6(p, len);
	return true;
}

/* "192.0.2" is 192.0.2.0/24, "IPv6:2001:db8" 2001:db8::/32: whole octets, whole groups. */
static int tell_network(const struct reading *rd, const char *p, size_t len, struct place at, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text net = TEXT_INIT(NAME_BYTES);
	bool six = is_ipv6(p, len);
	char mark = six ? ':' : '.';
	unsigned parts = 1, all = six ? 8 : 4;

	if (six) {
		p += 5;
		len -= 5;
	}
	for (size_t i = 0; i < len; i++)
		parts += p[i] == mark;
	text_add(&net, p, len);
	if (parts < all && !(six && memmem(p, len, "::", 2))) {
		for (unsigned i = parts; !six && i < all; i++)
			text_adds(&net, ".0");
		text_addf(&net, "%s/%u", six ? "::" : "", parts * (six ? 16 : 8));
	}
	return tell(rd, text_str(&net), net.len, at, reterr);
}

static int tell_domain(const struct reading *rd, const char *p, size_t len, bool below, struct place at, struct err *reterr)
{
	char all[LIST_LINE_MAX + 1];
	int r = tell(rd, p, len, at, reterr);

	if (r < 0 || !below || *p == '.' || len >= LIST_LINE_MAX)
		return r;
	all[0] = '.';
	memcpy(all + 1, p, len);
	return tell(rd, all, len + 1, at, reterr);
}

static int tell_item(const struct reading *rd, const char *p, size_t len, bool below, struct place at, struct err *reterr)
{
	if (*p == '[') /* an address literal, which is neither */
		return 0;
	if (rd->what->type == SLUICE_LIST_NETWORK)
		return is_network(p, len) ? tell_network(rd, p, len, at, reterr) : 0;
	return is_network(p, len) ? 0 : tell_domain(rd, p, len, below, at, reterr);
}

/* ---- a class: C lines, and the files of F lines ---- */

static int class_words(const struct reading *rd, const char *p, size_t len, bool first_only, struct place at, struct err *reterr)
{
	const char *begin = p, *end = p + len;
	bool below = rd->below && !strcmp(rd->what->what, "R");
	int r = 0;

	while (r == 0) {
		struct place here = at;
		const char *word;

		while (p < end && ascii_is_space(*p))
			p++;
		if (p == end || (first_only && p > begin))
			break;
		for (word = p; p < end && !ascii_is_space(*p); p++)
			;
		here.column += (unsigned)(word - begin);
		if (memchr(word, '$', (size_t)(p - word)))
			return place_error(here, reterr, "'%.*s': only Sendmail knows the values of its macros: write the name itself into a list",
				(int)(p - word < WORD_SHOWN ? p - word : WORD_SHOWN), word);
		r = tell_item(rd, word, (size_t)(p - word), below, here, reterr);
	}
	return r;
}

static int file_line(void *arg, const struct list_line *line, struct err *reterr)
{
	const struct reading *rd = arg;

	return class_words(rd, line->item, line->len, rd->first_only, line->place, reterr);
}

/* "-o /etc/mail/relay-domains %[^\#]": the file may be missing, and what of a line counts. */
static int class_file(struct reading *rd, const char *p, size_t len, struct place at, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(NAME_BYTES);
	static const char all_words[] = "%[^\\#]";
	const char *end = p + len, *stop;
	bool optional = false;
	int r;

	while (p < end && ascii_is_space(*p))
		p++;
	if (end - p > 2 && !memcmp(p, "-o", 2)) {
		optional = true;
		for (p += 2; p < end && ascii_is_space(*p); p++)
			;
	}
	if (p == end || *p != '/')
		return place_error(at, reterr, "a class that is read from a map or a program: keep its items in a file, and name it with "
			"'file PATH'");
	for (stop = p; stop < end && !ascii_is_space(*stop); stop++)
		;
	text_add(&path, p, (size_t)(stop - p));
	if (path.failed)
		return place_error(at, reterr, "a name of more than %d octets", NAME_BYTES);
	for (p = stop; p < end && ascii_is_space(*p); p++)
		;
	rd->first_only = p == end || ascii_equal(p, (size_t)(end - p), "%s", 2);
	if (!rd->first_only && !ascii_equal(p, (size_t)(end - p), all_words, strlen(all_words)))
		return place_error(at, reterr, "the pattern '%.*s': only %%s and %s are understood: name the file with 'file PATH' instead",
			(int)(end - p), p, all_words);
	r = list_files_add(rd->files, text_str(&path), reterr);
	if (r < 0)
		return r;
	r = list_file_each(text_str(&path), file_line, rd, reterr);
	return r == -ENOENT && optional ? 0 : r;
}

/* Behind "Cw", "C{w}", "F{VirtHost}": where what is said of our class begins; NULL: of another. */
static const char *of_class(const struct reading *rd, const char *p, size_t len)
{
	size_t name = strlen(rd->what->what);

	if (len > name + 2 && p[1] == '{')
		return !memcmp(p + 2, rd->what->what, name) && p[2 + name] == '}' ? p + name + 3 : NULL;
	return name == 1 && len > 1 && p[1] == *rd->what->what ? p + 2 : NULL;
}

/* ---- the access map ---- */

/* The types that makemap knows, and the file that changes when the map does. */
static const struct map_type {
	const char *name, *suffix;
} map_types[] = { { "btree", ".db" }, { "cdb", ".cdb" }, { "dbm", ".pag" }, { "hash", ".db" } };

/* Of "to:example.org" the name; what is for mail from somebody is not for us. */
static int access_key(const struct reading *rd, const char *p, size_t len, struct place at, struct err *reterr)
{
	static const char to[] = "to:", connect[] = "connect:";
	const char *tag = rd->what->type == SLUICE_LIST_NETWORK ? connect : to;

	if (len > strlen(tag) && ascii_equal(p, strlen(tag), tag, strlen(tag))) {
		p += strlen(tag);
		len -= strlen(tag);
	}
	if (!len || memchr(p, '@', len) || (memchr(p, ':', len) && !is_ipv6(p, len)))
		return 0;
	return tell_item(rd, p, len, rd->below, at, reterr);
}

static int access_keys(const struct reading *rd, const struct source *output, struct err *reterr)
{
	unsigned line = 0;
	int r = 0;

	for (const char *p = output->bytes, *end = p + output->len; r == 0 && p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p)), *tab;

		if (!eol)
			eol = end;
		line++;
		tab = memchr(p, '\t', (size_t)(eol - p));
		if (tab && ascii_equal(tab + 1, (size_t)(eol - tab) - 1, "RELAY", 5))
			r = access_key(rd, p, (size_t)(tab - p), (struct place){ output, line, 1 }, reterr);
		p = eol + 1;
	}
	return r;
}

static int list_map(const struct reading *rd, const char *type, const char *path, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(LIST_FILE_MAX_BYTES), name = TEXT_INIT(NAME_BYTES);
	const char *const argv[] = { "makemap", "-C", rd->cf, "-u", type, path, NULL };
	struct source output = { 0 };
	int r = command_read(argv, clock_mono_ms() + LIST_SENDMAIL_TIME_MS, &out, reterr);

	if (r < 0 || !out.len)
		return r;
	text_addf(&name, "makemap -u %s %s", type, path);
	if (name.failed)
		return err_set(reterr, -ENOMEM, "out of memory");
	output.path = name.bytes;
	output.bytes = out.bytes;
	output.len = out.len;
	return access_keys(rd, &output, reterr);
}

/* "hash -T<TMPF> -o /etc/mail/access" */
static int access_map(struct reading *rd, const char *p, size_t len, struct place at, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(NAME_BYTES), file = TEXT_INIT(NAME_BYTES);
	char *word, *rest, *type, *path = NULL;
	size_t i = 0;
	int r;

	text_add(&line, p, len);
	if (line.failed || !line.len)
		return place_error(at, reterr, "what kind of map access is cannot be read");
	type = strtok_r(line.bytes, " \t", &rest);
	while (type && (word = strtok_r(NULL, " \t", &rest)) != NULL)
		if (*word != '-')
			path = word;
	while (type && i < ARRAY_LEN(map_types) && strcmp(map_types[i].name, type) != 0)
		i++;
	if (!path || *path != '/' || i == ARRAY_LEN(map_types))
		return place_error(at, reterr, "the keys of this map cannot be listed: it is none of btree, cdb, dbm and hash; keep them in a file, "
			"and name it with 'file PATH'");
	text_addf(&file, "%s%s", path, map_types[i].suffix);
	r = list_files_add(rd->files, text_str(&file), reterr);
	return r < 0 ? r : list_map(rd, type, path, reterr);
}

/* ---- sendmail.cf ---- */

bool list_sendmail_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!ascii_is_alnum(name[i]) && name[i] != '_')
			return false;
	return len > 0;
}

/* One line; *in_class: is it one of our C lines, which those that begin with a blank go on with? */
static int cf_line(struct reading *rd, const char *p, size_t len, struct place at, bool *in_class, struct err *reterr)
{
	static const char access[] = "Kaccess ";
	bool want_map = !strcmp(rd->what->what, "access");
	const char *rest;

	if (!len || *p == '#')
		return 0;
	if (ascii_is_space(*p))
		return *in_class ? class_words(rd, p, len, false, at, reterr) : 0;
	*in_class = false;
	if (want_map) {
		if (len <= strlen(access) || memcmp(p, access, strlen(access)) != 0)
			return 0;
		rd->found = true;
		return access_map(rd, p + strlen(access), len - strlen(access), at, reterr);
	}
	rest = *p == 'C' || *p == 'F' ? of_class(rd, p, len) : NULL;
	if (!rest)
		return 0;
	rd->found = true;
	at.column += (unsigned)(rest - p);
	if (*p == 'F')
		return class_file(rd, rest, len - (size_t)(rest - p), at, reterr);
	*in_class = true;
	return class_words(rd, rest, len - (size_t)(rest - p), false, at, reterr);
}

static int read_cf(struct reading *rd, const struct source *cf, struct err *reterr)
{
	bool in_class = false;
	unsigned line = 0;
	int r = 0;

	for (const char *p = cf->bytes, *end = p + cf->len; r == 0 && p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		if (!eol)
			eol = end;
		r = cf_line(rd, p, (size_t)(eol - p), (struct place){ cf, ++line, 1 }, &in_class, reterr);
		p = eol + 1;
	}
	if (r == 0 && !rd->found)
		return err_set(reterr, -ENODEV, "%s has no %s %s", cf->path, strcmp(rd->what->what, "access") ? "class" : "map", rd->what->what);
	return r;
}

int list_sendmail_each(const struct list_sendmail *what, list_line_fn fn, void *arg, struct list_files *files, struct err *reterr)
{
	struct reading rd = { .what = what, .cf = what->cf ? what->cf : LIST_SENDMAIL_CF, .fn = fn, .arg = arg, .files = files };
	struct source *cf;
	int r = list_files_add(files, rd.cf, reterr);

	if (r == 0)
		r = source_load(rd.cf, &cf, reterr);
	if (r < 0)
		return r;
	rd.below = !strstr(cf->bytes, "< @ $=R >"); /* a rule of relay_hosts_only */
	r = read_cf(&rd, cf, reterr);
	source_free(cf);
	return r;
}
