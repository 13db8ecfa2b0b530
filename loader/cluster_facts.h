/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_CLUSTER_FACTS_H
#define LOADER_CLUSTER_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"
#include "loader/status_lines.h"

/*
 * What tortie-kubed tells beside the document: notices about objects, and the objects themselves
 * for `tortie get`. Bounded; what does not fit is counted and told. Pure.
 */

#define CLUSTER_NOTICES_MAX 256

struct cluster_object {
	struct cluster_object *next; /* in the order told */
	char kind[OBJECT_KIND_MAX + 1];
	char name[NAME_MAX_LEN + 1];
	uint32_t json_len;
	char json[]; /* without a NUL */
};

struct cluster_notice {
	enum status_level level;
	char *text;
};

struct cluster_facts {
	struct cluster_notice notice[CLUSTER_NOTICES_MAX];
	size_t notice_count;
	size_t notices_lost; /* no room for them */
	struct cluster_object *objects;
	struct cluster_object **last;
	size_t object_octets;
	size_t objects_lost;
};

struct cluster_facts *cluster_facts_new(void);	      /* NULL: no memory */
void cluster_facts_free(struct cluster_facts *facts); /* NULL is fine */
/** cluster_facts_add_notice() - from a checked message. 0, -EPROTO (level), -ENOMEM. */
int cluster_facts_add_notice(struct cluster_facts *facts, const struct msg_status_line *line);
/** cluster_facts_add_object() - from the @len octets of a checked MSG_CLUSTER_OBJECT's body. 0,
 * -EPROTO (lengths, no kind, no name), -ENOMEM. */
int cluster_facts_add_object(struct cluster_facts *facts, const void *body, size_t len);
bool cluster_facts_has_notice(const struct cluster_facts *facts, const char *text);
/** cluster_facts_status() - each notice, and what did not fit. */
int cluster_facts_status(const struct cluster_facts *facts, status_line_fn *fn, void *arg);
typedef int cluster_object_fn(const struct cluster_object *object, void *arg);
/** cluster_facts_for_each() - objects of @kind (any case) named @name, or all of it when empty. */
int cluster_facts_for_each(const struct cluster_facts *facts, const struct msg_get_objects *which,
			   cluster_object_fn *fn, void *arg);

#endif /* LOADER_CLUSTER_FACTS_H */
