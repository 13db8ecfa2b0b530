/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_json.c: a document as JSON (RFC 8259), indented, one newline at the end.
 *
 * json-c escapes quotes and control characters; that every text is UTF-8 was seen to when the
 * document was built.
 */
#include "tools/tortie/output.h"

#include <errno.h>

#include <json-c/json.h>

int output_json(FILE *stream, struct json_object *document)
{
	const char *text = json_object_to_json_string_ext(
		document,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!text)
		return -ENOMEM;
	return fputs(text, stream) < 0 || fputc('\n', stream) < 0 ? -EIO : 0;
}
