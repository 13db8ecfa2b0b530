/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_request.c: the paths of lists and watches, and the meaning of events.
 *
 * An event is {"type":T,"object":O}. ADDED and MODIFIED are the same to us: after a break the
 * server may tell an object that we know as ADDED. A BOOKMARK's object holds nothing but its
 * version (with null where arrays are expected); one with the annotation k8s.io/initial-events-end
 * ends the initial events. An ERROR's object is a Status, whose code is what the HTTP status would
 * have been.
 */
#include "kube/watch_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/json.h"
#include "lib/kube_client.h"

#define SELECTOR_TEXT_MAX 512

/* "labelSelector=..." behind @separator, or nothing. False: it is too long. */
static bool write_selector(const struct watch_target *target, char separator, char *text,
			   size_t size)
{
	int len;

	*text = '\0';
	if (!target->selector)
		return true;
	len = snprintf(text, size, "%clabelSelector=", separator);
	return kube_escape(target->selector, text + len, size - (size_t)len);
}

int watch_path_list(const struct watch_target *target, bool all_in_one, const char *next_page,
		    char **ret)
{
	char token[3 * WATCH_TOKEN_MAX + 1], selector[SELECTOR_TEXT_MAX];
	int len;

	if (!write_selector(target, all_in_one ? '?' : '&', selector, sizeof(selector)))
		return -EINVAL;
	if (all_in_one) {
		len = asprintf(ret, "%s%s", target->path, selector);
		return len < 0 ? -ENOMEM : 0;
	}
	if (next_page && !kube_escape(next_page, token, sizeof(token)))
		return -EINVAL;
	len = asprintf(ret, "%s?limit=%d%s%s%s", target->path, WATCH_PAGE, selector,
		       next_page ? "&continue=" : "", next_page ? token : "");
	return len < 0 ? -ENOMEM : 0;
}

int watch_path_watch(const struct watch_target *target, const char *version, unsigned int seconds,
		     char **ret)
{
	char escaped[3 * WATCH_VERSION_MAX], selector[SELECTOR_TEXT_MAX];
	int len;

	if (!kube_escape(version, escaped, sizeof(escaped)) ||
	    !write_selector(target, '&', selector, sizeof(selector)))
		return -EINVAL;
	len = asprintf(ret, "%s?watch=true&allowWatchBookmarks=true&timeoutSeconds=%u%s%s%s",
		       target->path, seconds, selector,
		       *version ? "&resourceVersion="
				: "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
		       escaped);
	return len < 0 ? -ENOMEM : 0;
}

enum watch_event watch_event_read(struct json_object *event, struct json_object **ret_object,
				  bool *ret_is_end)
{
	static const struct {
		const char *text;
		enum watch_event event;
	} rows[] = {
		{ "ADDED", WATCH_EVENT_SET },	 { "MODIFIED", WATCH_EVENT_SET },
		{ "DELETED", WATCH_EVENT_GONE }, { "BOOKMARK", WATCH_EVENT_BOOKMARK },
		{ "ERROR", WATCH_EVENT_ERROR },
	};
	const char *type = json_get_text(event, "type");
	struct json_object *object = json_get_object(event, "object");
	const char *end =
		json_get_text(json_get_object(json_get_object(object, "metadata"), "annotations"),
			      "k8s.io/initial-events-end");

	if (!type || !object)
		return WATCH_EVENT_BAD;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(type, rows[i].text) != 0)
			continue;
		*ret_object = object;
		*ret_is_end =
			rows[i].event == WATCH_EVENT_BOOKMARK && end && strcmp(end, "true") == 0;
		return rows[i].event;
	}
	return WATCH_EVENT_BAD;
}

void watch_error_read(struct json_object *status, struct watch_error *ret)
{
	const char *message = json_get_text(status, "message");
	int64_t code = 0, retry_after = 0;

	json_get_number(status, "code", 0, 999, &code);
	json_get_number(json_get_object(status, "details"), "retryAfterSeconds", 0,
			KUBE_RETRY_AFTER_MAX, &retry_after);
	*ret = (struct watch_error){ .is_set = true, .code = (long)code };
	ret->retry_after_s = (unsigned int)retry_after;
	snprintf(ret->text, sizeof(ret->text), "the server ended the watch: %ld: %s", ret->code,
		 message ? message : "no reason given");
}

void watch_version_read(struct json_object *object, char version[WATCH_VERSION_MAX])
{
	const char *text = json_get_text(json_get_object(object, "metadata"), "resourceVersion");

	if (text && *text && strlen(text) < WATCH_VERSION_MAX)
		snprintf(version, WATCH_VERSION_MAX, "%s", text);
}

int watch_list_read(struct json_object *envelope, char version[WATCH_VERSION_MAX], char **page)
{
	struct json_object *metadata = json_get_object(envelope, "metadata");
	const char *next = json_get_text(metadata, "continue");

	free(*page);
	*page = NULL;
	version[0] = '\0';
	watch_version_read(envelope, version);
	if (!version[0] || (next && strlen(next) > WATCH_TOKEN_MAX))
		return -EBADMSG;
	if (next && *next) {
		*page = strdup(next);
		return *page ? 0 : -ENOMEM;
	}
	return 0;
}
