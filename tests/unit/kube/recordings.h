/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_KUBE_RECORDINGS_H
#define TESTS_UNIT_KUBE_RECORDINGS_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

/* Answers of a real API server (v1.34.4), in tests/unit/kube/fixtures; tests run at the top. */

#define RECORDINGS "tests/unit/kube/fixtures/"

/* The whole file, the caller's, with a NUL behind it. */
static inline char *read_recording(const char *name, size_t *ret_len)
{
	char path[256], *text = calloc(1, 262144);
	FILE *file;

	snprintf(path, sizeof(path), RECORDINGS "%s", name);
	file = fopen(path, "r");
	if (!file || !text) {
		fprintf(stderr, "%s: cannot be read\n", path);
		abort();
	}
	*ret_len = fread(text, 1, 262143, file);
	fclose(file);
	return text;
}

/* JSON written with ' for ", the caller's. */
static inline struct json_object *parse_json(const char *text)
{
	char *copy = strdup(text);
	struct json_object *json;

	for (char *at = copy; *at; at++)
		if (*at == '\'')
			*at = '"';
	json = json_tokener_parse(copy);
	if (!json) {
		fprintf(stderr, "not JSON: %s\n", text);
		abort();
	}
	free(copy);
	return json;
}

#endif /* TESTS_UNIT_KUBE_RECORDINGS_H */
