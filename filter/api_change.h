/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api_change.h - the paths that change something, or have something tried. Changes are requests of the control socket, which the main thread
 * answers one by one, and each leaves a line in the log that says who it was.
 */
#ifndef FILTER_API_CHANGE_H
#define FILTER_API_CHANGE_H

#include "filter/api.h"

#define API_JSON_MAX    16384
#define API_MESSAGE_MAX (16 << 20) /* of a message that is learned or tried */
#define API_MAX_RCPTS   20         /* of one that is tried */

void api_limits_reset(const struct api_request *q);
void api_greylist_pass(const struct api_request *q);
void api_greylist_forget(const struct api_request *q);
void api_held_release(const struct api_request *q);
void api_held_drop(const struct api_request *q);
void api_learn(const struct api_request *q);
void api_reload(const struct api_request *q);
void api_check(const struct api_request *q);

#endif
