/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/redis_servers.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "filter/base/cleanup.h"
#include "filter/base/vec.h"
#include "filter/services/clock.h"
#include "filter/services/redis_sentinels.h"
#include "filter/services/redis_slots.h"

#define BACKOFF_FIRST_MS    100
#define BACKOFF_LAST_MS     10000 /* with one server */
#define BACKOFF_TAKEOVER_MS 1000  /* where another one takes over */
#define TAKEOVER_MS         15000 /* so long after a loss do requests wait for that, unless told */
#define AGAIN_MS            20    /* between two tries of a request that waits */
#define OPEN_MAX            65536 /* requests without an answer; one more fails at once */
#define REDIRECTS_MAX       5     /* at once; then only every AGAIN_MS */
#define MAP_MS              200   /* at least, between two questions for the map */
#define MAP_LATER_MS        2000  /* when nothing has taken over for long */
#define REFUSED_MS          2000  /* so long after a server has refused to run something that is believed, whatever a map says */
#define UNUSED_MS           60000 /* a server that has no slots is forgotten after that */

static const char no_connection[] = "no connection to Redis", no_answer[] = "no answer of Redis in time", too_many[] = "too many operations are under way";

/* A server, connected or not. */
struct redis_node {
	struct redis_servers *servers;
	char name[REDIS_SERVER_MAX];
	struct redis_link *link; /* NULL: none */
	unsigned connection;     /* the number of it */
	bool ready, seed;
	bool tried; /* a connection was made, or failed */
	size_t slots; /* that are its; of one that is no Cluster's 1 */
	int64_t connect_ms, backoff_ms; /* when it is connected to anew */
	int64_t down_ms;                /* since then it is not ready */
	int64_t used_ms;                /* ASK has sent us there */
	int64_t later_ms;               /* since then it has answered nothing but that it cannot for now; 0: it has */
	int64_t refused_ms;             /* it has said so last */
	char later[REDIS_WHY_MAX];      /* the words of that; "": slots are on their way, which is no trouble */
	char trouble[REDIS_WHY_MAX];    /* what it last refused as a whole; "": nothing */
};

struct redis_servers {
	struct redis_servers_settings settings;
	struct redis_link_settings link;
	VEC(struct redis_node *) nodes; /* of one server, or behind Sentinel: one */
	struct redis_node **map;        /* of each slot; NULL: no Cluster. Its nodes may be NULL */
	size_t mapped;                  /* slots that have a node */
	struct redis_sentinels *sentinels; /* NULL: none */
	struct redis_request *first, *last, *first_waiting, *last_waiting;
	size_t open;
	bool begun;                   /* there was memory for all of it */
	struct redis_command map_question;
	struct redis_node *map_asked; /* NULL: not under way */
	int64_t map_ms;               /* it was asked for, last */
	bool map_wanted, map_fits;    /* it is asked for again; the answer at hand could be taken */
	size_t map_turn;
	struct event *timer;
	int64_t timer_ms; /* when it rings; 0: not set */
	bool working, closing;
	struct redis_servers_counts counts; /* atomic */
};

static void dispatch(struct redis_request *q);

static bool takes_over(const struct redis_servers *s)
{
	return s->settings.kind != REDIS_ONE;
}

/* ---- the timer ---- */

static void ring(struct redis_servers *s, int64_t at_ms)
{
	int64_t ms = at_ms - clock_mono_ms();
	struct timeval tv = { 0 };

	if (s->timer_ms && s->timer_ms <= at_ms)
		return;
	s->timer_ms = at_ms;
	if (ms > 0)
		tv = (struct timeval){ .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
	(void)event_add(s->timer, &tv);
}

/* ---- does all of it work? ---- */

/* What does not work that has to; NULL: nothing. *ret: the node that says so, or NULL. */
static const char *find_trouble(const struct redis_servers *s, const struct redis_node **ret)
{
	const struct redis_node *silent = NULL;

	*ret = NULL;
	for (size_t i = 0; i < s->nodes.len; i++) {
		const struct redis_node *n = s->nodes.items[i];

		if (*n->trouble && (n->slots || !silent))
			silent = n;
		if (n->slots && *n->trouble) {
			*ret = n;
			return n->trouble;
		}
		if (!s->mapped && !*n->trouble) /* one of a Cluster that may yet say which one has what */
			return NULL;
	}
	if (!s->map || s->mapped == REDIS_SLOTS)
		return NULL;
	*ret = s->mapped ? NULL : silent;
	return *ret ? silent->trouble : "some slots of the cluster are nobody's";
}

static void judge(struct redis_servers *s)
{
	const struct redis_node *n;
	const char *why = find_trouble(s, &n);
	char told[REDIS_WHY_MAX + REDIS_SERVER_MAX + 16] = "";

	if (!why == s->working || s->closing)
		return;
	s->working = !why;
	if (why && n && *n->name && takes_over(s))
		(void)snprintf(told, sizeof told, "%s: %s", n->name, why);
	else if (why)
		(void)snprintf(told, sizeof told, "%s", why);
	s->settings.changed(s->settings.arg, s->working, told);
}

static void set_trouble(struct redis_node *n, const char *why)
{
	(void)snprintf(n->trouble, sizeof n->trouble, "%s", why);
	judge(n->servers);
}

/* ---- requests ---- */

static void unwait(struct redis_request *q)
{
	struct redis_servers *s = q->servers;

	if (!q->waiting)
		return;
	*(q->before_waiting ? &q->before_waiting->next_waiting : &s->first_waiting) = q->next_waiting;
	*(q->next_waiting ? &q->next_waiting->before_waiting : &s->last_waiting) = q->before_waiting;
	q->waiting = false;
}

static void finish(struct redis_request *q, const redisReply *reply, const char *why)
{
	struct redis_servers *s = q->servers;

	unwait(q);
	redis_command_forget(&q->command);
	*(q->before ? &q->before->next : &s->first) = q->next;
	*(q->next ? &q->next->before : &s->last) = q->before;
	s->open--;
	q->answered(q, reply, why);
}

static void wait(struct redis_request *q)
{
	struct redis_servers *s = q->servers;

	q->before_waiting = s->last_waiting;
	q->next_waiting = NULL;
	*(s->last_waiting ? &s->last_waiting->next_waiting : &s->first_waiting) = q;
	s->last_waiting = q;
	q->waiting = true;
	ring(s, clock_mono_ms() + AGAIN_MS);
}

static void on_reply(struct redis_command *c, const redisReply *reply);

static bool send_to(struct redis_request *q, struct redis_node *n, bool asking)
{
	if (!n || !n->ready)
		return false;
	q->node = n;
	q->connection = n->connection;
	q->command.replied = on_reply;
	if (q->script) {
		bool whole = q->whole || !q->script->sha[0];

		q->whole = whole;
		q->command.argv[0] = whole ? "EVAL" : "EVALSHA";
		q->command.argv[1] = whole ? q->script->text : q->script->sha;
		q->command.lengths[0] = strlen(q->command.argv[0]);
		q->command.lengths[1] = strlen(q->command.argv[1]);
	}
	return redis_link_send(n->link, &q->command, asking);
}

static struct redis_node *node_of(const struct redis_servers *s, const struct redis_request *q)
{
	if (q->fixed)
		return q->node;
	if (s->map && q->slot >= 0)
		return s->map[q->slot];
	for (size_t i = 0; i < s->nodes.len; i++)
		if (s->nodes.items[i]->ready || !s->map)
			return s->nodes.items[i];
	return NULL;
}

/* May a request wait for this node? NULL: for one that nobody knows yet. */
static bool has_hope(const struct redis_servers *s, const struct redis_node *n)
{
	if (!takes_over(s)) /* at the beginning it is about to be there */
		return n && n->link && !n->tried;
	for (size_t i = 0; !n && i < s->nodes.len; i++)
		n = s->nodes.items[i];
	return n && clock_mono_ms() - n->down_ms < s->settings.takeover_ms;
}

static void dispatch(struct redis_request *q)
{
	struct redis_servers *s = q->servers;
	struct redis_node *n = node_of(s, q);

	if (send_to(q, n, false))
		return;
	if ((n && n->ready) || q->fixed || !has_hope(s, n))
		finish(q, NULL, no_connection);
	else if (!q->waiting)
		wait(q);
}

static void begin(struct redis_servers *s, struct redis_request *q)
{
	q->servers = s;
	q->deadline_ms = clock_mono_ms() + s->link.timeout_ms;
	q->command.sent = NULL;
	q->waiting = q->whole = false;
	q->redirects = 0;
	q->before = s->last;
	q->next = NULL;
	*(s->last ? &s->last->next : &s->first) = q;
	s->last = q;
	s->open++;
	if (s->open > OPEN_MAX) {
		finish(q, NULL, too_many);
		return;
	}
	ring(s, q->deadline_ms);
	dispatch(q);
}

void redis_servers_run(struct redis_servers *s, struct redis_request *q)
{
	q->node = NULL;
	q->fixed = false;
	begin(s, q);
}

size_t redis_servers_count(const struct redis_servers *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->nodes.len; i++)
		count += s->nodes.items[i]->slots > 0;
	return count;
}

void redis_servers_run_on(struct redis_servers *s, size_t index, struct redis_request *q)
{
	q->node = NULL;
	q->fixed = true;
	for (size_t i = 0; i < s->nodes.len && !q->node; i++)
		if (s->nodes.items[i]->slots && !index--)
			q->node = s->nodes.items[i];
	begin(s, q);
}

/* ---- nodes ---- */

/* Half of the wait is left to chance: gateways that lost one Redis together do not come back together. */
static void plan_connect(struct redis_node *n)
{
	int64_t most = takes_over(n->servers) ? BACKOFF_TAKEOVER_MS : BACKOFF_LAST_MS;
	unsigned chance = 0;

	(void)!getrandom(&chance, sizeof chance, 0);
	n->connect_ms = clock_mono_ms() + n->backoff_ms / 2 + (int64_t)(chance % (unsigned)(n->backoff_ms / 2 + 1));
	n->backoff_ms = n->backoff_ms * 2 > most ? most : n->backoff_ms * 2;
	ring(n->servers, n->connect_ms);
}

static int64_t map_due_ms(const struct redis_servers *s)
{
	int64_t now = clock_mono_ms();
	bool fine = s->mapped == REDIS_SLOTS, fresh = false;

	for (size_t i = 0; i < s->nodes.len; i++) {
		fine &= !s->nodes.items[i]->slots || (s->nodes.items[i]->ready && !*s->nodes.items[i]->trouble);
		fresh |= now - s->nodes.items[i]->down_ms < TAKEOVER_MS;
	}
	return s->map_ms + (fine || fresh ? MAP_MS : MAP_LATER_MS);
}

static void want_map(struct redis_servers *s)
{
	if (!s->map || s->closing)
		return;
	s->map_wanted = true;
	ring(s, map_due_ms(s));
}

/* Those that waited are sent, in their order; some may wait again, behind those. */
static void send_waiting(struct redis_servers *s)
{
	struct redis_request *last = s->last_waiting, *q, *next;

	for (q = s->first_waiting; q; q = next) {
		bool end = q == last;

		next = q->next_waiting;
		unwait(q);
		dispatch(q);
		if (end)
			break;
	}
}

static void on_ready(void *arg)
{
	struct redis_node *n = arg;
	struct redis_servers *s = n->servers;

	n->ready = n->tried = true;
	n->later_ms = 0;
	n->backoff_ms = BACKOFF_FIRST_MS;
	if (!s->map || s->mapped) /* a Cluster works when one of its servers has said which one has what */
		*n->trouble = '\0';
	if (s->sentinels)
		redis_sentinels_hurry(s->sentinels, false);
	if (s->map && (s->map_wanted || s->mapped < REDIS_SLOTS))
		want_map(s);
	judge(s);
	send_waiting(s);
}

static void not_ready(struct redis_node *n)
{
	if (n->ready)
		n->down_ms = clock_mono_ms();
	n->ready = false;
	n->link = NULL;
}

static void on_gone(void *arg, const char *why)
{
	struct redis_node *n = arg;
	struct redis_servers *s = n->servers;

	not_ready(n);
	n->tried = true;
	(void)snprintf(n->trouble, sizeof n->trouble, "%s", why);
	judge(s);
	plan_connect(n);
	want_map(s);
	if (s->sentinels)
		redis_sentinels_hurry(s->sentinels, true);
}

static void connect_to(struct redis_node *n)
{
	struct redis_link_owner owner = { on_ready, on_gone, n };

	n->connection++;
	n->link = redis_link_open(&n->servers->link, n->name, &owner);
	if (!n->link)
		plan_connect(n);
}

static struct redis_node *node_new(struct redis_servers *s, const char *name)
{
	struct redis_node *n = s->nodes.len < REDIS_SERVERS_MAX ? calloc(1, sizeof *n) : NULL;

	if (!n)
		return NULL;
	n->servers = s;
	(void)snprintf(n->name, sizeof n->name, "%s", name);
	n->backoff_ms = BACKOFF_FIRST_MS;
	n->down_ms = n->used_ms = clock_mono_ms();
	if (vec_push(&s->nodes, n))
		return n;
	free(n);
	return NULL;
}

static struct redis_node *node_get(struct redis_servers *s, const char *name)
{
	for (size_t i = 0; i < s->nodes.len; i++)
		if (!strcmp(s->nodes.items[i]->name, name))
			return s->nodes.items[i];
	return node_new(s, name);
}

/* Leave its connection; what is under way there may yet be answered. */
static void node_leave(struct redis_node *n, bool at_once)
{
	struct redis_link *link = n->link;

	not_ready(n);
	redis_link_leave(link, at_once);
}

static void node_forget(struct redis_servers *s, size_t i)
{
	struct redis_node *n = s->nodes.items[i];

	for (struct redis_request *q = s->first; q; q = q->next)
		if (q->node == n)
			q->node = NULL, q->fixed = false;
	if (s->map_asked == n) {
		redis_command_forget(&s->map_question);
		s->map_asked = NULL;
	}
	node_leave(n, false);
	s->nodes.items[i] = s->nodes.items[--s->nodes.len];
	free(n);
}

/* ---- behind Sentinel ---- */

static void on_found(void *arg, const char *server)
{
	struct redis_servers *s = arg;
	struct redis_node *n = s->nodes.items[0];

	if (!strcmp(n->name, server))
		return;
	(void)snprintf(n->name, sizeof n->name, "%s", server);
	node_leave(n, false);
	n->backoff_ms = BACKOFF_FIRST_MS;
	connect_to(n);
	redis_sentinels_hurry(s->sentinels, true);
}

static void on_failed(void *arg, const char *why)
{
	struct redis_servers *s = arg;

	if (!s->nodes.items[0]->ready)
		set_trouble(s->nodes.items[0], why);
}

/* ---- the map of a Cluster ---- */

static void set_slot(struct redis_servers *s, unsigned slot, struct redis_node *n)
{
	if (s->map[slot])
		s->map[slot]->slots--;
	s->mapped -= s->map[slot] != NULL;
	s->map[slot] = n;
	s->mapped += n != NULL;
	if (n)
		n->slots++;
}

static void count_range(void *arg, unsigned first, unsigned last, const char *server)
{
	(void)server;
	*(unsigned *)arg += first <= last ? last - first + 1 : 0;
}

static void take_range(void *arg, unsigned first, unsigned last, const char *server)
{
	struct redis_servers *s = arg;
	struct redis_node *n = node_get(s, server);

	if (!n) {
		s->map_fits = false;
		return;
	}
	for (unsigned slot = first; slot <= last; slot++)
		set_slot(s, slot, n);
}

/* Connect to the servers that are needed, and forget the others. */
static void tend_nodes(struct redis_servers *s)
{
	int64_t now = clock_mono_ms();
	bool lost = s->mapped < REDIS_SLOTS || s->map_wanted; /* whoever knows may say where the slots are */

	for (size_t i = s->nodes.len; s->map && i-- > 0;) {
		struct redis_node *n = s->nodes.items[i];

		if (n->slots || now - n->used_ms < UNUSED_MS || (n->seed && lost))
			continue;
		if (!n->seed)
			node_forget(s, i);
		else if (n->link && s->map_asked != n)
			node_leave(n, false);
	}
	for (size_t i = 0; i < s->nodes.len; i++) {
		struct redis_node *n = s->nodes.items[i];

		if (n->link || !*n->name || (s->map && !n->slots && now - n->used_ms >= UNUSED_MS && !(n->seed && lost)))
			continue;
		if (n->connect_ms <= now)
			connect_to(n);
		if (!n->link)
			ring(s, n->connect_ms);
	}
}

static void on_map(struct redis_command *c, const redisReply *reply)
{
	struct redis_servers *s = (struct redis_servers *)((char *)c - offsetof(struct redis_servers, map_question));
	struct redis_node *asked = s->map_asked;
	unsigned slots = 0;

	s->map_asked = NULL;
	if (!asked || !reply) {
		want_map(s);
		return;
	}
	if (reply->type == REDIS_REPLY_ERROR) {
		set_trouble(asked, reply->str);
		want_map(s);
		return;
	}
	if (!redis_slots_read(reply, asked->name, count_range, &slots) || !slots) { /* it is not of the Cluster (any more): what others say stays */
		if (!s->mapped)
			set_trouble(asked, "it knows of no slots");
		want_map(s);
		return;
	}
	s->map_fits = true;
	for (unsigned slot = 0; slot < REDIS_SLOTS; slot++)
		set_slot(s, slot, NULL);
	(void)redis_slots_read(reply, asked->name, take_range, s);
	if (!s->map_fits || s->mapped < REDIS_SLOTS)
		want_map(s);
	for (size_t i = 0; i < s->nodes.len; i++) {
		struct redis_node *n = s->nodes.items[i];

		if (n->ready && *n->trouble && n->refused_ms && clock_mono_ms() - n->refused_ms < REFUSED_MS)
			want_map(s); /* later, when it has refused nothing since */
		else if (n->ready && s->mapped)
			*n->trouble = '\0';
		else if (n->slots)
			want_map(s); /* another one may take over */
	}
	tend_nodes(s);
	judge(s);
	send_waiting(s);
}

static void ask_for_map(struct redis_servers *s)
{
	static const char *const question[] = { "CLUSTER", "SLOTS" };

	if (!s->map_wanted || s->map_asked || map_due_ms(s) > clock_mono_ms())
		return;
	for (size_t i = 0; i < s->nodes.len; i++) {
		struct redis_node *n = s->nodes.items[(i + s->map_turn) % s->nodes.len];

		if (!n->ready)
			continue;
		s->map_turn = (i + s->map_turn + 1) % s->nodes.len;
		s->map_question = (struct redis_command){ .argc = 2, .argv = { question[0], question[1] },
			.lengths = { strlen(question[0]), strlen(question[1]) }, .replied = on_map };
		if (!redis_link_send(n->link, &s->map_question, false))
			continue;
		s->map_asked = n;
		s->map_wanted = false;
		s->map_ms = clock_mono_ms();
		return;
	}
}

/* ---- answers ---- */

static void count(uint64_t *counter)
{
	(void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* It was not run there: where is it to go? */
static void redirect(struct redis_request *q, const char *error, bool moved)
{
	struct redis_servers *s = q->servers;
	char name[REDIS_SERVER_MAX];
	struct redis_node *n;
	unsigned slot;

	if (!s->map || !q->node || !redis_redirect_read(error, q->node->name, &slot, name) || (n = node_get(s, name)) == NULL) {
		want_map(s);
		wait(q);
		return;
	}
	n->used_ms = clock_mono_ms();
	if (moved) {
		set_slot(s, slot, n);
		want_map(s);
	}
	if (!n->link) {
		n->connect_ms = n->used_ms;
		ring(s, n->used_ms);
	}
	if (++q->redirects > REDIRECTS_MAX || !send_to(q, n, !moved))
		wait(q);
}

/* A request has failed by what the server cannot for now. */
static void tell_later(struct redis_node *n)
{
	if (n && n->ready && n->later_ms && *n->later) {
		set_trouble(n, n->later);
		want_map(n->servers); /* which says that it is over, if nothing else is asked */
	}
}

/* The server has not run it, and cannot for now: will it soon? Then it waits. */
static bool wait_for_node(struct redis_request *q, struct redis_node *n, const char *error)
{
	struct redis_servers *s = q->servers;
	int64_t now = clock_mono_ms();
	bool moving = redis_error_read(error) == REDIS_ERROR_LATER && !strstr(error, "CLUSTERDOWN") && !strstr(error, "NOREPLICAS");

	if (n && !n->later_ms)
		n->later_ms = now;
	if (n) {
		n->refused_ms = now;
		(void)snprintf(n->later, sizeof n->later, "%s", moving ? "" : error);
	}
	if (!takes_over(s) || q->fixed || (n && now - n->later_ms >= s->settings.takeover_ms)) {
		tell_later(n);
		return false;
	}
	count(&s->counts.later);
	if (!moving)
		want_map(s);
	if (!moving && s->sentinels) /* there may be another primary already */
		redis_sentinels_hurry(s->sentinels, true);
	wait(q);
	return true;
}

static void on_reply(struct redis_command *c, const redisReply *reply)
{
	struct redis_request *q = (struct redis_request *)c;
	struct redis_servers *s = q->servers;
	struct redis_node *n = q->node && q->node->connection == q->connection ? q->node : NULL; /* an answer on one that was left says nothing of the present */

	if (!reply) {
		count(&s->counts.lost);
		finish(q, NULL, no_connection);
		return;
	}
	if (reply->type != REDIS_REPLY_ERROR) {
		if (n && n->later_ms && s->sentinels && n->ready)
			redis_sentinels_hurry(s->sentinels, false);
		if (n)
			n->later_ms = 0;
		if (n && n->ready && *n->trouble)
			set_trouble(n, "");
		finish(q, reply, NULL);
		return;
	}
	switch (redis_error_read(reply->str)) {
	case REDIS_ERROR_NOSCRIPT:
		if (q->script && !q->whole) {
			q->whole = true;
			dispatch(q);
			return;
		}
		break;
	case REDIS_ERROR_MOVED:
		count(&s->counts.moved);
		if (q->fixed)
			break;
		redirect(q, reply->str, true);
		return;
	case REDIS_ERROR_ASK:
		count(&s->counts.ask);
		if (q->fixed)
			break;
		redirect(q, reply->str, false);
		return;
	case REDIS_ERROR_LATER:
		if (!wait_for_node(q, n, reply->str))
			break;
		return;
	case REDIS_ERROR_DEMOTED:
	case REDIS_ERROR_LOADING:
		if (!wait_for_node(q, n, reply->str))
			break;
		if (n && n->ready) { /* it says what it is now when it is connected to anew */
			node_leave(n, false);
			plan_connect(n);
		}
		return;
	case REDIS_ERROR_SERVER:
		if (n && n->ready)
			set_trouble(n, reply->str);
		break;
	case REDIS_ERROR_OTHER:
		break;
	}
	finish(q, reply, NULL);
}

static void on_timer(int fd, short what, void *arg)
{
	struct redis_servers *s = arg;
	int64_t now = clock_mono_ms();

	(void)fd;
	(void)what;
	s->timer_ms = 0;
	while (s->first && s->first->deadline_ms <= now) {
		if (s->first->waiting)
			tell_later(s->first->node);
		finish(s->first, NULL, no_answer);
	}
	tend_nodes(s);
	ask_for_map(s);
	send_waiting(s);
	if (s->first)
		ring(s, s->first->deadline_ms);
	if (s->map_wanted && !s->map_asked)
		ring(s, map_due_ms(s) > now ? map_due_ms(s) : now + MAP_MS);
}

/* ---- the whole ---- */

static void open_on_reactor(void *arg)
{
	struct redis_servers *s = arg;

	s->timer = event_new(reactor_base(s->link.reactor), -1, 0, on_timer, s);
	if (!s->timer)
		return;
	if (s->settings.kind == REDIS_SENTINELS) {
		struct redis_sentinels_settings sentinels = { .link = s->link, .servers = s->settings.servers, .server_count = s->settings.server_count,
			.master = s->settings.master, .found = on_found, .failed = on_failed, .arg = s };

		sentinels.link.user = s->settings.sentinel_user;
		sentinels.link.password = s->settings.sentinel_password;
		s->sentinels = redis_sentinels_new(&sentinels);
		if (node_new(s, "") && s->sentinels)
			redis_sentinels_hurry(s->sentinels, true);
	} else {
		for (size_t i = 0; i < s->settings.server_count; i++) {
			struct redis_node *n = node_get(s, s->settings.servers[i]);

			if (n)
				n->seed = true;
		}
	}
	if (s->map)
		s->map_wanted = true;
	for (size_t i = 0; i < s->nodes.len && !s->map; i++)
		s->nodes.items[i]->slots = 1;
	s->begun = s->nodes.len && (s->sentinels || s->settings.kind != REDIS_SENTINELS);
	tend_nodes(s);
}

static void close_on_reactor(void *arg)
{
	struct redis_servers *s = arg;

	s->closing = true;
	while (s->first)
		finish(s->first, NULL, no_connection);
	redis_command_forget(&s->map_question);
	s->map_asked = NULL;
	redis_sentinels_free(s->sentinels);
	redis_link_leave_all(&s->link);
	for (size_t i = 0; i < s->nodes.len; i++)
		free(s->nodes.items[i]);
	vec_done(&s->nodes);
	if (s->timer)
		event_free(s->timer);
}

struct redis_servers *redis_servers_new(const struct redis_servers_settings *settings, struct err *reterr)
{
	struct redis_servers *s = calloc(1, sizeof *s);

	if (s) {
		s->settings = *settings;
		if (!settings->takeover_ms)
			s->settings.takeover_ms = TAKEOVER_MS;
		s->link = settings->link;
		s->link.role = settings->kind == REDIS_SENTINELS ? REDIS_PRIMARY : REDIS_ANY;
		s->working = true;
		s->map = settings->kind == REDIS_CLUSTER ? calloc(REDIS_SLOTS, sizeof(struct redis_node *)) : NULL;
		if (s->map || settings->kind != REDIS_CLUSTER) {
			reactor_call(settings->link.reactor, open_on_reactor, s);
			if (s->begun)
				return s;
		}
	}
	redis_servers_free(s);
	(void)err_set(reterr, -ENOMEM, "out of memory");
	return NULL;
}

void redis_servers_free(struct redis_servers *s)
{
	if (!s)
		return;
	reactor_call(s->link.reactor, close_on_reactor, s);
	free(s->map);
	free(s);
}

struct redis_servers_counts redis_servers_counts(struct redis_servers *s)
{
	return (struct redis_servers_counts){
		.moved = __atomic_load_n(&s->counts.moved, __ATOMIC_RELAXED),
		.ask = __atomic_load_n(&s->counts.ask, __ATOMIC_RELAXED),
		.later = __atomic_load_n(&s->counts.later, __ATOMIC_RELAXED),
		.lost = __atomic_load_n(&s->counts.lost, __ATOMIC_RELAXED),
	};
}
