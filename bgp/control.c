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
 * Ending by SIGTERM leaves the sessions to the next speaker, by way of the agent, and a start asks
 * for what was left (control_handover.c): a service that is stopped is normally about to be started
 * again. Where that cannot be the connections are closed without a NOTIFICATION, on purpose: the
 * peers keep our routes for the restart time (RFC 4724) while the maps go on forwarding.
 */
#include "bgp/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bgp/agent_feed.h"
#include "bgp/control_internal.h"
#include "bgp/linger.h"
#include "bgp/query_socket.h"
#include "bgp/reconfigure.h"
#include "bgp/sandbox.h"
#include "bgp/speaker.h"
#include "lib/descriptor_limit.h"
#include "lib/log.h"
#include "lib/sealed_text.h"

/* The sanitizers' runtime needs more than the sandbox leaves (sandbox.c). */
#ifdef __SANITIZE_ADDRESS__
#define IS_SANDBOXED false
#else
#define IS_SANDBOXED true
#endif

static void on_signal(int signo, void *arg)
{
	struct control *control = arg;

	if (signo != SIGTERM || !control_leave_sessions(control))
		log_info("%s: ending; peers keep our routes for the restart time",
			 strsignal(signo));
	event_loop_stop(control->loop);
}

/* --- the speaker --- */

int control_new_speaker(struct control *control, char **password)
{
	const struct speaker_params params = { control->loop,	control->config,    control->feed,
					       &control->reach, control->lingering, password };

	return speaker_new(&params, &control->speaker);
}

void control_run_speaker(struct control *control)
{
	agent_feed_listen(control->feed, &control->config->bgp);
	query_socket_use(control->query_socket, control->speaker);
	speaker_start(control->speaker);
}

int control_start_speaker(struct control *control)
{
	int err = control_new_speaker(control, NULL);

	if (err == 0 && !control->feed)
		err = speaker_listen(control->speaker);
	if (err == 0)
		control_run_speaker(control);
	return err;
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

/* --- configurations --- */

void config_text_clear(struct config_text *text)
{
	free(text->base);
	free(text->document);
	if (text->document_fd >= 0)
		close(text->document_fd);
	*text = (struct config_text){ .document_fd = -1 };
}

static void log_config_error(const struct control *control, const struct config_error *error)
{
	const char *what =
		error->in_document ? "cluster's document" : control->options->config_file;
	char text[CONFIG_ERROR_TEXT_MAX];

	log_error("%s", config_error_text(error, what, text, sizeof(text)));
}

static int read_base(const char *path, struct config_text *text, struct config_error *ret_error)
{
	int err = config_read_file(path, &text->base, &text->base_len, ret_error);
	char *fitting;

	if (err < 0)
		return err;
	/* It is kept as long as the configuration, and was read into much more. */
	fitting = realloc(text->base, text->base_len + 1);
	if (fitting)
		text->base = fitting;
	return 0;
}

int control_load(const struct control *control, int document_fd, struct config **ret_config,
		 struct config_text *ret_text)
{
	struct config_text text = { .document_fd = -1 };
	struct config_source source = { .file = control->options->config_file };
	struct config_error error = {};
	char *document = NULL;
	int err = read_base(source.file, &text, &error);

	if (err == 0 && document_fd >= 0)
		err = sealed_text_read(document_fd, CONFIG_DOCUMENT_MAX, &document,
				       &source.document_len);
	source.base = text.base;
	source.base_len = text.base_len;
	source.document = document;
	if (err == 0)
		err = config_parse_cluster(&source, ret_config, &error);
	free(document);
	if (err == 0) {
		*ret_text = text;
		return 0;
	}
	config_text_clear(&text);
	log_config_error(control, &error);
	return err;
}

static void set_log_level(const struct config *config)
{
	log_init(CONTROL_PROGRAM,
		 config->bgp.has_log_level ? config->bgp.log_level : config->log_level);
}

/* Both are taken. */
static void put_in_force(struct control *control, struct config *config, struct config_text *text)
{
	control->config = config;
	config_text_clear(&control->text);
	control->text = *text;
	*text = (struct config_text){ .document_fd = -1 };
}

/* The speaker stays. */
static void reconfigure(struct control *control, struct config *config, struct config_text *text)
{
	struct config *before = control->config;

	set_log_level(config);
	if (speaker_reconfigure(control->speaker, config) < 0) {
		set_log_level(before);
		config_free(config); /* the old one stays */
		config_text_clear(text);
		return;
	}
	put_in_force(control, config, text);
	config_free(before);
}

void control_go_over(struct control *control, struct config *config, struct config_text *text)
{
	struct config *before = control->config;

	if (control->speaker && config->bgp.present &&
	    !reconfigure_needs_new_speaker(before, config)) {
		reconfigure(control, config, text);
		return;
	}
	if (control->speaker && config->bgp.present)
		exchange_speaker(control);
	if (!config->bgp.present)
		go_without_bgp(control);
	put_in_force(control, config, text);
	set_log_level(config);
	if (config->bgp.present)
		control->err = control_start_speaker(control);
	config_free(before);
	if (control->err < 0)
		event_loop_stop(control->loop);
}

void control_take_document(struct control *control, int fd)
{
	struct config_text text;
	struct config *config;

	if (control_load(control, fd, &config, &text) < 0) {
		log_error("configuration: refused; %s", control->speaker
								? "the one of before stays in force"
								: "waiting for the next one");
		close(fd);
		return;
	}
	text.document_fd = fd;
	control_go_over(control, config, &text);
}

/* The last one counts. */
static void on_document(int fd, void *arg)
{
	struct control *control = arg;

	if (!control->is_waiting) {
		control_take_document(control, fd);
		return;
	}
	if (control->waiting_document >= 0)
		close(control->waiting_document);
	control->waiting_document = fd;
}

/* --- the agent --- */

static void on_agent_connected(void *arg)
{
	struct control *control = arg;

	control_ask_sessions(control);
	if (control->speaker)
		speaker_replay(control->speaker);
	else if (control->config->kubernetes)
		log_info("configuration: waiting for the cluster's document from the agent");
	/* An agent that was started again finds us listening on the old one. */
	if (!query_socket_is_open(control->query_socket))
		agent_feed_ask_socket(control->feed);
}

static void on_query_socket(int fd, void *arg)
{
	struct control *control = arg;

	control->is_socket_missed = false;
	query_socket_take(control->query_socket, fd);
}

/* The folder is the agent's: it makes another, in the place of the one that nobody finds. */
static void on_query_socket_lost(void *arg)
{
	struct control *control = arg;

	if (!control->is_socket_missed)
		log_warning("%s/bgp.sock: was removed by somebody; the agent is asked for another",
			    control->options->run_dir);
	control->is_socket_missed = true;
	agent_feed_ask_socket(control->feed);
}

static void on_agent_listening(const struct config_listen *where, int fd, void *arg)
{
	struct control *control = arg;

	speaker_take_listen_fd(control->speaker, where, fd);
}

static void on_taken(int state_fd, const int *session, size_t count, void *arg)
{
	control_take_sessions(arg, state_fd, session, count);
}

static bool on_subnets(const void *body, size_t len, void *arg)
{
	struct control *control = arg;
	int err = reach_read(&control->reach, body, len);

	if (err == -EPROTO)
		return false;
	if (err < 0)
		log_error("agent: no memory for the subnets that it names; routes are chosen by "
			  "those of before");
	else if (control->speaker)
		speaker_look_at_reach(control->speaker);
	return true;
}

static void on_agent_away(void *arg)
{
	control_go_without_sessions(arg);
}

static void on_counted(struct msg_bgp_counts *ret_counts, void *arg)
{
	const struct control *control = arg;

	*ret_counts = (struct msg_bgp_counts){ 0 };
	if (control->speaker)
		*ret_counts = control->speaker->counts;
}

static const struct agent_feed_ops file_ops = {
	.connected = on_agent_connected,
	.listening = on_agent_listening,
	.query_socket = on_query_socket,
	.taken = on_taken,
	.subnets = on_subnets,
	.counted = on_counted,
	.away = on_agent_away,
};

static const struct agent_feed_ops cluster_ops = {
	.connected = on_agent_connected,
	.listening = on_agent_listening,
	.query_socket = on_query_socket,
	.document = on_document,
	.taken = on_taken,
	.subnets = on_subnets,
	.counted = on_counted,
	.away = on_agent_away,
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

static bool asks_for_bfd(const struct config *config)
{
	for (size_t i = 0; i < config->bgp.peer_count; i++)
		if (config->bgp.peer[i].bfd.present)
			return true;
	return config->kubernetes; /* a document may, later */
}

static int run_loop(struct control *control)
{
	bool is_cluster = control->config->kubernetes;
	int err = 0;

	if (!control->options->standalone)
		err = agent_feed_new(control->loop, control->options->run_dir, &control->feed);
	if (err == 0)
		err = query_socket_new(control->loop, &control->query_socket);
	if (err == 0 && !control->feed)
		err = control_start_speaker(control);
	if (err < 0)
		return err;
	if (control->feed) {
		query_socket_watch(control->query_socket, control->options->run_dir,
				   on_query_socket_lost, control);
		control_init_handover(control);
		control_await_sessions(control);
		agent_feed_start(control->feed, is_cluster ? &cluster_ops : &file_ops, control);
	} else {
		open_query_socket(control);
	}
	if (control->err < 0)
		return control->err; /* of a speaker that was started without waiting */
	if (IS_SANDBOXED)
		sandbox_enter(asks_for_bfd(control->config)); /* what it lacks it has said; a node
								 without routes is worse */
	err = event_loop_run(control->loop);
	return err < 0 ? err : control->err;
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
	descriptor_limit_raise();
	event_loop_add_signal(control->loop, SIGTERM, on_signal, control);
	event_loop_add_signal(control->loop, SIGINT, on_signal, control);
	err = run_loop(control);
	control_fini_handover(control);
	query_socket_free(control->query_socket);
	speaker_free(control->speaker);
	reach_fini(&control->reach);
	agent_feed_free(control->feed);
	linger_list_free(control->lingering);
	event_loop_free(control->loop);
	return err;
}

int control_run(const struct control_options *options)
{
	struct control control = {
		.options = options, .text.document_fd = -1, .waiting_document = -1, .left_fd = -1
	};
	int err = control_load(&control, -1, &control.config, &control.text);

	if (err < 0)
		return err;
	set_log_level(control.config);
	err = check_base(&control);
	if (err == 0)
		err = run(&control);
	config_text_clear(&control.text);
	config_free(control.config);
	return err;
}
