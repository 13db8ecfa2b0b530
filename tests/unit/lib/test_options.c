/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_options.c: the command line through a table, as docs/man describes it.
 *
 * Words go in as a shell would give them; what must come out is which targets changed, which
 * operands are left in order, and one line on stderr for what is refused.
 *
 * links: lib/options.c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/options.h"

struct targets {
	bool wide;
	const char *output;
	unsigned int wait;
};

struct result {
	int err;
	int operands;
	char *argv[8];
	struct targets targets;
	char words[256]; /* on stderr */
};

/* Parse up to seven words; stderr is caught in a file without a name. */
static struct result parse(const char *const *words)
{
	struct result result = { .argv = { (char *)(uintptr_t) "prog" } };
	const struct option_row rows[] = {
		{ 'w', "wide", OPTION_FLAG, &result.targets.wide, NULL, "more columns" },
		{ 'o', "output", OPTION_TEXT, &result.targets.output, "FORMAT", "how" },
		{ 0, "wait", OPTION_NUMBER, &result.targets.wait, "S", "seconds", 1, 60 },
	};
	int argc = 1, saved = dup(STDERR_FILENO), fd = memfd_create("words", MFD_CLOEXEC);

	assert_true(saved >= 0 && fd >= 0);
	while (words[argc - 1]) {
		result.argv[argc] = (char *)(uintptr_t)words[argc - 1];
		argc++;
	}
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	result.err = options_parse("prog", rows, 3, argc, result.argv, &result.operands);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	assert_true(pread(fd, result.words, sizeof(result.words) - 1, 0) >= 0);
	close(saved);
	close(fd);
	return result;
}

#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL })

static void values_are_taken_joined_and_apart(void **state)
{
	struct result r = PARSE("-w", "-ojson", "--wait=7");

	assert_int_equal(r.err, 0);
	assert_true(r.targets.wide);
	assert_string_equal(r.targets.output, "json");
	assert_int_equal(r.targets.wait, 7);
	r = PARSE("--wide", "-o", "yaml", "--wait", "60");
	assert_int_equal(r.err, 0);
	assert_string_equal(r.targets.output, "yaml");
	assert_int_equal(r.targets.wait, 60);
}

static void operands_keep_their_order_among_options(void **state)
{
	struct result r = PARSE("get", "-o", "json", "route", "-w", "-");

	assert_int_equal(r.err, 0);
	assert_int_equal(r.operands, 3);
	assert_string_equal(r.argv[1], "get");
	assert_string_equal(r.argv[2], "route");
	assert_string_equal(r.argv[3], "-");
}

static void two_dashes_end_the_options(void **state)
{
	struct result r = PARSE("a", "--", "-w", "--");

	assert_int_equal(r.err, 0);
	assert_false(r.targets.wide);
	assert_int_equal(r.operands, 3);
	assert_string_equal(r.argv[2], "-w");
	assert_string_equal(r.argv[3], "--");
}

static void what_is_wrong_is_said_in_one_line(void **state)
{
	static const struct {
		const char *word[3];
		const char *says;
	} rows[] = {
		{ { "--loud" }, "prog: --loud: unknown option" },
		{ { "-x" }, "prog: -x: unknown option" },
		{ { "--wid" }, "prog: --wid: unknown option" },
		{ { "--wide=1" }, "prog: --wide: takes no value" },
		{ { "-wx" }, "prog: -w: takes no value" },
		{ { "-o" }, "prog: -o: needs a value (FORMAT)" },
		{ { "--output" }, "prog: --output: needs a value (FORMAT)" },
		{ { "--output=" }, "prog: --output: is empty (FORMAT)" },
		{ { "-o", "" }, "prog: -o: is empty (FORMAT)" },
		{ { "--\x1b]0;a\a" }, "prog: --?]0;a?: unknown option" },
		{ { "--wait=\x7f\n" }, "prog: --wait ??: not a number from 1 to 60" },
		{ { "--wait", "0" }, "prog: --wait 0: not a number from 1 to 60" },
		{ { "--wait=61" }, "prog: --wait 61: not a number from 1 to 60" },
		{ { "--wait=" }, "prog: --wait : not a number from 1 to 60" },
		{ { "--wait=1s" }, "prog: --wait 1s: not a number from 1 to 60" },
		{ { "--wait=-1" }, "prog: --wait -1: not a number from 1 to 60" },
		{ { "--wait=4294967297" }, "prog: --wait 4294967297: not a number from 1 to 60" },
		{ { "--wait=99999999999" }, "prog: --wait 99999999999: not a number from 1 to 60" },
	};
	char says[128];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct result r = parse(rows[i].word);

		assert_int_equal(r.err, -EINVAL);
		snprintf(says, sizeof(says), "%s (prog --help)\n", rows[i].says);
		assert_string_equal(r.words, says);
	}
}

static void help_names_every_option(void **state)
{
	const struct option_row rows[] = {
		{ 'w', "wide", OPTION_FLAG, NULL, NULL, "more columns" },
		{ 0, "wait", OPTION_NUMBER, NULL, "S", "seconds", 1, 60 },
	};
	int saved = dup(STDOUT_FILENO), fd = memfd_create("help", MFD_CLOEXEC);
	char text[256] = "";

	fflush(stdout);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	options_print(rows, 2);
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	close(saved);
	close(fd);
	assert_string_equal(text, "  -w, --wide                   more columns\n"
				  "      --wait S                 seconds\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_taken_joined_and_apart),
		cmocka_unit_test(operands_keep_their_order_among_options),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(what_is_wrong_is_said_in_one_line),
		cmocka_unit_test(help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
