/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter.c - connections and workers.
 *
 * A connection is armed for one event; whoever gets it serves the connection alone, and arms it again at the end. So a connection is in the hands
 * of one worker at most, and what is not guarded by the lock belongs to that worker. Octets are read into the worker's own memory: a
 * connection keeps only what is left of a packet that has not come whole, and what the MTA has not taken yet.
 *
 * There are as many workers that do not wait for answers as `wanted` says, and no fewer: one that begins to wait has another one started in its
 * place. One too many ends when nothing has come for a while, and each is relieved by a fresh one after a minute: malloc keeps some of what a thread
 * has freed for that thread, more of it as time goes by, and gives it back when the thread ends.
 */
#include "filter/milter/milter.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "filter/milter/conn.h"
#include "filter/milter/listen.h"
#include "filter/services/clock.h"

#define READ_BYTES      (68u << 10) /* at once: as much of a body as comes in one packet, and more */
#define OUT_MAX_BYTES   (256u << 20) /* that the MTA has not taken: a body that is put in the place of another goes at once */
#define OUT_KEEP_BYTES  65536        /* of a worker's memory for answers */
#define TURNS_MAX       32           /* reads from one connection while others wait */
#define WORKERS_PER_CPU 2
#define LINGER_MS       10000        /* that a worker too many is kept */
#define LIFE_MS         60000        /* of a worker */
#define TICK_MS         10000        /* how often one looks for silent connections */
#define FULL_MS         200          /* until one tries to take connections again, when there were no descriptors */

/* May the stop shut it? Not while it is held: as long as it is served, and from MAIL until the answer to the end of the message was sent. */
enum link_hold { LINK_FREE, LINK_HELD, LINK_SHUT };

struct link { /* one connection's socket */
	struct link *next, *prev; /* of all; under the lock */
	int fd;
	struct conn *conn;
	struct text in;       /* a packet that has not come whole, */
	size_t want;          /* which has so many octets, as far as that is known */
	struct text out;      /* what is yet to be sent, */
	size_t sent;          /* of which so much was */
	int64_t moved_ms;     /* monotonic, when octets were last heard, or at first when it began; atomic */
	bool negotiated;      /* atomic */
	enum link_hold hold;  /* atomic */
	bool over;            /* to be closed when all was sent */
	bool known;           /* to epoll: it has waited there before */
	unsigned turns;       /* of workers; atomic: who has the next one sees what those before have written */
};

struct milter {
	struct edge *edge;
	char *path; /* of the unix socket; NULL: none */
	int listen, epoll, stop /* an eventfd: readable when all is to end */, tick /* a timerfd */;
	bool closing; /* connections are closed as soon as they are free; atomic */
	bool full;    /* no descriptors; atomic */

	pthread_mutex_t lock;     /* guards: */
	struct link *links;
	bool retired;  /* no more connections are taken */
	int taking;    /* workers that take one just now */
	int workers, waiting, wanted; /* threads; those of them that wait for answers; and how many there are to be that do not */
	VEC(pthread_t) ended;      /* to be joined */
	pthread_cond_t less;       /* a worker has ended, or has taken its connection */
};

struct worker {
	struct milter *milter;
	char *in; /* mapped: of READ_BYTES mostly the first pages alone are ever used */
	struct text out;
	int64_t born_ms; /* monotonic */
};

static void *work(void *arg);

/* ---- workers ---- */

static void worker_free(struct worker *w)
{
	(void)munmap(w->in, READ_BYTES);
	text_done(&w->out);
	free(w);
}

static struct worker *worker_new(struct milter *m)
{
	struct worker *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->milter = m;
	w->out = TEXT_INIT(OUT_MAX_BYTES);
	w->born_ms = clock_mono_ms();
	w->in = mmap(NULL, READ_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->in != MAP_FAILED)
		return w;
	free(w);
	return NULL;
}

/* With the lock held: as many as are wanted. -errno when none could be started and there are none. */
static int staff(struct milter *m)
{
	int r = 0;

	while (!r && m->workers - m->waiting < m->wanted && m->workers < MILTER_WORKERS_MAX) {
		struct worker *w = worker_new(m);
		pthread_t thread;

		r = ENOMEM;
		if (w && vec_grow((void **)&m->ended.items, &m->ended.capacity, (size_t)m->workers + m->ended.len, sizeof *m->ended.items))
			r = pthread_create(&thread, NULL, work, w);
		if (r == 0)
			m->workers++;
		else if (w)
			worker_free(w);
	}
	return m->workers ? 0 : -r;
}

/* A dialogue waits for answers, or has them. */
static void pause_worker(void *arg, bool begins)
{
	struct milter *m = arg;

	(void)pthread_mutex_lock(&m->lock);
	if (begins) {
		m->waiting++;
		(void)staff(m); /* when there is no memory others wait until one is free */
	} else {
		m->waiting--;
	}
	(void)pthread_mutex_unlock(&m->lock);
}

static void join_ended(struct milter *m)
{
	VEC(pthread_t) ended = { 0 };

	(void)pthread_mutex_lock(&m->lock);
	while (m->ended.len && vec_push(&ended, m->ended.items[m->ended.len - 1]))
		m->ended.len--;
	(void)pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < ended.len; i++)
		(void)pthread_join(ended.items[i], NULL);
	vec_done(&ended);
}

/* ---- connections ---- */

/* Whoever sees that it is closed, and comes again, finds what it gave back. */
static void link_end(struct milter *m, struct link *l)
{
	(void)pthread_mutex_lock(&m->lock);
	*(l->prev ? &l->prev->next : &m->links) = l->next;
	if (l->next)
		l->next->prev = l->prev;
	(void)pthread_mutex_unlock(&m->lock);
	conn_free(l->conn);
	(void)close(l->fd);
	text_done(&l->in);
	text_done(&l->out);
	free(l);
}

static bool arm(struct milter *m, int op, int fd, uint32_t events, void *of)
{
	struct epoll_event e = { .events = events | EPOLLONESHOT, .data.ptr = of };

	return epoll_ctl(m->epoll, op, fd, &e) == 0;
}

/* NULL: no memory, and the socket is closed. */
static struct link *link_begin(struct milter *m, int fd)
{
	struct link *l = calloc(1, sizeof *l);

	if (l)
		l->conn = conn_new(m->edge);
	if (!l || !l->conn) {
		free(l);
		(void)close(fd);
		return NULL;
	}
	l->fd = fd;
	l->in = TEXT_INIT(PACKET_HEAD_BYTES + PACKET_MAX_BYTES);
	l->out = TEXT_INIT(OUT_MAX_BYTES);
	l->moved_ms = clock_mono_ms();
	(void)pthread_mutex_lock(&m->lock);
	l->next = m->links;
	if (l->next)
		l->next->prev = l;
	m->links = l;
	(void)pthread_mutex_unlock(&m->lock);
	return l;
}

static void set_tick(struct milter *m, int64_t first_ms)
{
	struct itimerspec t = { { TICK_MS / 1000, 0 }, clock_timespec(first_ms) };

	(void)timerfd_settime(m->tick, 0, &t, NULL);
}

/* A connection that has been silent for too long is shut: its worker then finds that it has ended. */
static void look_for_silence(struct milter *m)
{
	int64_t now = clock_mono_ms();

	(void)pthread_mutex_lock(&m->lock);
	for (struct link *l = m->links; l; l = l->next) {
		int64_t limit = __atomic_load_n(&l->negotiated, __ATOMIC_RELAXED) ? MILTER_IDLE_MS : MILTER_NEGOTIATE_MS;

		if (now - __atomic_load_n(&l->moved_ms, __ATOMIC_RELAXED) > limit)
			(void)shutdown(l->fd, SHUT_RDWR);
	}
	(void)pthread_mutex_unlock(&m->lock);
}

/* ---- octets ---- */

/* Send what there is. What does not go now is the connection's, until it does. False: it has ended. */
static bool send_out(struct link *l, struct text *fresh)
{
	const char *bytes = l->out.len ? l->out.bytes + l->sent : fresh->bytes;
	size_t left = l->out.len ? l->out.len - l->sent : fresh->len;

	while (left) {
		ssize_t n = send(l->fd, bytes, left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return false;
		if (n < 0)
			break;
		bytes += n;
		left -= (size_t)n;
		l->sent += l->out.len ? (size_t)n : 0;
	}
	if (!left) {
		text_done(&l->out);
		l->out = TEXT_INIT(OUT_MAX_BYTES);
		l->sent = 0;
	} else if (!l->out.len) {
		text_add(&l->out, bytes, left);
	}
	return !l->out.failed;
}

/*
 * Hear the packets that are whole. *ret_used: octets of them; *ret_want: how many octets the one behind them has, as far as that is known. False: no
 * more is to be heard.
 */
static bool hear(struct link *l, const char *bytes, size_t len, size_t *ret_used, size_t *ret_want, struct text *out)
{
	struct packet p;
	size_t size;

	for (*ret_used = 0;; *ret_used += size) {
		switch (packet_find(bytes + *ret_used, len - *ret_used, &p, &size)) {
		case PACKET_WHOLE:
			if (!conn_hear(l->conn, &p, out))
				return false;
			break;
		case PACKET_PART:
			*ret_want = size ? size : PACKET_HEAD_BYTES;
			return true;
		case PACKET_BAD:
			return false;
		}
	}
}

/* Where the next octets go: behind those of a packet that has begun, and no further than that, or into the worker's memory. NULL: there is none. */
static char *room_for(struct link *l, struct worker *w, size_t *ret_len)
{
	*ret_len = READ_BYTES;
	if (!l->in.len)
		return w->in;
	if (l->want - l->in.len < READ_BYTES)
		*ret_len = l->want - l->in.len;
	text_room(&l->in, l->in.len + *ret_len); /* what a length promises is not believed before it comes */
	return l->in.capacity > l->in.len + *ret_len ? l->in.bytes + l->in.len : NULL;
}

/* Hear what has been read there. False: the connection is to be closed. */
static bool hear_all(struct link *l, struct worker *w, size_t len)
{
	bool begun = l->in.len > 0, more;
	size_t used;

	if (begun)
		l->in.len += len;
	more = hear(l, begun ? l->in.bytes : w->in, begun ? l->in.len : len, &used, &l->want, &w->out);
	if (begun && (!more || used)) {
		text_done(&l->in);
		l->in = TEXT_INIT(PACKET_HEAD_BYTES + PACKET_MAX_BYTES);
	} else if (!begun && more) {
		text_add(&l->in, w->in + used, len - used);
	}
	return more && !l->in.failed;
}

/* Send, read, hear, and so on. False: the connection is to be closed. *ret_events: what to wait for. */
static bool serve_link(struct worker *w, struct link *l, uint32_t *ret_events)
{
	bool more = true;

	for (int turn = 0;; turn++) {
		size_t room;
		char *to;
		ssize_t n;

		if (!send_out(l, &w->out))
			return false;
		text_clear(&w->out);
		*ret_events = l->out.len ? EPOLLOUT : EPOLLIN;
		if (l->out.len) /* the MTA has not taken the last answers yet */
			return true;
		if (l->over || (__atomic_load_n(&w->milter->closing, __ATOMIC_ACQUIRE) && !l->conn->in_message))
			return false;
		if (!more || turn == TURNS_MAX)
			return true;
		to = room_for(l, w, &room);
		if (!to)
			return false;
		n = recv(l->fd, to, room, 0);
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
		if (n == 0)
			return false;
		l->over = !hear_all(l, w, (size_t)n);
		if (l->conn->phase > CONN_NEW) { /* until then all has to come within one limit, however slowly */
			__atomic_store_n(&l->moved_ms, clock_mono_ms(), __ATOMIC_RELAXED);
			__atomic_store_n(&l->negotiated, true, __ATOMIC_RELAXED);
		}
		more = (size_t)n == room || l->conn->phase >= CONN_HEADER; /* the rest of a message is on its way */
	}
}

/* False: the stop was faster. */
static bool hold(struct link *l, enum link_hold as)
{
	enum link_hold was = LINK_FREE;

	return __atomic_compare_exchange_n(&l->hold, &was, as, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) || was == as;
}

/* Unless a message is under way. False: all is to end, and it was not seen to be free. */
static bool let_go(struct milter *m, struct link *l)
{
	if (l->conn->in_message || l->out.len)
		return true;
	__atomic_store_n(&l->hold, LINK_FREE, __ATOMIC_SEQ_CST);
	return !__atomic_load_n(&m->closing, __ATOMIC_SEQ_CST);
}

static void serve(struct worker *w, struct link *l)
{
	unsigned turn = __atomic_load_n(&l->turns, __ATOMIC_ACQUIRE);
	uint32_t events;
	bool stays = hold(l, LINK_HELD) && serve_link(w, l, &events);
	int op = l->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (w->out.capacity > OUT_KEEP_BYTES) {
		text_done(&w->out);
		w->out = TEXT_INIT(OUT_MAX_BYTES);
	} else {
		text_clear(&w->out);
	}
	if (stays)
		conn_rest(l->conn);
	stays = stays && let_go(w->milter, l);
	l->known = true;
	__atomic_store_n(&l->turns, turn + 1, __ATOMIC_RELEASE);
	if (!stays || !arm(w->milter, op, l->fd, events, l))
		link_end(w->milter, l);
}

/* What is taken between these two is known as a connection, or not taken at all, when all are to be known: leave_door(). */
static bool begin_taking(struct milter *m)
{
	bool may;

	(void)pthread_mutex_lock(&m->lock);
	may = !m->retired;
	m->taking += may;
	(void)pthread_mutex_unlock(&m->lock);
	return may;
}

static void end_taking(struct milter *m)
{
	(void)pthread_mutex_lock(&m->lock);
	m->taking--;
	if (m->retired)
		(void)pthread_cond_signal(&m->less);
	(void)pthread_mutex_unlock(&m->lock);
}

/* NULL: there was none, or it could not be had. */
static struct link *take_link(struct milter *m)
{
	int fd = accept4(m->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		if (!__atomic_exchange_n(&m->full, true, __ATOMIC_RELAXED))
			log_write(m->edge->log, LOG_LEVEL_WARNING, "milter: no connection can be taken: %s; those that wait are taken as soon as others end (see LimitNOFILE)",
				strerror(errno));
		set_tick(m, FULL_MS); /* it is armed again there */
		return NULL;
	}
	if (fd >= 0 && __atomic_exchange_n(&m->full, false, __ATOMIC_RELAXED)) /* before another worker can find that it is full again */
		log_write(m->edge->log, LOG_LEVEL_WARNING, "milter: connections are taken again");
	(void)arm(m, EPOLL_CTL_MOD, m->listen, EPOLLIN, &m->listen);
	return fd < 0 ? NULL : link_begin(m, fd); /* another one had it, or the client has thought better of it */
}

/*
 * Take one connection, and serve it at once: the MTA has mostly said something by then, and nobody else has to be woken to hear it. Another worker may
 * take the next one meanwhile.
 */
static void take_connection(struct worker *w)
{
	struct link *l;

	if (!begin_taking(w->milter))
		return;
	l = take_link(w->milter);
	end_taking(w->milter);
	if (l)
		serve(w, l);
}

static void on_tick(struct worker *w)
{
	struct milter *m = w->milter;
	uint64_t times;

	(void)!read(m->tick, &times, sizeof times);
	look_for_silence(m);
	join_ended(m);
	(void)arm(m, EPOLL_CTL_MOD, m->tick, EPOLLIN, &m->tick);
	if (__atomic_load_n(&m->full, __ATOMIC_RELAXED))
		take_connection(w);
}

/* This worker goes, if there are more than are wanted, or if all are to go. Of several that want to, no more go than may. */
static bool leave(struct milter *m, bool all)
{
	bool goes;

	(void)pthread_mutex_lock(&m->lock);
	goes = all || m->workers - m->waiting > m->wanted;
	if (goes) {
		m->workers--;
		m->ended.items[m->ended.len++] = pthread_self(); /* there is room for each */
		(void)pthread_cond_signal(&m->less);
	}
	(void)pthread_mutex_unlock(&m->lock);
	return goes;
}

/* The same, once it is old enough and if another one can be had in its place. */
static bool is_relieved(struct milter *m, struct worker *w)
{
	bool goes;

	if (clock_mono_ms() - w->born_ms < LIFE_MS)
		return false;
	(void)pthread_mutex_lock(&m->lock);
	m->workers--;
	m->ended.items[m->ended.len++] = pthread_self();
	(void)staff(m);
	goes = m->workers - m->waiting >= m->wanted;
	if (goes) {
		(void)pthread_cond_signal(&m->less);
	} else {
		m->workers++;
		m->ended.len--;
		w->born_ms = clock_mono_ms(); /* there is no memory, or no thread: not again and again */
	}
	(void)pthread_mutex_unlock(&m->lock);
	return goes;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct milter *m = w->milter;

	while (!is_relieved(m, w)) {
		struct epoll_event e;
		int n = epoll_wait(m->epoll, &e, 1, LINGER_MS);

		if ((n == 1 && e.data.ptr == &m->stop && leave(m, true)) || (n == 0 && leave(m, false)))
			break;
		if (n == 1 && e.data.ptr == &m->listen)
			take_connection(w);
		else if (n == 1 && e.data.ptr == &m->tick)
			on_tick(w);
		else if (n == 1)
			serve(w, e.data.ptr);
	}
	worker_free(w);
	return NULL;
}

/* ---- begin and end ---- */

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static void destroy(struct milter *m)
{
	close_fd(m->listen);
	close_fd(m->epoll);
	close_fd(m->stop);
	close_fd(m->tick);
	vec_done(&m->ended);
	(void)pthread_cond_destroy(&m->less);
	(void)pthread_mutex_destroy(&m->lock);
	free(m->path);
	free(m);
}

static bool add_all(struct milter *m)
{
	struct epoll_event stop = { .events = EPOLLIN, .data.ptr = &m->stop }; /* each worker hears it */

	return m->epoll >= 0 && m->stop >= 0 && m->tick >= 0 && epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->stop, &stop) == 0 &&
	       arm(m, EPOLL_CTL_ADD, m->tick, EPOLLIN, &m->tick);
}

struct milter *milter_open(struct edge *edge, const struct settings *settings, int inherited, struct err *reterr)
{
	const char *path = listen_path(settings);
	struct milter *m = calloc(1, sizeof *m);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!m) {
		(void)err_set(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	m->edge = edge;
	m->wanted = (int)(cpus > 0 ? cpus : 1) * WORKERS_PER_CPU;
	(void)pthread_mutex_init(&m->lock, NULL);
	(void)clock_cond_init(&m->less);
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->tick = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	m->listen = inherited >= 0 ? inherited : listen_open(settings, reterr);
	if (m->listen < 0)
		goto fail;
	m->path = path ? strdup(path) : NULL;
	if ((path && !m->path) || !add_all(m)) {
		(void)err_set(reterr, -errno, "milter: %s", strerror(errno));
		goto fail;
	}
	return m;
fail:
	if (path && m->listen >= 0 && inherited < 0)
		(void)unlink(path);
	destroy(m);
	return NULL;
}

int milter_start(struct milter *m)
{
	int r;

	m->edge->engine->pause = pause_worker;
	m->edge->engine->pause_arg = m;
	set_tick(m, TICK_MS);
	(void)pthread_mutex_lock(&m->lock);
	r = staff(m);
	(void)pthread_mutex_unlock(&m->lock);
	return r == 0 && !arm(m, EPOLL_CTL_ADD, m->listen, EPOLLIN, &m->listen) ? -errno : r;
}

int milter_socket(const struct milter *m)
{
	return m->listen;
}

/* No more connections from it. Those that a worker was just taking are there afterwards. */
static void leave_door(struct milter *m)
{
	(void)pthread_mutex_lock(&m->lock);
	m->retired = true;
	while (m->taking)
		(void)pthread_cond_wait(&m->less, &m->lock);
	(void)pthread_mutex_unlock(&m->lock);
	if (m->listen >= 0)
		(void)epoll_ctl(m->epoll, EPOLL_CTL_DEL, m->listen, NULL);
}

void milter_retire(struct milter *m)
{
	leave_door(m);
	close_fd(m->listen); /* it and its file are the other one's alone: when that one ends nobody is to wait here for an answer */
	m->listen = -1;
	free(m->path);
	m->path = NULL;
}

bool milter_is_idle(struct milter *m)
{
	bool idle;

	(void)pthread_mutex_lock(&m->lock);
	idle = !m->links;
	(void)pthread_mutex_unlock(&m->lock);
	return idle;
}

void milter_close(struct milter *m)
{
	__atomic_store_n(&m->closing, true, __ATOMIC_SEQ_CST);
	leave_door(m);
	if (m->path)
		(void)unlink(m->path); /* its folder may be root's: then the next start finds that nobody listens there */
	if (m->listen >= 0)
		(void)shutdown(m->listen, SHUT_RDWR); /* who has connected, and was not taken, is told so */
	free(m->path);
	m->path = NULL;
	(void)pthread_mutex_lock(&m->lock);
	for (struct link *l = m->links; l; l = l->next)
		if (hold(l, LINK_SHUT))
			(void)shutdown(l->fd, SHUT_RDWR);
	(void)pthread_mutex_unlock(&m->lock);
}

/* All workers are to end, and have a while for it. */
static bool end_workers(struct milter *m, int64_t limit_ms)
{
	struct timespec until = clock_timespec(clock_mono_ms() + limit_ms);
	uint64_t one = 1;
	bool ended;

	(void)!write(m->stop, &one, sizeof one);
	(void)pthread_mutex_lock(&m->lock);
	m->wanted = 0;
	while (m->workers && pthread_cond_timedwait(&m->less, &m->lock, &until) == 0)
		;
	ended = m->workers == 0;
	(void)pthread_mutex_unlock(&m->lock);
	if (ended)
		join_ended(m);
	return ended;
}

bool milter_free(struct milter *m, int64_t limit_ms)
{
	if (!m)
		return true;
	milter_close(m);
	if (!end_workers(m, limit_ms))
		return false;
	while (m->links)
		link_end(m, m->links);
	destroy(m);
	return true;
}
