/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach_postfix.c - Postfix: its settings are read and changed by its own postconf(1), on copies, so that what is put in their place is what Postfix itself
 * would have written.
 */
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/ctl/attach.h"
#include "filter/services/clock.h"
#include "filter/services/command.h"

#define FIELDS     8 /* of a line of master.cf, before the arguments */
#define GROUPS_MAX 256
#define MARGIN_MS  2000 /* that the mail server waits longer than we take */

/* ---- settings ---- */

enum { COMPATIBILITY, QUEUE, OWNER, MILTERS, NON_SMTPD, DEFAULT_ACTION, COMMAND_TIMEOUT, CONTENT_TIMEOUT, PROTOCOL, DELAY_REJECT, INTERFACES, PROTOCOLS,
	CLIENT_RESTRICTIONS, HELO_RESTRICTIONS, SENDER_RESTRICTIONS, RELAY_RESTRICTIONS, RECIPIENT_RESTRICTIONS, DATA_RESTRICTIONS, END_RESTRICTIONS, SETTINGS };
static const char *const setting_names[SETTINGS] = { "compatibility_level", "queue_directory", "mail_owner", "smtpd_milters", "non_smtpd_milters",
	"milter_default_action", "milter_command_timeout", "milter_content_timeout", "milter_protocol", "smtpd_delay_reject", "inet_interfaces", "inet_protocols",
	"smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions", "smtpd_relay_restrictions", "smtpd_recipient_restrictions",
	"smtpd_data_restrictions", "smtpd_end_of_data_restrictions" };

struct service {
	char *line; /* name, type and the rest point into it */
	const char *name, *type, *chroot, *program;
};
struct postfix {
	struct attach *a;
	struct text values, services_text, overrides_text; /* what postconf printed */
	const char *settings[SETTINGS]; /* with $name put in */
	VEC(struct service) services;
	VEC(char *) overrides; /* "smtp/inet/smtpd_milters = value" each, with $name put in */
	char milter[PATH_MAX]; /* our socket, as Postfix has to call it */
};

/* PROGRAM -c CONFIG and the rest. */
static int run(const char *program, const char *config, const char *const *args, struct text *out, struct err *reterr)
{
	const char *argv[COMMAND_MAX_ARGS + 1] = { program, "-c", config };
	size_t n = 3;

	while (*args && n < COMMAND_MAX_ARGS)
		argv[n++] = *args++;
	return command_read(argv, clock_mono_ms() + ATTACH_TIMEOUT_MS, out, reterr);
}

static int postconf(const char *config, const char *const *args, struct text *out, struct err *reterr)
{
	return run("postconf", config, args, out, reterr);
}

/* The same of the copies. Postfix waits until a file is some seconds old, lest it read half of it; but nobody else writes to these. */
static int postconf_copies(const struct postfix *p, const char *const *args, struct text *out, struct err *reterr)
{
	attach_files_age(&p->a->files);
	return postconf(p->a->folder, args, out, reterr);
}

/* The lines of a text, taken apart in place. */
static char *next_line(char **at)
{
	char *line = *at, *end = line ? strchr(line, '\n') : NULL;

	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return line;
}

/* One setting with what stands there, $name as it is; in the place of what was in out. */
static int raw_value(const struct postfix *p, const char *name, struct text *out, struct err *reterr)
{
	int r;

	text_clear(out);
	r = postconf_copies(p, (const char *const[]){ "-h", name, NULL }, out, reterr);
	while (r == 0 && out->len && out->bytes[out->len - 1] == '\n')
		out->bytes[--out->len] = '\0';
	return r;
}

static int read_settings(struct postfix *p, struct err *reterr)
{
	char *at;

	for (size_t i = 0; i < SETTINGS; i++) { /* one by one: an old Postfix prints nothing for a name that it does not know */
		size_t start = p->values.len;
		int r = postconf_copies(p, (const char *const[]){ "-x", "-h", setting_names[i], NULL }, &p->values, reterr);

		if (r < 0)
			return r;
		if (p->values.len == start)
			text_addc(&p->values, '\n');
	}
	at = p->values.bytes;
	for (size_t i = 0; i < SETTINGS; i++) {
		p->settings[i] = next_line(&at);
		if (!p->settings[i])
			return err_set(reterr, -EIO, "postconf does not say what %s is", setting_names[i]);
	}
	return 0;
}

/* name type private unprivileged chroot wakeup maxproc program, as postconf -M prints them. False: no memory. */
static bool add_service(struct postfix *p, char *line)
{
	char *fields[FIELDS] = { NULL }, *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(line, " \t", &save); word && n < FIELDS; word = n < FIELDS ? strtok_r(NULL, " \t", &save) : NULL)
		fields[n++] = word;
	return n < FIELDS || vec_push(&p->services, ((struct service){ line, fields[0], fields[1], fields[4], fields[7] }));
}

static int read_services(struct postfix *p, struct err *reterr)
{
	int r = postconf_copies(p, (const char *const[]){ "-M", NULL }, &p->services_text, reterr);
	char *at, *line;

	if (r == 0)
		r = postconf_copies(p, (const char *const[]){ "-P", "-x", NULL }, &p->overrides_text, reterr);
	if (r < 0)
		return r;
	for (at = p->services_text.bytes; (line = next_line(&at));)
		if (!add_service(p, line))
			return err_set(reterr, -ENOMEM, "out of memory");
	for (at = p->overrides_text.bytes; (line = next_line(&at));)
		if (!vec_push(&p->overrides, line))
			return err_set(reterr, -ENOMEM, "out of memory");
	return 0;
}

/* What a service has in the place of a setting of main.cf, by -o. NULL: nothing. */
static const char *override(const struct postfix *p, const struct service *s, const char *name)
{
	char key[512];
	size_t len = (size_t)snprintf(key, sizeof key, "%s/%s/%s =", s->name, s->type, name);

	for (size_t i = 0; i < p->overrides.len; i++)
		if (!strncmp(p->overrides.items[i], key, len))
			return p->overrides.items[i] + len + strspn(p->overrides.items[i] + len, " ");
	return NULL;
}

static const char *value_of(const struct postfix *p, const struct service *s, const char *name, unsigned setting)
{
	const char *value = override(p, s, name);

	return value ? value : p->settings[setting];
}

/* ---- milters ---- */

/* An item of smtpd_milters without its own options: "{ inet:host:port, default_action=accept }". */
static struct text bare(const char *item, size_t len)
{
	struct text out = TEXT_INIT(ATTACH_VALUE_MAX);
	const char *at = item + 1;
	size_t n;

	if (*item == '{') {
		SLUICE_CLEANUP(text_done) struct text inner = TEXT_INIT(ATTACH_VALUE_MAX);
		const char *first;

		text_add(&inner, at, len > 2 ? len - 2 : 0);
		at = text_str(&inner);
		first = attach_next_item(&at, &n);
		text_add(&out, first ? first : "", n);
	} else {
		text_add(&out, item, len);
	}
	return out;
}

/* Does this name our socket? A path may be written as the chroot shows it, or in full. */
static bool is_ours(const struct postfix *p, const char *milter)
{
	static const char unix_word[] = "unix:", local[] = "inet:localhost:", loopback[] = "inet:127.0.0.1:";
	size_t queue_len = strlen(p->settings[QUEUE]);
	const char *path = milter + strlen(unix_word), *ours = p->milter + strlen(unix_word);

	if (!strcmp(milter, p->milter))
		return true;
	if (!strncmp(milter, local, strlen(local)) && !strncmp(p->milter, loopback, strlen(loopback)))
		return !strcmp(milter + strlen(local), p->milter + strlen(loopback));
	if (strncmp(milter, unix_word, strlen(unix_word)) != 0 || strncmp(p->milter, unix_word, strlen(unix_word)) != 0)
		return false;
	if (*ours != '/' && !strncmp(path, p->settings[QUEUE], queue_len))
		path += queue_len;
	return !strcmp(path + (*ours != '/' && *path == '/'), ours);
}

static bool has_ours(const struct postfix *p, const char *milters)
{
	const char *item;
	size_t len;

	while ((item = attach_next_item(&milters, &len))) {
		SLUICE_CLEANUP(text_done) struct text milter = bare(item, len);

		if (is_ours(p, text_str(&milter)))
			return true;
	}
	return false;
}

static bool is_smtpd(const struct service *s)
{
	return !strcmp(s->program, "smtpd") && (!strcmp(s->type, "inet") || !strcmp(s->type, "pass"));
}

/* Whoever reads mail for milters: smtpd, and cleanup for what does not come by SMTP. */
static bool in_chroot(const struct postfix *p, const struct service *s)
{
	return *s->chroot == 'y' || (*s->chroot == '-' && atoi(p->settings[COMPATIBILITY]) < 1);
}

static bool any_chroot(const struct postfix *p)
{
	for (size_t i = 0; i < p->services.len; i++)
		if ((is_smtpd(&p->services.items[i]) || !strcmp(p->services.items[i].program, "cleanup")) && in_chroot(p, &p->services.items[i]))
			return true;
	return false;
}

/* ---- our socket ---- */

static bool may(const struct passwd *pw, const gid_t *groups, int count, const struct stat *st, unsigned bits)
{
	bool in_group = false;

	for (int i = 0; i < count; i++)
		in_group |= groups[i] == st->st_gid;
	return ((st->st_uid == pw->pw_uid ? st->st_mode >> 6 : in_group ? st->st_mode >> 3 : st->st_mode) & bits) == bits;
}

/* Can Postfix's user walk to the socket, and speak with it? */
static void look_at_socket(struct postfix *p, const char *path)
{
	const struct passwd *pw = getpwnam(p->settings[OWNER]);
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;
	char part[PATH_MAX];
	struct stat st;

	if (!pw) {
		attach_tell(p->a, ATTACH_BAD, "there is no user %s, which mail_owner of Postfix names", p->settings[OWNER]);
		return;
	}
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &count) < 0)
		count = 0;
	for (const char *slash = strchr(path + 1, '/');; slash = slash ? strchr(slash + 1, '/') : NULL) {
		(void)snprintf(part, sizeof part, "%.*s", slash ? (int)(slash - path) : (int)strlen(path), path);
		if (stat(part, &st) < 0) {
			attach_tell(p->a, ATTACH_BAD, "%s: %s", part, strerror(errno));
			return;
		}
		if (!may(pw, groups, count, &st, slash ? 1 : 2)) {
			attach_tell(p->a, ATTACH_BAD, "Postfix's user %s may not %s %s: 'socket_group %s' in sluice.conf, and a folder of that group", pw->pw_name,
				slash ? "enter" : "write to", part, pw->pw_name);
			return;
		}
		if (!slash)
			return;
	}
}

/* `listen` of sluice.conf in Postfix's words: inet:PORT@ADDRESS is inet:ADDRESS:PORT, and a path is seen from the queue. */
static void name_socket(struct postfix *p)
{
	const char *listen = p->a->listen, *queue = p->settings[QUEUE], *at = strchr(listen, '@'), *colon = strchr(listen, ':');
	size_t queue_len = strlen(queue);

	if (at && colon) {
		bool six = strchr(at, ':'), any = !strcmp(at + 1, "0.0.0.0") || !strcmp(at + 1, "::");
		const char *address = any ? (six ? "::1" : "127.0.0.1") : at + 1;

		(void)snprintf(p->milter, sizeof p->milter, "inet:%s%s%s:%.*s", six ? "[" : "", address, six ? "]" : "", (int)(at - colon - 1), colon + 1);
		return;
	}
	if (!colon)
		return;
	if (!strncmp(colon + 1, queue, queue_len) && colon[1 + queue_len] == '/') {
		(void)snprintf(p->milter, sizeof p->milter, "unix:%s", colon + 1 + queue_len + 1);
	} else {
		(void)snprintf(p->milter, sizeof p->milter, "unix:%s", colon + 1);
		if (any_chroot(p))
			attach_tell(p->a, ATTACH_BAD, "Postfix's smtpd runs in a chroot and does not see %s: 'listen unix:%s/sluice/milter.sock' in sluice.conf, and restart Sluice",
				colon + 1, queue);
	}
	look_at_socket(p, colon + 1);
}

/* ---- listeners ---- */

/* Where one that listens on all of inet_interfaces can be reached. */
static void own_address(const struct postfix *p, char host[256])
{
	const char *at = p->settings[INTERFACES], *item;
	bool six = !strcmp(p->settings[PROTOCOLS], "ipv6");
	size_t len;

	item = attach_next_item(&at, &len);
	if (!item || ascii_equals(item, len, "all") || ascii_equals(item, len, "loopback-only") || ascii_equals(item, len, "localhost"))
		(void)snprintf(host, 256, "%s", six ? "::1" : "127.0.0.1");
	else
		(void)snprintf(host, 256, "%.*s", (int)len, item);
}

static bool add_listener(struct postfix *p, const struct service *s)
{
	const char *colon = strrchr(s->name, ':'), *port = colon ? colon + 1 : s->name, *wrap = override(p, s, "smtpd_tls_wrappermode");
	const char *milters = value_of(p, s, "smtpd_milters", MILTERS), *options = override(p, s, "receive_override_options");
	struct attach_listener l = { .tls = wrap && !strcmp(wrap, "yes"), .chroot = in_chroot(p, s) };
	bool smtpd = !strcmp(s->program, "smtpd");

	(void)snprintf(l.name, sizeof l.name, "%s", s->name);
	(void)snprintf(l.port, sizeof l.port, "%s", port);
	own_address(p, l.host);
	if (colon && *s->name == '[' && colon > s->name + 1)
		(void)snprintf(l.host, sizeof l.host, "%.*s", (int)(colon - s->name - 2), s->name + 1);
	else if (colon)
		(void)snprintf(l.host, sizeof l.host, "%.*s", (int)(colon - s->name), s->name);
	l.spared = smtpd && ((override(p, s, "smtpd_milters") && !*milters) || (options && strstr(options, "no_milters")));
	return vec_push(&p->a->listeners, l);
}

static const char *purpose(const struct attach_listener *l)
{
	static const struct { const char *port, *what; } known[] = { { "25", "mail from other servers" }, { "smtp", "mail from other servers" },
		{ "587", "users who log in" }, { "submission", "users who log in" }, { "465", "users who log in, by TLS" },
		{ "smtps", "users who log in, by TLS" }, { "submissions", "users who log in, by TLS" } };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(l->port, known[i].port))
			return known[i].what;
	return l->tls ? "a port of your own, by TLS" : "a port of your own";
}

static int find_listeners(struct postfix *p, struct err *reterr)
{
	for (size_t i = 0; i < p->services.len; i++) {
		const struct service *s = &p->services.items[i];
		const struct attach_listener *l;

		if (strcmp(s->type, "inet") != 0 || (strcmp(s->program, "smtpd") != 0 && strcmp(s->program, "postscreen") != 0))
			continue;
		if (!add_listener(p, s))
			return err_set(reterr, -ENOMEM, "out of memory");
		l = &p->a->listeners.items[p->a->listeners.len - 1];
		attach_tell(p->a, ATTACH_GOOD, "listener %s: %s%s%s", l->name, purpose(l), l->chroot ? ", in a chroot" : "",
			l->spared ? "; it is told to ask no milter, and stays so" : "");
	}
	return 0;
}

/* ---- what fights ---- */

static void tell_milters(struct postfix *p)
{
	const char *at = p->settings[MILTERS], *item;
	size_t len;

	while ((item = attach_next_item(&at, &len))) {
		SLUICE_CLEANUP(text_done) struct text milter = bare(item, len);
		const char *work = attach_same_work(text_str(&milter));

		if (is_ours(p, text_str(&milter)))
			continue;
		if (work)
			attach_tell(p->a, ATTACH_LOOK, "another milter, %s: %s is done twice while it stays", text_str(&milter), work);
		else
			attach_tell(p->a, ATTACH_LOOK, "another milter, %s: it stays, behind Sluice; a header field that it puts first stands above ours", text_str(&milter));
	}
}

static void tell_policy_services(struct postfix *p)
{
	for (unsigned i = CLIENT_RESTRICTIONS; i <= END_RESTRICTIONS; i++) {
		const char *service = strstr(p->settings[i], "check_policy_service"), *work;
		size_t len = 0;

		if (!service)
			continue;
		service += strlen("check_policy_service");
		work = attach_same_work(service);
		service = attach_next_item(&service, &len);
		attach_tell(p->a, ATTACH_LOOK, "%s asks the policy service %.*s: %s%s", setting_names[i], (int)len, service ? service : "",
			work ? work : "SPF, greylisting or limits", work ? " is done twice while it stays" : " may be done twice while it stays");
	}
}

static void tell_fights(struct postfix *p)
{
	const char *action = p->settings[DEFAULT_ACTION];

	tell_milters(p);
	tell_policy_services(p);
	if (strcmp(action, "tempfail") != 0 && strcmp(action, "shutdown") != 0)
		attach_tell(p->a, ATTACH_LOOK, "milter_default_action = %s: %s; tempfail puts it off", action,
			!strcmp(action, "accept") ? "while Sluice does not answer, mail passes unchecked" :
			!strcmp(action, "reject") ? "while Sluice does not answer, mail is refused for good" : "while Sluice does not answer, mail is held");
	if (!strcmp(p->settings[DELAY_REJECT], "no"))
		attach_tell(p->a, ATTACH_LOOK, "smtpd_delay_reject = no: what Postfix refuses at connect or HELO is refused before a sender and a recipient are known, and Sluice cannot say for whom it was");
	if (atoi(p->settings[PROTOCOL]) < 6)
		attach_tell(p->a, ATTACH_LOOK, "milter_protocol = %s: with less than 6 Sluice is not asked for what it does without, and blanks of header fields are lost, which breaks DKIM: take the line out",
			p->settings[PROTOCOL]);
}

/* ---- changes ---- */

/* Ours before what a setting of main.cf has: whoever is first refuses before the others have worked. */
static int prepend(struct postfix *p, const char *name, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(ATTACH_OUT_BYTES), value = TEXT_INIT(ATTACH_VALUE_MAX), edit = TEXT_INIT(ATTACH_VALUE_MAX);
	int r = raw_value(p, name, &value, reterr);

	if (r < 0)
		return r;
	text_addf(&edit, "%s = %s%s%s", name, p->milter, value.len ? ", " : "", text_str(&value));
	return postconf_copies(p, (const char *const[]){ "-e", text_str(&edit), NULL }, &out, reterr);
}

/* The same of a service's -o. */
static int prepend_override(struct postfix *p, const struct service *s, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(ATTACH_OUT_BYTES), value = TEXT_INIT(ATTACH_VALUE_MAX), edit = TEXT_INIT(ATTACH_VALUE_MAX);
	char name[512];
	const char *equals;
	int r;

	(void)snprintf(name, sizeof name, "%s/%s/smtpd_milters", s->name, s->type);
	r = postconf_copies(p, (const char *const[]){ "-P", name, NULL }, &value, reterr);
	if (r < 0)
		return r;
	while (value.len && value.bytes[value.len - 1] == '\n')
		value.bytes[--value.len] = '\0';
	equals = strstr(text_str(&value), " = ");
	text_addf(&edit, "%s = ", name);
	text_addf(&edit, "%s,", p->milter);
	attach_compact(&edit, equals ? equals + 3 : "");
	return postconf_copies(p, (const char *const[]){ "-P", text_str(&edit), NULL }, &out, reterr);
}

/* A wait that is shorter than ours is made as long as contrib/postfix has it, or longer. */
static int lengthen(struct postfix *p, unsigned setting, int64_t usual_s, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(ATTACH_OUT_BYTES);
	int64_t have_ms = attach_time_ms(p->settings[setting]), need_s = (2 * p->a->stage_deadline_ms + 999) / 1000;
	char edit[128];

	if (have_ms < 0 || have_ms >= p->a->stage_deadline_ms + MARGIN_MS)
		return 0;
	attach_tell(p->a, ATTACH_LOOK, "%s = %s is shorter than Sluice may take (stage_deadline, %lld s): it is made longer", setting_names[setting], p->settings[setting],
		(long long)(p->a->stage_deadline_ms / 1000));
	(void)snprintf(edit, sizeof edit, "%s = %llds", setting_names[setting], (long long)(need_s > usual_s ? need_s : usual_s));
	return postconf_copies(p, (const char *const[]){ "-e", edit, NULL }, &out, reterr);
}

/* non_smtpd_milters may stand for $smtpd_milters, and have ours by now. */
static int change_non_smtpd(struct postfix *p, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text now = TEXT_INIT(ATTACH_VALUE_MAX);
	int r = postconf_copies(p, (const char *const[]){ "-x", "-h", "non_smtpd_milters", NULL }, &now, reterr);

	return r == 0 && !has_ours(p, text_str(&now)) ? prepend(p, "non_smtpd_milters", reterr) : r;
}

static int change(struct postfix *p, struct err *reterr)
{
	int r = has_ours(p, p->settings[MILTERS]) ? 0 : prepend(p, "smtpd_milters", reterr);

	if (r == 0)
		r = change_non_smtpd(p, reterr);
	if (r == 0)
		r = lengthen(p, COMMAND_TIMEOUT, 30, reterr);
	if (r == 0)
		r = lengthen(p, CONTENT_TIMEOUT, 60, reterr);
	for (size_t i = 0; r == 0 && i < p->services.len; i++) {
		const struct service *s = &p->services.items[i];
		const char *own = is_smtpd(s) ? override(p, s, "smtpd_milters") : NULL;

		if (own && *own && !has_ours(p, own)) /* with nothing in it it is meant so: what a content filter gives back has been seen */
			r = prepend_override(p, s, reterr);
	}
	return r;
}

/* ---- what attach.c calls ---- */

static int add_files(struct attach *a, struct err *reterr)
{
	static const char *const names[] = { "main.cf", "master.cf" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(names); i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof path, "%s/%s", a->config, names[i]);
		r = attach_files_add(&a->files, names[i], path, reterr);
	}
	return r;
}

static int look(struct postfix *p, struct err *reterr)
{
	int r = read_settings(p, reterr);

	if (r == 0)
		r = read_services(p, reterr);
	if (r == 0)
		r = find_listeners(p, reterr);
	if (r < 0)
		return r;
	name_socket(p);
	tell_fights(p);
	if (!p->a->listeners.len)
		attach_tell(p->a, ATTACH_LOOK, "no service of master.cf takes mail by SMTP: only what this machine submits itself is seen");
	r = change(p, reterr);
	return r == 0 ? attach_files_read_copies(&p->a->files, reterr) : r;
}

static int plan(struct attach *a, struct err *reterr)
{
	struct postfix p = { .a = a, .values = TEXT_INIT(ATTACH_OUT_BYTES), .services_text = TEXT_INIT(ATTACH_OUT_BYTES), .overrides_text = TEXT_INIT(ATTACH_OUT_BYTES) };
	int r = postconf(a->config, (const char *const[]){ "-M", NULL }, &p.services_text, reterr); /* what is broken is found in the file itself, not in a copy */

	text_clear(&p.services_text);
	for (size_t i = 0; r == 0 && i < a->files.count; i++)
		r = attach_files_copy(&a->files.items[i], a->folder, reterr);
	if (r == 0)
		r = look(&p, reterr);
	text_done(&p.values);
	text_done(&p.services_text);
	text_done(&p.overrides_text);
	vec_done(&p.services);
	vec_done(&p.overrides);
	return r;
}

static int check(const struct attach *a, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(ATTACH_OUT_BYTES);

	return run("postfix", a->config, (const char *const[]){ "check", NULL }, &out, reterr);
}

static int reload(const struct attach *a, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(ATTACH_OUT_BYTES);
	int r;

	if (run("postfix", a->config, (const char *const[]){ "status", NULL }, &out, reterr) < 0)
		return 0;
	r = run("postfix", a->config, (const char *const[]){ "reload", NULL }, &out, reterr);
	return r < 0 ? r : 1;
}

const struct attach_mta attach_postfix = { "postfix", "/etc/postfix", plan, add_files, check, reload, "Postfix is not running: it will ask Sluice once it is started", &hold_postfix };
