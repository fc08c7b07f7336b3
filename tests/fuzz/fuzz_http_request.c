/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "filter/observe/http_request.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request q;
	struct http_pair pair;
	const char *p;
	size_t len = 0, pairs = 0;
	int r = http_request_read((const char *)data, size, &q, &len);

	MUST(r == 0 || r == -EAGAIN || (r >= 400 && r < 600));
	if (r != 0)
		return 0;
	MUST(len <= size && len <= HTTP_HEAD_MAX && q.path[0] == '/');
	MUST(!strstr(q.path, "//") && !strstr(q.path, "/../") && !strpbrk(q.path, "\r\n") && !strpbrk(q.authorization, "\r\n") && !strpbrk(q.host, "\r\n/ "));
	p = q.query;
	while (http_query_next(&p, &pair) == 1) {
		pairs++;
		MUST(!strpbrk(pair.key, "\r\n") && !strpbrk(pair.value, "\r\n"));
	}
	MUST(pairs <= HTTP_QUERY_MAX);
	return 0;
}
