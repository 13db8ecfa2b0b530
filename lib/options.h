/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Command line options as data: parsing, checks and help come from one table. Accepts -x VALUE,
 * -xVALUE,
 * --long VALUE, --long=VALUE; "--" ends options. Options may stand anywhere before it.
 */
enum option_kind {
	OPTION_FLAG,   /* bool *target = true */
	OPTION_TEXT,   /* const char **target = value, not empty (borrowed from argv) */
	OPTION_NUMBER, /* unsigned int *target; decimal, min..max */
};

struct option_row {
	char short_name;       /* 0: none */
	const char *long_name; /* NULL: none */
	enum option_kind kind;
	void *target;
	const char *value_name; /* for help, NULL for flags */
	const char *help;
	unsigned int min, max; /* OPTION_NUMBER */
};

/**
 * options_parse() - fill the targets; the operands are moved to the front of @argv (argv[0]
 * excluded) and counted in *ret_operands, so that argv[1..*ret_operands] are the operands. @program
 * may have a command behind its name. 0, or -EINVAL after writing one line "PROGRAM: what: why
 * (PROGRAM COMMAND --help)" to stderr.
 */
int options_parse(const char *program, const struct option_row *rows, size_t row_count, int argc,
		  char **argv, int *ret_operands);
/** options_print() - the rows as help text to stdout. */
void options_print(const struct option_row *rows, size_t row_count);

#endif /* LIB_OPTIONS_H */
