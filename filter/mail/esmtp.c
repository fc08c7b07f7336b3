/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/esmtp.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"

const char *const esmtp_body_words[] = { "none", "7bit", "8bitmime", "binarymime", NULL };

struct parameter {
	const char *key;
	size_t key_len;
	bool has_value;
	struct esmtp_text value;
};

static struct parameter parameter_split(const char *arg)
{
	const char *equals = strchr(arg, '=');
	struct parameter p = { .key = arg, .key_len = strlen(arg), .has_value = equals != NULL };

	if (equals) {
		p.value = (struct esmtp_text){ equals + 1, p.key_len - (size_t)(equals + 1 - arg) };
		p.key_len = (size_t)(equals - arg);
	}
	return p;
}

static bool take_text(const struct parameter *p, struct esmtp_text *ret)
{
	if (p->value.len == 0)
		return false;
	*ret = p->value;
	return true;
}

static bool take_size(const struct parameter *p, struct esmtp_mail *m)
{
	m->has_size = ascii_to_u64(p->value.bytes, p->value.len, UINT64_MAX, &m->size_bytes);
	return m->has_size;
}

static bool take_body(const struct parameter *p, struct esmtp_mail *m)
{
	for (int b = ESMTP_BODY_7BIT; b <= ESMTP_BODY_BINARYMIME; b++) {
		if (ascii_equals(p->value.bytes, p->value.len, esmtp_body_words[b])) {
			m->body = (enum esmtp_body)b;
			return true;
		}
	}
	return false;
}

static bool take_smtputf8(const struct parameter *p, struct esmtp_mail *m)
{
	m->smtputf8 = !p->has_value;
	return m->smtputf8;
}

static bool take_ret(const struct parameter *p, struct esmtp_mail *m)
{
	return take_text(p, &m->ret);
}

static bool take_envid(const struct parameter *p, struct esmtp_mail *m)
{
	return take_text(p, &m->envid);
}

static bool take_auth(const struct parameter *p, struct esmtp_mail *m)
{
	return take_text(p, &m->auth);
}

static const struct {
	const char *key;
	bool (*take)(const struct parameter *p, struct esmtp_mail *m);
} mail_parameters[] = {
	{ "SIZE", take_size },
	{ "BODY", take_body },
	{ "SMTPUTF8", take_smtputf8 },
	{ "RET", take_ret },
	{ "ENVID", take_envid },
	{ "AUTH", take_auth },
};

struct esmtp_mail esmtp_parse_mail(char *const *args)
{
	struct esmtp_mail m = { 0 };
	bool seen[ARRAY_LEN(mail_parameters)] = { false };

	for (size_t i = 0; args && args[i]; i++) {
		bool taken = false;

		if (i < ESMTP_MAX_PARAMETERS) {
			struct parameter p = parameter_split(args[i]);

			for (size_t k = 0; k < ARRAY_LEN(mail_parameters); k++) {
				if (seen[k] || !ascii_equals(p.key, p.key_len, mail_parameters[k].key))
					continue;
				seen[k] = true;
				taken = mail_parameters[k].take(&p, &m);
			}
		}
		m.unknown += !taken;
	}
	return m;
}

struct esmtp_rcpt esmtp_parse_rcpt(char *const *args)
{
	struct esmtp_rcpt r = { 0 };

	for (size_t i = 0; args && args[i]; i++) {
		bool taken = false;

		if (i < ESMTP_MAX_PARAMETERS) {
			struct parameter p = parameter_split(args[i]);

			if (ascii_equals(p.key, p.key_len, "NOTIFY") && r.notify.len == 0)
				taken = take_text(&p, &r.notify);
			else if (ascii_equals(p.key, p.key_len, "ORCPT") && r.orcpt.len == 0)
				taken = take_text(&p, &r.orcpt);
		}
		r.unknown += !taken;
	}
	return r;
}
