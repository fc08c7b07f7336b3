/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/machine.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/observe/case_log.h"

#define GROUPS_MAX 256

static int look_for_user(const struct snapshot *s, bool warn, struct err *why)
{
	const char *user = s->policy->settings.user;

	if (!*user || (!warn && geteuid() != 0) || getpwnam(user)) /* who is not root stays who he is */
		return 0;
	return err_set(why, -EINVAL, "there is no user '%s' on this machine: adduser --system --group %s, or name another one", user, user);
}

static int look_for_group(const struct snapshot *s, bool warn, struct err *why)
{
	const char *group = s->policy->settings.socket_group;

	(void)warn;
	if (!*group || strncmp(s->policy->settings.listen, "unix:", 5) != 0 || getgrnam(group))
		return 0;
	return err_set(why, -EINVAL, "there is no group '%s' on this machine: addgroup --system %s, or name another one", group, group);
}

static int look_for_helper(const struct snapshot *s, bool warn, struct err *why)
{
	const char *helper = s->policy->settings.scan.helper;

	(void)warn;
	if (!snapshot_wants_scanner(s) || access(helper, X_OK) == 0)
		return 0;
	return err_set(why, -EINVAL, "%s cannot be started: %s; it is installed with sluiced, say where with 'scan { helper PATH }'", helper, strerror(errno));
}

static int look_for_anchor(const struct snapshot *s, bool warn, struct err *why)
{
	const char *anchor = s->policy->settings.dns.trust_anchor;

	(void)warn;
	if (!s->policy->settings.dns.dnssec || access(anchor, R_OK) == 0)
		return 0;
	return err_set(why, -EINVAL, "%s cannot be read: %s; of Debian it is in the package dns-root-data", anchor, strerror(errno));
}

/* ---- the folder of cases ---- */

/* By its mode, unless it is us. True as well if nobody knows: who starts the daemon is who it runs as, or there is no such user. */
static bool may_write(const struct stat *st, const char *path, const char *user)
{
	const struct passwd *pw = *user ? getpwnam(user) : NULL;
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;

	if (!pw || pw->pw_uid == 0)
		return true;
	if (pw->pw_uid == geteuid())
		return access(path, W_OK | X_OK) == 0;
	if (st->st_uid == pw->pw_uid)
		return st->st_mode & S_IWUSR;
	if (getgrouplist(user, pw->pw_gid, groups, &count) < 0)
		return true;
	for (int i = 0; i < count; i++)
		if (groups[i] == st->st_gid)
			return st->st_mode & S_IWGRP;
	return st->st_mode & S_IWOTH;
}

/* The folder in which this one is to be made. It has one: it is absolute. */
static void above(struct text *out, const char *folder)
{
	size_t len = strlen(folder);

	while (len > 1 && folder[len - 1] == '/')
		len--;
	while (len > 1 && folder[len - 1] != '/')
		len--;
	while (len > 1 && folder[len - 1] == '/')
		len--;
	text_add(out, folder, len);
}

static int look_for_cases(const struct snapshot *s, bool warn, struct err *why)
{
	const char *folder = s->policy->settings.cases.to, *user = s->policy->settings.user, *own = *user ? " -o " : "";
	SLUICE_CLEANUP(text_done) struct text parent = TEXT_INIT(4096);
	struct stat st;

	if (*folder != '/')
		return 0;
	above(&parent, folder);
	if (stat(folder, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			return err_set(why, -EINVAL, "cases: %s is no folder: name one, or one that is to be made", folder);
		if (warn && !may_write(&st, folder, user)) /* a start finds out by doing it */
			return err_set(why, -EINVAL, "cases: %s cannot be written to by %s: chown %s %s", folder, user, user, folder);
	} else if (stat(text_str(&parent), &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			return err_set(why, -EINVAL, "cases: %s cannot be made: %s is no folder: name another place", folder, text_str(&parent));
		if (warn && !may_write(&st, text_str(&parent), user))
			return err_set(why, -EINVAL, "cases: %s cannot be made by %s: install -d -m 750 -o %s %s", folder, user, user, folder);
	} else if (errno == ENOENT) {
		return err_set(why, -EINVAL, "cases: %s cannot be made: %s is not there: install -d -m 750%s%s %s", folder, text_str(&parent), own, user, folder);
	} else if (errno == ENOTDIR) {
		return err_set(why, -EINVAL, "cases: %s cannot be made: above it something is no folder: name another place", folder);
	}
	return 0;
}

/* ---- all of it ---- */

int machine_look(struct snapshot *s, bool warn, struct err *reterr)
{
	static const struct { const char *setting; int (*look)(const struct snapshot *s, bool warn, struct err *why); } looks[] = {
		{ "user", look_for_user }, { "socket_group", look_for_group }, { "cases.to", look_for_cases }, { "scan.helper", look_for_helper },
		{ "dns.trust_anchor", look_for_anchor },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(looks); i++) {
		struct place at = policy_place(s->policy, looks[i].setting, NULL);
		struct err why;

		if (looks[i].look(s, warn, &why) == 0)
			continue;
		r = warn ? policy_warn(s->policy, at, reterr, "%s", why.text) : place_error(at, reterr, "%s", why.text);
	}
	return r;
}
