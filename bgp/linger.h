/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_LINGER_H
#define BGP_LINGER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/event_loop.h"

struct linger_list;

struct linger_list *linger_list_new(
	struct event_loop *loop);		 /* @loop is borrowed; NULL: no memory */
void linger_list_free(struct linger_list *list); /* closes all at once; NULL is fine */

/**
 * linger_begin() - write the @len last octets to @fd, a TCP connection that nobody watches, and
 * close it when the peer has closed its side, or after some seconds. Takes @fd; @data is copied.
 */
void linger_begin(struct linger_list *list, int fd, const uint8_t *data, size_t len);

#endif /* BGP_LINGER_H */
