/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/mail/esmtp.h"
#include "tests/fuzz/fuzz.h"

/* The parameters are the lines of the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1), *args[2 * ESMTP_MAX_PARAMETERS + 1], *save = NULL;
	size_t count = 0;

	MUST(copy);
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	for (char *arg = strtok_r(copy, "\n", &save); arg && count + 1 < ARRAY_LEN(args);
		arg = strtok_r(NULL, "\n", &save))
		args[count++] = arg;
	args[count] = NULL;
	MUST(esmtp_parse_mail(args).unknown <= count);
	MUST(esmtp_parse_rcpt(args).unknown <= count);
	free(copy);
	return 0;
}
