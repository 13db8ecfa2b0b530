/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.c: the HTTP server of probes and metrics, with libmicrohttpd in our event loop.
 *
 * One daemon per address, without a thread of its own: its epoll descriptor is watched by our
 * loop, and MHD_run() does what there is to do. An address that cannot be taken (a predecessor of
 * a rolling update still has it) is tried again; the rest of the program does not depend on it.
 *
 * /livez says that the loop runs. /readyz says whether pods get their network from the newest
 * state of the cluster, and if not why. /metrics has to ask the agent first: the connection is
 * suspended, all that wait get one answer, after METRICS_WAIT_MS at the latest without the agent's
 * part. Connections, their memory and their silence are bounded, for each address by itself; only
 * GET and HEAD are served.
 */
#include "kube/health.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>
#include <utlist.h>

#include "kube/kubed.h"
#include "kube/metrics.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "lib/text.h"

#define CONNECTIONS_MAX	  32u
#define CONNECTION_S	  10u
#define CONNECTION_OCTETS 16384u
#define FULL_MS		  100u
#define BIND_RETRY_MS	  5000u
#define METRICS_WAIT_MS	  1000u
#define READY_TEXT_MAX	  16384

struct health_listener {
	struct health *health;
	struct config_listen place;
	struct MHD_Daemon *daemon;
	int epoll_fd;
	bool is_said;	 /* that it could not be taken */
	bool is_resumed; /* a connection of it was, since the last run */
	bool is_full;	 /* it had all the connections that it may have */
	struct event_timer timer;
};

/* A request under way. */
struct request {
	struct MHD_Connection *connection;
	struct health_listener *listener;
	bool is_waiting; /* suspended, for the agent */
	bool is_answered;
	struct request *prev, *next;
};

struct health {
	struct event_loop *loop;
	struct kubed *kubed;
	struct health_listener listener[CONFIG_LISTEN_MAX];
	size_t listener_count;

	struct request *waiting;
	struct metrics_agent agent;
	size_t next_question;
	bool is_asking; /* a query is under way */
	struct event_timer wait_timer;
};

static const uint32_t questions[] = { MSG_GET_PEERS, MSG_GET_POOLS, MSG_GET_DROPS };

static void run(struct health_listener *listener);

/* --- answers --- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
			      const char *type, const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned int status,
				   const char *text)
{
	return answer(connection, status, "text/plain; charset=utf-8", text);
}

/* Ready or not, what is known to be wrong is said too. */
static enum MHD_Result answer_ready(struct health *health, struct MHD_Connection *connection)
{
	const struct kubed *kubed = health->kubed;
	char *text = malloc(READY_TEXT_MAX);
	bool is_ready;
	enum MHD_Result result;

	if (!text)
		return MHD_NO;
	kubed_why_not_ready(kubed, text, READY_TEXT_MAX);
	is_ready = text[0] == '\0';
	if (is_ready)
		text_append(text, READY_TEXT_MAX, "ok\n");
	for (size_t i = 0; i < kubed->line_count; i++)
		text_append(text, READY_TEXT_MAX, "agent: %s\n", kubed->line[i].text);
	/* The agent's conditions hold them, once it was told. */
	for (size_t i = 0; !kubed->has_status && i < kubed->document.notice_count; i++)
		text_append(text, READY_TEXT_MAX, "%s\n", kubed->document.notice[i].text);
	result = answer_text(connection, is_ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
			     text);
	free(text);
	return result;
}

static enum MHD_Result answer_metrics(struct health *health, struct MHD_Connection *connection)
{
	char *text = metrics_text(health->kubed, &health->agent);
	enum MHD_Result result = MHD_NO;

	if (text)
		result = answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
				text);
	free(text);
	return result;
}

/* --- asking the agent --- */

static void release_waiting(struct health *health)
{
	struct request *request, *next;

	event_timer_cancel(health->loop, &health->wait_timer);
	DL_FOREACH_SAFE(health->waiting, request, next)
	{
		DL_DELETE(health->waiting, request);
		request->is_waiting = false;
		request->is_answered = true;
		MHD_resume_connection(request->connection);
		request->listener->is_resumed = true;
		event_timer_set(health->loop, &request->listener->timer, 0);
	}
}

static void ask_next(struct health *health);

static void on_record(const struct message_header *header, const void *body, void *arg)
{
	metrics_add(&((struct health *)arg)->agent, header, body);
}

static void on_done(int err, void *arg)
{
	struct health *health = arg;

	health->is_asking = false;
	if (err < 0) {
		health->agent.is_known = false;
		release_waiting(health);
		return;
	}
	health->next_question++;
	ask_next(health);
}

static void ask_next(struct health *health)
{
	static const struct agent_query_ops ops = { .record = on_record, .done = on_done };
	size_t count = sizeof(questions) / sizeof(questions[0]);

	if (health->next_question == count) {
		health->agent.is_known = true;
		release_waiting(health);
		return;
	}
	if (agent_feed_query(health->kubed->feed, questions[health->next_question], &ops, health) ==
	    0)
		health->is_asking = true;
	else
		release_waiting(health);
}

static void on_wait_over(void *arg)
{
	struct health *health = arg;

	health->agent.is_known = false;
	release_waiting(health);
}

/* Suspend the connection until the agent has answered. One round of questions serves all that
 * wait. */
static void wait_for_agent(struct health *health, struct request *request)
{
	request->is_waiting = true;
	DL_APPEND(health->waiting, request);
	MHD_suspend_connection(request->connection);
	if (!event_timer_is_armed(&health->wait_timer))
		event_timer_set(health->loop, &health->wait_timer, METRICS_WAIT_MS);
	if (health->is_asking)
		return;
	memset(&health->agent, 0, sizeof(health->agent));
	health->next_question = 0;
	ask_next(health);
}

/* --- requests --- */

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **context)
{
	struct health_listener *listener = arg;
	struct health *health = listener->health;
	struct request *request = *context;

	if (!request) {
		request = calloc(1, sizeof(*request));
		if (!request)
			return MHD_NO;
		request->connection = connection;
		request->listener = listener;
		*context = request;
		return MHD_YES;
	}
	*upload_len = 0; /* a body is read over */
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (strcmp(url, "/livez") == 0)
		return answer_text(connection, MHD_HTTP_OK, "ok\n");
	if (strcmp(url, "/readyz") == 0)
		return answer_ready(health, connection);
	if (strcmp(url, "/metrics") != 0)
		return answer_text(connection, MHD_HTTP_NOT_FOUND,
				   "here are /livez, /readyz and /metrics\n");
	if (request->is_answered)
		return answer_metrics(health, connection);
	wait_for_agent(health, request);
	return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct health_listener *listener = arg;
	struct request *request = *context;

	if (request && request->is_waiting)
		DL_DELETE(listener->health->waiting, request);
	free(request);
	*context = NULL;
}

/* --- the daemons --- */

/* A daemon with all its connections does not watch its listening socket, and forgets to do so again
 * until it is run once more: so it is run now and then while it is full, and once after. */
static bool needs_another_run(struct health_listener *listener, uint64_t *ret_ms)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	bool was_full = listener->is_full;

	listener->is_full = info && info->num_connections >= CONNECTIONS_MAX;
	*ret_ms = listener->is_full ? FULL_MS : 0;
	return listener->is_resumed || listener->is_full || was_full;
}

static void run(struct health_listener *listener)
{
	MHD_UNSIGNED_LONG_LONG ms;
	uint64_t again_ms;

	listener->is_resumed = false;
	MHD_run(listener->daemon);
	if (needs_another_run(listener, &again_ms))
		event_timer_set(listener->health->loop, &listener->timer, again_ms);
	else if (MHD_get_timeout(listener->daemon, &ms) == MHD_YES)
		event_timer_set(listener->health->loop, &listener->timer, ms);
	else
		event_timer_cancel(listener->health->loop, &listener->timer);
}

static void on_epoll(int fd, uint32_t events, void *arg)
{
	run(arg);
}

static int bind_place(const struct config_listen *place)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(place->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(place->port) };
	int family = ip_addr_family(&place->addr), one = 1, err;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET) {
		v4.sin_addr = ip_addr_to_v4(&place->addr);
		err = bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	} else {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		v6.sin6_addr = ip_addr_to_v6(&place->addr);
		err = bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	}
	if (err == 0)
		err = listen(fd, SOMAXCONN);
	if (err < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int start(struct health_listener *listener)
{
	int fd = bind_place(&listener->place), err;
	const union MHD_DaemonInfo *info;

	if (fd < 0)
		return fd;
	listener->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, listener,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		CONNECTION_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_OCTETS,
		MHD_OPTION_END);
	if (!listener->daemon) {
		close(fd);
		return -ENOMEM;
	}
	info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	listener->epoll_fd = info ? info->epoll_fd : -1;
	err = event_loop_add_fd(listener->health->loop, listener->epoll_fd, EPOLLIN, on_epoll,
				listener);
	if (err < 0) {
		MHD_stop_daemon(listener->daemon);
		listener->daemon = NULL;
	}
	return err;
}

static void on_timer(void *arg)
{
	struct health_listener *listener = arg;
	char text[IP_ADDR_TEXT_MAX];
	int err;

	if (listener->daemon) {
		run(listener);
		return;
	}
	err = start(listener);
	if (err == 0) {
		log_info("http: listening on %s port %u",
			 ip_addr_format(&listener->place.addr, text, sizeof(text)),
			 listener->place.port);
		return;
	}
	if (!listener->is_said)
		log_warning("http: %s port %u: %s; trying again",
			    ip_addr_format(&listener->place.addr, text, sizeof(text)),
			    listener->place.port, strerror(-err));
	listener->is_said = true;
	event_timer_set(listener->health->loop, &listener->timer, BIND_RETRY_MS);
}

int health_new(struct event_loop *loop, const struct config *config, struct kubed *kubed,
	       struct health **ret)
{
	struct health *health = calloc(1, sizeof(*health));

	if (!health)
		return -ENOMEM;
	health->loop = loop;
	health->kubed = kubed;
	event_timer_init(&health->wait_timer, on_wait_over, health);
	for (size_t i = 0; i < config->metrics_listen_count && i < CONFIG_LISTEN_MAX; i++) {
		struct health_listener *listener = &health->listener[health->listener_count++];

		listener->health = health;
		listener->place = config->metrics_listen[i];
		event_timer_init(&listener->timer, on_timer, listener);
		event_timer_set(loop, &listener->timer, 0);
	}
	*ret = health;
	return 0;
}

void health_free(struct health *health)
{
	if (!health)
		return;
	release_waiting(health);
	for (size_t i = 0; i < health->listener_count; i++) {
		struct health_listener *listener = &health->listener[i];

		event_timer_cancel(health->loop, &listener->timer);
		if (!listener->daemon)
			continue;
		event_loop_remove_fd(health->loop, listener->epoll_fd);
		MHD_stop_daemon(listener->daemon);
	}
	free(health);
}
