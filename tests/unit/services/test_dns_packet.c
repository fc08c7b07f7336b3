/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "filter/services/dns_packet.h"

#define QUESTION "\1a\7example\3org\0" /* at octet 12; example.org is at 14 */
#define OWNER    "\xc0\x0c"
#define TTL(n)   "\0\0" n

static const struct {
	const char *row;
	enum sluice_dns_type type;
	char rcode, flags;
	unsigned answers, authorities;
	const char *sections;
	size_t len;
	const char *want; /* status ttl: records, separated by | */
} cases[] = {
#define SECTIONS(s) (s), sizeof(s) - 1
	{ "one address", SLUICE_DNS_A, 0, 0, 1, 0, SECTIONS(OWNER "\0\1\0\1" TTL("\1\x2c") "\0\4\xc0\0\2\1"),
		"ok 300: 192.0.2.1" },
	{ "the lowest TTL of a chain", SLUICE_DNS_A, 0, 0, 2, 0,
		SECTIONS(OWNER "\0\5\0\1" TTL("\0\x1e") "\0\4\1b\xc0\x0e"
							"\1b\xc0\x0e\0\1\0\1" TTL("\1\x2c") "\0\4\xc0\0\2\1"),
		"ok 30: 192.0.2.1" },
	{ "a chain in the wrong order", SLUICE_DNS_A, 0, 0, 2, 0,
		SECTIONS("\1b\xc0\x0e\0\1\0\1" TTL("\0\5") "\0\4\xc0\0\2\1" OWNER
							   "\0\5\0\1" TTL("\0\x1e") "\0\4\1b\xc0\x0e"),
		"ok 5: 192.0.2.1" },
	{ "a chain that leaves", SLUICE_DNS_A, 0, 0, 1, 0, SECTIONS(OWNER "\0\5\0\1" TTL("\0\x1e") "\0\4\1b\xc0\x0e"),
		"nodata 30:" },
	{ "a ring", SLUICE_DNS_A, 0, 0, 1, 0, SECTIONS(OWNER "\0\5\0\1" TTL("\0\x1e") "\0\2\xc0\x0c"), "failed 5:" },
	{ "the CNAME itself", SLUICE_DNS_CNAME, 0, 0, 1, 0, SECTIONS(OWNER "\0\5\0\1" TTL("\0\x1e") "\0\4\1B\xc0\x0e"),
		"ok 30: b.example.org" },
	{ "strings joined", SLUICE_DNS_TXT, 0, 0, 1, 0, SECTIONS(OWNER "\0\x10\0\1" TTL("\0\5") "\0\x08\3v=s\0\2pf"),
		"ok 5: v=spf" },
	{ "a text of nothing", SLUICE_DNS_TXT, 0, 0, 1, 0, SECTIONS(OWNER "\0\x10\0\1" TTL("\0\5") "\0\0"), "ok 5: " },
	{ "a string too long", SLUICE_DNS_TXT, 0, 0, 1, 0, SECTIONS(OWNER "\0\x10\0\1" TTL("\0\5") "\0\3\3ab"),
		"failed 5:" },
	{ "two hosts", SLUICE_DNS_MX, 0, 0, 2, 0,
		SECTIONS(OWNER "\0\x0f\0\1" TTL("\0\5") "\0\6\0\x0a\1m\xc0\x0e" OWNER
							"\0\x0f\0\1" TTL("\0\5") "\0\3\0\0\0"),
		"ok 5: 10 m.example.org|0 " },
	{ "an MX without a host", SLUICE_DNS_MX, 0, 0, 1, 0, SECTIONS(OWNER "\0\x0f\0\1" TTL("\0\5") "\0\2\0\x0a"),
		"failed 5:" },
	{ "other owners and classes are passed over", SLUICE_DNS_A, 0, 0, 3, 0,
		SECTIONS("\1z\xc0\x0e\0\1\0\1" TTL("\0\5") "\0\4\1\1\1\1" OWNER "\0\1\0\3" TTL(
			"\0\5") "\0\4\1\1\1\1" OWNER "\0\1\0\1" TTL("\0\7") "\0\4\xc0\0\2\1"),
		"ok 7: 192.0.2.1" },
	{ "an address of three octets", SLUICE_DNS_A, 0, 0, 1, 0, SECTIONS(OWNER "\0\1\0\1" TTL("\0\5") "\0\3\xc0\0\2"),
		"failed 5:" },
	{ "no name, SOA minimum", SLUICE_DNS_A, 3, 0, 0, 1,
		SECTIONS("\xc0\x0e\0\6\0\1" TTL("\1\x2c") "\0\x16\0\0"
							  "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x0a"),
		"nxdomain 10:" },
	{ "no data, SOA TTL", SLUICE_DNS_A, 0, 0, 0, 1,
		SECTIONS("\xc0\x0e\0\6\0\1" TTL("\0\7") "\0\x16\0\0"
							"\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x0a"),
		"nodata 7:" },
	{ "SOA of a week", SLUICE_DNS_A, 3, 0, 0, 1,
		SECTIONS("\xc0\x0e\0\6\0\1\0\x10\0\0\0\x16\0\0"
			 "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\x10\0\0"),
		"nxdomain 3600:" },
	{ "SOA of nothing", SLUICE_DNS_A, 3, 0, 0, 1,
		SECTIONS("\xc0\x0e\0\6\0\1\0\0\0\0\0\x16\0\0"
			 "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0"),
		"nxdomain 1:" },
	{ "no SOA", SLUICE_DNS_A, 3, 0, 0, 0, SECTIONS(""), "nxdomain 60:" },
	{ "SERVFAIL", SLUICE_DNS_A, 2, 0, 0, 0, SECTIONS(""), "failed 5:" },
	{ "truncated", SLUICE_DNS_A, 0, 2, 0, 0, SECTIONS(""), "failed 5:" },
	{ "fewer records than said", SLUICE_DNS_A, 0, 0, 2, 0,
		SECTIONS(OWNER "\0\1\0\1" TTL("\1\x2c") "\0\4\xc0\0\2\1"), "failed 5:" },
	{ "a TTL with its first bit set is 0", SLUICE_DNS_A, 0, 0, 1, 0,
		SECTIONS(OWNER "\0\1\0\1\x80\0\0\1\0\4\xc0\0\2\1"), "ok 0: 192.0.2.1" },
};

static size_t build(uint8_t packet[512], size_t i)
{
	uint8_t head[] = { 0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	size_t len = sizeof head;

	head[2] |= (uint8_t)cases[i].flags;
	head[3] |= (uint8_t)cases[i].rcode;
	head[7] = (uint8_t)cases[i].answers;
	head[9] = (uint8_t)cases[i].authorities;
	memcpy(packet, head, len);
	memcpy(packet + len, QUESTION, sizeof QUESTION - 1);
	len += sizeof QUESTION - 1;
	packet[len++] = 0;
	packet[len++] = (uint8_t)cases[i].type;
	packet[len++] = 0;
	packet[len++] = 1;
	memcpy(packet + len, cases[i].sections, cases[i].len);
	return len + cases[i].len;
}

static void show(struct text *out, enum sluice_dns_type type, const struct sluice_dns_answer *a)
{
	text_addf(out, "%s %u:", dns_status_name(a->status), a->ttl_s);
	for (size_t i = 0; i < a->count; i++) {
		text_adds(out, i ? "|" : " ");
		dns_record_print(out, type, &a->records[i]);
	}
}

static void reads_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1000);
		const struct dns_question q = { "a.example.org", cases[i].type };
		struct dns_answer *a;
		uint8_t packet[512];
		size_t len = build(packet, i);

		a = dns_packet_answer(&q, packet, len, true);
		assert_non_null(a);
		show(&got, q.type, dns_answer_view(a));
		dns_answer_unref(a);
		if (strcmp(text_str(&got), cases[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].row, text_str(&got), cases[i].want);
	}
}

static void refuses_what_is_not_the_answer(void **state)
{
	struct dns_question q = { "b.example.org", SLUICE_DNS_A };
	uint8_t packet[512];
	size_t len = build(packet, 0);
	struct dns_answer *a;

	(void)state;
	a = dns_packet_answer(&q, packet, len, false);
	assert_int_equal(dns_answer_view(a)->status, SLUICE_DNS_FAILED);
	dns_answer_unref(a);

	q.name = "a.example.org";
	for (size_t cut = 0; cut < len; cut++) {
		a = dns_packet_answer(&q, packet, cut, false);
		if (dns_answer_view(a)->status != SLUICE_DNS_FAILED)
			fail_msg("cut at %zu: not refused", cut);
		dns_answer_unref(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_answers),
		cmocka_unit_test(refuses_what_is_not_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
