/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/clamd_wire.h"

#include <string.h>
#include <time.h>

#include "filter/base/text.h"

static const char too_large[] = "INSTREAM size limit exceeded. ERROR";

static void copy(char ret[CLAMD_TEXT_MAX + 1], const char *bytes, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(CLAMD_TEXT_MAX);

	text_add_safe(&text, bytes, len, CLAMD_TEXT_MAX);
	memcpy(ret, text_str(&text), text.len + 1);
}

/* Cut a word off the end, with the blank before it. */
static bool cut(const char *bytes, size_t *len, const char *word)
{
	size_t n = strlen(word);

	if (*len <= n || memcmp(bytes + *len - n, word, n) != 0)
		return false;
	*len -= n;
	return true;
}

void clamd_reply_read(const char *bytes, size_t len, struct clamd_reply *ret)
{
	const char *colon = memmem(bytes, len, ": ", 2); /* behind what was looked at: "stream", "fd[10]" */
	size_t at = colon ? (size_t)(colon - bytes) + 2 : 0;

	*ret = (struct clamd_reply){ .kind = CLAMD_NONSENSE };
	if (memchr(bytes, '\0', len))
		return;
	if (len == strlen(too_large) && !memcmp(bytes, too_large, len)) {
		ret->kind = CLAMD_TOO_LARGE;
	} else if (cut(bytes, &len, " ERROR")) { /* not all errors say of what */
		ret->kind = CLAMD_ERROR;
		at = at < len ? at : 0;
		copy(ret->text, bytes + at, len - at);
	} else if (colon && len - at == 2 && !memcmp(bytes + at, "OK", 2)) {
		ret->kind = CLAMD_CLEAN;
	} else if (colon && cut(bytes, &len, " FOUND") && len > at) {
		ret->kind = CLAMD_FOUND;
		copy(ret->text, bytes + at, len - at);
	}
}

bool clamd_version_read(const char *bytes, size_t len, struct clamd_version *ret)
{
	static const char name[] = "ClamAV ";
	const char *slash, *date;
	struct tm tm = { 0 };
	char all[CLAMD_TEXT_MAX + 1];
	const char *end;

	if (len <= strlen(name) || memcmp(bytes, name, strlen(name)) != 0 || memchr(bytes, '\0', len))
		return false;
	copy(all, bytes, len);
	*ret = (struct clamd_version){ 0 };
	memcpy(ret->text, all, sizeof all);
	slash = strchr(all, '/');
	memcpy(ret->engine, all, slash ? (size_t)(slash - all) : strlen(all));
	date = slash ? strchr(slash + 1, '/') : NULL;
	end = date ? strptime(date + 1, "%a %b %d %H:%M:%S %Y", &tm) : NULL;
	if (end && !*end && timegm(&tm) > 0)
		ret->signatures_s = timegm(&tm);
	return true;
}
