/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/redis_slots.h"

#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"

#define CRC16_POLYNOMIAL 0x1021 /* CRC-16/XMODEM: begins with 0, highest bit first */

static unsigned crc16(const char *bytes, size_t len)
{
	unsigned crc = 0;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned)(unsigned char)bytes[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc << 1 ^ (crc & 0x8000 ? CRC16_POLYNOMIAL : 0)) & 0xffff;
	}
	return crc;
}

unsigned redis_slot(const char *key, size_t len)
{
	const char *open = memchr(key, '{', len);
	const char *close = open ? memchr(open, '}', len - (size_t)(open - key)) : NULL;

	if (close && close > open + 1) {
		key = open + 1;
		len = (size_t)(close - key);
	}
	return crc16(key, len) % REDIS_SLOTS;
}

bool redis_server_write(char ret[REDIS_SERVER_MAX], const char *host, size_t host_len, int64_t port, const char *asked)
{
	int len;

	if (!host_len || (host_len == 1 && *host == '?')) {
		const char *colon = strrchr(asked, ':');

		host = asked;
		host_len = colon ? (size_t)(colon - asked) : 0;
	}
	if (host_len >= REDIS_SERVER_MAX || !host_len || port < 1 || port > UINT16_MAX)
		return false;
	len = snprintf(ret, REDIS_SERVER_MAX, "%.*s:%d", (int)host_len, host, (int)port);
	return len < REDIS_SERVER_MAX && memchr(host, '\0', host_len) == NULL;
}

static bool is_slot(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0 && reply->integer < REDIS_SLOTS;
}

/* [first, last, [host, port, ...] of the primary, replicas ...] */
static bool read_range(const redisReply *row, const char *asked, void (*range)(void *arg, unsigned first, unsigned last, const char *server), void *arg)
{
	const redisReply *primary = row->type == REDIS_REPLY_ARRAY && row->elements > 2 ? row->element[2] : NULL;
	const redisReply *host, *port;
	char server[REDIS_SERVER_MAX];

	if (!primary || !is_slot(row->element[0]) || !is_slot(row->element[1]) || primary->type != REDIS_REPLY_ARRAY || primary->elements < 2)
		return false;
	host = primary->element[0];
	port = primary->element[1];
	if ((host->type != REDIS_REPLY_STRING && host->type != REDIS_REPLY_NIL) || port->type != REDIS_REPLY_INTEGER)
		return false;
	if (!redis_server_write(server, host->type == REDIS_REPLY_NIL ? "" : host->str, host->type == REDIS_REPLY_NIL ? 0 : (size_t)host->len,
		    port->integer, asked))
		return false;
	range(arg, (unsigned)row->element[0]->integer, (unsigned)row->element[1]->integer, server);
	return true;
}

bool redis_slots_read(const redisReply *reply, const char *asked, void (*range)(void *arg, unsigned first, unsigned last, const char *server), void *arg)
{
	if (!reply || reply->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 0; i < reply->elements; i++)
		if (!read_range(reply->element[i], asked, range, arg))
			return false;
	return true;
}

enum redis_error redis_error_read(const char *error)
{
	/* a script's errors have their cause within them, and Redis' own code is not always at the beginning */
	static const struct {
		const char *word;
		enum redis_error error;
	} words[] = {
		{ "non local key in a cluster node", REDIS_ERROR_LATER }, { "while the cluster is down", REDIS_ERROR_LATER },
		{ "NOREPLICAS", REDIS_ERROR_LATER },
		{ "READONLY", REDIS_ERROR_DEMOTED }, { "MASTERDOWN", REDIS_ERROR_DEMOTED }, { "LOADING", REDIS_ERROR_LOADING },
		{ "OOM", REDIS_ERROR_SERVER }, { "NOAUTH", REDIS_ERROR_SERVER }, { "NOPERM", REDIS_ERROR_SERVER }, { "MISCONF", REDIS_ERROR_SERVER },
	};
	static const struct {
		const char *word;
		enum redis_error error;
	} first[] = {
		{ "NOSCRIPT", REDIS_ERROR_NOSCRIPT }, { "MOVED ", REDIS_ERROR_MOVED }, { "ASK ", REDIS_ERROR_ASK }, { "TRYAGAIN", REDIS_ERROR_LATER },
		{ "CLUSTERDOWN", REDIS_ERROR_LATER }, { "NOREPLICAS", REDIS_ERROR_LATER },
	};

	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		if (!strncmp(error, first[i].word, strlen(first[i].word)))
			return first[i].error;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(error, words[i].word))
			return words[i].error;
	return REDIS_ERROR_OTHER;
}

bool redis_redirect_read(const char *error, const char *asked, unsigned *ret_slot, char ret_server[REDIS_SERVER_MAX])
{
	const char *slot = strchr(error, ' '), *server = slot ? strchr(slot + 1, ' ') : NULL, *colon = server ? strrchr(server, ':') : NULL;
	uint64_t n, port;

	if (!colon || !ascii_to_u64(slot + 1, (size_t)(server - slot - 1), REDIS_SLOTS - 1, &n) ||
		!ascii_to_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port))
		return false;
	*ret_slot = (unsigned)n;
	return redis_server_write(ret_server, server + 1, (size_t)(colon - server - 1), (int64_t)port, asked);
}
