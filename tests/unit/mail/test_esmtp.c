/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/esmtp.h"

static void reads_the_parameters_of_mail(void **state)
{
	static const struct {
		const char *args[6];
		struct esmtp_mail want;
		const char *ret, *envid, *auth;
	} rows[] = {
		{ { NULL }, { 0 }, "", "", "" },
		{ { "SIZE=100" }, { .has_size = true, .size_bytes = 100 }, "", "", "" },
		{ { "size=0" }, { .has_size = true }, "", "", "" },
		{ { "SIZE" }, { .unknown = 1 }, "", "", "" },
		{ { "SIZE=" }, { .unknown = 1 }, "", "", "" },
		{ { "SIZE=-1" }, { .unknown = 1 }, "", "", "" },
		{ { "SIZE=99999999999999999999" }, { .unknown = 1 }, "", "", "" },
		{ { "SIZE=1", "SIZE=2" }, { .has_size = true, .size_bytes = 1, .unknown = 1 }, "", "", "" },
		{ { "BODY=8BITMIME", "SMTPUTF8" }, { .body = ESMTP_BODY_8BITMIME, .smtputf8 = true }, "", "", "" },
		{ { "body=7bit" }, { .body = ESMTP_BODY_7BIT }, "", "", "" },
		{ { "BODY=BinaryMIME" }, { .body = ESMTP_BODY_BINARYMIME }, "", "", "" },
		{ { "BODY=none" }, { .unknown = 1 }, "", "", "" },
		{ { "BODY=9BIT" }, { .unknown = 1 }, "", "", "" },
		{ { "SMTPUTF8=yes" }, { .unknown = 1 }, "", "", "" },
		{ { "SMTPUTF8=" }, { .unknown = 1 }, "", "", "" },
		{ { "RET=HDRS", "ENVID=x+3Dy", "AUTH=<>" }, { 0 }, "HDRS", "x+3Dy", "<>" },
		{ { "ENVID=a=b" }, { 0 }, "", "a=b", "" },
		{ { "X-FOO=1", "", "=", "=1", "NOTIFY=NEVER" }, { .unknown = 5 }, "", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct esmtp_mail got = esmtp_parse_mail((char *const *)rows[i].args), want = rows[i].want;

		if (got.has_size != want.has_size || got.size_bytes != want.size_bytes || got.body != want.body ||
			got.smtputf8 != want.smtputf8 || got.unknown != want.unknown)
			fail_msg("row %zu (%s ...)", i, rows[i].args[0]);
		if (got.ret.len != strlen(rows[i].ret) || got.envid.len != strlen(rows[i].envid) ||
			got.auth.len != strlen(rows[i].auth))
			fail_msg("row %zu (%s ...): texts", i, rows[i].args[0]);
	}
	assert_int_equal(esmtp_parse_mail(NULL).unknown, 0);
}

static void reads_the_parameters_of_rcpt(void **state)
{
	const char *args[] = { "NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;a@b", "notify=NEVER", "SIZE=1", "ORCPT", NULL };
	struct esmtp_rcpt r = esmtp_parse_rcpt((char *const *)args);

	(void)state;
	assert_int_equal(r.notify.len, 15);
	assert_memory_equal(r.notify.bytes, "SUCCESS,FAILURE", 15);
	assert_int_equal(r.orcpt.len, 10);
	assert_memory_equal(r.orcpt.bytes, "rfc822;a@b", 10);
	assert_int_equal(r.unknown, 3);
	assert_int_equal(esmtp_parse_rcpt(NULL).unknown, 0);
}

static void parameters_beyond_the_limit_are_unknown(void **state)
{
	char *args[ESMTP_MAX_PARAMETERS + 3];
	char unknown[] = "X", size[] = "SIZE=1", notify[] = "NOTIFY=NEVER";

	(void)state;
	for (size_t i = 0; i < ESMTP_MAX_PARAMETERS; i++)
		args[i] = unknown;
	args[ESMTP_MAX_PARAMETERS] = size;
	args[ESMTP_MAX_PARAMETERS + 1] = notify;
	args[ESMTP_MAX_PARAMETERS + 2] = NULL;
	assert_false(esmtp_parse_mail(args).has_size);
	assert_int_equal(esmtp_parse_mail(args).unknown, ESMTP_MAX_PARAMETERS + 2);
	assert_int_equal(esmtp_parse_rcpt(args).unknown, ESMTP_MAX_PARAMETERS + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_parameters_of_mail),
		cmocka_unit_test(reads_the_parameters_of_rcpt),
		cmocka_unit_test(parameters_beyond_the_limit_are_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
