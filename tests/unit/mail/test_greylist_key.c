/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "filter/mail/address.h"
#include "filter/mail/greylist_key.h"

static void senders_are_known_again_at_the_next_try(void **state)
{
	static const struct {
		const char *sender, *want;
	} rows[] = {
		{ "<a@example.net>", "a@example.net" },
		{ "<A.b@Example.NET>", "a.b@example.net" },
		{ "<user+list=u=example.org@example.net>", "user#@example.net" },
		{ "<bounce-12345-678@example.net>", "bounce-#-#@example.net" },
		{ "<prvs=0123abcdef=user@example.net>", "user@example.net" },
		{ "<PRVS=0123abcdef=user@example.net>", "user@example.net" },
		{ "<btv1==012abc==user@example.net>", "user@example.net" },
		{ "<prvs=a=user@example.net>", "prvs#@example.net" }, /* too short for a tag */
		{ "<prvs=0123abcdef=@example.net>", "prvs#@example.net" },
		{ "<>", "@" },
		{ "<postmaster>", "postmaster@" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_address a = address_split(rows[i].sender, strlen(rows[i].sender));
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1024);

		greylist_fold_sender(&got, &a);
		if (strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("%s: got '%s'", rows[i].sender, text_str(&got));
	}
}

static void a_client_is_its_network_or_the_domain_that_authorised_it(void **state)
{
	static const struct {
		const char *net, *domain, *want;
	} rows[] = {
		{ "192.0.2.0/24", NULL, "greylist|192.0.2.0/24" },
		{ "192.0.2.0/24", "Example.NET", "greylist|@example.net" },
		{ NULL, NULL, "greylist|" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *used = rows[i].domain ? rows[i].domain : rows[i].net;
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1024);

		greylist_client_key(&got, rows[i].net, rows[i].domain, used ? strlen(used) : 0);
		assert_string_equal(text_str(&got), rows[i].want);
	}
}

static void a_try_has_the_same_key_again_when_it_is_made_of_what_is_shown(void **state)
{
	static const struct {
		const char *sender, *rcpt, *want;
	} rows[] = {
		{ "<A@Example.NET>", "<U@example.ORG>", "|a@example.net|u@example.org" },
		{ "<b-7+x@example.net>", "u@example.org", "|b-##@example.net|u@example.org" },
		{ "b-##@example.net", "u@example.org", "|b-##@example.net|u@example.org" },
		{ "<>", NULL, "|@|" },
		{ "@", "", "|@|" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_address from = address_split(rows[i].sender, strlen(rows[i].sender));
		struct sluice_address to = rows[i].rcpt ? address_split(rows[i].rcpt, strlen(rows[i].rcpt)) : (struct sluice_address){ 0 };
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1024);

		greylist_try_key(&got, &from, rows[i].rcpt ? &to : NULL);
		if (strcmp(text_str(&got), rows[i].want) != 0)
			fail_msg("%s: got '%s'", rows[i].sender, text_str(&got));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(senders_are_known_again_at_the_next_try),
		cmocka_unit_test(a_client_is_its_network_or_the_domain_that_authorised_it),
		cmocka_unit_test(a_try_has_the_same_key_again_when_it_is_made_of_what_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
