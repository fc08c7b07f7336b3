/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor_system.c - sockets, folders, room on the disk, helpers, the certificate, the clock. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "filter/ctl/doctor.h"

#define ROOM_LOW_PERCENT 10
#define ROOM_LOW_BYTES   (UINT64_C(1) << 30) /* with less than a tenth: so much is enough, whatever part it is */
#define ROOM_NONE_BYTES  (UINT64_C(32) << 20)
#define RENEW_DAYS       14

/* ---- the socket ---- */

/* May others than root reach it: each folder above it lets everybody through. */
static bool is_reachable(const char *path, char closed[PATH_MAX])
{
	struct stat st;

	(void)snprintf(closed, PATH_MAX, "%s", path);
	for (char *slash = strrchr(closed, '/'); slash && slash != closed; slash = strrchr(closed, '/')) {
		*slash = '\0';
		if (stat(closed, &st) < 0 || !(st.st_mode & S_IXOTH))
			return false;
	}
	return true;
}

static void look_at_unix(struct doctor *d, const char *path)
{
	const struct group *group;
	char closed[PATH_MAX];
	struct stat st;

	if (stat(path, &st) < 0) {
		doctor_tell(d, DOCTOR_BAD, "listen", "the mail server finds nobody there: is the daemon running, and of this configuration?", "%s: %s", path, strerror(errno));
		return;
	}
	group = getgrgid(st.st_gid);
	if (!is_reachable(path, closed))
		doctor_tell(d, DOCTOR_LOOK, "listen", "a mail server that runs as another user cannot reach the socket below it: chmod o+x, or another place",
			"the folder %s is closed to others", closed);
	if (st.st_mode & S_IWOTH)
		doctor_tell(d, DOCTOR_LOOK, "listen", "whoever has an account here can talk to it: 'socket_mode 660' and 'socket_group' with the mail server's group",
			"%s is open to everybody (mode %03o)", path, (unsigned)st.st_mode & 0777);
	else
		doctor_tell(d, DOCTOR_GOOD, "listen", NULL, "%s, mode %03o, group %s", path, (unsigned)st.st_mode & 0777, group ? group->gr_name : "without a name");
}

static void look_at_listener(struct doctor *d)
{
	const char *listen = d->s->policy->settings.listen;

	if (!strncmp(listen, "unix:", 5))
		look_at_unix(d, listen + 5);
	else
		doctor_tell(d, DOCTOR_GOOD, "listen", NULL, "%s", listen);
}

/* ---- folders ---- */

static void look_at_room(struct doctor *d, const char *about, const char *path)
{
	struct statvfs fs;
	uint64_t room, percent;

	if (statvfs(path, &fs) < 0) {
		doctor_tell(d, DOCTOR_BAD, about, "the daemon makes it when it starts, if the folder above is there and its own: see what its log says", "%s: %s", path, strerror(errno));
		return;
	}
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	percent = fs.f_blocks ? (uint64_t)fs.f_bavail * 100 / fs.f_blocks : 100;
	if (room < ROOM_NONE_BYTES)
		doctor_tell(d, DOCTOR_BAD, about, "what is kept there is lost when the disk is full: make room", "%s has %llu MB left", path, (unsigned long long)(room >> 20));
	else if (percent < ROOM_LOW_PERCENT && room < ROOM_LOW_BYTES)
		doctor_tell(d, DOCTOR_LOOK, about, "make room before the disk is full", "%s has %llu MB left, %llu %%", path, (unsigned long long)(room >> 20), (unsigned long long)percent);
	else
		doctor_tell(d, DOCTOR_GOOD, about, NULL, "%s has %llu MB left", path, (unsigned long long)(room >> 20));
}

static void look_at_owner(struct doctor *d, const char *about, const char *path)
{
	const char *user = d->s->policy->settings.user;
	const struct passwd *pw = *user ? getpwnam(user) : NULL;
	struct stat st;

	if (*user && !pw)
		doctor_tell(d, DOCTOR_BAD, "user", "the daemon does not start: adduser --system --group, or another name for 'user'", "there is no user %s", user);
	else if (pw && stat(path, &st) == 0 && st.st_uid != pw->pw_uid && !(st.st_mode & S_IWOTH))
		doctor_tell(d, DOCTOR_LOOK, about, "the daemon may not be able to write there: chown it to that user", "%s does not belong to %s", path, user);
}

static void look_at_folder(struct doctor *d, const char *about, const char *path)
{
	if (*path != '/')
		return;
	look_at_room(d, about, path);
	look_at_owner(d, about, path);
}

/* ---- the rest ---- */

static void look_at_helper(struct doctor *d)
{
	const char *helper = d->s->policy->settings.scan.helper;

	if (!*helper)
		return;
	if (access(helper, X_OK) == 0)
		doctor_tell(d, DOCTOR_GOOD, "scan", NULL, "%s is there", helper);
	else
		doctor_tell(d, DOCTOR_LOOK, "scan", "nothing is known of attachments: see 'scan { helper PATH }'", "%s: %s", helper, strerror(errno));
}

static void look_at_clock(struct doctor *d)
{
	struct timex t = { 0 };

	if (adjtimex(&t) == TIME_ERROR && (t.status & STA_UNSYNC))
		doctor_tell(d, DOCTOR_LOOK, "clock", "signatures have a time, and greylists wait for one: run chrony, ntpd or systemd-timesyncd", "nothing keeps it right");
	else
		doctor_tell(d, DOCTOR_GOOD, "clock", NULL, "it is kept right, to %.3f s", (double)t.maxerror / 1e6);
}

static void look_at_certificate(struct doctor *d)
{
	const char *path = d->s->policy->settings.api.certificate, *remedy = "browsers and Prometheus refuse what has run out: renew it, and 'sluicectl reload'";
	const X509 *certificate = d->s->tls ? SSL_CTX_get0_certificate(d->s->tls) : NULL;
	int days, seconds;

	if (!certificate || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
		return;
	if (days < 0 || seconds < 0)
		doctor_tell(d, DOCTOR_BAD, "certificate", remedy, "%s has run out", path);
	else if (days < RENEW_DAYS)
		doctor_tell(d, DOCTOR_LOOK, "certificate", remedy, "%s runs out in %d days", path, days);
	else
		doctor_tell(d, DOCTOR_GOOD, "certificate", NULL, "%s is good for %d days", path, days);
}

void doctor_system(struct doctor *d)
{
	const struct settings *s = &d->s->policy->settings;

	look_at_listener(d);
	look_at_folder(d, "state", s->state.lmdb);
	look_at_folder(d, "cases", s->cases.to);
	look_at_folder(d, "body", s->body.spool);
	look_at_helper(d);
	look_at_certificate(d);
	look_at_clock(d);
}
