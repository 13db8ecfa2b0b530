/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_status.c: texts of the API server: paths to it, and the words of its refusals.
 *
 * A refusal carries a Status object (kind Status, message, reason, code), or, from what stands in
 * front of the server, any text. What is shown to people of either is one line without control
 * characters.
 */
#include "lib/kube_client.h"

#include <ctype.h>
#include <string.h>

#include <json-c/json.h>

const char *kube_escape(const char *text, char *buf, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (len + 4 > size)
			return NULL;
		if (isalnum(c) || strchr("-._~", c)) {
			buf[len++] = (char)c;
			continue;
		}
		buf[len++] = '%';
		buf[len++] = hex[c >> 4];
		buf[len++] = hex[c & 15];
	}
	if (len >= size)
		return NULL;
	buf[len] = '\0';
	return buf;
}

static void copy_line(const char *text, size_t len, char *ret, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < len && used + 1 < size; i++) {
		if ((text[i] == '\n' && i + 1 == len) || text[i] == '\0')
			break;
		ret[used++] = iscntrl((unsigned char)text[i]) ? ' ' : text[i];
	}
	ret[used] = '\0';
}

void kube_status_text(const char *body, size_t len, char *ret, size_t size)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *top = NULL, *message;

	if (tokener && body && len <= KUBE_ERROR_BODY_MAX)
		top = json_tokener_parse_ex(tokener, body, (int)len);
	if (json_object_is_type(top, json_type_object) &&
	    json_object_object_get_ex(top, "message", &message) &&
	    json_object_is_type(message, json_type_string))
		copy_line(json_object_get_string(message),
			  (size_t)json_object_get_string_len(message), ret, size);
	else
		copy_line(body ? body : "", body ? len : 0, ret, size);
	json_object_put(top);
	json_tokener_free(tokener);
}
