/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * programs.h - programs of the site's own, which checks ask in lines of JSON: started, or connected to where they listen; again, after a
 * while that doubles from 1 s to a minute, when they are gone. All of it is done on the reactor's thread.
 *
 * Whether one works is told to the health of "program NAME". One that says what is no answer, or has left 10 questions in a row without
 * any, is given up and begun anew.
 */
#ifndef SERVICES_PROGRAMS_H
#define SERVICES_PROGRAMS_H

#include "filter/services/health.h"
#include "filter/services/reactor.h"
#include "plugins/plugin.h"

struct programs;
struct program;

/* said(arg, name, line) gets a line that a program wrote to its standard error; on the reactor's thread. NULL: no memory. */
struct programs *programs_new(struct reactor *r, struct health *h, void (*said)(void *arg, const char *name, const char *line), void *arg);
/* Before this none is begun: the daemon has first to become who it runs as. */
void programs_start(struct programs *all);
/* All that is asked fails from now on, and the processes are ended: they get SIGTERM, and 2 s later SIGKILL. Waits for them. Takes NULL. */
void programs_stop(struct programs *all);
/* Stopped, with no program left, and the reactor's thread at its end. Takes NULL. */
void programs_free(struct programs *all);

/* The program of this definition, which is copied: the one that is there, or a new one. Not on the reactor's thread. NULL: no memory. */
struct program *programs_get(struct programs *all, const struct sluice_program *definition);
/* The last one ends it, and waits for nothing. Not on the reactor's thread. Takes NULL. */
void program_unref(struct program *p);
const char *program_name(const struct program *p); /* NULL: "" */

/*
 * Ask it. done(arg, answer) is called once, on the reactor's thread or before this returns; what the answer points to is borrowed for
 * the call. A program that is not there fails at once, and one that does not answer in its time is TIMEOUT. Any thread.
 */
void program_ask(struct program *p, const char *request, size_t len,
	void (*done)(void *arg, const struct sluice_program_answer *answer), void *arg);

#endif
