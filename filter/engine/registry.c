/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/registry.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/engine/builtin.h"
#include "filter/engine/core_facts.h"
#include "filter/engine/pattern.h"
#include "filter/observe/case.h"

static enum scope scope_of(enum sluice_stage stage)
{
	switch (stage) {
	case SLUICE_STAGE_CONNECT:
	case SLUICE_STAGE_PROBE:
		return SCOPE_CONNECTION;
	case SLUICE_STAGE_HELO:
		return SCOPE_HELO;
	case SLUICE_STAGE_RCPT:
		return SCOPE_RCPT;
	case SLUICE_STAGE_MAIL:
	case SLUICE_STAGE_DATA:
	case SLUICE_STAGE_MESSAGE:
		break;
	}
	return SCOPE_MESSAGE;
}

static bool good_word(const char *s, size_t len)
{
	if (!len || !ascii_is_alpha(*s))
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] != '_' && !ascii_is_digit(s[i]) && !(s[i] >= 'a' && s[i] <= 'z'))
			return false;
	return true;
}

static bool good_fact_name(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && good_word(name, (size_t)(dot - name)) && good_word(dot + 1, strlen(dot + 1));
}

/* ---- what a plugin offers has to be what plugin.h says: it may be of anybody ---- */

static int bad_row(const struct sluice_plugin *plugin, const char *what, const char *name, const char *why, struct err *reterr)
{
	return err_set(reterr, -EINVAL, "plugin %s: the row of %s %s breaks the rules of plugin.h: %s", plugin->name, what, name, why);
}

static int check_facts(const struct sluice_plugin *plugin, unsigned *ret_count, struct err *reterr)
{
	unsigned i;

	for (i = 0; plugin->facts && plugin->facts[i].name; i++) {
		const struct sluice_fact *f = &plugin->facts[i];

		if (!good_fact_name(f->name))
			return bad_row(plugin, "fact", f->name, "a name is word.word, in small letters", reterr);
		if ((unsigned)f->type > SLUICE_TEXTS)
			return bad_row(plugin, "fact", f->name, "there is no such type", reterr);
		if ((f->type == SLUICE_ENUM) != (f->words && *f->words))
			return bad_row(plugin, "fact", f->name, "words belong to an ENUM, and an ENUM has some", reterr);
		if (!f->help)
			return bad_row(plugin, "fact", f->name, "it has no help", reterr);
	}
	*ret_count = i;
	return 0;
}

static int check_checks(const struct sluice_plugin *plugin, unsigned facts, struct err *reterr)
{
	for (const struct sluice_check *k = plugin->checks; k->name; k++) {
		if (!good_word(k->name, strlen(k->name)))
			return bad_row(plugin, "check", k->name, "a name is a word in small letters", reterr);
		if ((unsigned)k->stage > SLUICE_STAGE_PROBE)
			return bad_row(plugin, "check", k->name, "there is no such stage", reterr);
		if (!k->run)
			return bad_row(plugin, "check", k->name, "it has no run()", reterr);
		if (k->stage != SLUICE_STAGE_PROBE && (k->first_fact > k->last_fact || k->last_fact >= facts))
			return bad_row(plugin, "check", k->name, "first_fact to last_fact is not within the table of facts", reterr);
	}
	return 0;
}

static int check_options(const struct sluice_plugin *plugin, struct err *reterr)
{
	for (const struct sluice_option *o = plugin->options; o && o->key; o++) {
		if (!good_word(o->key, strlen(o->key)))
			return bad_row(plugin, "setting", o->key, "a key is a word in small letters", reterr);
		if ((unsigned)o->type > SLUICE_OPT_SECRET)
			return bad_row(plugin, "setting", o->key, "there is no such type", reterr);
		if ((o->type == SLUICE_OPT_WORDS) != (o->words && *o->words))
			return bad_row(plugin, "setting", o->key, "words belong to WORDS, which has some", reterr);
		if (!o->help)
			return bad_row(plugin, "setting", o->key, "it has no help", reterr);
	}
	return 0;
}

static int check_plugin(const struct sluice_plugin *plugin, struct err *reterr)
{
	unsigned facts = 0;
	int result;

	if (plugin->abi != SLUICE_PLUGIN_ABI) /* nothing behind the number can be trusted */
		return err_set(reterr, -EINVAL, "plugin built for ABI %d, this is ABI %d: build it anew", plugin->abi, SLUICE_PLUGIN_ABI);
	if (!plugin->name || !good_word(plugin->name, strlen(plugin->name)))
		return err_set(reterr, -EINVAL, "a plugin breaks the rules of plugin.h: its name is no word in small letters");
	if (!plugin->checks || (plugin->options && ((!plugin->configure && !plugin->make) || !plugin->help)))
		return err_set(reterr, -EINVAL, "plugin %s breaks the rules of plugin.h: it has no checks, or settings without help and configure()",
			plugin->name);
	result = check_facts(plugin, &facts, reterr);
	if (result == 0)
		result = check_checks(plugin, facts, reterr);
	return result < 0 ? result : check_options(plugin, reterr);
}

/* ---- adding ---- */

static int add_fact(struct registry *r, const struct catalog_fact *fact, struct err *reterr)
{
	if (catalog_find(&r->catalog, fact->name) >= 0)
		return err_set(reterr, -EEXIST, "a fact %s exists already", fact->name);
	return catalog_add(&r->catalog, fact) ? 0 : err_set(reterr, -ENOMEM, "out of memory");
}

static int add_plugin_facts(struct registry *r, const struct sluice_plugin *plugin, struct err *reterr)
{
	for (unsigned i = 0; plugin->facts && plugin->facts[i].name; i++) {
		const struct sluice_fact *f = &plugin->facts[i];
		struct catalog_fact fact = { .name = f->name, .type = f->type, .words = f->words, .help = f->help, .check = CATALOG_NO_CHECK };
		int result;

		for (unsigned k = 0; plugin->checks[k].name; k++) {
			const struct sluice_check *check = &plugin->checks[k];

			if (check->stage == SLUICE_STAGE_PROBE || i < check->first_fact || i > check->last_fact)
				continue;
			fact.stage = check->stage;
			fact.scope = scope_of(check->stage);
			fact.check = (unsigned)r->checks.len + k;
		}
		if (fact.check == CATALOG_NO_CHECK)
			return err_set(reterr, -EINVAL, "plugin %s: no check sets the fact %s", plugin->name, f->name);
		result = add_fact(r, &fact, reterr);
		if (result < 0)
			return result;
	}
	return 0;
}

/* NAME.outcome, NAME.error: what is said of every check. */
static int add_own_fact(struct registry *r, const struct registry_check *check, const char *what, const char *const *words, const char *help,
	struct err *reterr)
{
	struct catalog_fact fact = { .type = SLUICE_ENUM, .words = words, .help = help, .stage = check->check->stage, .scope = check->scope,
		.check = (unsigned)r->checks.len };
	char name[128];
	char *kept;

	(void)snprintf(name, sizeof name, "%s.%s", check->check->name, what);
	kept = strdup(name);
	if (!kept || !vec_push(&r->names, kept)) {
		free(kept);
		return err_set(reterr, -ENOMEM, "out of memory");
	}
	fact.name = kept;
	return add_fact(r, &fact, reterr);
}

static int add_check(struct registry *r, struct registry_check *check, struct err *reterr)
{
	int result = 0;

	if (r->checks.len >= REGISTRY_MAX_CHECKS)
		return err_set(reterr, -E2BIG, "more than %d checks", REGISTRY_MAX_CHECKS);
	if ((check->check->feed || check->check->body || check->check->concluded || check->check->wanted) &&
		check->check->stage != SLUICE_STAGE_MESSAGE)
		return err_set(reterr, -EINVAL, "plugin %s: check %s is fed, or hears of the end, and is not of MESSAGE", check->plugin->name, check->check->name);
	if (check->check->costly && check->check->stage != SLUICE_STAGE_MESSAGE)
		return err_set(reterr, -EINVAL, "plugin %s: check %s is costly, and is not of MESSAGE", check->plugin->name, check->check->name);
	if (check->check->after_authres && check->check->stage != SLUICE_STAGE_MESSAGE)
		return err_set(reterr, -EINVAL, "plugin %s: check %s comes after all others, and is not of MESSAGE", check->plugin->name, check->check->name);
	if (check->check->stage != SLUICE_STAGE_PROBE) {
		check->outcome_fact = (unsigned)r->catalog.facts.len;
		result = add_own_fact(r, check, "outcome", outcome_words, "how the check ended", reterr);
		if (result == 0)
			result = add_own_fact(r, check, "error", error_words, "why it ended with temperror", reterr);
	}
	if (result < 0)
		return result;
	return vec_push(&r->checks, *check) ? 0 : err_set(reterr, -ENOMEM, "out of memory");
}

static bool has_plugin(const struct registry *r, const char *name)
{
	return catalog_plugin(&r->catalog, name, strlen(name)) >= 0;
}

static int add_plugin(struct registry *r, const struct sluice_plugin *plugin, struct err *reterr)
{
	unsigned fact_base = (unsigned)r->catalog.facts.len;
	unsigned plugin_index = (unsigned)r->catalog.plugins.len;
	int result = check_plugin(plugin, reterr);

	if (result < 0)
		return result;
	if (has_plugin(r, plugin->name))
		return err_set(reterr, -EEXIST, "a plugin %s is there already", plugin->name);
	result = add_plugin_facts(r, plugin, reterr);
	for (unsigned k = 0; result == 0 && plugin->checks[k].name; k++) {
		struct registry_check check = {
			.check = &plugin->checks[k],
			.plugin = plugin,
			.plugin_index = plugin_index,
			.fact_base = fact_base,
			.scope = scope_of(plugin->checks[k].stage),
		};

		result = add_check(r, &check, reterr);
	}
	if (result < 0)
		return result;
	return vec_push(&r->catalog.plugins, plugin) ? 0 : err_set(reterr, -ENOMEM, "out of memory");
}

static uint64_t bit(size_t check)
{
	return UINT64_C(1) << check;
}

/* The checks whose facts this one names. A fact that does not exist is one of a plugin that is not there. */
static int find_read(struct registry *r, struct registry_check *check, struct err *reterr)
{
	const char *const *reads = check->check->reads;

	check->after = 0;
	for (; reads && *reads; reads++) {
		int fact = catalog_find(&r->catalog, *reads);
		unsigned by = fact < 0 ? CATALOG_NO_CHECK : r->catalog.facts.items[fact].check;

		if (by == CATALOG_NO_CHECK || r->checks.items[by].check->on_demand)
			continue;
		if (r->checks.items[by].check->stage > check->check->stage)
			return err_set(reterr, -EINVAL, "plugin %s: check %s reads %s, which comes later", check->plugin->name, check->check->name, *reads);
		check->after |= bit(by);
	}
	for (size_t i = 0; check->check->after_authres && i < r->checks.len; i++)
		if (r->checks.items[i].check->authres && !r->checks.items[i].check->on_demand)
			check->after |= bit(i);
	return 0;
}

/* Who runs after whom. Anew for each plugin: one that comes later may have what an earlier one reads. */
static int find_order(struct registry *r, struct err *reterr)
{
	for (size_t i = 0; i < r->checks.len; i++) {
		int result = find_read(r, &r->checks.items[i], reterr);

		if (result < 0)
			return result;
	}
	for (size_t via = 0; via < r->checks.len; via++)
		for (size_t i = 0; i < r->checks.len; i++)
			if (r->checks.items[i].after & bit(via))
				r->checks.items[i].after |= r->checks.items[via].after;
	for (size_t i = 0; i < r->checks.len; i++)
		if (r->checks.items[i].after & bit(i))
			return err_set(reterr, -ELOOP, "plugin %s: check %s reads facts that are found after its own", r->checks.items[i].plugin->name,
				r->checks.items[i].check->name);
	return 0;
}

struct registry *registry_new(struct err *reterr)
{
	struct registry *r = calloc(1, sizeof *r);
	int result = r ? 0 : err_set(reterr, -ENOMEM, "out of memory");

	for (size_t i = 0; result == 0 && i < CORE_FACTS; i++)
		result = add_fact(r, &core_facts[i], reterr);
	for (size_t i = 0; result == 0 && builtin_plugins[i]; i++)
		result = add_plugin(r, builtin_plugins[i], reterr);
	if (result == 0)
		result = add_plugin(r, &pattern_plugin, reterr);
	if (result == 0)
		result = find_order(r, reterr);
	if (result < 0) {
		registry_free(r);
		return NULL;
	}
	return r;
}

/* What we run as code must be as safe from others as we are. */
static int check_file(const char *path, struct err *reterr)
{
	struct stat st;

	if (*path != '/')
		return err_set(reterr, -EINVAL, "a plugin is named by a word or by its absolute path");
	if (stat(path, &st) < 0)
		return err_set(reterr, -errno, "%s: %s", path, strerror(errno));
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(reterr, -EPERM, "%s belongs to neither root nor us: chown root", path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(reterr, -EPERM, "%s may be written by others: chmod go-w", path);
	return 0;
}

/* Where a plugin that is named without a path has to be. */
static int installed_path(const char *name, char *path, size_t size, struct err *reterr)
{
	(void)snprintf(path, size, SLUICE_PLUGINDIR "/sluice_%s.so", name);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return 0;
	if (catalog_is_shared(name, strlen(name)))
		return err_set(reterr, -ENOENT, "plugin %s is not installed: it is in the package sluice-plugins-%s", name, name);
	return err_set(reterr, -ENOENT, "plugin %s is not installed: there is no %s", name, path);
}

int registry_load(void *arg, const char *path, struct err *reterr)
{
	struct registry *r = arg;
	const char *base, *end;
	char symbol[128], installed[256];
	void *handle;
	const struct sluice_plugin *plugin;
	int result = 0;

	if (good_word(path, strlen(path))) {
		if (has_plugin(r, path))
			return 0;
		result = installed_path(path, installed, sizeof installed, reterr);
		path = installed;
	}
	if (result == 0)
		result = check_file(path, reterr);
	if (result < 0)
		return result;
	base = strrchr(path, '/') + 1;
	end = strstr(base, ".so");
	if (strncmp(base, "sluice_", 7) != 0 || !end)
		return err_set(reterr, -EINVAL, "%s: a plugin's file is named sluice_NAME.so", path);
	(void)snprintf(symbol, sizeof symbol, "sluice_plugin_%.*s", (int)(end - base - 7), base + 7);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!handle)
		return err_set(reterr, -ENOEXEC, "%s", dlerror());
	plugin = dlsym(handle, symbol);
	if (!plugin)
		return err_set(reterr, -ENOEXEC, "%s has no %s", path, symbol);
	result = add_plugin(r, plugin, reterr);
	return result < 0 ? result : find_order(r, reterr);
}

int registry_make(void *arg, const struct sluice_plugin *plugin, const struct sluice_block *block, struct sluice_config_error *reterr)
{
	struct registry *r = arg;
	struct registry_made made = { .plugin_index = (unsigned)r->catalog.plugins.len };
	struct err why = { 0 };
	int result = plugin->make(block, &made.plugin, &made.state, reterr);

	if (result < 0)
		return result;
	result = vec_push(&r->made, made) ? add_plugin(r, made.plugin, &why) : -ENOMEM;
	if (result == 0)
		result = find_order(r, &why);
	if (result < 0)
		(void)snprintf(reterr->text, sizeof reterr->text, "%.255s", why.text);
	return result;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->made.len; i++)
		if (r->made.items[i].plugin->release)
			r->made.items[i].plugin->release(r->made.items[i].state);
	vec_done(&r->made);
	for (size_t i = 0; i < r->names.len; i++)
		free(r->names.items[i]);
	vec_done(&r->names);
	vec_done(&r->checks);
	catalog_done(&r->catalog);
	free(r);
}
