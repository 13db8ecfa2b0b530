/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.c: which configuration is in force, and the speaker that goes with it.
 *
 * Without `kubernetes:` there is one, the file's, from start to end. With it the file is only the
 * base: the agent hands over the cluster's document, at first and whenever it changes, and both
 * texts together are the configuration. Then, from the one in force to the new one:
 *
 *   no bgp: in it                     peers are told that they are taken out; we wait
 *   bgp: for the first time           a speaker starts
 *   other AS, router id or addresses  another speaker starts: for peers and agent this program has
 *                                     restarted, so they keep its routes (RFC 4724)
 *   anything else                     speaker_reconfigure(): only what differs is touched
 *
 * A document that is refused is logged, and the configuration in force stays.
 *
 * Ending closes the connections without a NOTIFICATION, on purpose: a service that is stopped is
 * normally about to be started again, and so the peers keep our routes for the restart time (RFC
 * 4724) while the maps go on forwarding.
 */
#include "bgp/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bgp/agent_feed.h"
#include "bgp/linger.h"
#include "bgp/query_socket.h"
#include "bgp/reconfigure.h"
#include "bgp/sandbox.h"
#include "bgp/speaker.h"
#include "lib/log.h"

/* The sanitizers' runtime needs more than the sandbox leaves (sandbox.c). */
#ifdef __SANITIZE_ADDRESS__
#define IS_SANDBOXED false
#else
#define IS_SANDBOXED true
#endif

struct control {
	const struct control_options *options;
	struct event_loop *loop;
	struct agent_feed *feed; /* NULL: standalone */
	struct query_socket *query_socket;
	struct linger_list *lingering; /* outlives speakers: their last words are in it */
	struct config *config;	 /* in force; with kubernetes:, before a document: the base file */
	struct speaker *speaker; /* NULL: nothing to speak about yet */
	int err;		 /* why the loop was stopped, 0: on request */
};

static void on_signal(int signo, void *arg)
{
	log_info("%s: ending; peers keep our routes for the restart time", strsignal(signo));
	event_loop_stop(arg);
}

/* --- the speaker --- */

static int start_speaker(struct control *control)
{
	int err = speaker_new(control->loop, control->config, control->feed, control->lingering,
			      &control->speaker);

	if (err == 0 && !control->feed)
		err = speaker_listen(control->speaker);
	if (err < 0)
		return err;
	agent_feed_listen(control->feed, &control->config->bgp);
	query_socket_use(control->query_socket, control->speaker);
	speaker_start(control->speaker);
	return 0;
}

static void stop_speaker(struct control *control)
{
	static const struct config_bgp none = {};

	agent_feed_listen(control->feed, &none);
	query_socket_use(control->query_socket, NULL);
	speaker_free(control->speaker);
	control->speaker = NULL;
}

/* Nothing is told to anyone: the new speaker is the old one after a restart. */
static void exchange_speaker(struct control *control)
{
	log_info("configuration: another AS, router id or address: all sessions start anew");
	speaker_forget_peers(control->speaker);
	stop_speaker(control);
	agent_feed_restart(control->feed);
}

static void go_without_bgp(struct control *control)
{
	if (control->speaker) {
		log_info("configuration: no bgp: in the cluster's document any more; all sessions "
			 "end");
		speaker_shut_down(control->speaker);
		stop_speaker(control);
	} else {
		log_info("configuration: no bgp: in the cluster's document; waiting for one that "
			 "has it");
	}
	agent_feed_in_sync(control->feed); /* what the agent has kept from before may go */
}

/* --- documents --- */

static void log_config_error(const struct control *control, const struct config_error *error)
{
	const char *what =
		error->in_document ? "cluster's document" : control->options->config_file;

	if (error->line > 0)
		log_error("%s:%u:%u: %s", what, error->line, error->column, error->text);
	else
		log_error("%s: %s", what, error->text);
}

static void set_log_level(const struct config *config)
{
	log_init(CONTROL_PROGRAM,
		 config->bgp.has_log_level ? config->bgp.log_level : config->log_level);
}

/* Go over to @config, which is taken. */
static int go_over(struct control *control, struct config *config)
{
	struct config *before = control->config;
	int err = 0;

	if (control->speaker && config->bgp.present &&
	    !reconfigure_needs_new_speaker(before, config)) {
		set_log_level(config);
		if (speaker_reconfigure(control->speaker, config) < 0) {
			set_log_level(before);
			config_free(config); /* the old one stays */
		} else {
			control->config = config;
			config_free(before);
		}
		return 0;
	}
	if (control->speaker && config->bgp.present)
		exchange_speaker(control);
	if (!config->bgp.present)
		go_without_bgp(control);
	control->config = config;
	set_log_level(config);
	if (config->bgp.present)
		err = start_speaker(control);
	config_free(before);
	return err;
}

static void on_document(const char *data, size_t len, void *arg)
{
	struct control *control = arg;
	struct config_error error;
	struct config *config;

	if (config_load_cluster(control->options->config_file, data, len, &config, &error) < 0) {
		log_config_error(control, &error);
		log_error("configuration: refused; %s", control->speaker
								? "the one of before stays in force"
								: "waiting for the next one");
		return;
	}
	control->err = go_over(control, config);
	if (control->err < 0)
		event_loop_stop(control->loop);
}

/* --- the agent --- */

static void on_agent_connected(void *arg)
{
	struct control *control = arg;

	if (control->speaker)
		speaker_replay(control->speaker);
	else
		log_info("configuration: waiting for the cluster's document from the agent");
	/* An agent that was started again finds us listening on the old one. */
	if (!query_socket_is_open(control->query_socket))
		agent_feed_ask_socket(control->feed);
}

static void on_query_socket(int fd, void *arg)
{
	struct control *control = arg;

	query_socket_take(control->query_socket, fd);
}

static void on_agent_listening(const struct config_listen *where, int fd, void *arg)
{
	struct control *control = arg;

	speaker_take_listen_fd(control->speaker, where, fd);
}

static const struct agent_feed_ops file_ops = {
	.connected = on_agent_connected,
	.listening = on_agent_listening,
	.query_socket = on_query_socket,
};

static const struct agent_feed_ops cluster_ops = {
	.connected = on_agent_connected,
	.listening = on_agent_listening,
	.query_socket = on_query_socket,
	.document = on_document,
};

/* --- start and end --- */

static int check_base(const struct control *control)
{
	const char *file = control->options->config_file;

	if (control->config->kubernetes && control->options->standalone) {
		log_error("%s: kubernetes: needs the agent; start without --standalone", file);
		return -EINVAL;
	}
	if (!control->config->kubernetes && !control->config->bgp.present) {
		log_error("%s: no bgp: section, so there is nothing to do; add one", file);
		return -EINVAL;
	}
	return 0;
}

/* Without it everything works but `tortie bgp`. */
static void open_query_socket(struct control *control)
{
	int err = query_socket_open(control->query_socket, control->options->run_dir);

	if (err < 0)
		log_info("%s/bgp.sock: %s; tortie bgp cannot ask this program (--run-dir)",
			 control->options->run_dir, strerror(-err));
}

static int run_loop(struct control *control)
{
	bool is_cluster = control->config->kubernetes;
	int err = 0;

	if (!control->options->standalone)
		err = agent_feed_new(control->loop, control->options->run_dir, &control->feed);
	if (err == 0)
		err = query_socket_new(control->loop, &control->query_socket);
	if (err == 0 && !is_cluster)
		err = start_speaker(control);
	if (err < 0)
		return err;
	if (!control->feed)
		open_query_socket(control);
	if (control->feed)
		agent_feed_start(control->feed, is_cluster ? &cluster_ops : &file_ops, control);
	if (IS_SANDBOXED)
		sandbox_enter(); /* what it lacks it has said; a node without routes is worse */
	err = event_loop_run(control->loop);
	return err < 0 ? err : control->err;
}

/* One session is one descriptor, and a mesh has thousands; the default of 1,024 is for select(2).
 */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(struct control *control)
{
	int err = event_loop_new(&control->loop);

	if (err < 0) {
		log_error("event loop: %s", strerror(-err));
		return err;
	}
	control->lingering = linger_list_new(control->loop);
	if (!control->lingering) {
		event_loop_free(control->loop);
		return -ENOMEM;
	}
	raise_descriptor_limit();
	event_loop_add_signal(control->loop, SIGTERM, on_signal, control->loop);
	event_loop_add_signal(control->loop, SIGINT, on_signal, control->loop);
	err = run_loop(control);
	query_socket_free(control->query_socket);
	speaker_free(control->speaker);
	agent_feed_free(control->feed);
	linger_list_free(control->lingering);
	event_loop_free(control->loop);
	return err;
}

int control_run(const struct control_options *options)
{
	struct control control = { .options = options };
	struct config_error error;
	int err = config_load(options->config_file, &control.config, &error);

	if (err < 0) {
		log_config_error(&control, &error);
		return err;
	}
	set_log_level(control.config);
	err = check_base(&control);
	if (err == 0)
		err = run(&control);
	config_free(control.config);
	return err;
}
