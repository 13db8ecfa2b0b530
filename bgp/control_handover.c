/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_handover.c: from one speaker to the next without a word to the peers.
 *
 *   SIGTERM -> everything is written down (handover_give.c) -> the agent holds it -> we end
 *   a start -> the agent is asked -> a speaker with the old configuration goes on with the sessions
 *	(handover_take.c) -> to the new configuration as to any other
 *
 * The agent holds it for a time, for it cannot know whether anybody will come: a stop for good is a
 * broken connection for the peers that much later. SIGINT, a crash and kill -9 hand over nothing:
 * what a process that was not in order says of its sessions is nothing to build on.
 *
 * A start speaks to nobody before it knows whether sessions were left: a second connection to a
 * peer would be a restart to it. Nor does it wait for long: without an answer it begins alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bgp/bfd.h"
#include "bgp/control_internal.h"
#include "bgp/handover.h"
#include "bgp/handover_give.h"
#include "bgp/handover_take.h"
#include "lib/log.h"
#include "lib/sealed_text.h"

#define TAKE_MAX_MS 3000 /* that the agent may take to answer */

/* --- leaving --- */

/* *ret_made: to be freed; what *ret_source points to beside it is @text's. */
static int make_source(const struct config_text *text, struct config_source *ret_source,
		       char **ret_made)
{
	*ret_made = NULL;
	*ret_source = (struct config_source){ .base = text->base,
					      .base_len = text->base_len,
					      .document = text->document,
					      .document_len = text->document_len };
	if (text->document_fd < 0)
		return 0;
	if (sealed_text_read(text->document_fd, CONFIG_DOCUMENT_MAX, ret_made,
			     &ret_source->document_len) < 0)
		return -ENOMEM;
	ret_source->document = *ret_made;
	return 0;
}

static int leave(struct control *control, struct handover_gift *ret_gift)
{
	struct config_source source;
	char *made;
	int err = make_source(&control->text, &source, &made);

	ret_gift->state_fd = control->left_fd;
	control->left_fd = -1;
	if (err == 0)
		err = handover_give(control->speaker, &source, ret_gift);
	free(made);
	if (err == 0)
		err = ret_gift->session_count > 0 ? agent_feed_give(control->feed, ret_gift)
						  : -ENOENT;
	if (err < 0) {
		bfd_stay(control->speaker->bfd); /* neighbours hear that we end */
		handover_gift_free(ret_gift);
	}
	return err;
}

bool control_leave_sessions(struct control *control)
{
	struct handover_gift gift = {};
	int err;

	if (control->left_fd < 0 || !control->speaker)
		return false;
	err = leave(control, &gift);
	if (err == -ENOENT)
		return false;
	if (err < 0) {
		log_info("sessions: cannot be left to the next tortie-bgpd: %s", strerror(-err));
		return false;
	}
	log_info("ending; %zu sessions are left to the next tortie-bgpd, which must come in %u ms",
		 gift.session_count, gift.keep_ms);
	handover_gift_free(&gift);
	return true;
}

/* --- taking --- */

static char *copy(const char *text, size_t len)
{
	char *made = malloc(len + 1);

	return made ? memcpy(made, text, len) : NULL;
}

static int copy_text(const struct config_source *source, struct config_text *ret)
{
	*ret = (struct config_text){ .base = copy(source->base, source->base_len),
				     .base_len = source->base_len,
				     .document_fd = -1,
				     .document_len = source->document_len };
	if (source->document)
		ret->document = copy(source->document, source->document_len);
	if (ret->base && (ret->document || !source->document))
		return 0;
	config_text_clear(ret);
	return -ENOMEM;
}

/* A speaker of the old configuration, *config, that goes on with the sessions. How many, or -errno.
 */
static int make_speaker(struct control *control, const struct handover_file *file, int *session,
			size_t count)
{
	char **password = handover_file_passwords(file, &control->config->bgp);
	int err = password ? control_new_speaker(control, password) : -ENOMEM;

	if (err == 0)
		err = handover_take(control->speaker, file, session, count);
	if (err < 0 && control->speaker) {
		speaker_free(control->speaker);
		control->speaker = NULL;
		/* What it has told the agent is for no peer of the speaker that comes now. */
		agent_feed_restart(control->feed);
	}
	return err;
}

/* Then the configuration in force is the old one, and *ret_next the one of before. How many
 * sessions go on, or -errno. */
static int take(struct control *control, const struct handover_file *file, int *session,
		size_t count, struct config **ret_next)
{
	struct config_source source = file->source;
	struct config *next = control->config, *old;
	struct config_text text = { .document_fd = -1 };
	struct config_error error;
	int err;

	source.file = control->options->config_file;
	err = config_parse_cluster(&source, &old, &error);
	if (err < 0)
		return err;
	err = old->bgp.present ? copy_text(&source, &text) : -EINVAL;
	if (err == 0) {
		control->config = old;
		err = make_speaker(control, file, session, count);
	}
	if (err < 0) {
		control->config = next;
		config_free(old);
		config_text_clear(&text);
		return err;
	}
	*ret_next = next;
	config_text_clear(&control->text);
	control->text = text;
	return err;
}

static const char *take_error(int err)
{
	switch (-err) {
	case EPROTONOSUPPORT:
		return "another version has left them";
	case EPROTO:
		return "what is said of them is damaged";
	case EINVAL:
		return "this version does not take the configuration that was in force";
	default:
		return strerror(-err);
	}
}

/* The descriptors are taken. True: the configuration in force is now the old one. */
static bool take_all(struct control *control, int state_fd, int *session, size_t count,
		     struct config **ret_next)
{
	struct handover_file file;
	char *data = NULL;
	size_t len = 0;
	int err = sealed_text_read(state_fd, HANDOVER_OCTETS_MAX, &data, &len);

	close(state_fd);
	if (err == 0)
		err = handover_file_open((const uint8_t *)data, len, count, &file);
	if (err == 0)
		err = take(control, &file, session, count, ret_next);
	free(data);
	for (size_t i = 0; i < count; i++)
		if (session[i] >= 0)
			close(session[i]);
	if (err >= 0)
		log_info("sessions: %d of %zu go on from the tortie-bgpd before", err, count);
	else
		log_warning("sessions: %zu were left to us but cannot be taken over: %s; peers "
			    "help with a graceful restart",
			    count, take_error(err));
	return err >= 0;
}

/* --- waiting --- */

static void end_waiting(struct control *control)
{
	control->is_waiting = false;
	event_timer_cancel(control->loop, &control->take_timer);
	agent_feed_take_nothing(control->feed);
}

static void take_waiting_document(struct control *control)
{
	int fd = control->waiting_document;

	control->waiting_document = -1;
	if (fd >= 0)
		control_take_document(control, fd);
}

void control_go_without_sessions(struct control *control)
{
	if (!control->is_waiting)
		return;
	end_waiting(control);
	if (control->config->kubernetes) {
		take_waiting_document(control);
		return;
	}
	control->err = control_start_speaker(control);
	if (control->err < 0)
		event_loop_stop(control->loop);
}

void control_take_sessions(struct control *control, int state_fd, const int *session, size_t count)
{
	struct config_text text = control->text;
	struct config *next = NULL;
	int *copy = calloc(count + 1, sizeof(*copy));
	bool is_taken = false;

	if (copy && count > 0)
		memcpy(copy, session, count * sizeof(*copy));
	for (size_t i = 0; i < count && (!copy || !control->is_waiting || state_fd < 0); i++)
		close(session[i]);
	if (copy && control->is_waiting && state_fd >= 0) {
		control->text =
			(struct config_text){ .document_fd = -1 }; /* ours, until it is over */
		is_taken = take_all(control, state_fd, copy, count, &next);
	} else if (state_fd >= 0) {
		close(state_fd);
	}
	free(copy);
	if (!is_taken) {
		control->text = text;
		control_go_without_sessions(control);
		return;
	}
	end_waiting(control);
	control_run_speaker(control);
	if (!next->kubernetes) {
		control_go_over(control, next, &text);
		return;
	}
	config_free(next);
	config_text_clear(&text);
	take_waiting_document(control);
}

static void on_no_answer(void *arg)
{
	struct control *control = arg;

	log_info("agent: has not said whether sessions were left; going on without");
	control_go_without_sessions(control);
}

void control_init_handover(struct control *control)
{
	int fd = sealed_text_begin();

	if (fd < 0)
		log_warning("sessions: cannot be left to a next tortie-bgpd: %s", strerror(-fd));
	control->left_fd = fd < 0 ? -1 : fd;
}

void control_await_sessions(struct control *control)
{
	control->is_waiting = true;
	event_timer_init(&control->take_timer, on_no_answer, control);
	event_timer_set(control->loop, &control->take_timer, TAKE_MAX_MS);
}

void control_ask_sessions(struct control *control)
{
	if (control->is_waiting)
		agent_feed_take(control->feed);
}

void control_fini_handover(struct control *control)
{
	if (control->is_waiting)
		end_waiting(control);
	if (control->waiting_document >= 0)
		close(control->waiting_document);
	if (control->left_fd >= 0)
		close(control->left_fd);
	config_text_clear(&control->text);
}
