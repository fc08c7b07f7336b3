/* SPDX-License-Identifier: BSD-2-Clause */
/* settings.h - the daemon's own settings: one row each, from which they are read, shown and documented. */
#ifndef POLICY_SETTINGS_H
#define POLICY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "filter/base/ip.h"
#include "filter/base/vec.h"
#include "plugins/plugin.h"

enum on_fault { ON_FAULT_ACCEPT, ON_FAULT_TEMPFAIL };
enum disagree { DISAGREE_STRICTEST, DISAGREE_REMOVE };

struct settings_texts {
	const char **items;
	size_t len, capacity;
};

struct settings {
	const char *listen, *socket_group, *user, *control, *http, *authserv_id;
	int64_t socket_mode; /* as the octal digits were written */
	bool authentication_results;
	int64_t stage_deadline_ms, drain_ms, max_questions, history;
	int64_t client_net_v4, client_net_v6; /* bits */
	int64_t on_fault; /* enum on_fault */
	int64_t recipients_disagree; /* enum disagree */
	int64_t log_to;   /* 0 stderr, 1 syslog: enum log_to of observe/log.h */
	int64_t log_level; /* 0 warning, 1 info, 2 debug */
	struct {
		const char *tokens, *certificate, *key;
	} api;
	struct {
		int64_t memory_bytes, max_bytes, text_bytes, parts, depth, header_bytes;
		const char *spool;
	} body;
	struct {
		const char *to;
		int64_t keep_ms, max_bytes, addresses_ms;
	} cases;
	struct {
		struct settings_texts forward; /* ADDRESS or ADDRESS@PORT */
		int64_t timeout_ms, cache_bytes;
		bool dnssec;
		const char *trust_anchor, *local_data;
	} dns;
	struct {
		struct settings_texts of; /* words; none: all */
		const char *file, *socket, *url, *secret;
		int64_t file_max_bytes, file_keep;
	} events;
	struct {
		const char *helper;
		int64_t workers, timeout_ms, max_bytes, depth, entries, unpacked_bytes, ratio, memory_bytes;
	} scan;
	struct {
		struct settings_texts sentinels, cluster; /* HOST:PORT */
		const char *master, *sentinel_user, *sentinel_password;
		const char *lmdb, *redis, *prefix, *user, *password, *tls_ca, *tls_cert, *tls_key;
		bool tls;
		int64_t max_bytes, database, timeout_ms;
	} state;
};

struct settings_row {
	const char *section; /* NULL: at the top */
	struct sluice_option option;
	size_t offset;
};

#define SETTINGS_MAX_ROWS 96

/* Ended by option.key NULL. Rows of one section stand together. */
extern const struct settings_row settings_rows[];

/* Put a parsed value in its place. 0, -ENOMEM. */
int settings_store(struct settings *s, const struct settings_row *row, const struct sluice_setting *value);
/* Is it unix:/PATH, inet:PORT, or inet:PORT@ADDRESS (inet6)? Names of ports and addresses are not looked up. */
bool settings_listen_valid(const char *listen);
struct net settings_client_net(const struct settings *s, const struct sluice_ip *client); /* that counts as one client */
bool settings_have_redis(const struct settings *s); /* of whatever kind */
bool settings_have_store(const struct settings *s);
void settings_done(struct settings *s); /* the vectors; texts belong to the policy's arena */

#endif
