/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/dns.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/services/dns_name.h"

struct dns_answer {
	_Atomic unsigned references; /* 0: static, neither counted nor freed */
	size_t size;
	struct sluice_dns_answer view;
	struct sluice_dns_record records[]; /* their data follows */
};

static const struct dns_answer no_answer[] = {
	{ .size = sizeof(struct dns_answer), .view = { .status = SLUICE_DNS_FAILED } },
	{ .size = sizeof(struct dns_answer), .view = { .status = SLUICE_DNS_TIMEOUT } },
};

static const char *const status_names[] = {
	[SLUICE_DNS_OK] = "ok",
	[SLUICE_DNS_NODATA] = "nodata",
	[SLUICE_DNS_NXDOMAIN] = "nxdomain",
	[SLUICE_DNS_FAILED] = "failed",
	[SLUICE_DNS_TIMEOUT] = "timeout",
};

static const struct {
	enum sluice_dns_type type;
	const char *name;
} types[] = {
	{ SLUICE_DNS_A, "A" },
	{ SLUICE_DNS_CNAME, "CNAME" },
	{ SLUICE_DNS_PTR, "PTR" },
	{ SLUICE_DNS_MX, "MX" },
	{ SLUICE_DNS_TXT, "TXT" },
	{ SLUICE_DNS_AAAA, "AAAA" },
};

bool dns_question_set(struct dns_question *q, char buf[DNS_NAME_TEXT_MAX], const char *name, enum sluice_dns_type type)
{
	struct dns_name octets;

	if (!dns_name_parse(name, strlen(name), &octets))
		return false;
	dns_name_print(&octets, buf);
	*q = (struct dns_question){ buf, type };
	return true;
}

const struct sluice_dns_answer *dns_answer_view(const struct dns_answer *a)
{
	return &a->view;
}

struct dns_answer *dns_answer_ref(struct dns_answer *a)
{
	if (atomic_load_explicit(&a->references, memory_order_relaxed))
		atomic_fetch_add_explicit(&a->references, 1, memory_order_relaxed);
	return a;
}

void dns_answer_unref(struct dns_answer *a)
{
	if (!a || !atomic_load_explicit(&a->references, memory_order_relaxed))
		return;
	if (atomic_fetch_sub_explicit(&a->references, 1, memory_order_acq_rel) == 1)
		free(a);
}

size_t dns_answer_size(const struct dns_answer *a)
{
	return a->size;
}

struct dns_answer *dns_answer_empty(enum sluice_dns_status status, uint32_t ttl_s)
{
	for (size_t i = 0; ttl_s == 0 && i < ARRAY_LEN(no_answer); i++) {
		if (no_answer[i].view.status == status)
			return (struct dns_answer *)&no_answer[i]; /* nothing ever writes to it */
	}
	return dns_answer_new(&(struct sluice_dns_answer){ .status = status, .ttl_s = ttl_s });
}

struct dns_answer *dns_answer_new(const struct sluice_dns_answer *content)
{
	size_t count = content->count < DNS_ANSWER_MAX_RECORDS ? content->count : DNS_ANSWER_MAX_RECORDS;
	size_t size = sizeof(struct dns_answer) + count * sizeof(struct sluice_dns_record);
	struct dns_answer *a;
	char *data;

	for (size_t i = 0; i < count; i++)
		size += content->records[i].len + 1;
	a = malloc(size);
	if (!a)
		return NULL;

	atomic_init(&a->references, 1);
	a->size = size;
	a->view = *content;
	a->view.count = count;
	a->view.records = a->records;
	data = (char *)&a->records[count];
	for (size_t i = 0; i < count; i++) {
		a->records[i] = content->records[i];
		a->records[i].data = data;
		if (content->records[i].len)
			memcpy(data, content->records[i].data, content->records[i].len);
		data[content->records[i].len] = '\0';
		data += content->records[i].len + 1;
	}
	return a;
}

const char *dns_status_name(enum sluice_dns_status status)
{
	return status_names[status];
}

const char *dns_type_name(enum sluice_dns_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i].type == type)
			return types[i].name;
	}
	return "unknown";
}

bool dns_type_parse(const char *name, size_t len, enum sluice_dns_type *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (ascii_equals(name, len, types[i].name)) {
			*ret = types[i].type;
			return true;
		}
	}
	return false;
}

static void print_address(struct text *out, uint8_t family, const struct sluice_dns_record *r)
{
	struct sluice_ip ip = { .family = family };
	char buf[IP_TEXT_MAX];

	if (r->len == ip_octets(&ip))
		memcpy(ip.bytes, r->data, r->len);
	else
		ip.family = 0;
	text_adds(out, ip_format(&ip, buf));
}

static void print_text(struct text *out, const struct sluice_dns_record *r)
{
	for (size_t i = 0; i < r->len; i++) {
		unsigned char c = (unsigned char)r->data[i];

		/* a zone file's parser would skip a blank at the beginning */
		if (c < ' ' || c > '~' || c == '\\' || (c == ' ' && i == 0))
			text_addf(out, "\\%03u", c);
		else
			text_addc(out, (char)c);
	}
}

void dns_record_print(struct text *out, enum sluice_dns_type type, const struct sluice_dns_record *r)
{
	switch (type) {
	case SLUICE_DNS_A:
		print_address(out, 4, r);
		return;
	case SLUICE_DNS_AAAA:
		print_address(out, 6, r);
		return;
	case SLUICE_DNS_MX:
		text_addf(out, "%u ", r->preference);
		text_add(out, r->data, r->len);
		return;
	case SLUICE_DNS_CNAME:
	case SLUICE_DNS_PTR:
		text_add(out, r->data, r->len);
		return;
	case SLUICE_DNS_TXT:
		print_text(out, r);
		return;
	}
}
