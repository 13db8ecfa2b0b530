/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_SESSION_OUTPUT_H
#define BGP_SESSION_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session_output;

/* All outputs that have memory, and how much together. */
struct output_pool {
	struct session_output *outputs; /* doubly linked */
	size_t octets;			/* allocated */
	size_t octets_max;
};

/* Whole messages that the socket has not taken yet; the first one perhaps in part. Zeroed but for
 * `pool`, which is borrowed, it is empty. */
struct session_output {
	struct output_pool *pool;
	struct session_output *prev, *next; /* in the pool, while it has memory */
	uint8_t *data;
	size_t head, len, size; /* octets at data + head, how many, allocated */
	size_t boundary;	/* in data, somewhere: a message begins there, or may begin */
};

/** session_output_append() - whole messages, borrowed. 0; -ENOBUFS: more waits than one peer may
 * have; -ENOSPC: more than all together may have, see session_output_largest(); -ENOMEM. */
int session_output_append(struct session_output *output, const uint8_t *data, size_t len);
/** session_output_begun() - octets at the head that are the rest of a message that was begun. */
size_t session_output_begun(const struct session_output *output);
/** session_output_resume() - @output, which is empty, begins with such a rest. 0 or as append. */
int session_output_resume(struct session_output *output, const uint8_t *begun, size_t len);
/** session_output_write() - write to @fd what it takes. True: it took something. */
bool session_output_write(struct session_output *output, int fd);
/** session_output_cut() - forget all but the rest of a message that was begun, and the memory. */
void session_output_cut(struct session_output *output);
/** session_output_clear() - forget all. */
void session_output_clear(struct session_output *output);
/** session_output_largest() - the one in @pool with the most memory; NULL: none has any. */
struct session_output *session_output_largest(const struct output_pool *pool);

#endif /* BGP_SESSION_OUTPUT_H */
