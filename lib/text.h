/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stddef.h>

/* Building one line in a buffer of @size octets that holds a text already; what does not fit is
 * cut. */

void text_append(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** text_append_item() - the same, with "; " in front when @text is not empty. */
void text_append_item(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** text_make_line() - every control character of @text becomes a question mark. */
void text_make_line(char *text);

#endif /* LIB_TEXT_H */
