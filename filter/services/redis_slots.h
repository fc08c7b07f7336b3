/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis_slots.h - what a Redis Cluster says of which server has what: the slot of a key, CLUSTER SLOTS, and errors that send elsewhere.
 * Source: the Redis Cluster specification. Pure.
 */
#ifndef SERVICES_REDIS_SLOTS_H
#define SERVICES_REDIS_SLOTS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/services/redis_link.h"

#define REDIS_SLOTS 16384

/* CRC16 of the octets between the first { and the first } behind it, where there are any; else of the whole key. */
unsigned redis_slot(const char *key, size_t len);

/* Write "HOST:PORT"; a host that is empty or unknown ("?") is that of `asked`, another server's HOST:PORT. False: too long. */
bool redis_server_write(char ret[REDIS_SERVER_MAX], const char *host, size_t host_len, int64_t port, const char *asked);
/*
 * Read a reply to CLUSTER SLOTS that `asked` has given: slots first to last are of this primary. False: it is no such reply, and range()
 * was perhaps called for a part of it.
 */
bool redis_slots_read(const redisReply *reply, const char *asked, void (*range)(void *arg, unsigned first, unsigned last, const char *server), void *arg);

enum redis_error {
	REDIS_ERROR_OTHER,    /* of this command alone */
	REDIS_ERROR_NOSCRIPT, /* send the script itself */
	REDIS_ERROR_MOVED,    /* the slot is there, from now on */
	REDIS_ERROR_ASK,      /* this once, ASKING */
	REDIS_ERROR_LATER,    /* the slot is on its way, or nobody's for now */
	REDIS_ERROR_DEMOTED,  /* it is no primary (any more), or has none */
	REDIS_ERROR_LOADING,
	REDIS_ERROR_SERVER,   /* of the server as a whole: passwords, memory, disk */
};
enum redis_error redis_error_read(const char *error);
/* "MOVED 3999 192.0.2.1:6381" and "ASK ..." that `asked` has said. */
bool redis_redirect_read(const char *error, const char *asked, unsigned *ret_slot, char ret_server[REDIS_SERVER_MAX]);

#endif
