/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon.c - the commands that ask the daemon: status, reload, upgrade, metrics, limits, greylist. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/control.h"
#include "filter/base/ascii.h"
#include "filter/base/json.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/listing.h"
#include "filter/ctl/shown.h"
#include "filter/engine/snapshot.h"
#include "filter/policy/option.h"

#define ANSWER_TIMEOUT_S 60 /* a reload may read long lists */

static int connect_to(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	int fd;

	if (strlen(path) >= sizeof sa.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sa.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int talk(const char *path, const char *request, struct text *out)
{
	int fd = connect_to(path);
	char buf[65536];
	ssize_t n;
	char *end;
	int status;

	if (fd < 0) {
		fprintf(stderr, "sluicectl: no daemon answers on %s: %s\n", path, strerror(errno));
		return EX_UNAVAILABLE;
	}
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		perror("sluicectl");
	while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
		text_add(out, buf, (size_t)n);
	(void)close(fd);
	end = out->len ? memchr(out->bytes, '\n', out->len) : NULL;
	if (!end) {
		fprintf(stderr, "sluicectl: the daemon on %s gave no answer\n", path);
		return EX_UNAVAILABLE;
	}
	status = atoi(out->bytes);
	out->len -= (size_t)(end + 1 - out->bytes);
	memmove(out->bytes, end + 1, out->len + 1);
	return status;
}

int ctl_target_find(struct ctl_target *target, struct text *path)
{
	struct snapshot_options options = { .no_services = true };
	struct snapshot *s;
	struct err err;

	if (target->socket)
		return EX_OK;
	if (snapshot_load(target->config ? target->config : CTL_DEFAULT_CONFIG, &options, &s, &err) < 0) {
		fprintf(stderr, "%s\nsluicectl: with -s SOCKET a daemon can be asked whatever its configuration says\n", err.text);
		return EX_CONFIG;
	}
	text_adds(path, s->policy->settings.control);
	target->socket = text_str(path);
	snapshot_unref(s);
	return EX_OK;
}

int ctl_ask(const struct ctl_target *target, const char *request, struct text *out)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(PATH_MAX);
	struct ctl_target found = *target;
	int status = ctl_target_find(&found, &path);

	return status == EX_OK ? talk(found.socket, request, out) : status;
}

bool ctl_target_option(struct ctl_target *target, int option)
{
	if (option == 'c')
		target->config = optarg;
	else if (option == 's')
		target->socket = optarg;
	return option == 'c' || option == 's';
}

int ctl_target_options(int argc, char **argv, struct ctl_target *ret, bool *ret_json)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int option;

	do {
		option = getopt_long(argc, argv, "c:s:h", options, NULL);
		if (option == 'j' && !ret_json)
			return '?';
		if (option == 'j')
			*ret_json = true;
	} while (option == 'j' || ctl_target_option(ret, option));
	return option;
}

/* Of these there may be several lines, or none. */
static const char *const repeated[] = { "switched_off", "list_stale" };

static bool is_repeated(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(repeated); i++)
		if (strlen(repeated[i]) == len && !memcmp(repeated[i], name, len))
			return true;
	return false;
}

/* "NAME VALUE" as a member; of what is repeated, the value alone. */
static void put_status(struct text *out, const char *line, size_t len)
{
	size_t name_len = strcspn(line, " \n"), at = name_len < len ? name_len + 1 : len;
	char name[64];
	const char *key = is_repeated(line, name_len) ? NULL : name;
	uint64_t number;

	(void)snprintf(name, sizeof name, "%.*s", (int)name_len, line);
	if (ascii_to_u64(line + at, len - at, INT64_MAX, &number))
		json_int(out, key, (int64_t)number);
	else
		json_text(out, key, line + at, len - at);
}

/* wanted: these lines; NULL: those that are there once. */
static void put_lines(struct text *out, const char *answer, const char *wanted)
{
	for (const char *line = answer; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t name_len = strcspn(line, " \n");
		bool meant = wanted ? strlen(wanted) == name_len && !memcmp(wanted, line, name_len) : !is_repeated(line, name_len);

		if (meant)
			put_status(out, line, strcspn(line, "\n"));
	}
}

static void print_status(const char *answer)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);

	json_open(&out, NULL, '{');
	put_lines(&out, answer, NULL);
	for (size_t i = 0; i < ARRAY_LEN(repeated); i++) {
		json_open(&out, repeated[i], '[');
		put_lines(&out, answer, repeated[i]);
		json_close(&out, ']');
	}
	json_close(&out, '}');
	puts(text_str(&out));
}

int ctl_status(int argc, char **argv)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	struct ctl_target target = { 0 };
	bool json = false;
	int option = ctl_target_options(argc, argv, &target, &json), status;

	if (option != -1 || optind != argc) {
		fputs("usage: sluicectl status [-c FILE | -s SOCKET] [--json]\n", option == 'h' ? stdout : stderr);
		return option == 'h' ? EX_OK : EX_USAGE;
	}
	status = ctl_ask(&target, "status\n", &out);
	if (status == EX_OK && json)
		print_status(text_str(&out));
	else
		shown_lines(status ? stderr : stdout, text_str(&out), out.len);
	return status;
}

int ctl_reload(int argc, char **argv)
{
	static const struct option options[] = { { "guard", required_argument, NULL, 'g' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	struct ctl_target target = { 0 };
	char request[48] = "reload\n";
	int64_t guard_ms;
	int option, status;

	while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
		if (ctl_target_option(&target, option))
			continue;
		if (option == 'g' && option_duration(optarg, strlen(optarg), &guard_ms) && guard_ms >= 1000 && guard_ms <= CONTROL_GUARD_MAX_MS) {
			(void)snprintf(request, sizeof request, "reload %lld\n", (long long)guard_ms);
		} else {
			if (option == 'g')
				fprintf(stderr, "sluicectl: '%s' is no time to watch: write one from 1s to 1h, such as 2m\n", optarg);
			break;
		}
	}
	if (option != -1 || optind != argc) {
		fputs("usage: sluicectl reload [-c FILE | -s SOCKET] [--guard TIME]\n", option == 'h' ? stdout : stderr);
		return option == 'h' ? EX_OK : EX_USAGE;
	}
	status = ctl_ask(&target, request, &out);
	shown_lines(status ? stderr : stdout, text_str(&out), out.len);
	return status;
}

int ctl_upgrade(int argc, char **argv)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	struct ctl_target target = { 0 };
	int option = ctl_target_options(argc, argv, &target, NULL), status;

	if (option != -1 || optind != argc) {
		fputs("usage: sluicectl upgrade [-c FILE | -s SOCKET]\n", option == 'h' ? stdout : stderr);
		return option == 'h' ? EX_OK : EX_USAGE;
	}
	status = ctl_ask(&target, "upgrade\n", &out);
	shown_lines(status ? stderr : stdout, text_str(&out), out.len);
	return status;
}

int ctl_metrics(int argc, char **argv)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	struct ctl_target target = { 0 };
	int option = ctl_target_options(argc, argv, &target, NULL), status;

	if (option != -1 || optind != argc) {
		fputs("usage: sluicectl metrics [-c FILE | -s SOCKET]\n", option == 'h' ? stdout : stderr);
		return option == 'h' ? EX_OK : EX_USAGE;
	}
	status = ctl_ask(&target, "metrics\n", &out);
	shown_lines(status ? stderr : stdout, text_str(&out), out.len);
	return status;
}

/* {"entries": [...], "more": ...}, as the daemon lists them. */
static int print_entries(const char *answer)
{
	json_t *all = json_loads(answer, 0, NULL), *entry;
	struct listing listing;
	size_t i;

	if (!all) {
		fputs("sluicectl: the daemon's list cannot be read: is it of another version?\n", stderr);
		return EX_PROTOCOL;
	}
	listing_begin(&listing);
	json_array_foreach(json_object_get(all, "entries"), i, entry)
		listing_put(&listing, entry);
	listing_end(&listing);
	if (json_is_true(json_object_get(all, "more")))
		fputs("sluicectl: there are more than these\n", stderr);
	json_decref(all);
	return EX_OK;
}

struct form {
	const char *verb;
	unsigned words; /* how many may stand behind it: a bit for each number, the highest for all that are greater */
};
#define WORDS_MAX 31

/* What is not in the table is the daemon's to judge. */
static bool is_form(const struct form *forms, const char *verb, int words)
{
	for (; forms->verb; forms++)
		if (!strcmp(forms->verb, verb))
			return forms->words >> (words < WORDS_MAX ? words : WORDS_MAX) & 1;
	return true;
}

/* VERB [PART...] as one request, the parts of the key joined as the store has them. */
static int on_state(int argc, char **argv, const struct form *forms, const char *usage)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX - 1);
	struct ctl_target target = { 0 };
	bool json = false;
	int option = ctl_target_options(argc, argv, &target, &json), status;

	if (option != -1 || optind == argc || (json && strcmp(argv[optind], "list") != 0) || !is_form(forms, argv[optind], argc - optind - 1)) {
		fprintf(option == 'h' ? stdout : stderr, "usage: sluicectl %s [-c FILE | -s SOCKET] %s\n", argv[0], usage);
		return option == 'h' ? EX_OK : EX_USAGE;
	}
	text_addf(&request, "%s %s%s", argv[0], argv[optind], json ? "-json" : "");
	for (int i = optind + 1; i < argc; i++)
		text_addf(&request, "%c%s", i == optind + 1 ? ' ' : '|', argv[i]);
	text_addc(&request, '\n');
	if (request.failed || memchr(request.bytes, '\n', request.len - 1)) {
		fputs("sluicectl: a key is shorter, and has no end of line in it\n", stderr);
		return EX_USAGE;
	}
	status = ctl_ask(&target, text_str(&request), &out);
	if (status == EX_OK && json)
		return print_entries(text_str(&out));
	shown_lines(status ? stderr : stdout, text_str(&out), out.len);
	return status;
}

int ctl_limits(int argc, char **argv)
{
	static const struct form forms[] = { { "list", 1u << 0 }, { "show", ~3u }, { "reset", ~3u }, { NULL, 0 } };

	return on_state(argc, argv, forms, "list [--json] | show RULE VALUE... | reset RULE VALUE...");
}

int ctl_greylist(int argc, char **argv)
{
	static const struct form forms[] = { { "list", 1u << 0 }, { "show", 1u << 3 }, { "pass", 1u << 3 }, { "forget", 1u << 1 | 1u << 3 }, { NULL, 0 } };

	return on_state(argc, argv, forms, "list [--json] | show CLIENT SENDER RECIPIENT | pass CLIENT SENDER RECIPIENT | forget CLIENT [SENDER RECIPIENT]");
}
