/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_control_handover.c: what is left of sessions that could not be taken over.
 *
 * All that control_handover.c calls is this test's: the functions below, whose names are those of
 * other files, note what they were called for.
 *
 * links: bgp/control_handover.c
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bgp/bfd.h"
#include "bgp/control_internal.h"
#include "bgp/handover_give.h"
#include "bgp/handover_take.h"
#include "lib/log.h"
#include "lib/sealed_text.h"

static const struct control_options options = { .config_file = "test" };
static struct config before = { .bgp.present = true }; /* our own configuration's */
static struct config old = { .bgp.present = true };    /* of the speaker before us */
static struct speaker speaker;
static int taken;	 /* what handover_take() returns */
static char called[256]; /* the calls that matter, a letter each */

static void call(const char *letter)
{
	strcat(called, letter);
}

int control_new_speaker(struct control *control, char **password)
{
	free(password);
	control->speaker = &speaker;
	call("N");
	return 0;
}

int handover_take(struct speaker *unused, const struct handover_file *file, int *session,
		  size_t session_count)
{
	for (size_t i = 0; i < session_count; i++) {
		close(session[i]);
		session[i] = -1;
	}
	call("T");
	return taken;
}

void speaker_free(struct speaker *unused)
{
	call("F");
}

void agent_feed_restart(struct agent_feed *feed)
{
	call("A");
}

int control_start_speaker(struct control *control)
{
	assert_ptr_equal(control->config, &before);
	call("S");
	return 0;
}

void control_run_speaker(struct control *control)
{
	assert_ptr_equal(control->config, &old);
	call("R");
}

void control_go_over(struct control *control, struct config *config, struct config_text *text)
{
	assert_ptr_equal(config, &before);
	config_text_clear(text);
	call("O");
}

int config_parse_cluster(const struct config_source *source, struct config **ret_config,
			 struct config_error *ret_error)
{
	*ret_config = &old;
	return 0;
}

int handover_file_open(const uint8_t *data, size_t len, size_t session_count,
		       struct handover_file *ret)
{
	*ret = (struct handover_file){ .source = { .base = "base", .base_len = 4 } };
	return 0;
}

char **handover_file_passwords(const struct handover_file *file, const struct config_bgp *bgp)
{
	return calloc(1, sizeof(char *));
}

void config_text_clear(struct config_text *text)
{
	free(text->base);
	free(text->document);
	*text = (struct config_text){ .document_fd = -1 };
}

int sealed_text_read(int fd, size_t max, char **ret_data, size_t *ret_len)
{
	*ret_data = calloc(1, 1);
	*ret_len = 0;
	return 0;
}

/* --- not called, or nothing to note --- */

void agent_feed_take(struct agent_feed *feed)
{
}

void agent_feed_take_nothing(struct agent_feed *feed)
{
}

int agent_feed_give(struct agent_feed *feed, const struct handover_gift *gift)
{
	return -EIO;
}

void bfd_stay(struct bfd *bfd)
{
}

int handover_give(struct speaker *unused, const struct config_source *source,
		  struct handover_gift *gift)
{
	return -EIO;
}

void handover_gift_free(struct handover_gift *gift)
{
}

void config_free(struct config *config)
{
}

void control_take_document(struct control *control, int fd)
{
}

int sealed_text_begin(void)
{
	return -ENOSYS;
}

void event_timer_init(struct event_timer *timer, void (*fn)(void *arg), void *arg)
{
}

int event_timer_set(struct event_loop *loop, struct event_timer *timer, uint64_t delay_ms)
{
	return 0;
}

void event_timer_cancel(struct event_loop *loop, struct event_timer *timer)
{
}

void event_loop_stop(struct event_loop *loop)
{
}

void log_info(const char *format, ...)
{
}

void log_warning(const char *format, ...)
{
}

/* --- the tests --- */

static void take_two(int result)
{
	struct control control = {
		.options = &options,
		.config = &before,
		.text = { .base = strdup("before"), .base_len = 6, .document_fd = -1 },
		.waiting_document = -1,
		.left_fd = -1
	};
	const char *text = result < 0 ? "before" : "base";
	int session[] = { open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY) };

	called[0] = '\0';
	taken = result;
	control_await_sessions(&control);
	control_take_sessions(&control, open("/dev/null", O_RDONLY), session, 2);
	assert_int_equal(control.text.base_len, strlen(text));
	assert_memory_equal(control.text.base, text, strlen(text));
	control_fini_handover(&control);
}

static void sessions_go_on_before_the_new_configuration_is_in_force(void **state)
{
	take_two(2);
	assert_string_equal(called, "NTRO");
}

/* The routes of a table that is given up would stay with the agent for ever: no peer of the speaker
 * that begins instead tells or withdraws them. */
static void what_a_speaker_that_fails_has_told_the_agent_is_forgotten(void **state)
{
	take_two(-ENOMEM);
	assert_string_equal(called, "NTFAS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_go_on_before_the_new_configuration_is_in_force),
		cmocka_unit_test(what_a_speaker_that_fails_has_told_the_agent_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
