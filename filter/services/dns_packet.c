/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/dns_packet.h"

#include <string.h>

#include "filter/services/dns_name.h"

enum { HEADER_OCTETS = 12, FLAG_QR = 0x80, FLAG_TC = 0x02, CLASS_IN = 1, TYPE_SOA = 6 };
enum { RCODE_NOERROR = 0, RCODE_NXDOMAIN = 3 };

/* A message and what was read of it. */
struct packet {
	const uint8_t *octets;
	size_t len;
	size_t answers_at, authority_at; /* where the sections begin */
	unsigned answers, authorities;
	unsigned rcode;
	struct dns_name question;
};

struct record {
	struct dns_name owner;
	unsigned type, class;
	uint32_t ttl_s;
	size_t data_at, data_len;
};

static unsigned read_u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t read_u32(const uint8_t *p)
{
	return (uint32_t)read_u16(p) << 16 | read_u16(p + 2);
}

static bool read_record(const struct packet *p, size_t *pos, struct record *ret)
{
	const uint8_t *fixed;

	if (!dns_name_read(p->octets, p->len, pos, &ret->owner) || p->len - *pos < 10)
		return false;
	fixed = p->octets + *pos;
	ret->type = read_u16(fixed);
	ret->class = read_u16(fixed + 2);
	ret->ttl_s = read_u32(fixed + 4);
	if (ret->ttl_s > INT32_MAX) /* RFC 2181 8 */
		ret->ttl_s = 0;
	ret->data_at = *pos + 10;
	ret->data_len = read_u16(fixed + 8);
	if (p->len - ret->data_at < ret->data_len)
		return false;
	*pos = ret->data_at + ret->data_len;
	return true;
}

static bool read_head(struct packet *p, const struct dns_question *q)
{
	size_t pos = HEADER_OCTETS;
	struct dns_name asked;
	struct record r;

	if (p->len < HEADER_OCTETS || !(p->octets[2] & FLAG_QR) || (p->octets[2] & FLAG_TC) ||
		read_u16(p->octets + 4) != 1)
		return false;
	p->rcode = p->octets[3] & 0x0f;
	p->answers = read_u16(p->octets + 6);
	p->authorities = read_u16(p->octets + 8);
	if (p->answers > DNS_PACKET_MAX_RECORDS || p->authorities > DNS_PACKET_MAX_RECORDS)
		return false;
	if (!dns_name_parse(q->name, strlen(q->name), &asked) ||
		!dns_name_read(p->octets, p->len, &pos, &p->question) || !dns_name_equal(&asked, &p->question))
		return false;
	if (p->len - pos < 4 || read_u16(p->octets + pos) != (unsigned)q->type ||
		read_u16(p->octets + pos + 2) != CLASS_IN)
		return false;

	p->answers_at = pos + 4;
	pos = p->answers_at;
	for (unsigned i = 0; i < p->answers; i++) {
		if (!read_record(p, &pos, &r))
			return false;
	}
	p->authority_at = pos;
	return true;
}

/* The name at the end of the CNAMEs, and the lowest TTL on the way there. False: a loop, or a bad record. */
static bool follow(const struct packet *p, enum sluice_dns_type type, struct dns_name *name, uint32_t *ttl_s)
{
	for (unsigned hops = 0; hops <= DNS_PACKET_MAX_CNAMES; hops++) {
		size_t pos = p->answers_at;
		bool moved = false;

		for (unsigned i = 0; i < p->answers && !moved; i++) {
			struct record r;
			size_t target_at;

			if (!read_record(p, &pos, &r))
				return false;
			if (r.class != CLASS_IN || r.type != SLUICE_DNS_CNAME || type == SLUICE_DNS_CNAME ||
				!dns_name_equal(&r.owner, name))
				continue;
			target_at = r.data_at;
			if (!dns_name_read(p->octets, r.data_at + r.data_len, &target_at, name))
				return false;
			if (r.ttl_s < *ttl_s)
				*ttl_s = r.ttl_s;
			moved = true;
		}
		if (!moved)
			return true;
	}
	return false;
}

static bool add_name(const struct packet *p, const struct record *r, size_t skip, struct text *data)
{
	size_t pos = r->data_at + skip;
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;

	if (!dns_name_read(p->octets, r->data_at + r->data_len, &pos, &name))
		return false;
	text_add(data, text, dns_name_print(&name, text));
	return true;
}

static bool add_strings(const struct packet *p, const struct record *r, struct text *data)
{
	size_t end = r->data_at + r->data_len;

	for (size_t pos = r->data_at; pos < end;) {
		size_t len = p->octets[pos++];

		if (end - pos < len)
			return false;
		text_add(data, p->octets + pos, len);
		pos += len;
	}
	return true;
}

/* Add what a record says to data. False: malformed. */
static bool add_data(const struct packet *p, enum sluice_dns_type type, const struct record *r, struct text *data)
{
	switch (type) {
	case SLUICE_DNS_A:
	case SLUICE_DNS_AAAA:
		text_add(data, p->octets + r->data_at, r->data_len);
		return r->data_len == (type == SLUICE_DNS_A ? 4 : 16);
	case SLUICE_DNS_MX:
		return r->data_len > 2 && add_name(p, r, 2, data);
	case SLUICE_DNS_CNAME:
	case SLUICE_DNS_PTR:
		return add_name(p, r, 0, data);
	case SLUICE_DNS_TXT:
		return add_strings(p, r, data);
	}
	return false;
}

static struct dns_answer *failed(void)
{
	return dns_answer_empty(SLUICE_DNS_FAILED, DNS_PACKET_FAILED_TTL_S);
}

static struct dns_answer *negative(const struct packet *p, uint32_t chain_ttl_s, bool secure)
{
	struct sluice_dns_answer content = { .secure = secure, .ttl_s = DNS_PACKET_BARE_TTL_S };
	size_t pos = p->authority_at;

	content.status = p->rcode == RCODE_NXDOMAIN ? SLUICE_DNS_NXDOMAIN : SLUICE_DNS_NODATA;
	for (unsigned i = 0; i < p->authorities; i++) {
		struct record r;
		uint32_t minimum;

		if (!read_record(p, &pos, &r))
			return failed();
		if (r.type != TYPE_SOA || r.class != CLASS_IN || r.data_len < 22)
			continue;
		minimum = read_u32(p->octets + r.data_at + r.data_len - 4);
		content.ttl_s = r.ttl_s < minimum ? r.ttl_s : minimum;
		break;
	}
	if (content.ttl_s > DNS_PACKET_NEGATIVE_MAX_TTL_S)
		content.ttl_s = DNS_PACKET_NEGATIVE_MAX_TTL_S;
	if (content.ttl_s > chain_ttl_s)
		content.ttl_s = chain_ttl_s;
	if (content.ttl_s == 0)
		content.ttl_s = 1;
	return dns_answer_new(&content);
}

struct dns_answer *dns_packet_answer(const struct dns_question *q, const uint8_t *packet, size_t len, bool secure)
{
	struct packet p = { .octets = packet, .len = len };
	struct sluice_dns_answer content = { .status = SLUICE_DNS_OK, .secure = secure, .ttl_s = UINT32_MAX };
	struct sluice_dns_record records[DNS_ANSWER_MAX_RECORDS] = { 0 };
	/* a name grows at most fourfold when it is printed, but compressed it may be of two octets */
	SLUICE_CLEANUP(text_done)
	struct text data = TEXT_INIT(DNS_ANSWER_MAX_RECORDS * (DNS_NAME_TEXT_MAX + 1) + 65536);
	size_t start[DNS_ANSWER_MAX_RECORDS], pos;
	struct dns_name name;

	if (!read_head(&p, q) || (p.rcode != RCODE_NOERROR && p.rcode != RCODE_NXDOMAIN))
		return failed();
	name = p.question;
	if (!follow(&p, q->type, &name, &content.ttl_s))
		return failed();

	pos = p.answers_at;
	for (unsigned i = 0; i < p.answers && content.count < DNS_ANSWER_MAX_RECORDS; i++) {
		struct record r;

		if (!read_record(&p, &pos, &r))
			return failed();
		if (r.class != CLASS_IN || r.type != (unsigned)q->type || !dns_name_equal(&r.owner, &name))
			continue;
		start[content.count] = data.len;
		if (!add_data(&p, q->type, &r, &data) || data.failed)
			return failed();
		if (q->type == SLUICE_DNS_MX)
			records[content.count].preference = (uint16_t)read_u16(packet + r.data_at);
		records[content.count].len = data.len - start[content.count];
		content.count++;
		if (r.ttl_s < content.ttl_s)
			content.ttl_s = r.ttl_s;
	}
	if (content.count == 0 || p.rcode == RCODE_NXDOMAIN)
		return negative(&p, content.ttl_s, secure);
	for (size_t i = 0; i < content.count; i++)
		records[i].data = text_str(&data) + start[i];
	content.records = records;
	return dns_answer_new(&content);
}
