/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/milterload.h"

#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TREE_MAX  256 /* processes of a milter */
#define SAMPLE_MS 100

static struct {
	pthread_t thread;
	atomic_bool end;
	struct usage peak;
} watch;

/* The processes of a tree, the root first. */
static size_t tree(pid_t root, pid_t pids[TREE_MAX])
{
	size_t count = 1;

	pids[0] = root;
	for (size_t i = 0; i < count; i++) {
		char path[64];
		DIR *tasks;
		struct dirent *task;

		(void)snprintf(path, sizeof path, "/proc/%d/task", pids[i]);
		tasks = opendir(path);
		while (tasks && (task = readdir(tasks)) != NULL) {
			char children[sizeof path + sizeof task->d_name + 16];
			FILE *f;
			int pid;

			if (!isdigit((unsigned char)*task->d_name))
				continue;
			(void)snprintf(children, sizeof children, "%s/%s/children", path, task->d_name);
			f = fopen(children, "r");
			while (f && count < TREE_MAX && fscanf(f, "%d", &pid) == 1)
				pids[count++] = pid;
			if (f)
				(void)fclose(f);
		}
		if (tasks)
			(void)closedir(tasks);
	}
	return count;
}

/* CPU time of all threads that are or were, of children that have ended too; threads. */
static void add_stat(pid_t pid, struct usage *u)
{
	char path[64], line[1024] = "";
	unsigned long user = 0, system = 0;
	long reaped_user = 0, reaped_system = 0, threads = 0;
	const char *rest;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "r");
	rest = f && fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL; /* the name may have blanks */
	if (f)
		(void)fclose(f);
	if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %ld", &user, &system, &reaped_user,
			     &reaped_system, &threads) != 5)
		return;
	u->cpu_s += ((double)user + (double)system + (double)reaped_user + (double)reaped_system) / (double)sysconf(_SC_CLK_TCK);
	u->threads += (unsigned)threads;
}

static void add_pss(pid_t pid, struct usage *u)
{
	char path[64], line[200];
	long kib;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Pss: %ld kB", &kib) == 1)
			u->pss_kib += kib;
	if (f)
		(void)fclose(f);
}

struct usage use_measure(bool memory)
{
	struct usage u = { 0 };
	pid_t pids[TREE_MAX];
	size_t count = load.pid ? tree(load.pid, pids) : 0;

	for (size_t i = 0; i < count; i++) {
		add_stat(pids[i], &u);
		if (memory)
			add_pss(pids[i], &u);
	}
	return u;
}

static void *sample(void *unused)
{
	(void)unused;
	while (!atomic_load(&watch.end)) {
		struct usage u = use_measure(true);

		if (u.pss_kib > watch.peak.pss_kib)
			watch.peak.pss_kib = u.pss_kib;
		if (u.threads > watch.peak.threads)
			watch.peak.threads = u.threads;
		(void)nanosleep(&(struct timespec){ .tv_nsec = SAMPLE_MS * 1000000L }, NULL);
	}
	return NULL;
}

void use_watch(void)
{
	if (load.pid && pthread_create(&watch.thread, NULL, sample, NULL))
		die("no thread");
}

struct usage use_peak(void)
{
	if (load.pid) {
		atomic_store(&watch.end, true);
		(void)pthread_join(watch.thread, NULL);
	}
	return watch.peak;
}
