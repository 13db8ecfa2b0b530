/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_watch.c: watch one kind (kube/watch.h) and print what is told, for tests.
 *
 *     kube_watch KUBECONFIG PATH [SPEED]
 *
 * Lines: begin, set NAME VERSION, gone NAME, large NAME, synced, state N TEXT. SPEED divides all
 * waits. Ends with its standard input.
 *
 * links: kube/watch.c kube/watch_request.c kube/stream.c lib/json.c lib/log.c
 * links: lib/kube_client.c lib/kube_request.c lib/kube_transfer.c lib/kube_status.c
 * links: lib/kube_config.c lib/kube_account.c lib/config_yaml.c lib/event_loop.c lib/timer_heap.c
 * libs: -lcurl -ljson-c -lyaml -lresolv
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/json.h"
#include "kube/watch.h"
#include "lib/log.h"

static struct watch *watch;

static const char *name_of(struct json_object *object)
{
	const char *name = json_get_text(json_get_object(object, "metadata"), "name");

	return name ? name : "";
}

static void on_begin(void *arg)
{
	printf("begin\n");
}

static void on_set(struct json_object *object, void *arg)
{
	const char *version = json_get_text(json_get_object(object, "metadata"), "resourceVersion");

	printf("set %s %s\n", name_of(object), version ? version : "");
}

static void on_gone(struct json_object *object, void *arg)
{
	printf("gone %s\n", name_of(object));
}

static void on_too_large(const char *name, size_t len, void *arg)
{
	printf("large %s\n", name);
}

static void on_synced(void *arg)
{
	printf("synced\n");
}

static void on_state(enum watch_state state, void *arg)
{
	printf("state %d %s\n", state, watch_get_text(watch));
}

static const struct watch_ops ops = {
	.begin = on_begin,
	.set = on_set,
	.gone = on_gone,
	.too_large = on_too_large,
	.synced = on_synced,
	.state = on_state,
};

static void on_input(int fd, uint32_t events, void *arg)
{
	char c;

	if (read(fd, &c, 1) <= 0)
		event_loop_stop(arg);
}

static void divide(struct watch_timing *timing, unsigned int speed)
{
	timing->retry_first /= speed;
	timing->retry_last /= speed;
	timing->busy /= speed;
	timing->list_apart /= speed;
	timing->rarely /= speed;
	timing->idle /= speed;
}

int main(int argc, char **argv)
{
	struct watch_timing timing = watch_timing_default;
	struct watch_kind kind = { .name = "objects" };
	struct kube_config_error error;
	struct kube_config *config;
	struct kube_client *client;
	struct event_loop *loop;

	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_init("kube_watch", LOG_LEVEL_DEBUG);
	if (argc > 3)
		divide(&timing, (unsigned int)atoi(argv[3]));
	if (kube_config_load(argv[1], NULL, &config, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	kind.target.path = argv[2];
	if (event_loop_new(&loop) < 0 || kube_client_new(config, &client) < 0 ||
	    kube_client_attach(client, loop) < 0 ||
	    watch_new(loop, client, &kind, &timing, &watch) < 0)
		return 1;
	event_loop_add_fd(loop, STDIN_FILENO, EPOLLIN, on_input, loop);
	watch_start(watch, &ops, NULL);
	event_loop_run(loop);
	watch_free(watch);
	kube_client_free(client);
	event_loop_free(loop);
	kube_config_free(config);
	return 0;
}
