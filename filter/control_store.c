/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/control_store.h"

#include <sysexits.h>

#include "filter/control.h"

int control_say(struct text *out, int status, const char *text)
{
	text_addf(out, "%s\n", text);
	return status;
}

int control_store_failed(struct text *out, const struct sluice_store_answer *a)
{
	text_addf(out, "the store does not answer: %s\n", a->why);
	return EX_UNAVAILABLE;
}

struct sluice_store_answer control_store_call(struct store *s, struct sluice_store_op op, const struct text *key, struct text *value)
{
	op.key = text_str(key);
	op.key_len = key->len;
	/* what people do, and what gateways claim from each other, is of no use in a store that one of them has for itself */
	return store_call(store_shared(s), &op, CONTROL_TIMEOUT_MS, value);
}
