/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_QUERY_H
#define BGP_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

struct speaker;

/* Messages that wait to be sent, one behind the other, each with its header. */
struct query_buffer {
	uint8_t *data;
	size_t at, len, size; /* next to be sent, octets, allocated */
	bool is_lost;	      /* no memory for all of them */
};

/* A question that is being answered. */
struct query {
	uint32_t id;
	uint32_t type; /* enum message_type; 0: none */
	struct msg_bgp_get_routes routes;
	bool is_begun; /* MSG_BGP_GET_DUMP: the peers are told */
	size_t cursor; /* of rib_scan() */
};

void query_buffer_fini(struct query_buffer *buffer);
/** query_put() - append a message of @type, its body in two parts. */
void query_put(struct query_buffer *buffer, const struct message_header *header, const void *body,
	       const void *text);
/** query_error() - append MSG_ERROR. */
void query_error(struct query_buffer *buffer, uint32_t id, int error, const char *text);

/** query_put_record() - append a message of @type without text. */
void query_put_record(struct query_buffer *buffer, uint32_t type, uint32_t id, const void *body);

/**
 * query_more() - append the next piece of the answer, some records, at last MSG_END; no more than
 * some thousand entries of the table are looked at for it. @speaker NULL: there is no BGP now.
 */
void query_more(struct query *query, struct speaker *speaker, struct query_buffer *buffer);
/** query_act() - do what @act says and append the answer. */
void query_act(uint32_t id, const struct msg_bgp_act *act, struct speaker *speaker,
	       struct query_buffer *buffer);

#endif /* BGP_QUERY_H */
