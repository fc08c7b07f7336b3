/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/http_tls.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/base/key_file.h"

#define SECURITY_LEVEL 2    /* of OpenSSL: 112 bits */
#define RSA_MAX_BITS   4096 /* a larger key makes all wait for each handshake */

/* ---- certificate and key ---- */

static const unsigned char protocol[] = "\x08http/1.1";

/* Who offers protocols, and not ours among them, means somebody else (RFC 7301, 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len, void *arg)
{
	unsigned char *found;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&found, out_len, protocol, sizeof protocol - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = found;
	return SSL_TLSEXT_ERR_OK;
}

static int on_hello(SSL *ssl, int *alert, void *arg)
{
	const struct http_tls_gate *gate = SSL_get_app_data(ssl);

	(void)arg;
	*alert = SSL_AD_INTERNAL_ERROR;
	return gate->admit(gate->arg) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

static SSL_CTX *new_context(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	if (!c || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1) {
		SSL_CTX_free(c);
		return NULL;
	}
	SSL_CTX_set_security_level(c, SECURITY_LEVEL);
	(void)SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); /* a client that comes again brings its ticket */
	SSL_CTX_set_alpn_select_cb(c, on_alpn, NULL);
	SSL_CTX_set_client_hello_cb(c, on_hello, NULL);
	return c;
}

static int load_certificate(SSL_CTX *c, const char *path, struct err *reterr)
{
	unsigned long error;
	struct stat st;
	int lib, reason;

	if (stat(path, &st) < 0 || access(path, R_OK) < 0)
		return err_set(reterr, -EINVAL, errno == EACCES ? "%s cannot be read: %s: the user that the daemon runs as has to be able to" : "%s cannot be read: %s", path,
			strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(reterr, -EINVAL, "%s is no file: name the file of a certificate", path);
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(c, path) == 1)
		return 0;
	error = ERR_peek_last_error();
	lib = ERR_GET_LIB(error);
	reason = ERR_GET_REASON(error);
	ERR_clear_error();
	if (lib == ERR_LIB_SSL && (reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_KEY_TOO_SMALL || reason == SSL_R_CA_MD_TOO_WEAK))
		return err_set(reterr, -EINVAL, "%s has a certificate that is too weak: RSA has 2048 bits or more, and signatures SHA-256; get another one", path);
	return err_set(reterr, -EINVAL, "%s has no certificate in it (PEM): that of this server comes first, then those between it and its root", path);
}

static int load_key(SSL_CTX *c, const char *path, const char *certificate, const char *user, struct err *reterr)
{
	EVP_PKEY *key = key_file_load(path, user, "put the key of the certificate there", reterr);
	int r = 0;

	if (!key)
		return -EINVAL;
	if (X509_check_private_key(SSL_CTX_get0_certificate(c), key) != 1)
		r = err_set(reterr, -EINVAL, "%s is not the key of the first certificate in %s: name the files that belong together", path, certificate);
	else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) > RSA_MAX_BITS)
		r = err_set(reterr, -EINVAL, "%s has an RSA key of %d bits, which every handshake would wait for: up to %d, and 2048 is usual", path,
			EVP_PKEY_get_bits(key), RSA_MAX_BITS);
	else if (SSL_CTX_use_PrivateKey(c, key) != 1)
		r = err_set(reterr, -EINVAL, "%s has a key that TLS cannot use: rsa and ecdsa are usual", path);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return r;
}

int http_tls_load(const char *certificate, const char *key, const char *user, SSL_CTX **ret, const char **ret_key, struct err *reterr)
{
	SSL_CTX *c = new_context();
	int r = c ? 0 : err_set(reterr, -ENOMEM, "out of memory");

	*ret_key = "api.certificate";
	if (r == 0)
		r = load_certificate(c, certificate, reterr);
	if (r == 0) {
		*ret_key = "api.key";
		r = load_key(c, key, certificate, user, reterr);
	}
	if (r < 0) {
		SSL_CTX_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* ---- a connection ---- */

struct bufferevent *http_tls_link(struct event_base *base, SSL_CTX *context, const struct http_tls_gate *gate, int fd)
{
	SSL *ssl = SSL_new(context);
	struct bufferevent *link;

	if (!ssl)
		return NULL;
	SSL_set_app_data(ssl, (void *)gate);
	link = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!link)
		SSL_free(ssl);
	return link;
}

void http_tls_end(struct bufferevent *link)
{
	SSL *ssl = bufferevent_openssl_get_ssl(link);

	if (!ssl)
		return;
	(void)SSL_shutdown(ssl); /* if the socket is full it goes without: Content-Length has said where the answer ends */
	ERR_clear_error();
}
