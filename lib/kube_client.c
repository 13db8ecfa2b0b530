/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_client.c: a client of the Kubernetes API server, and the way to ask it and wait.
 *
 * How a request is made is in kube_request.c; the way that does not wait in kube_transfer.c.
 * tls-server-name is done by putting that name into the URL, which is what libcurl checks and
 * sends, and the real place into CONNECT_TO.
 */
#include "lib/kube_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kube_transfer.h"

static int errno_of_status(long status)
{
	switch (status) {
	case 401:
	case 403:
		return -EACCES;
	case 404:
		return -ENOENT;
	case 409:
		return -EEXIST;
	case 429:
		return -EBUSY;
	default:
		return -EPROTO;
	}
}

int kube_client_request(struct kube_client *client, const struct kube_request *request,
			char **ret_body, size_t *ret_len, struct kube_result *ret_result)
{
	struct kube_transfer transfer = { .client = client, .easy = client->easy };
	struct kube_config_error error;
	int err = kube_transfer_setup(&transfer, request, &error);

	*ret_result = (struct kube_result){ .err = err };
	if (err < 0)
		snprintf(ret_result->text, sizeof(ret_result->text), "%s", error.text);
	else
		kube_transfer_result(&transfer, curl_easy_perform(client->easy), ret_result);
	err = ret_result->err;
	if (err == 0 && !kube_status_is_good(ret_result->status))
		err = errno_of_status(ret_result->status);
	if (err == 0 && !transfer.body) {
		transfer.body = strdup("");
		err = transfer.body ? 0 : -ENOMEM;
	}
	if (err == 0 && ret_body) {
		*ret_body = transfer.body;
		*ret_len = transfer.body_len;
		transfer.body = NULL;
	}
	kube_transfer_fini(&transfer);
	return err;
}

/* "https://HOST:PORT/PATH" with the name to be checked as host, and where that really is. */
static int rename_host(struct kube_client *client)
{
	const struct kube_config *config = client->config;
	const char *host = strstr(config->server, "://") + 3;
	size_t scheme = (size_t)(host - config->server), place = strcspn(host, "/");
	const char *bracket = memchr(host, ']', place);
	const char *port = strchr(bracket ? bracket : host, ':');

	free(client->url);
	client->url = NULL;
	if (port && port >= host + place)
		port = NULL;
	if (asprintf(&client->url, "%.*s%s%.*s%s", (int)scheme, config->server,
		     config->tls_server_name, port ? (int)(host + place - port) : 0,
		     port ? port : "", host + place) < 0) {
		client->url = NULL;
		return -ENOMEM;
	}
	if (asprintf(&client->connect_to, "::%.*s%s", (int)place, host, port ? "" : ":443") < 0) {
		client->connect_to = NULL;
		return -ENOMEM;
	}
	return 0;
}

int kube_client_new(const struct kube_config *config, struct kube_client **ret)
{
	struct kube_client *client = calloc(1, sizeof(*client));
	int err = 0;

	if (!client)
		return -ENOMEM;
	client->config = config;
	client->url = strdup(config->server);
	client->easy = curl_easy_init();
	if (!client->url || !client->easy)
		err = -ENOMEM;
	if (err == 0 && config->tls_server_name)
		err = rename_host(client);
	if (err < 0) {
		kube_client_free(client);
		return err;
	}
	*ret = client;
	return 0;
}

void kube_client_free(struct kube_client *client)
{
	if (!client)
		return;
	while (client->transfers)
		kube_transfer_cancel(client->transfers);
	if (client->multi)
		curl_multi_cleanup(client->multi);
	if (client->loop)
		event_timer_cancel(client->loop, &client->timer);
	curl_easy_cleanup(client->easy);
	free(client->url);
	free(client->connect_to);
	free(client);
}
