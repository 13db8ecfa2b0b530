/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c: the command line read through a table of rows (lib/options.h).
 *
 * One pass over argv: an option fills the target of its row, every other word is an operand and
 * moves to the front, so the caller finds argv[1..operands] in the order written. "--" ends the
 * options; "-" alone is an operand. An unknown option, a missing, empty or superfluous value, a
 * number out of its range: one line on stderr and -EINVAL. Short flags are not joined ("-ab"),
 * since a joined value ("-ojson") looks the same.
 */
#include "lib/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct option_scan {
	const char *program;
	const struct option_row *rows;
	size_t row_count;
	int argc;
	char **argv;
	int at; /* word being read */
};

/* One line on stderr about a word, in which control characters do not speak to the terminal. */
static int complain(const struct option_scan *scan, const char *word, const char *what)
{
	char shown[128];
	size_t i;

	snprintf(shown, sizeof(shown), "%s", word);
	for (i = 0; shown[i]; i++) {
		if ((unsigned char)shown[i] < ' ' || shown[i] == 0x7f)
			shown[i] = '?';
	}
	fprintf(stderr, "%.*s: %s: %s (%s --help)\n", (int)strcspn(scan->program, " "),
		scan->program, shown, what, scan->program);
	return -EINVAL;
}

static int parse_number(const struct option_row *row, const char *text)
{
	unsigned long value = 0;
	const char *p;

	if (!*text || strlen(text) > 10)
		return -EINVAL;
	for (p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		value = value * 10 + (unsigned long)(*p - '0');
	}
	if (value < row->min || value > row->max)
		return -EINVAL;
	*(unsigned int *)row->target = (unsigned int)value;
	return 0;
}

static int complain_range(const struct option_scan *scan, const struct option_row *row,
			  const char *word)
{
	char what[64];

	snprintf(what, sizeof(what), "not a number from %u to %u", row->min, row->max);
	return complain(scan, word, what);
}

/* @name is the option as written, for words; @joined its value within the same word, or NULL. */
static int apply(struct option_scan *scan, const struct option_row *row, const char *name,
		 const char *joined)
{
	const char *value = joined;
	char text[128];

	if (row->kind == OPTION_FLAG) {
		if (joined)
			return complain(scan, name, "takes no value");
		*(bool *)row->target = true;
		return 0;
	}
	if (!value && scan->at + 1 < scan->argc)
		value = scan->argv[++scan->at];
	snprintf(text, sizeof(text), "%s (%s)", value ? "is empty" : "needs a value",
		 row->value_name);
	if (!value || (row->kind == OPTION_TEXT && *value == '\0'))
		return complain(scan, name, text);
	if (row->kind == OPTION_TEXT) {
		*(const char **)row->target = value;
		return 0;
	}
	if (parse_number(row, value) < 0) {
		snprintf(text, sizeof(text), "%s %s", name, value);
		return complain_range(scan, row, text);
	}
	return 0;
}

static int parse_long(struct option_scan *scan, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t i, len = equals ? (size_t)(equals - word) : strlen(word);
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), word);
	for (i = 0; i < scan->row_count; i++) {
		const char *long_name = scan->rows[i].long_name;

		if (long_name && strcmp(long_name, name + 2) == 0)
			return apply(scan, &scan->rows[i], name, equals ? equals + 1 : NULL);
	}
	return complain(scan, name, "unknown option");
}

static int parse_short(struct option_scan *scan, const char *word)
{
	char name[3] = { '-', word[1], '\0' };
	size_t i;

	for (i = 0; i < scan->row_count; i++) {
		if (scan->rows[i].short_name == word[1])
			return apply(scan, &scan->rows[i], name, word[2] ? word + 2 : NULL);
	}
	return complain(scan, name, "unknown option");
}

int options_parse(const char *program, const struct option_row *rows, size_t row_count, int argc,
		  char **argv, int *ret_operands)
{
	struct option_scan scan = {
		.program = program, .rows = rows, .row_count = row_count, .argc = argc, .argv = argv
	};
	bool ended = false;
	int err, operands = 0;

	for (scan.at = 1; scan.at < argc; scan.at++) {
		char *word = argv[scan.at];

		if (ended || word[0] != '-' || word[1] == '\0') {
			argv[++operands] = word;
			continue;
		}
		if (strcmp(word, "--") == 0) {
			ended = true;
			continue;
		}
		err = word[1] == '-' ? parse_long(&scan, word) : parse_short(&scan, word);
		if (err < 0)
			return err;
	}
	*ret_operands = operands;
	return 0;
}

void options_print(const struct option_row *rows, size_t row_count)
{
	size_t i;

	for (i = 0; i < row_count; i++) {
		const struct option_row *row = &rows[i];
		char names[64], dash_short[8] = "   ";

		if (row->short_name)
			snprintf(dash_short, sizeof(dash_short), "-%c%c", row->short_name,
				 row->long_name ? ',' : ' ');
		snprintf(names, sizeof(names), "%s %s%s%s%s", dash_short,
			 row->long_name ? "--" : "", row->long_name ? row->long_name : "",
			 row->value_name ? " " : "", row->value_name ? row->value_name : "");
		printf("  %-28s %s\n", names, row->help);
	}
}
