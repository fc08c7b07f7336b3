/* SPDX-License-Identifier: BSD-2-Clause */
/* rotate.h - from a key that has become old to its successor, in steps that are safe to be cut short. */
#ifndef CTL_ROTATE_H
#define CTL_ROTATE_H

#include "filter/ctl/ctl.h"
#include "filter/ctl/rotate_dns.h"
#include "filter/ctl/rotate_files.h"
#include "filter/ctl/rotate_hook.h"
#include "filter/ctl/rotate_state.h"

struct rotate {
	char domain[254];
	enum dkim_key_type type;
	unsigned bits;
	const char *keys, *selector; /* selector: of the new key; NULL: by type and month */
	int64_t every_s, keep_s;
	bool at_once, dry_run;
	struct ctl_target target;
	struct rotate_hook hook;
	struct rotate_dns dns;
	struct rotate_folder folder;
	/* of the run: */
	struct rotation rotation;
	int64_t now_s;
};

/* All steps that can be taken now. An exit status; what is done is said on stdout, what is wrong on stderr. */
int rotate_run(struct rotate *r);

#endif
