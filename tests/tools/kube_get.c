/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_get.c: one request with the API client (lib/kube_client.h), for tests.
 *
 *     kube_get [--loop] KUBECONFIG METHOD PATH [BODY]
 *
 * Prints the body and, on stderr, "STATUS ERRNO TEXT"; exit 0 for a good answer. --loop asks in an
 * event loop, twice over one connection, else the call waits.
 *
 * links: lib/kube_client.c lib/kube_request.c lib/kube_transfer.c lib/kube_status.c
 * links: lib/kube_config.c lib/kube_account.c lib/config_yaml.c lib/event_loop.c lib/timer_heap.c
 * libs: -lcurl -ljson-c -lyaml -lresolv
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/event_loop.h"
#include "lib/kube_client.h"

#define TIMEOUT_S 3

struct run {
	struct event_loop *loop;
	struct kube_client *client;
	struct kube_request request;
	struct kube_result result;
	int left; /* transfers to start */
};

static int on_data(const char *data, size_t len, void *arg)
{
	struct run *run = arg;

	if (run->left == 0)
		fwrite(data, 1, len, stdout);
	return 0;
}

static void on_done(const struct kube_result *result, void *arg);

static const struct kube_transfer_ops ops = { .data = on_data, .done = on_done };

static void start(struct run *run)
{
	struct kube_transfer *transfer;
	int err;

	run->left--;
	err = kube_transfer_start(run->client, &run->request, &ops, run, &transfer);
	if (err < 0) {
		run->result = (struct kube_result){ .err = err, .text = "not started" };
		event_loop_stop(run->loop);
	}
}

static void on_done(const struct kube_result *result, void *arg)
{
	struct run *run = arg;

	run->result = *result;
	if (run->left > 0)
		start(run);
	else
		event_loop_stop(run->loop);
}

static int ask_in_loop(struct run *run)
{
	if (event_loop_new(&run->loop) < 0 || kube_client_attach(run->client, run->loop) < 0)
		return 1;
	run->left = 2;
	start(run);
	event_loop_run(run->loop);
	return run->result.err == 0 && run->result.status < 300 ? 0 : 1;
}

static int ask_and_wait(struct run *run)
{
	char *body = NULL;
	size_t len;
	int err = kube_client_request(run->client, &run->request, &body, &len, &run->result);

	if (err == 0)
		fwrite(body, 1, len, stdout);
	free(body);
	if (err < 0)
		run->result.err = err;
	return err == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	int in_loop = argc > 1 && strcmp(argv[1], "--loop") == 0, status;
	struct kube_config_error error;
	struct kube_config *config;
	struct run run = { 0 };

	argv += in_loop;
	argc -= in_loop;
	if (argc < 4) {
		fprintf(stderr, "usage: kube_get [--loop] KUBECONFIG METHOD PATH [BODY]\n");
		return 2;
	}
	if (kube_config_load(argv[1], NULL, &config, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	if (kube_client_new(config, &run.client) < 0)
		return 1;
	run.request = (struct kube_request){ .method = argv[2], .path = argv[3] };
	run.request.timeout_s = TIMEOUT_S;
	if (argc > 4) {
		run.request.body = argv[4];
		run.request.body_len = strlen(argv[4]);
	}
	status = in_loop ? ask_in_loop(&run) : ask_and_wait(&run);
	fprintf(stderr, "%ld %d %s\n", run.result.status, run.result.err, run.result.text);
	kube_client_free(run.client);
	event_loop_free(run.loop);
	kube_config_free(config);
	return status;
}
