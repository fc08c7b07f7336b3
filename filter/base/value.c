/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/value.h"

#include <inttypes.h>

#include "filter/base/ip.h"
#include "filter/base/json.h"

const char *value_type_name(enum sluice_type type)
{
	switch (type) {
	case SLUICE_BOOL:
		return "bool";
	case SLUICE_INT:
		return "number";
	case SLUICE_MILLI:
		return "decimal";
	case SLUICE_ENUM:
		return "word";
	case SLUICE_TEXT:
		return "text";
	case SLUICE_DOMAIN:
		return "domain";
	case SLUICE_ADDRESS:
		return "address";
	case SLUICE_IP:
		return "ip";
	case SLUICE_TEXTS:
		return "list";
	}
	return "?";
}

void value_print(struct text *out, const struct value *v, const char *const *words)
{
	char ip[IP_TEXT_MAX];

	if (!v->known) {
		text_adds(out, "unknown");
		return;
	}
	switch (v->type) {
	case SLUICE_BOOL:
		text_adds(out, v->yes ? "yes" : "no");
		break;
	case SLUICE_INT:
		text_addf(out, "%" PRId64, v->number);
		break;
	case SLUICE_MILLI:
		text_add_milli(out, v->number);
		break;
	case SLUICE_ENUM:
		text_adds(out, words[v->number]);
		break;
	case SLUICE_TEXT:
	case SLUICE_DOMAIN:
	case SLUICE_ADDRESS:
		text_add(out, v->text.bytes, v->text.len);
		break;
	case SLUICE_IP:
		text_adds(out, ip_format(&v->ip, ip));
		break;
	case SLUICE_TEXTS:
		for (size_t i = 0; i < v->texts.count; i++) {
			if (i > 0)
				text_adds(out, ", ");
			text_add(out, v->texts.items[i].bytes, v->texts.items[i].len);
		}
		break;
	}
}

void value_json(struct text *out, const char *key, const struct value *v, const char *const *words)
{
	char ip[IP_TEXT_MAX];

	if (!v->known) {
		json_str(out, key, NULL);
		return;
	}
	switch (v->type) {
	case SLUICE_BOOL:
		json_bool(out, key, v->yes);
		break;
	case SLUICE_INT:
		json_int(out, key, v->number);
		break;
	case SLUICE_MILLI:
		json_milli(out, key, v->number);
		break;
	case SLUICE_ENUM:
		json_str(out, key, words[v->number]);
		break;
	case SLUICE_TEXT:
	case SLUICE_DOMAIN:
	case SLUICE_ADDRESS:
		json_text(out, key, v->text.bytes, v->text.len);
		break;
	case SLUICE_IP:
		json_str(out, key, ip_format(&v->ip, ip));
		break;
	case SLUICE_TEXTS:
		json_open(out, key, '[');
		for (size_t i = 0; i < v->texts.count; i++)
			json_text(out, NULL, v->texts.items[i].bytes, v->texts.items[i].len);
		json_close(out, ']');
		break;
	}
}
