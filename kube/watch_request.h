/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_WATCH_REQUEST_H
#define KUBE_WATCH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/* The texts of a watch: what is asked, what an event says. Pure. */

#define WATCH_VERSION_MAX 64 /* of a resourceVersion, with NUL; a longer one counts as none */
#define WATCH_PAGE	  500
#define WATCH_TOKEN_MAX	  4096 /* of a continue token */

#define WATCH_ACCEPT_METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define WATCH_ACCEPT_METADATA_LIST \
	"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

enum watch_event {
	WATCH_EVENT_BAD = 0,
	WATCH_EVENT_SET,
	WATCH_EVENT_GONE,
	WATCH_EVENT_BOOKMARK,
	WATCH_EVENT_ERROR,
};

/* The Status of an ERROR event. */
struct watch_error {
	bool is_set;
	long code;
	unsigned int retry_after_s;
	char text[256];
};

/* Which objects. */
struct watch_target {
	const char *path;
	const char *selector; /* of labels; NULL: all */
};

/** watch_path_list() - one page, the one of @next_page (NULL: the first). 0 or -ENOMEM, -EINVAL. */
int watch_path_list(const struct watch_target *target, bool all_in_one, const char *next_page,
		    char **ret);
/** watch_path_watch() - from @version; "" : all objects first ("initial events"). */
int watch_path_watch(const struct watch_target *target, const char *version, unsigned int seconds,
		     char **ret);

/** watch_event_read() - what @event is; *ret_object is borrowed from it. *ret_is_end: it ends the
 * initial events. */
enum watch_event watch_event_read(struct json_object *event, struct json_object **ret_object,
				  bool *ret_is_end);
void watch_error_read(struct json_object *status, struct watch_error *ret);
/** watch_version_read() - the object's resourceVersion; without one @version stays. */
void watch_version_read(struct json_object *object, char version[WATCH_VERSION_MAX]);
/** watch_list_read() - version and next page (NULL: it was the last; else free it) of a list's
 * envelope. @page holds the former one, which is freed. 0 or -EBADMSG. */
int watch_list_read(struct json_object *envelope, char version[WATCH_VERSION_MAX], char **page);

#endif /* KUBE_WATCH_REQUEST_H */
