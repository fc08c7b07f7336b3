/* SPDX-License-Identifier: BSD-2-Clause */
/* server_list.h - the servers that settings `server ADDRESS` name (socket_address.h), each once. */
#ifndef BASE_SERVER_LIST_H
#define BASE_SERVER_LIST_H

#include "filter/base/vec.h"
#include "plugins/plugin.h"

#define SERVER_LIST_MAX 10

struct server_list {
	VEC(const char *) addresses;
};
/* example: one that the error names as the remedy. 0, -EINVAL with *reterr, -ENOMEM. */
int server_list_add(struct server_list *l, const struct sluice_setting *s, const char *example, struct sluice_config_error *reterr);
/* All of them, NULL-terminated, borrowed. NULL: no memory. Nothing is added any more. */
const char *const *server_list_end(struct server_list *l);
void server_list_done(struct server_list *l);

#endif
