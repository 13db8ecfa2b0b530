/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_CONTROL_INTERNAL_H
#define BGP_CONTROL_INTERNAL_H

#include "bgp/agent_feed.h"
#include "bgp/control.h"
#include "bgp/linger.h"
#include "bgp/reach.h"
#include "bgp/speaker.h"
#include "lib/config.h"
#include "lib/event_loop.h"

/* Between control.c and control_handover.c. */

/* What a configuration was read from. */
struct config_text {
	char *base; /* the file's; NULL: none */
	size_t base_len;
	/* The cluster's document: the sealed memfd that it came in, or its text; -1 and NULL: none.
	 */
	int document_fd;
	char *document;
	size_t document_len;
};

struct control {
	const struct control_options *options;
	struct event_loop *loop;
	struct agent_feed *feed; /* NULL: standalone */
	struct query_socket *query_socket;
	bool is_socket_missed;	       /* told, and another is asked for */
	struct linger_list *lingering; /* outlives speakers: their last words are in it */
	struct config *config; /* in force; with kubernetes:, before a document: the base file */
	struct config_text text;
	struct reach reach;	 /* outlives speakers and connections to the agent */
	struct speaker *speaker; /* NULL: nothing to speak about yet */
	int err;		 /* why the loop was stopped, 0: on request */
	/* Before the first speaker: for what the one before us has left. */
	bool is_waiting;
	struct event_timer take_timer;
	int waiting_document; /* memfd of the last document that came meanwhile, -1: none */
	int left_fd; /* memfd for what we leave: the sandbox lets nobody make one; -1: none */
};

/* --- control.c --- */

void config_text_clear(struct config_text *text);
/** control_load() - the file of the options, and @document_fd (borrowed; -1: the file alone). 0
 * with both, the caller's; or -errno, logged. */
int control_load(const struct control *control, int document_fd, struct config **ret_config,
		 struct config_text *ret_text);
/** control_go_over() - to @config, read from *@text; both are taken. An error stops the loop. */
void control_go_over(struct control *control, struct config *config, struct config_text *text);
/** control_take_document() - the same with the document in @fd, taken, if it is good. */
void control_take_document(struct control *control, int fd);
/** control_new_speaker() - for the configuration in force; as speaker_new(). */
int control_new_speaker(struct control *control, char **password);
/** control_run_speaker() - have it listen, connect and answer questions. */
void control_run_speaker(struct control *control);
/** control_start_speaker() - both. 0 or -errno, logged. */
int control_start_speaker(struct control *control);

/* --- control_handover.c --- */

/** control_init_handover() - before the sandbox. */
void control_init_handover(struct control *control);
/** control_await_sessions() - there is an agent: nothing is spoken before it has said whether the
 * speaker before us has left something, is away, or takes too long. */
void control_await_sessions(struct control *control);
/** control_ask_sessions() - the agent is there. */
void control_ask_sessions(struct control *control);
/** control_take_sessions() - as struct agent_feed_ops' taken. */
void control_take_sessions(struct control *control, int state_fd, const int *session, size_t count);
/** control_go_without_sessions() - nothing is to be had. */
void control_go_without_sessions(struct control *control);
/** control_leave_sessions() - to the next speaker. True: they are left, said; do not touch them any
 * more. */
bool control_leave_sessions(struct control *control);
void control_fini_handover(struct control *control);

#endif /* BGP_CONTROL_INTERNAL_H */
