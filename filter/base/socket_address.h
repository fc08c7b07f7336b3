/* SPDX-License-Identifier: BSD-2-Clause */
/* socket_address.h - where something listens, in text: unix:PATH, inet:PORT@ADDRESS, inet6:PORT@ADDRESS. Pure. */
#ifndef BASE_SOCKET_ADDRESS_H
#define BASE_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct socket_address {
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u;
	socklen_t len;
};

/* False: it is none; an absolute path, or a port and an IP address: names are not looked up. */
bool socket_address_read(const char *text, struct socket_address *ret);

#endif
