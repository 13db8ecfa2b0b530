/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c: the command line read through a table of rows (lib/options.h).
 *
 * One pass over argv: an option fills the target of its row, every other word is an operand and
 * moves to the front, so the caller finds argv[1..operands] in the order written. "--" ends the
 * options; "-" alone is an operand. An unknown option, a missing or superfluous value, a number
 * out of its range: one line on stderr and -EINVAL. Short flags are not joined ("-ab"), since a
 * joined value ("-ojson") looks the same.
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

/* @name is the option as written, for words; @joined its value within the same word, or NULL. */
static int apply(struct option_scan *scan, const struct option_row *row, const char *name,
		 const char *joined)
{
	const char *value = joined;

	if (row->kind == OPTION_FLAG) {
		if (joined) {
			fprintf(stderr, "%s: %s: takes no value\n", scan->program, name);
			return -EINVAL;
		}
		*(bool *)row->target = true;
		return 0;
	}
	if (!value && scan->at + 1 < scan->argc)
		value = scan->argv[++scan->at];
	if (!value) {
		fprintf(stderr, "%s: %s: needs a value (%s)\n", scan->program, name,
			row->value_name);
		return -EINVAL;
	}
	if (row->kind == OPTION_TEXT) {
		*(const char **)row->target = value;
		return 0;
	}
	if (parse_number(row, value) < 0) {
		fprintf(stderr, "%s: %s %s: not a number from %u to %u\n", scan->program, name,
			value, row->min, row->max);
		return -EINVAL;
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
	fprintf(stderr, "%s: %s: unknown option\n", scan->program, name);
	return -EINVAL;
}

static int parse_short(struct option_scan *scan, const char *word)
{
	char name[3] = { '-', word[1], '\0' };
	size_t i;

	for (i = 0; i < scan->row_count; i++) {
		if (scan->rows[i].short_name == word[1])
			return apply(scan, &scan->rows[i], name, word[2] ? word + 2 : NULL);
	}
	fprintf(stderr, "%s: %s: unknown option\n", scan->program, name);
	return -EINVAL;
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
