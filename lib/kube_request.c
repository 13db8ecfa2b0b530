/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_request.c: one request to the Kubernetes API server as options of a curl handle, and what
 * comes back.
 *
 * kube_transfer_setup() puts a request and who we are (struct kube_config) on a handle; its two
 * users are kube_client.c, which waits, and kube_transfer.c, which does not. What is guarded
 * against: redirects (a token would travel), other protocols than HTTP(S), answers without an end
 * or of any size, compressed bombs (no compression is asked for), a dead peer (keepalive, and
 * TCP_USER_TIMEOUT for octets that nobody acknowledges), a token or CA that was rotated (read anew
 * each time). HTTP/2 where the server has it: all watches of a node are one connection.
 */
#include "lib/kube_transfer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT_S 10L
#define KEEPALIVE_IDLE_S  20L
#define KEEPALIVE_EVERY_S 10L
#define UNACKNOWLEDGED_MS 30000u
#define BODY_FIRST_SIZE	  4096u
#define CA_CACHE_NEVER	  0L

/* --- the answer --- */

static long status_of(CURL *easy)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

bool kube_status_is_good(long status)
{
	return status >= 200 && status < 300;
}

/* Room for @len octets and a NUL more. */
static int reserve_body(struct kube_transfer *transfer, size_t len)
{
	size_t size = transfer->body_size ? transfer->body_size : BODY_FIRST_SIZE;
	char *body;

	while (size < transfer->body_len + len + 1)
		size *= 2;
	if (size == transfer->body_size)
		return 0;
	body = realloc(transfer->body, size);
	if (!body)
		return -ENOMEM;
	transfer->body = body;
	transfer->body_size = size;
	return 0;
}

static int keep_body(struct kube_transfer *transfer, const char *data, size_t len, bool good)
{
	size_t max = good ? transfer->body_max : KUBE_ERROR_BODY_MAX;

	if (len > max - transfer->body_len) {
		if (good)
			return -EFBIG;
		len = max - transfer->body_len;
	}
	if (reserve_body(transfer, len) < 0)
		return -ENOMEM;
	memcpy(transfer->body + transfer->body_len, data, len);
	transfer->body_len += len;
	transfer->body[transfer->body_len] = '\0';
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct kube_transfer *transfer = arg;
	size_t len = size * count;
	bool good = kube_status_is_good(status_of(transfer->easy));

	if (good && transfer->ops)
		transfer->err = transfer->ops->data(data, len, transfer->arg);
	else
		transfer->err = keep_body(transfer, data, len, good);
	return transfer->err < 0 ? CURL_WRITEFUNC_ERROR : len;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct kube_transfer *transfer = arg;
	bool is_end = size * count == strlen("\r\n") && data[0] == '\r';

	if (is_end && transfer->ops && transfer->ops->begun &&
	    kube_status_is_good(status_of(transfer->easy)))
		transfer->ops->begun(transfer->arg);
	return size * count;
}

static int errno_of_curl(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return -EKEYREJECTED;
	default:
		return -ECONNRESET;
	}
}

void kube_transfer_result(struct kube_transfer *transfer, CURLcode code, struct kube_result *ret)
{
	curl_off_t retry_after = 0;
	char message[256];

	*ret = (struct kube_result){ .err = errno_of_curl(code) };
	ret->status = status_of(transfer->easy);
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
	if (retry_after > 0)
		ret->retry_after_s = retry_after < KUBE_RETRY_AFTER_MAX ? (unsigned int)retry_after
									: KUBE_RETRY_AFTER_MAX;
	if (transfer->err < 0) {
		ret->err = transfer->err;
		snprintf(ret->text, sizeof(ret->text), "%s: %s", transfer->client->config->server,
			 ret->err == -EFBIG ? "the answer is too large" : strerror(-ret->err));
	} else if (ret->err < 0) {
		snprintf(ret->text, sizeof(ret->text), "%s: %s", transfer->client->config->server,
			 transfer->error[0] ? transfer->error : curl_easy_strerror(code));
	} else if (!kube_status_is_good(ret->status)) {
		kube_status_text(transfer->body, transfer->body_len, message, sizeof(message));
		snprintf(ret->text, sizeof(ret->text), "%s: %ld%s%s",
			 transfer->client->config->server, ret->status, message[0] ? ": " : "",
			 message);
	}
}

/* --- the request --- */

static int on_socket_made(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned int unacknowledged_ms = UNACKNOWLEDGED_MS;

	/* Without it an unanswered write keeps a dead connection for a quarter of an hour. */
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
		   sizeof(unacknowledged_ms));
	return CURL_SOCKOPT_OK;
}

static void set_blob(CURL *easy, CURLoption option, const struct kube_blob *blob)
{
	struct curl_blob curl = { .data = blob->data, .len = blob->len, .flags = CURL_BLOB_NOCOPY };

	curl_easy_setopt(easy, option, &curl);
}

static void set_tls(CURL *easy, const struct kube_config *config)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->is_insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->is_insecure ? 0L : 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (config->ca.data)
		set_blob(easy, CURLOPT_CAINFO_BLOB, &config->ca);
	if (config->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file);
	if (config->ca.data || config->ca_file) {
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_NEVER);
	}
	if (config->cert.data)
		set_blob(easy, CURLOPT_SSLCERT_BLOB, &config->cert);
	if (config->cert_file)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, config->cert_file);
	if (config->key.data)
		set_blob(easy, CURLOPT_SSLKEY_BLOB, &config->key);
	if (config->key_file)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, config->key_file);
}

static void set_connection(struct kube_transfer *transfer, const struct kube_request *request)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request->is_fresh ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT,
			 (long)(request->timeout_s ? request->timeout_s : KUBE_TIMEOUT_S));
	if (transfer->client->config->proxy_url)
		curl_easy_setopt(easy, CURLOPT_PROXY, transfer->client->config->proxy_url);
}

static int add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct curl_slist *longer;
	char line[512];

	snprintf(line, sizeof(line), "%s: %s", name, value);
	longer = curl_slist_append(*list, line);
	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static int set_headers(struct kube_transfer *transfer, const struct kube_request *request)
{
	int err = add_header(&transfer->headers, "Accept",
			     request->accept ? request->accept : "application/json");

	if (err == 0 && request->body)
		err = add_header(&transfer->headers, "Content-Type",
				 request->content_type ? request->content_type
						       : "application/json");
	if (err == 0 && transfer->client->connect_to) {
		transfer->connect_to = curl_slist_append(NULL, transfer->client->connect_to);
		err = transfer->connect_to ? 0 : -ENOMEM;
	}
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
	curl_easy_setopt(transfer->easy, CURLOPT_USERAGENT, "tortie/" TORTIE_VERSION);
	return err;
}

static void set_method(CURL *easy, const struct kube_request *request)
{
	if (request->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static int set_token(CURL *easy, const struct kube_config *config, struct kube_config_error *error)
{
	char *token;
	int err = kube_config_token(config, &token, error);

	if (err < 0 || !token)
		return err;
	if (curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, token) != CURLE_OK)
		err = -ENOMEM;
	explicit_bzero(token, strlen(token));
	free(token);
	return err;
}

static int set_url(struct kube_transfer *transfer, const char *path)
{
	char *url;
	int err = 0;

	if (asprintf(&url, "%s%s", transfer->client->url, path) < 0)
		return -ENOMEM;
	if (curl_easy_setopt(transfer->easy, CURLOPT_URL, url) != CURLE_OK)
		err = -ENOMEM;
	free(url);
	return err;
}

int kube_transfer_setup(struct kube_transfer *transfer, const struct kube_request *request,
			struct kube_config_error *ret_error)
{
	CURL *easy = transfer->easy;
	int err;

	snprintf(ret_error->text, sizeof(ret_error->text), "out of memory");
	transfer->body_max = request->body_max ? request->body_max : KUBE_BODY_MAX;
	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	set_connection(transfer, request);
	set_tls(easy, transfer->client->config);
	set_method(easy, request);
	err = set_url(transfer, request->path);
	if (err == 0)
		err = set_headers(transfer, request);
	if (err == 0)
		err = set_token(easy, transfer->client->config, ret_error);
	return err;
}

void kube_transfer_fini(struct kube_transfer *transfer)
{
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->connect_to);
	free(transfer->body);
	transfer->headers = transfer->connect_to = NULL;
	transfer->body = NULL;
}
