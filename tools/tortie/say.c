/* SPDX-License-Identifier: Apache-2.0 */
/*
 * say.c: words for a terminal.
 *
 * Names of pods, links and files come from others: a container id or a file name may hold escape
 * sequences that recolour, retitle or rewrite the screen of whoever looks. So everything that is
 * printed passes say_escape() once: C0 and C1 control characters, DEL, the direction overrides of
 * Unicode (U+202A to U+202E, U+2066 to U+2069), and octets that are not UTF-8 (RFC 3629) are
 * written as \xNN. JSON and YAML use the same form, so that they are valid UTF-8 always.
 */

#include "tools/tortie/say.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 character at @text and its number; 0 when it is none. */
static size_t utf8_decode(const uint8_t *text, size_t len, uint32_t *ret_code)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t octets = text[0] < 0x80	     ? 1
			: text[0] >> 5 == 6  ? 2
			: text[0] >> 4 == 14 ? 3
			: text[0] >> 3 == 30 ? 4
					     : 0;
	uint32_t code;

	if (octets == 0 || octets > len)
		return 0;
	code = octets == 1 ? text[0] : text[0] & (0x7fu >> octets);
	for (size_t i = 1; i < octets; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < smallest[octets] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return octets;
}

static bool code_is_plain(uint32_t code)
{
	return code >= 0x20 && !(code >= 0x7f && code <= 0x9f) &&
	       !(code >= 0x202a && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

const char *say_escape(const char *text, size_t len, char *out, size_t size)
{
	const uint8_t *octets = (const uint8_t *)text;
	size_t at = 0;

	len = strnlen(text, len);
	for (size_t i = 0; i < len;) {
		uint32_t code = 0;
		size_t n = utf8_decode(octets + i, len - i, &code);

		if (n > 0 && code_is_plain(code)) {
			if (at + n >= size)
				break;
			memcpy(out + at, octets + i, n);
			at += n;
			i += n;
			continue;
		}
		if (at + 4 >= size)
			break;
		snprintf(out + at, size - at, "\\x%02x", octets[i]);
		at += 4;
		i++;
	}
	out[at] = '\0';
	return out;
}

void say_error(const char *format, ...)
{
	char text[2048], line[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fflush(stdout);
	fprintf(stderr, "tortie: %s\n", say_escape(text, sizeof(text), line, sizeof(line)));
}
