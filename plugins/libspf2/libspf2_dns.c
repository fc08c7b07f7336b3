/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/libspf2/libspf2_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <spf2/spf.h>
#include <spf2/spf_dns_rr.h>

#define HOST_NAME_MAX_BYTES 48

struct spf_library {
	SPF_dns_server_t dns;
	SPF_server_t *server;
};

/* libspf2 gives its DNS call-back no argument of ours. Set around the one call that leads there. */
static _Thread_local struct spf_view *current;

static void host_name(const struct spf_view *v, size_t host, char buf[HOST_NAME_MAX_BYTES])
{
	snprintf(buf, HOST_NAME_MAX_BYTES, "h%zu.%s", host, v->hosts[host].within ? GUARD_CLEAN_TARGET : "invalid");
}

/* The addresses of a name; NULL: not here yet, or the name is none of ours. */
static const struct sluice_dns_answer *find_addresses(struct spf_view *v, const char *name, bool *ret_known)
{
	char host[HOST_NAME_MAX_BYTES];

	*ret_known = true;
	if (strcmp(name, GUARD_CLEAN_TARGET) == 0)
		return v->target;
	for (size_t i = 0; i < v->host_count; i++) {
		host_name(v, i, host);
		if (strcmp(name, host) == 0)
			return v->hosts[i].addresses;
	}
	*ret_known = false;
	return NULL;
}

static bool set_record(SPF_dns_rr_t *rr, const void *data, size_t len)
{
	int at = rr->num_rr;

	if (SPF_dns_rr_buf_realloc(rr, at, len) != SPF_E_SUCCESS)
		return false;
	memcpy(rr->rr[at], data, len);
	rr->num_rr = at + 1;
	return true;
}

static SPF_dns_rr_t *addresses_of(SPF_dns_server_t *dns, struct spf_view *v, const char *name, ns_type type)
{
	size_t octets = type == ns_t_a ? 4 : 16;
	const struct sluice_dns_answer *a;
	SPF_dns_rr_t *rr;
	bool known;

	a = find_addresses(v, name, &known);
	if (known && !a)
		v->missing = true;
	if (known && (!a || a->status == SLUICE_DNS_FAILED || a->status == SLUICE_DNS_TIMEOUT))
		return SPF_dns_rr_new_init(dns, name, type, 0, TRY_AGAIN);
	if (!known || a->status != SLUICE_DNS_OK)
		return SPF_dns_rr_new_nxdomain(dns, name);

	rr = SPF_dns_rr_new_init(dns, name, type, 0, NETDB_SUCCESS);
	if (rr && v->any && v->client.family == (type == ns_t_a ? 4 : 6)) {
		(void)set_record(rr, v->client.bytes, octets);
		return rr;
	}
	for (size_t i = 0; rr && i < a->count; i++) {
		if (a->records[i].len == octets && !set_record(rr, a->records[i].data, octets))
			break;
	}
	return rr;
}

static SPF_dns_rr_t *hosts_of(SPF_dns_server_t *dns, const struct spf_view *v, const char *name, ns_type type)
{
	SPF_dns_rr_t *rr = SPF_dns_rr_new_init(dns, name, type, 0, v->host_count ? NETDB_SUCCESS : NO_DATA);

	for (size_t i = 0; rr && i < v->host_count; i++) {
		char host[HOST_NAME_MAX_BYTES];

		host_name(v, i, host);
		if (!set_record(rr, host, strlen(host) + 1))
			break;
	}
	return rr;
}

static SPF_dns_rr_t *look_up(SPF_dns_server_t *dns, const char *name, ns_type type, int should_cache)
{
	(void)should_cache;
	if (current && (type == ns_t_a || type == ns_t_aaaa))
		return addresses_of(dns, current, name, type);
	if (current && (type == ns_t_mx || type == ns_t_ptr))
		return hosts_of(dns, current, name, type);
	return SPF_dns_rr_new_nxdomain(dns, name);
}

struct spf_library *spf_library_new(void)
{
	struct spf_library *lib = calloc(1, sizeof *lib);

	if (!lib)
		return NULL;
	lib->dns = (SPF_dns_server_t){ .lookup = look_up, .name = "sluice" };
	lib->server = SPF_server_new_dns(&lib->dns, 0);
	if (!lib->server) {
		free(lib);
		return NULL;
	}
	return lib;
}

void spf_library_free(struct spf_library *lib)
{
	if (!lib)
		return;
	SPF_server_free(lib->server);
	free(lib);
}

static bool set_client(SPF_request_t *request, const struct sluice_ip *ip)
{
	struct in6_addr v6;
	struct in_addr v4;

	/* The sender is in no record that libspf2 sees; these are only because it wants some. */
	if (SPF_request_set_env_from(request, "postmaster@" GUARD_CLEAN_TARGET) != 0 ||
		SPF_request_set_helo_dom(request, GUARD_CLEAN_TARGET) != SPF_E_SUCCESS)
		return false;
	if (ip->family == 4) {
		memcpy(&v4, ip->bytes, sizeof v4);
		return SPF_request_set_ipv4(request, v4) == SPF_E_SUCCESS;
	}
	memcpy(&v6, ip->bytes, sizeof v6);
	return SPF_request_set_ipv6(request, v6) == SPF_E_SUCCESS;
}

enum spf_match spf_library_match(const struct spf_library *lib, const char *record, struct spf_view *view)
{
	SPF_request_t *request = SPF_request_new(lib->server);
	SPF_response_t *response = request ? SPF_response_new(request) : NULL;
	SPF_result_t result = SPF_RESULT_INVALID;
	SPF_record_t *compiled = NULL;

	view->missing = false;
	if (response && set_client(request, &view->client) &&
		SPF_record_compile(lib->server, response, &compiled, record) == SPF_E_SUCCESS) {
		request->cur_dom = GUARD_CLEAN_TARGET;
		response->spf_record_exp = compiled; /* it aborts without one */
		current = view;
		/* not SPF_request_query_...(): those let clients of 127/8 and ::1 pass whatever the record says */
		(void)SPF_record_interpret(compiled, request, response, 0);
		current = NULL;
		result = SPF_response_result(response);
	}
	if (compiled)
		SPF_record_free(compiled);
	if (response)
		SPF_response_free(response);
	if (request)
		SPF_request_free(request);

	if (view->missing)
		return SPF_MATCH_PENDING;
	if (result == SPF_RESULT_PASS)
		return SPF_MATCH;
	return result == SPF_RESULT_NEUTRAL ? SPF_NO_MATCH : SPF_MATCH_TEMPERROR;
}
