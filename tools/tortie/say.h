/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_SAY_H
#define TOOLS_TORTIE_SAY_H

#include <stddef.h>

/* Exit status of every command. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_MISUSED = 2,
};

/** say_error() - one line "tortie: TEXT" on stderr; control characters of TEXT are escaped. */
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * say_escape() - copy at most @len octets of @text (ends at a NUL) into @out, so that a terminal
 * can print it: control characters, direction overrides and octets that are not UTF-8 become \xNN.
 * Cut where @out (of @size octets, at least 1) is full, never inside an escape. Returns @out.
 */
const char *say_escape(const char *text, size_t len, char *out, size_t size);

#endif /* TOOLS_TORTIE_SAY_H */
