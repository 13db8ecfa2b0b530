/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_transfer.c: requests to the API server inside an event loop, with libcurl's multi interface.
 *
 * libcurl says by two callbacks which sockets it wants watched and when it wants to be called
 * again; both become sources of our loop. Ended transfers are taken off libcurl before their owner
 * is told, so the owner may start and cancel whatever it likes from there. From the data callback
 * it may not: libcurl is inside itself then.
 */
#include "lib/kube_transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <utlist.h>

static void transfer_free(struct kube_transfer *transfer)
{
	DL_DELETE(transfer->client->transfers, transfer);
	curl_multi_remove_handle(transfer->client->multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	kube_transfer_fini(transfer);
	free(transfer);
}

/* Tell the owners of what has ended; each telling may change the list of what has. */
static void tell_ended(struct kube_client *client)
{
	struct kube_transfer *transfer;
	const struct kube_transfer_ops *ops;
	struct kube_result result;
	CURLMsg *message;
	void *arg;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		kube_transfer_result(transfer, message->data.result, &result);
		ops = transfer->ops;
		arg = transfer->arg;
		transfer_free(transfer);
		ops->done(&result, arg);
	}
}

static void on_socket(int fd, uint32_t events, void *arg)
{
	struct kube_client *client = arg;
	int mask = 0, running;

	if (events & EPOLLIN)
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(client->multi, fd, mask, &running);
	tell_ended(client);
}

static void on_timer(void *arg)
{
	struct kube_client *client = arg;
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	tell_ended(client);
}

/* CURLMOPT_SOCKETFUNCTION */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct kube_client *client = arg;
	uint32_t events = 0;

	if (what == CURL_POLL_REMOVE) {
		event_loop_remove_fd(client->loop, fd);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (event_loop_add_fd(client->loop, fd, events, on_socket, client) == -EEXIST)
		event_loop_modify_fd(client->loop, fd, events);
	return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int set_timer(CURLM *multi, long delay_ms, void *arg)
{
	struct kube_client *client = arg;

	if (delay_ms < 0)
		event_timer_cancel(client->loop, &client->timer);
	else if (event_timer_set(client->loop, &client->timer, (uint64_t)delay_ms) < 0)
		return -1;
	return 0;
}

int kube_client_attach(struct kube_client *client, struct event_loop *loop)
{
	client->multi = curl_multi_init();
	if (!client->multi)
		return -ENOMEM;
	client->loop = loop;
	event_timer_init(&client->timer, on_timer, client);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	return 0;
}

int kube_transfer_start(struct kube_client *client, const struct kube_request *request,
			const struct kube_transfer_ops *ops, void *arg, struct kube_transfer **ret)
{
	struct kube_transfer *transfer = calloc(1, sizeof(*transfer));
	struct kube_config_error error;
	int err = -ENOMEM;

	if (!transfer)
		return -ENOMEM;
	transfer->client = client;
	transfer->ops = ops;
	transfer->arg = arg;
	transfer->easy = curl_easy_init();
	if (!transfer->easy)
		goto err_free;
	err = kube_transfer_setup(transfer, request, &error);
	if (err < 0)
		goto err_fini;
	DL_APPEND(client->transfers, transfer);
	if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK) {
		transfer_free(transfer);
		return -ENOMEM;
	}
	*ret = transfer;
	return 0;

err_fini:
	curl_easy_cleanup(transfer->easy);
	kube_transfer_fini(transfer);
err_free:
	free(transfer);
	return err;
}

void kube_transfer_cancel(struct kube_transfer *transfer)
{
	if (transfer)
		transfer_free(transfer);
}
