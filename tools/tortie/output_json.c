/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_json.c: a document as JSON (RFC 8259), indented, one newline at the end.
 *
 * json-c escapes quotes and control characters; that every text is UTF-8 was seen to when the
 * document was built.
 */
#include "tools/tortie/output.h"

#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#define FLAGS  (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)
#define INDENT "    " /* of an item */

int output_json(FILE *stream, struct json_object *document)
{
	const char *text = json_object_to_json_string_ext(document, FLAGS);

	if (!text)
		return -ENOMEM;
	return fputs(text, stream) < 0 || fputc('\n', stream) < 0 ? -EIO : 0;
}

int output_json_items(FILE *stream, struct json_object *items)
{
	for (size_t i = 0; i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);
		const char *line = json_object_to_json_string_ext(item, FLAGS);

		if (!line)
			return -ENOMEM;
		fputs(i > 0 ? ",\n" INDENT : INDENT, stream);
		while (*line) {
			size_t len = strcspn(line, "\n");

			fwrite(line, 1, len, stream);
			fputs(line[len] ? "\n" INDENT : "", stream);
			line += len + (line[len] == '\n');
		}
	}
	return ferror(stream) ? -EIO : 0;
}
