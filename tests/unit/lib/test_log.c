/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_log.c: lines as people and the journal get them (sd-daemon(3) for "<N>").
 *
 * stderr is a file without a name while a line is logged; what is in it afterwards must be exactly
 * the line.
 *
 * links: lib/log.c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"

static char line[2048];

/* What @say writes to stderr. JOURNAL_STREAM is @stream; NULL: not set; "own": names stderr. */
static const char *caught(void (*say)(void), enum log_level level, const char *stream)
{
	int saved = dup(STDERR_FILENO), fd = memfd_create("log", MFD_CLOEXEC);
	char own[64];
	struct stat st;

	assert_true(saved >= 0 && fd >= 0 && fstat(fd, &st) == 0);
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	unsetenv("JOURNAL_STREAM");
	if (stream)
		setenv("JOURNAL_STREAM", strcmp(stream, "own") ? stream : own, 1);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	log_init("prog", level);
	say();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	memset(line, 0, sizeof(line));
	assert_true(pread(fd, line, sizeof(line) - 1, 0) >= 0);
	close(saved);
	close(fd);
	return line;
}

static void say_each_level(void)
{
	log_error("e %d", 1);
	log_warning("w");
	log_info("i");
	log_debug("d");
}

static void say_control_characters(void)
{
	log_info("a\nb\033[1m\x7f");
}

/* U+009B and U+0085 (CSI, NEL) are control characters, U+00FC is not; neither is half of one. */
static void say_second_control_set(void)
{
	log_info("a\xc2\x9b"
		 "31mb\xc2\x85 \xc3\xbc \xc2\xa0 \xc2");
}

static void say_much(void)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
}

static void say_with_errno(void)
{
	errno = ENOENT;
	log_info("x");
	assert_int_equal(errno, ENOENT);
}

/* Nobody reads stderr: the write fails, and the caller's errno is not that one. */
static void say_to_nobody(void)
{
	close(STDERR_FILENO);
	errno = ENOENT;
	log_info("x");
	assert_int_equal(errno, ENOENT);
}

static unsigned int plain_octets; /* before those that are escaped */

static void say_control_characters_at_the_end(void)
{
	char text[1100];

	memset(text, 'x', sizeof(text));
	memset(text + plain_octets, '\001', 8);
	text[plain_octets + 8] = '\0';
	log_info("%s", text);
}

static void people_get_program_level_and_text(void **state)
{
	assert_string_equal(caught(say_each_level, LOG_LEVEL_DEBUG, NULL),
			    "prog: error: e 1\nprog: warning: w\nprog: info: i\nprog: debug: d\n");
}

static void levels_above_the_set_one_are_left_out(void **state)
{
	assert_string_equal(caught(say_each_level, LOG_LEVEL_WARNING, NULL),
			    "prog: error: e 1\nprog: warning: w\n");
}

static void the_journal_gets_priorities(void **state)
{
	assert_string_equal(caught(say_each_level, LOG_LEVEL_DEBUG, "own"),
			    "<3>e 1\n<4>w\n<6>i\n<7>d\n");
}

static void another_stream_than_the_journals_is_for_people(void **state)
{
	assert_string_equal(caught(say_with_errno, LOG_LEVEL_INFO, "1:1"), "prog: info: x\n");
	assert_string_equal(caught(say_with_errno, LOG_LEVEL_INFO, "x"), "prog: info: x\n");
}

static void control_characters_are_escaped(void **state)
{
	assert_string_equal(caught(say_control_characters, LOG_LEVEL_INFO, NULL),
			    "prog: info: a\\x0ab\\x1b[1m\\x7f\n");
}

static void control_characters_beyond_ascii_are_escaped(void **state)
{
	assert_string_equal(caught(say_second_control_set, LOG_LEVEL_INFO, NULL),
			    "prog: info: a\\xc2\\x9b31mb\\xc2\\x85 \xc3\xbc \xc2\xa0 \xc2\n");
}

static void a_long_line_is_cut(void **state)
{
	const char *text = caught(say_much, LOG_LEVEL_INFO, NULL);

	assert_int_equal(strlen(text), 1024);
	assert_int_equal(text[1023], '\n');
}

static void an_escape_is_whole_or_left_out_at_the_end_of_a_long_line(void **state)
{
	/* "prog: info: " has 12 octets, an escape 4, the line 1023. */
	for (plain_octets = 1000; plain_octets < 1011; plain_octets++) {
		const char *text = caught(say_control_characters_at_the_end, LOG_LEVEL_INFO, NULL);
		size_t escapes = (1023 - 12 - plain_octets) / 4;

		assert_int_equal(strlen(text), 12 + plain_octets + 4 * escapes + 1);
		assert_int_equal(text[strlen(text) - 1], '\n');
	}
}

static void errno_is_the_callers_after_a_line_that_was_lost(void **state)
{
	assert_string_equal(caught(say_to_nobody, LOG_LEVEL_INFO, NULL), "");
}

static void levels_are_read_by_name(void **state)
{
	enum log_level level = LOG_LEVEL_INFO;

	assert_int_equal(log_level_parse("error", &level), 0);
	assert_int_equal(level, LOG_LEVEL_ERROR);
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("Debug", &level), -EINVAL);
	assert_int_equal(log_level_parse("", &level), -EINVAL);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_get_program_level_and_text),
		cmocka_unit_test(levels_above_the_set_one_are_left_out),
		cmocka_unit_test(the_journal_gets_priorities),
		cmocka_unit_test(another_stream_than_the_journals_is_for_people),
		cmocka_unit_test(control_characters_are_escaped),
		cmocka_unit_test(control_characters_beyond_ascii_are_escaped),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(an_escape_is_whole_or_left_out_at_the_end_of_a_long_line),
		cmocka_unit_test(errno_is_the_callers_after_a_line_that_was_lost),
		cmocka_unit_test(levels_are_read_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
