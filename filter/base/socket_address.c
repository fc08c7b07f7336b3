/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/socket_address.h"

#include <arpa/inet.h>
#include <string.h>

#include "filter/base/ascii.h"

static bool read_path(const char *path, struct socket_address *ret)
{
	size_t len = strlen(path);

	if (*path != '/' || len >= sizeof ret->u.un.sun_path)
		return false;
	ret->u.un.sun_family = AF_UNIX;
	memcpy(ret->u.un.sun_path, path, len + 1);
	ret->len = sizeof ret->u.un;
	return true;
}

/* PORT@; the address, or NULL. */
static const char *read_port(const char *text, in_port_t *ret)
{
	const char *at = strchr(text, '@');
	uint64_t port;

	if (!at || !ascii_to_u64(text, (size_t)(at - text), UINT16_MAX, &port) || port == 0)
		return NULL;
	*ret = htons((uint16_t)port);
	return at + 1;
}

bool socket_address_read(const char *text, struct socket_address *ret)
{
	struct socket_address a = { 0 };
	const char *address = NULL;
	bool good = false;

	if (!strncmp(text, "unix:", 5)) {
		good = read_path(text + 5, &a);
	} else if (!strncmp(text, "inet:", 5)) {
		a.u.in.sin_family = AF_INET;
		a.len = sizeof a.u.in;
		address = read_port(text + 5, &a.u.in.sin_port);
		good = address && inet_pton(AF_INET, address, &a.u.in.sin_addr) == 1;
	} else if (!strncmp(text, "inet6:", 6)) {
		a.u.in6.sin6_family = AF_INET6;
		a.len = sizeof a.u.in6;
		address = read_port(text + 6, &a.u.in6.sin6_port);
		good = address && inet_pton(AF_INET6, address, &a.u.in6.sin6_addr) == 1;
	}
	if (good)
		*ret = a;
	return good;
}
