/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/redis_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#ifdef HAVE_HIREDIS_SSL

#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "filter/base/ip.h"

struct redis_tls {
	SSL_CTX *context;
};

static int bad(struct err *reterr, const char *what, const char *path)
{
	unsigned long e = ERR_get_error();

	ERR_clear_error();
	return err_set(reterr, -EINVAL, "%s %s cannot be used: %s", what, path, e ? ERR_reason_error_string(e) : "OpenSSL does not say why");
}

static int load(SSL_CTX *c, const struct redis_tls_settings *s, struct err *reterr)
{
	if (*s->ca ? SSL_CTX_load_verify_file(c, s->ca) != 1 : SSL_CTX_set_default_verify_paths(c) != 1)
		return bad(reterr, "tls_ca", s->ca);
	if (*s->cert && SSL_CTX_use_certificate_chain_file(c, s->cert) != 1)
		return bad(reterr, "tls_cert", s->cert);
	if (*s->key && SSL_CTX_use_PrivateKey_file(c, s->key, SSL_FILETYPE_PEM) != 1)
		return bad(reterr, "tls_key", s->key);
	if (*s->cert && SSL_CTX_check_private_key(c) != 1)
		return bad(reterr, "tls_key", s->key);
	return 0;
}

struct redis_tls *redis_tls_new(const struct redis_tls_settings *settings, struct err *reterr)
{
	struct redis_tls *t = calloc(1, sizeof *t);

	if (t)
		t->context = SSL_CTX_new(TLS_client_method());
	if (!t || !t->context) {
		redis_tls_free(t);
		(void)err_set(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	(void)SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION);
	SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
	if (load(t->context, settings, reterr) == 0)
		return t;
	redis_tls_free(t);
	return NULL;
}

void redis_tls_free(struct redis_tls *t)
{
	if (t)
		SSL_CTX_free(t->context);
	free(t);
}

/* hiredis itself looks at the chain of a certificate, but not at its name. */
static bool expect(SSL *ssl, const char *host)
{
	struct sluice_ip ip;

	if (ip_parse(host, strlen(host), &ip))
		return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), ip.bytes, ip_octets(&ip)) == 1;
	return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

bool redis_tls_begin(struct redis_tls *t, redisAsyncContext *context, const char *host)
{
	SSL *ssl = SSL_new(t->context);

	if (ssl && expect(ssl, host) && redisInitiateSSL(&context->c, ssl) == REDIS_OK)
		return true; /* the connection has it now */
	SSL_free(ssl);
	return false;
}

#else

struct redis_tls *redis_tls_new(const struct redis_tls_settings *settings, struct err *reterr)
{
	(void)settings;
	(void)err_set(reterr, -ENOTSUP, "tls: this Sluice was built with a hiredis that has none: build it with hiredis 1.0 or later and its hiredis_ssl, "
					"or reach Redis through a unix socket or a tunnel");
	return NULL;
}

void redis_tls_free(struct redis_tls *t)
{
	(void)t;
}

bool redis_tls_begin(struct redis_tls *t, redisAsyncContext *context, const char *host)
{
	(void)t;
	(void)context;
	(void)host;
	return false;
}

#endif
