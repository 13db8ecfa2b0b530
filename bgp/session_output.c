/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_output.c: what waits to be written to a peer.
 *
 * One run of memory that grows by doubling. Written octets are left behind at its front until
 * moving the rest gains as much room as it moves. An output is bounded, and so are all together
 * (struct output_pool): with hundreds of peers that do not read, one bound each would be no bound.
 *
 * Where messages begin in it is not noted, as it is asked only when a session ends: then what the
 * peer has not begun to receive is dropped, so that the NOTIFICATION comes next. From a place where
 * a message begins, the lengths in the headers lead on.
 */
#include "bgp/session_output.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <utlist.h>

#include "bgp/message.h"

#define OUTPUT_MAX   (64u << 20)
#define OUTPUT_LARGE (8u << 20)
#define LENGTH_AT    16 /* in a message's header (RFC 4271 section 4.1) */

/* The first message that begins at @output's head or behind it. */
static size_t next_boundary(const struct session_output *output)
{
	size_t at = output->boundary;

	while (at < output->head)
		at += (size_t)(output->data[at + LENGTH_AT] << 8 |
			       output->data[at + LENGTH_AT + 1]);
	return at;
}

static void move_to_front(struct session_output *output)
{
	size_t at = next_boundary(output); /* the header of what is under way may be written */

	memmove(output->data, output->data + output->head, output->len);
	output->boundary = at - output->head;
	output->head = 0;
}

static int resize(struct session_output *output, size_t size)
{
	struct output_pool *pool = output->pool;
	uint8_t *data;

	if (size > output->size && size - output->size > pool->octets_max - pool->octets)
		return -ENOSPC;
	data = realloc(output->data, size);
	if (!data)
		return -ENOMEM;
	if (!output->data)
		DL_APPEND(pool->outputs, output);
	pool->octets = pool->octets - output->size + size;
	output->data = data;
	output->size = size;
	return 0;
}

/* Moving is worth it once it gains as much room as it moves. */
static int reserve(struct session_output *output, size_t more)
{
	size_t size = output->size ? output->size : BGP_MESSAGE_MAX;

	if (output->len + more > OUTPUT_MAX)
		return -ENOBUFS;
	if (output->head > 0 && output->head >= output->len &&
	    output->head + output->len + more > output->size)
		move_to_front(output);
	while (size < output->head + output->len + more)
		size *= 2;
	return size == output->size ? 0 : resize(output, size);
}

int session_output_append(struct session_output *output, const uint8_t *data, size_t len)
{
	int err = reserve(output, len);

	if (err < 0)
		return err;
	memcpy(output->data + output->head + output->len, data, len);
	output->len += len;
	return 0;
}

size_t session_output_begun(const struct session_output *output)
{
	return output->data ? next_boundary(output) - output->head : 0;
}

/* No header of its own, so the next message begins behind it. */
int session_output_resume(struct session_output *output, const uint8_t *begun, size_t len)
{
	int err = len > 0 ? session_output_append(output, begun, len) : 0;

	if (err == 0)
		output->boundary = len;
	return err;
}

bool session_output_write(struct session_output *output, int fd)
{
	size_t before = output->len;

	while (output->len > 0) {
		ssize_t sent = send(fd, output->data + output->head, output->len, MSG_NOSIGNAL);

		if (sent <= 0)
			break;
		output->head += (size_t)sent;
		output->len -= (size_t)sent;
	}
	return output->len < before;
}

void session_output_clear(struct session_output *output)
{
	struct output_pool *pool = output->pool;
	bool is_large = output->size > OUTPUT_LARGE;

	if (!output->data)
		return;
	DL_DELETE(pool->outputs, output);
	pool->octets -= output->size;
	free(output->data);
	if (is_large)
		malloc_trim(0); /* it grew step by step: the steps lie about, free and resident */
	*output = (struct session_output){ .pool = pool };
}

void session_output_cut(struct session_output *output)
{
	uint8_t rest[BGP_MESSAGE_MAX];
	size_t len;

	if (!output->data)
		return;
	len = session_output_begun(output);
	memcpy(rest, output->data + output->head, len);
	session_output_clear(output);
	session_output_resume(output, rest, len); /* the memory was just freed */
}

struct session_output *session_output_largest(const struct output_pool *pool)
{
	struct session_output *largest = pool->outputs, *output;

	DL_FOREACH(pool->outputs, output)
	if (output->size > largest->size)
		largest = output;
	return largest;
}
