/* SPDX-License-Identifier: BSD-2-Clause */
/* api_read.h - the paths that show something: each adds JSON to its answer, but for api_metrics(). */
#ifndef FILTER_API_READ_H
#define FILTER_API_READ_H

#include "filter/api.h"

#define API_HISTORY_LIMIT 100  /* cases, unless a limit is given */
#define API_HISTORY_MAX   1000

void api_metrics(const struct api_request *q);
void api_status(const struct api_request *q);
void api_rates(const struct api_request *q);
void api_history(const struct api_request *q);
void api_explain(const struct api_request *q);
void api_rules(const struct api_request *q);
void api_checks(const struct api_request *q);
void api_health(const struct api_request *q);
void api_lists(const struct api_request *q);
void api_limits(const struct api_request *q);
void api_greylist(const struct api_request *q);
void api_keys(const struct api_request *q);
void api_held(const struct api_request *q);
/* api_senders.c, of the cases in memory: */
void api_dmarc(const struct api_request *q);
void api_accounts(const struct api_request *q);

#endif
