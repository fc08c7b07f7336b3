/* SPDX-License-Identifier: BSD-2-Clause */
/* account_eval.h - who may send as whom: a table of accounts and addresses. Pure but for reading its file. */
#ifndef ACCOUNT_EVAL_H
#define ACCOUNT_EVAL_H

#include <stdbool.h>
#include <stddef.h>

#include "plugins/plugin.h"

#define ACCOUNT_MAX_BYTES   (64u << 20)  /* of a table */
#define ACCOUNT_MAX_SENDERS 1000000      /* addresses in it */

struct account_table;

/*
 * Read a table: a line is `ACCOUNT ADDRESS ...`, an address `user@example.org` or `@example.org`, which is all of a domain; # begins a
 * comment. An account may stand in several lines. name is for messages. 0; -ENOMEM; -EINVAL, with what is wrong, where and
 * how to mend it in reterr->text.
 */
int account_table_parse(const char *name, const char *bytes, size_t len, struct account_table **ret, struct sluice_config_error *reterr);
void account_table_free(struct account_table *t); /* takes NULL */
/*
 * May this account send as this address? Without regard to case. An account that is an address itself may, and the null
 * reverse-path is everybody's.
 */
bool account_may_send(const struct account_table *t, const char *account, size_t len, const char *address, size_t address_len);

#endif
