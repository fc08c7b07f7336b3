/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "filter/base/cleanup.h"
#include "filter/services/clamd_wire.h"

static const struct {
	const char *reply;
	enum clamd_reply_kind kind;
	const char *text;
} replies[] = {
	{ "stream: OK", CLAMD_CLEAN, "" },
	{ "fd[10]: OK", CLAMD_CLEAN, "" },
	{ "stream: Eicar-Test-Signature FOUND", CLAMD_FOUND, "Eicar-Test-Signature" },
	{ "fd[9]: Win.Test.EICAR_HDB-1(44d88612fea8a8f36de82e1278abb02f:68) FOUND", CLAMD_FOUND,
		"Win.Test.EICAR_HDB-1(44d88612fea8a8f36de82e1278abb02f:68)" },
	{ "stream: a\x1b\xff FOUND", CLAMD_FOUND, "a??" },
	{ "stream: OK FOUND", CLAMD_FOUND, "OK" },
	{ "INSTREAM size limit exceeded. ERROR", CLAMD_TOO_LARGE, "" },
	{ "stream: Can't allocate memory ERROR", CLAMD_ERROR, "Can't allocate memory" },
	{ "No file descriptor received. ERROR", CLAMD_ERROR, "No file descriptor received." },
	{ ": ERROR", CLAMD_ERROR, ":" },
	{ "", CLAMD_NONSENSE, "" },
	{ "OK", CLAMD_NONSENSE, "" },
	{ "stream: ok", CLAMD_NONSENSE, "" },
	{ "stream: OK ", CLAMD_NONSENSE, "" },
	{ "stream: FOUND", CLAMD_NONSENSE, "" },
	{ "stream:  FOUND", CLAMD_NONSENSE, "" },
	{ "Eicar-Test-Signature FOUND", CLAMD_NONSENSE, "" },
	{ " ERROR", CLAMD_NONSENSE, "" },
	{ "UNKNOWN COMMAND", CLAMD_NONSENSE, "" },
};

static void replies_are_read(void **state)
{
	struct clamd_reply got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		clamd_reply_read(replies[i].reply, strlen(replies[i].reply), &got);
		if (got.kind != replies[i].kind || strcmp(got.text, replies[i].text) != 0)
			fail_msg("'%s': got %d '%s'", replies[i].reply, (int)got.kind, got.text);
	}
	clamd_reply_read("stream: \0 FOUND", 15, &got);
	assert_int_equal(got.kind, CLAMD_NONSENSE);
}

static void a_name_is_cut(void **state)
{
	char reply[1000] = "stream: ";
	struct clamd_reply got;

	(void)state;
	memset(reply + 8, 'x', 900);
	memcpy(reply + 908, " FOUND", 6);
	clamd_reply_read(reply, 914, &got);
	assert_int_equal(got.kind, CLAMD_FOUND);
	assert_int_equal(strlen(got.text), CLAMD_TEXT_MAX);
}

static const struct {
	const char *reply, *engine;
	int64_t signatures_s;
} versions[] = {
	{ "ClamAV 1.4.3/27800/Mon Nov 25 09:30:00 2024", "ClamAV 1.4.3", 1732527000 },
	{ "ClamAV 1.4.3/27800/Mon Nov  4 09:30:00 2024", "ClamAV 1.4.3", 1730712600 },
	{ "ClamAV 1.4.6", "ClamAV 1.4.6", 0 },
	{ "ClamAV 1.4.3/27800/some day", "ClamAV 1.4.3", 0 },
	{ "ClamAV 1.4.3/27800/Mon Nov 25 09:30:00 2024 and more", "ClamAV 1.4.3", 0 },
	{ "ClamAV 1.4.3/27800", "ClamAV 1.4.3", 0 },
	{ "ClamAV ", NULL, 0 },
	{ "", NULL, 0 },
	{ "stream: OK", NULL, 0 },
};

static void versions_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct clamd_version got;
		bool good = clamd_version_read(versions[i].reply, strlen(versions[i].reply), &got);

		if (good != (versions[i].engine != NULL) ||
			(good && (strcmp(got.engine, versions[i].engine) != 0 ||
					 got.signatures_s != versions[i].signatures_s)))
			fail_msg("'%s' was read as %d", versions[i].reply, good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read),
		cmocka_unit_test(a_name_is_cut),
		cmocka_unit_test(versions_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
