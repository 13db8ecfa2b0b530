/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c: putting a line together piece by piece in a buffer of fixed size.
 *
 * Messages for people name several things (pools with their usage, the differences that CHECK
 * found); each piece is appended here, and whatever passes the end is cut, never written.
 */
#include "lib/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append(char *text, size_t size, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static void append(char *text, size_t size, const char *format, va_list args)
{
	size_t len = strnlen(text, size);

	if (len < size)
		vsnprintf(text + len, size - len, format, args);
}

void text_append(char *text, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(text, size, format, args);
	va_end(args);
}

void text_append_item(char *text, size_t size, const char *format, ...)
{
	va_list args;

	if (text[0] != '\0')
		text_append(text, size, "; ");
	va_start(args, format);
	append(text, size, format, args);
	va_end(args);
}

void text_make_line(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}
