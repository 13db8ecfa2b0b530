/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_NETLINK_H
#define LOADER_NETLINK_H

#include <stddef.h>

#include <linux/netlink.h>

struct nl_msg; /* libnl-3: nlmsg_alloc_simple(), nlmsg_append(), nla_put() build messages */

/*
 * A NETLINK_ROUTE socket with whole answers: every request's outcome is known, and several messages
 * can go as one datagram, which the kernel handles inside the sender's one system call.
 */
struct netlink;

#define NETLINK_BATCH_MAX 128

int netlink_open(struct netlink **ret_netlink); /* in the current namespace; 0 or -errno */
/** netlink_adopt() - use @fd (taken, also on failure), a NETLINK_ROUTE socket that was opened in
 * another namespace. */
int netlink_adopt(int fd, struct netlink **ret_netlink);
void netlink_close(struct netlink *netlink); /* NULL is fine */
int netlink_fd(const struct netlink *netlink);

/** netlink_request() - send @msg (taken, may be NULL: -ENOMEM) and wait for its acknowledgement. 0
 * or -errno. */
int netlink_request(struct netlink *netlink, struct nl_msg *msg);
/**
 * netlink_send_batch() - send @count messages (taken; any NULL: -ENOMEM and nothing sent) as one
 * datagram and wait for all acknowledgements. A failed message does not stop the next. @ret_errors
 * (may be NULL) gets 0 or -errno for each. Returns 0 or the first error.
 */
int netlink_send_batch(struct netlink *netlink, struct nl_msg **msgs, size_t count,
		       int *ret_errors);
/** A message of a dump or a notification; return 0 to go on, else the dump ends with that value. */
typedef int netlink_message_fn(const struct nlmsghdr *header, void *arg);
/** Messages of which some are questions. */
struct netlink_batch {
	struct nl_msg **msgs; /* taken */
	size_t count;
	int *errors;		/* gets 0 or -errno for each; may be NULL */
	netlink_message_fn *fn; /* is told each answer as it comes; must not use the socket */
	void *arg;
};
/**
 * netlink_ask_batch() - as netlink_send_batch(). What fn returns below 0 is that message's error; a
 * question may have no answer but an error.
 */
int netlink_ask_batch(struct netlink *netlink, const struct netlink_batch *batch);
/** netlink_dump() - send @msg (taken) with NLM_F_DUMP and call @fn for each answer, once
 * all are there: an interrupted dump was asked again, and @fn may use @netlink. 0 or -errno. */
int netlink_dump(struct netlink *netlink, struct nl_msg *msg, netlink_message_fn *fn, void *arg);
/** netlink_get() - send @msg (taken) and call @fn for its one answer. 0 or -errno. */
int netlink_get(struct netlink *netlink, struct nl_msg *msg, netlink_message_fn *fn, void *arg);

/** netlink_subscribe() - a non-blocking socket that hears @groups (RTNLGRP_*), with a receive
 * buffer of @rcvbuf octets. */
int netlink_subscribe(const unsigned int *groups, size_t count, int rcvbuf,
		      struct netlink **ret_netlink);
/** netlink_ignore_routes() - @netlink, which subscribed, is not told of routes that @sender adds
 * and deletes: who does that knows it. 0 or -errno. */
int netlink_ignore_routes(struct netlink *netlink, const struct netlink *sender);
/** netlink_read() - call @fn for all waiting notifications. 0, or -ENOBUFS when the kernel dropped
 * some (go on reading). */
int netlink_read(struct netlink *netlink, netlink_message_fn *fn, void *arg);

#endif /* LOADER_NETLINK_H */
