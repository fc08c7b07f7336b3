/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/arena.h"
#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/base/vec.h"
#include "filter/services/dns_name.h"

#define ZONE_MAX_BYTES   (64u << 20)
#define ZONE_MAX_RECORDS 1000000u
#define ZONE_MAX_CNAMES  8u
#define ZONE_TTL_S       300u

enum kind { KIND_RECORD, KIND_FAILED, KIND_SILENT };

/* One line. */
struct line {
	const uint8_t *key; /* of the name: see dns_name_key() */
	size_t key_len;
	enum sluice_dns_type type;
	enum kind kind;
	size_t number;
	struct sluice_dns_record record;
};

/* All lines of one name and type. */
struct set {
	const uint8_t *key;
	size_t key_len;
	enum sluice_dns_type type;
	enum kind kind;
	struct dns_answer *answer; /* NULL when silent */
	struct dns_name target;    /* of a CNAME */
};

struct zone {
	struct arena *arena;  /* the keys */
	VEC(struct set) sets; /* in order of key, then type */
};

struct parser {
	const char *file;
	size_t number; /* of the line */
	struct zone *zone;
	struct arena *arena; /* the data of records, until they are in answers */
	VEC(struct line) lines;
	struct err *err;
};

static int order_of(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int order = len ? memcmp(a, b, len) : 0;

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_lines(const void *a_ptr, const void *b_ptr)
{
	const struct line *a = a_ptr, *b = b_ptr;
	int order = order_of(a->key, a->key_len, b->key, b->key_len);

	if (order == 0)
		order = ((int)a->type > (int)b->type) - ((int)a->type < (int)b->type);
	return order ? order : (a->number > b->number) - (a->number < b->number);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of a line, at *pos. */
static size_t word(const char *line, size_t len, size_t *pos, const char **ret)
{
	size_t start;

	while (*pos < len && is_blank(line[*pos]))
		(*pos)++;
	start = *pos;
	while (*pos < len && !is_blank(line[*pos]))
		(*pos)++;
	*ret = line + start;
	return *pos - start;
}

static int wrong(struct parser *p, const char *what)
{
	return err_set(p->err, -EINVAL, "%s:%zu: %s", p->file, p->number, what);
}

static int set_data(struct parser *p, struct sluice_dns_record *r, const void *bytes, size_t len)
{
	r->data = arena_copy(p->arena, bytes, len);
	r->len = len;
	return r->data ? 0 : -ENOMEM;
}

static int parse_address(struct parser *p, const char *s, size_t len, uint8_t family, struct sluice_dns_record *r)
{
	/* ip_parse() turns ::ffff:192.0.2.1 into IPv4, which an AAAA record may well hold */
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t octets[16];
	struct sluice_ip ip;

	if (!ip_parse(s, len, &ip) || (family == 4 && (ip.family != 4 || memchr(s, ':', len))) ||
		(family == 6 && !memchr(s, ':', len)))
		return wrong(p, family == 4 ? "A needs an IPv4 address like 192.0.2.1"
					    : "AAAA needs an IPv6 address like 2001:db8::1");
	if (family == ip.family)
		return set_data(p, r, ip.bytes, ip_octets(&ip));
	memcpy(octets, mapped, sizeof mapped);
	memcpy(octets + sizeof mapped, ip.bytes, 4);
	return set_data(p, r, octets, sizeof octets);
}

static int parse_target(struct parser *p, const char *s, size_t len, struct sluice_dns_record *r)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;

	if (len == 0 || !dns_name_parse(s, len, &name))
		return wrong(p, "the value is no domain name: labels of 1 to 63 octets, at most 255 in all");
	return set_data(p, r, text, dns_name_print(&name, text));
}

static int parse_mx(struct parser *p, const char *s, size_t len, struct sluice_dns_record *r)
{
	size_t pos = 0, number_len, host_len;
	const char *number, *host;
	uint64_t preference;

	number_len = word(s, len, &pos, &number);
	host_len = word(s, len, &pos, &host);
	if (!ascii_to_u64(number, number_len, UINT16_MAX, &preference) || host_len == 0)
		return wrong(p, "MX needs a preference and a host, like 10 mx.example.org");
	r->preference = (uint16_t)preference;
	return parse_target(p, host, host_len, r);
}

/* Text as it stands, or, where it begins with a quote, strings in quotes with blanks between, which are joined (RFC 1035 5.1). */
static int parse_text(struct parser *p, const char *s, size_t len, struct sluice_dns_record *r)
{
	bool strings = len > 0 && *s == '"', inside = false;
	char *out = arena_alloc(p->arena, len + 1);
	size_t used = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		uint64_t number;

		if (strings && s[i] == '"') {
			inside = !inside;
		} else if (strings && !inside) {
			if (!is_blank(s[i]))
				return wrong(p, "between strings in quotes nothing stands but blanks");
		} else if (s[i] != '\\') {
			out[used++] = s[i];
		} else if (len - i >= 4 && ascii_to_u64(s + i + 1, 3, 255, &number)) {
			out[used++] = (char)number;
			i += 3;
		} else if (strings && i + 1 < len && !ascii_is_digit(s[i + 1])) {
			out[used++] = s[++i];
		} else {
			return wrong(p, "a backslash in TXT begins three digits, \\000 to \\255; itself it is \\092");
		}
	}
	if (inside)
		return wrong(p, "a string in quotes does not end");
	r->data = out;
	r->len = used;
	return 0;
}

static int parse_value(struct parser *p, struct line *line, const char *s, size_t len)
{
	switch (line->type) {
	case SLUICE_DNS_A:
		return parse_address(p, s, len, 4, &line->record);
	case SLUICE_DNS_AAAA:
		return parse_address(p, s, len, 6, &line->record);
	case SLUICE_DNS_MX:
		return parse_mx(p, s, len, &line->record);
	case SLUICE_DNS_PTR:
	case SLUICE_DNS_CNAME:
		return parse_target(p, s, len, &line->record);
	case SLUICE_DNS_TXT:
		return parse_text(p, s, len, &line->record);
	}
	return -EINVAL;
}

static int set_key(struct parser *p, const char *s, size_t len, struct line *line)
{
	uint8_t key[DNS_NAME_MAX];
	struct dns_name name;

	if (!dns_name_parse(s, len, &name))
		return wrong(p, "the line begins with no domain name: labels of 1 to 63 octets, at most 255 in all");
	line->key_len = dns_name_key(&name, key);
	line->key = (const uint8_t *)arena_copy(p->zone->arena, key, line->key_len);
	return line->key ? 0 : -ENOMEM;
}

static int parse_line(struct parser *p, const char *s, size_t len)
{
	struct line line = { .number = p->number };
	const char *name, *type;
	size_t pos = 0, name_len, type_len, end = len;
	int r;

	name_len = word(s, len, &pos, &name);
	if (name_len == 0 || s[0] == '#' || s[0] == ';')
		return 0;
	type_len = word(s, len, &pos, &type);
	if (!dns_type_parse(type, type_len, &line.type))
		return wrong(p, "after the name stands A, AAAA, MX, TXT, PTR or CNAME, then the value");
	r = set_key(p, name, name_len, &line);
	if (r < 0)
		return r;

	while (pos < len && is_blank(s[pos]))
		pos++;
	while (line.type != SLUICE_DNS_TXT && end > pos && is_blank(s[end - 1]))
		end--;
	if (ascii_equals(s + pos, end - pos, "SERVFAIL"))
		line.kind = KIND_FAILED;
	else if (ascii_equals(s + pos, end - pos, "TIMEOUT"))
		line.kind = KIND_SILENT;
	else
		r = parse_value(p, &line, s + pos, end - pos);
	if (r < 0)
		return r;
	if (p->lines.len == ZONE_MAX_RECORDS)
		return wrong(p, "a zone has at most a million records");
	return vec_push(&p->lines, line) ? 0 : -ENOMEM;
}

/* One set of lines that have the same name and type. */
static int add_set(struct parser *p, const struct line *lines, size_t count)
{
	struct set set = { .key = lines->key, .key_len = lines->key_len, .type = lines->type };
	struct sluice_dns_record records[DNS_ANSWER_MAX_RECORDS];
	struct sluice_dns_answer content = { .status = SLUICE_DNS_OK, .ttl_s = ZONE_TTL_S, .records = records };

	for (size_t i = 0; i < count; i++) {
		if (lines[i].kind > set.kind)
			set.kind = lines[i].kind;
		if (content.count < DNS_ANSWER_MAX_RECORDS)
			records[content.count++] = lines[i].record;
	}
	if (set.kind == KIND_RECORD && set.type == SLUICE_DNS_CNAME &&
		!dns_name_parse(records[0].data, records[0].len, &set.target))
		return -EINVAL;
	if (set.kind != KIND_SILENT) {
		set.answer =
			set.kind == KIND_FAILED ? dns_answer_empty(SLUICE_DNS_FAILED, 0) : dns_answer_new(&content);
		if (!set.answer)
			return -ENOMEM;
	}
	if (!vec_push(&p->zone->sets, set)) {
		dns_answer_unref(set.answer);
		return -ENOMEM;
	}
	return 0;
}

static int build(struct parser *p)
{
	if (p->lines.len)
		qsort(p->lines.items, p->lines.len, sizeof *p->lines.items, compare_lines);
	for (size_t i = 0, next; i < p->lines.len; i = next) {
		const struct line *first = &p->lines.items[i];
		int r;

		for (next = i + 1; next < p->lines.len; next++) {
			const struct line *l = &p->lines.items[next];

			if (l->type != first->type || order_of(l->key, l->key_len, first->key, first->key_len) != 0)
				break;
		}
		r = add_set(p, first, next - i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse(struct parser *p, const char *bytes, size_t len)
{
	for (size_t pos = 0; pos < len;) {
		const char *end = memchr(bytes + pos, '\n', len - pos);
		size_t line_len = end ? (size_t)(end - bytes) - pos : len - pos, shown = line_len;
		int r;

		p->number++;
		if (shown && bytes[pos + shown - 1] == '\r')
			shown--;
		r = parse_line(p, bytes + pos, shown);
		if (r < 0)
			return r;
		pos += line_len + 1;
	}
	return build(p);
}

int zone_parse(const char *name, const char *bytes, size_t len, struct zone **ret, struct err *reterr)
{
	/* a key is at most a few octets longer than its line; every record has one, aligned */
	size_t room = 2 * len + (size_t)ZONE_MAX_RECORDS * 64;
	struct parser p = { .file = name, .err = reterr };
	int r = -ENOMEM;

	if (len > ZONE_MAX_BYTES)
		return err_set(reterr, -EFBIG, "%s: a zone has at most 64 MB", name);
	p.zone = calloc(1, sizeof *p.zone);
	p.arena = arena_new(room);
	if (p.zone)
		p.zone->arena = arena_new(room);
	if (p.zone && p.zone->arena && p.arena)
		r = parse(&p, bytes, len);
	if (r == -ENOMEM)
		err_set(reterr, r, "%s: out of memory", name);
	vec_done(&p.lines);
	arena_free(p.arena);
	if (r < 0) {
		zone_free(p.zone);
		return r;
	}
	*ret = p.zone;
	return 0;
}

int zone_load(const char *path, struct zone **ret, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(ZONE_MAX_BYTES);
	int r = text_read_file(&text, path);

	if (r < 0)
		return err_set(reterr, r, "%s: %s", path, r == -EFBIG ? "a zone has at most 64 MB" : text_file_error(r));
	return zone_parse(path, text_str(&text), text.len, ret, reterr);
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	for (size_t i = 0; i < z->sets.len; i++)
		dns_answer_unref(z->sets.items[i].answer);
	vec_done(&z->sets);
	arena_free(z->arena);
	free(z);
}

/* The first set at or behind a key. */
static size_t first_at(const struct zone *z, const uint8_t *key, size_t key_len)
{
	size_t low = 0, high = z->sets.len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct set *s = &z->sets.items[mid];

		if (order_of(s->key, s->key_len, key, key_len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct found {
	bool exists; /* the name, or one below it */
	const struct set *of_type, *cname;
};

static struct found look(const struct zone *z, const struct dns_name *name, enum sluice_dns_type type)
{
	struct found found = { 0 };
	uint8_t key[DNS_NAME_MAX];
	size_t key_len = dns_name_key(name, key);

	for (size_t i = first_at(z, key, key_len); i < z->sets.len; i++) {
		const struct set *s = &z->sets.items[i];

		if (s->key_len < key_len || memcmp(s->key, key, key_len) != 0)
			break;
		found.exists = true;
		if (s->key_len != key_len)
			break;
		if (s->type == type)
			found.of_type = s;
		if (s->type == SLUICE_DNS_CNAME)
			found.cname = s;
	}
	return found;
}

static enum zone_found answer_with(struct dns_answer *a, struct dns_answer **ret)
{
	*ret = a ? a : dns_answer_empty(SLUICE_DNS_FAILED, 0);
	return ZONE_ANSWER;
}

enum zone_found zone_find(const struct zone *z, const struct dns_question *q, struct dns_answer **ret)
{
	struct dns_name name;

	if (!dns_name_parse(q->name, strlen(q->name), &name))
		return ZONE_ABSENT;
	for (unsigned hops = 0; hops <= ZONE_MAX_CNAMES; hops++) {
		struct found found = look(z, &name, q->type);
		const struct set *s = found.of_type ? found.of_type : found.cname;

		if (!found.exists)
			return hops == 0 ? ZONE_ABSENT
			                 : answer_with(dns_answer_empty(SLUICE_DNS_NXDOMAIN, ZONE_TTL_S), ret);
		if (!s)
			return answer_with(dns_answer_empty(SLUICE_DNS_NODATA, ZONE_TTL_S), ret);
		if (s->kind == KIND_SILENT)
			return ZONE_SILENT;
		if (s == found.of_type || s->kind == KIND_FAILED)
			return answer_with(dns_answer_ref(s->answer), ret);
		name = s->target;
	}
	return answer_with(dns_answer_empty(SLUICE_DNS_FAILED, 0), ret);
}
