/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink.c: requests to the kernel's routing family, whole answers back.
 *
 * libnl-3 builds messages; sending and receiving are done here on the bare descriptor, because two
 * things are wanted that libnl's own socket does not give: several messages in one datagram (the
 * kernel handles a datagram inside the sender's system call, so a kill cannot come between a link
 * and its alias), and an answer for each of them.
 *
 * Way of data: every message gets the next sequence number, and the last of a datagram asks for an
 * acknowledgement. The kernel handles a datagram in order and tells failures unasked, so what has
 * not failed when that acknowledgement comes has succeeded: one answer for the whole batch. It is
 * queued before sendto() returns, so the receive below finds it waiting;
 * the time limit on the socket is for the answer that the kernel had no memory for. Answers to
 * earlier, given up requests are recognised by their number and skipped. A dump is collected first
 * and told afterwards: an interrupted one (NLM_F_DUMP_INTR) is asked again without anyone hearing a
 * half, and whoever is told may use the same socket.
 *
 * Left to others: what the messages mean. RFC 3549; Documentation/userspace-api/netlink/intro.rst.
 */
#include "loader/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "lib/log.h"

#define RECEIVE_SIZE	 65536 /* the kernel's dumps come in pieces of at most 32 KiB */
#define ANSWER_TIMEOUT_S 5
#define DUMP_ATTEMPTS	 64 /* of some ms each; a burst of new pods interrupts one after another */
#define READ_DATAGRAMS	 4096 /* of one netlink_read(), so that a flood cannot hold the loop */
#define COLLECT_FIRST	 16384
#define COLLECT_LIMIT	 (256u << 20)
#define BATCH_OCTETS_MAX (160u << 10) /* below the default send buffer */

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

struct netlink {
	int fd;
	uint32_t port; /* the address that the kernel answers to */
	uint32_t next_seq;
	uint8_t *buffer; /* RECEIVE_SIZE */
};

/* Messages of one dump, one behind the other, each aligned. */
struct collection {
	uint8_t *data;
	size_t len;
	size_t size;
	bool interrupted;
};

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int check_socket(int fd)
{
	int domain = 0, protocol = -1;
	socklen_t len = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		return -errno;
	len = sizeof(protocol);
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0)
		return -errno;
	return domain == AF_NETLINK && protocol == NETLINK_ROUTE ? 0 : -EPROTOTYPE;
}

/* Learn the socket's port number; a socket that never was bound gets one. */
static int learn_port(int fd, uint32_t *ret_port)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -errno;
	if (addr.nl_pid == 0) {
		addr = (struct sockaddr_nl){ .nl_family = AF_NETLINK };
		if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
			return -errno;
		len = sizeof(addr);
		if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
			return -errno;
	}
	*ret_port = addr.nl_pid;
	return 0;
}

int netlink_adopt(int fd, struct netlink **ret_netlink)
{
	struct timeval limit = { .tv_sec = ANSWER_TIMEOUT_S };
	struct netlink *netlink;
	int err;

	err = check_socket(fd);
	if (err < 0)
		goto err_close;
	err = -ENOMEM;
	netlink = calloc(1, sizeof(*netlink));
	if (netlink == NULL)
		goto err_close;
	netlink->buffer = malloc(RECEIVE_SIZE);
	if (netlink->buffer == NULL)
		goto err_free;
	netlink->fd = fd;
	netlink->next_seq = 1;
	err = learn_port(fd, &netlink->port);
	if (err < 0)
		goto err_free_buffer;
	/* Acknowledgements without the request's echo, failures with the kernel's words. */
	set_option(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	set_option(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0) {
		err = -errno;
		goto err_free_buffer;
	}
	*ret_netlink = netlink;
	return 0;

err_free_buffer:
	free(netlink->buffer);
err_free:
	free(netlink);
err_close:
	close(fd);
	return err;
}

int netlink_open(struct netlink **ret_netlink)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	return netlink_adopt(fd, ret_netlink);
}

void netlink_close(struct netlink *netlink)
{
	if (netlink == NULL)
		return;
	close(netlink->fd);
	free(netlink->buffer);
	free(netlink);
}

int netlink_fd(const struct netlink *netlink)
{
	return netlink->fd;
}

/* One datagram from the kernel into the buffer; its length or -errno. */
static ssize_t receive(struct netlink *netlink, int flags)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = netlink->buffer, .iov_len = RECEIVE_SIZE };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t len;

	do {
		msg.msg_namelen = sizeof(from);
		len = recvmsg(netlink->fd, &msg, flags);
		/* Any process may send to a netlink port; only port 0 is the kernel. */
	} while ((len < 0 && errno == EINTR) || (len >= 0 && from.nl_pid != 0));
	if (len < 0)
		return errno == EAGAIN && !(flags & MSG_DONTWAIT) ? -ETIMEDOUT : -errno;
	return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : len;
}

static int send_octets(struct netlink *netlink, const void *data, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	do
		sent = sendto(netlink->fd, data, len, 0, (struct sockaddr *)&kernel,
			      sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* The kernel's words for a refusal, if it has any: they name the attribute or rule at fault. */
static void tell_extended_ack(const struct nlmsghdr *header, int error)
{
	const struct nlmsgerr *body = NLMSG_DATA(header);
	size_t at = NLMSG_ALIGN(sizeof(struct nlmsghdr)) + sizeof(*body);
	const struct nlattr *attr;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS) || !(header->nlmsg_flags & NLM_F_CAPPED))
		return;
	if (header->nlmsg_len < at + sizeof(*attr))
		return;
	attr = nla_find((struct nlattr *)((uintptr_t)header + at), (int)(header->nlmsg_len - at),
			NLMSGERR_ATTR_MSG);
	if (attr != NULL && nla_len(attr) > 0)
		log_debug("netlink: message type %u: %s: %.*s", body->msg.nlmsg_type,
			  strerror(error), nla_len(attr), (const char *)nla_data(attr));
}

/* The value of an NLMSG_ERROR message: 0 or -errno. */
static int error_of(const struct nlmsghdr *header)
{
	const struct nlmsgerr *body = NLMSG_DATA(header);

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*body)))
		return -EBADMSG;
	if (body->error > 0)
		return -EBADMSG;
	if (body->error < 0)
		tell_extended_ack(header, -body->error);
	return body->error;
}

/* Give each message its number and flags and lay them one behind the other. */
static uint8_t *pack(struct netlink *netlink, struct nl_msg **msgs, size_t count, int last_flags,
		     size_t *ret_len)
{
	size_t len = 0;
	uint8_t *data, *at;

	for (size_t i = 0; i < count; i++)
		len += NLMSG_ALIGN(nlmsg_hdr(msgs[i])->nlmsg_len);
	if (len > BATCH_OCTETS_MAX)
		return NULL;
	data = calloc(1, len + 1);
	if (data == NULL)
		return NULL;
	at = data;
	for (size_t i = 0; i < count; i++) {
		struct nlmsghdr *header = nlmsg_hdr(msgs[i]);

		header->nlmsg_seq = netlink->next_seq++;
		header->nlmsg_pid = 0;
		header->nlmsg_flags |= NLM_F_REQUEST;
		if (i + 1 == count)
			header->nlmsg_flags |= (uint16_t)last_flags;
		memcpy(at, header, header->nlmsg_len);
		at += NLMSG_ALIGN(header->nlmsg_len);
	}
	*ret_len = len;
	return data;
}

static bool is_ours(const struct netlink *netlink, const struct nlmsghdr *header, uint32_t first,
		    size_t count)
{
	return header->nlmsg_pid == netlink->port && header->nlmsg_seq - first < count;
}

/* Note what one datagram tells; true when the last message's acknowledgement is among it. */
static bool take_outcome(struct netlink *netlink, int len, uint32_t first,
			 const struct netlink_batch *batch)
{
	struct nlmsghdr *header = (struct nlmsghdr *)netlink->buffer;
	bool is_last = false;

	for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
		uint32_t index = header->nlmsg_seq - first;
		int err = 0;

		if (!is_ours(netlink, header, first, batch->count))
			continue;
		if (header->nlmsg_type == NLMSG_ERROR) {
			err = error_of(header);
			is_last = is_last || index + 1 == batch->count;
		} else if (header->nlmsg_type >= NLMSG_MIN_TYPE && batch->fn != NULL) {
			err = batch->fn(header, batch->arg);
		}
		if (err < 0)
			batch->errors[index] = err;
	}
	return is_last;
}

/* Send the messages and read on until the last one is answered. */
static int send_and_wait(struct netlink *netlink, const struct netlink_batch *batch)
{
	size_t count = batch->count;
	uint32_t first = netlink->next_seq;
	bool is_done = count == 0;
	size_t len = 0;
	uint8_t *data = pack(netlink, batch->msgs, count, NLM_F_ACK, &len);
	int err;

	if (data == NULL)
		return -ENOMEM;
	err = count > 0 ? send_octets(netlink, data, len) : 0;
	free(data);
	while (err == 0 && !is_done) {
		ssize_t got = receive(netlink, 0);

		if (got < 0)
			err = (int)got;
		else
			is_done = take_outcome(netlink, (int)got, first, batch);
	}
	return err;
}

int netlink_ask_batch(struct netlink *netlink, const struct netlink_batch *batch)
{
	int errors[NETLINK_BATCH_MAX] = { 0 };
	struct netlink_batch sent = *batch;
	int err = batch->count > NETLINK_BATCH_MAX ? -E2BIG : 0, first_error = 0;

	sent.errors = errors;
	for (size_t i = 0; i < batch->count; i++)
		if (batch->msgs[i] == NULL)
			err = -ENOMEM;
	if (err == 0)
		err = send_and_wait(netlink, &sent);
	for (size_t i = 0; i < batch->count; i++) {
		/* When the exchange itself failed nothing is known of those that did not. */
		int error = err < 0 && (i >= NETLINK_BATCH_MAX || errors[i] == 0) ? err : errors[i];

		if (batch->errors != NULL)
			batch->errors[i] = error;
		if (first_error == 0)
			first_error = error;
	}
	for (size_t i = 0; i < batch->count; i++)
		nlmsg_free(batch->msgs[i]);
	return first_error != 0 ? first_error : err;
}

int netlink_send_batch(struct netlink *netlink, struct nl_msg **msgs, size_t count, int *ret_errors)
{
	const struct netlink_batch batch = { .msgs = msgs, .count = count, .errors = ret_errors };

	return netlink_ask_batch(netlink, &batch);
}

int netlink_request(struct netlink *netlink, struct nl_msg *msg)
{
	return netlink_send_batch(netlink, &msg, 1, NULL);
}

static int collect(struct collection *collection, const struct nlmsghdr *header)
{
	size_t len = NLMSG_ALIGN(header->nlmsg_len);

	if (collection->len + len > COLLECT_LIMIT)
		return -E2BIG;
	if (collection->len + len > collection->size) {
		size_t size = collection->size > 0 ? collection->size * 2 : COLLECT_FIRST;
		uint8_t *data;

		while (size < collection->len + len)
			size *= 2;
		data = realloc(collection->data, size);
		if (data == NULL)
			return -ENOMEM;
		collection->data = data;
		collection->size = size;
	}
	memcpy(collection->data + collection->len, header, header->nlmsg_len);
	collection->len += len;
	return 0;
}

/*
 * Sort one datagram of answers to @seq into the collection. 1: the answer is complete, 0: more is
 * to come, or -errno.
 */
static int take_answers(struct netlink *netlink, int len, uint32_t seq,
			struct collection *collection)
{
	struct nlmsghdr *header = (struct nlmsghdr *)netlink->buffer;
	int err = 0;

	for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
		if (!is_ours(netlink, header, seq, 1))
			continue;
		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			collection->interrupted = true;
		if (header->nlmsg_type == NLMSG_ERROR) {
			err = error_of(header);
			return err < 0 ? err : 1;
		}
		if (header->nlmsg_type == NLMSG_DONE) {
			if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(int)))
				memcpy(&err, NLMSG_DATA(header), sizeof(err));
			return err < 0 ? err : 1;
		}
		if (header->nlmsg_type < NLMSG_MIN_TYPE)
			continue;
		err = collect(collection, header);
		if (err < 0)
			return err;
		if (!(header->nlmsg_flags & NLM_F_MULTI))
			return 1; /* the one answer to a question that is no dump */
	}
	return 0;
}

/* Send one message and collect what it is answered with. @msg stays the caller's. */
static int ask(struct netlink *netlink, struct nl_msg *msg, int flags,
	       struct collection *collection)
{
	uint32_t seq = netlink->next_seq;
	size_t len = 0;
	uint8_t *data = pack(netlink, &msg, 1, flags, &len);
	int err;

	if (data == NULL)
		return -ENOMEM;
	err = send_octets(netlink, data, len);
	free(data);
	while (err == 0) {
		ssize_t got = receive(netlink, 0);

		err = got < 0 ? (int)got : take_answers(netlink, (int)got, seq, collection);
	}
	return err < 0 ? err : 0;
}

static int tell(const struct collection *collection, netlink_message_fn *fn, void *arg)
{
	size_t at = 0;

	while (at < collection->len) {
		const struct nlmsghdr *header =
			(const struct nlmsghdr *)(const void *)(collection->data + at);
		int err = fn(header, arg);

		if (err != 0)
			return err;
		at += NLMSG_ALIGN(header->nlmsg_len);
	}
	return 0;
}

int netlink_dump(struct netlink *netlink, struct nl_msg *msg, netlink_message_fn *fn, void *arg)
{
	struct collection collection = { 0 };
	int err;

	if (msg == NULL)
		return -ENOMEM;
	for (int attempt = 0;; attempt++) {
		collection.len = 0;
		collection.interrupted = false;
		err = ask(netlink, msg, NLM_F_DUMP, &collection);
		if (err < 0 || !collection.interrupted)
			break;
		if (attempt + 1 == DUMP_ATTEMPTS) {
			err = -EINTR;
			break;
		}
	}
	if (err == 0)
		err = tell(&collection, fn, arg);
	free(collection.data);
	nlmsg_free(msg);
	return err;
}

int netlink_get(struct netlink *netlink, struct nl_msg *msg, netlink_message_fn *fn, void *arg)
{
	struct collection collection = { 0 };
	int err;

	if (msg == NULL)
		return -ENOMEM;
	err = ask(netlink, msg, 0, &collection);
	if (err == 0)
		err = collection.len > 0 ? tell(&collection, fn, arg) : -ENODATA;
	free(collection.data);
	nlmsg_free(msg);
	return err;
}

int netlink_subscribe(const unsigned int *groups, size_t count, int rcvbuf,
		      struct netlink **ret_netlink)
{
	struct netlink *netlink;
	int fd, err;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	err = netlink_adopt(fd, &netlink);
	if (err < 0)
		return err;
	if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, rcvbuf) < 0) {
		err = set_option(fd, SOL_SOCKET, SO_RCVBUF, rcvbuf);
		if (err < 0)
			goto err_close;
	}
	for (size_t i = 0; i < count; i++) {
		err = set_option(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, (int)groups[i]);
		if (err < 0)
			goto err_close;
	}
	*ret_netlink = netlink;
	return 0;

err_close:
	netlink_close(netlink);
	return err;
}

int netlink_ignore_routes(struct netlink *netlink, const struct netlink *sender)
{
	/* Classic BPF loads in network order what is in host order here. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(sender->port), 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(netlink->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0
		       ? -errno
		       : 0;
}

int netlink_read(struct netlink *netlink, netlink_message_fn *fn, void *arg)
{
	bool lost = false;
	int err = 0;

	for (int i = 0; i < READ_DATAGRAMS && err == 0; i++) {
		struct nlmsghdr *header = (struct nlmsghdr *)netlink->buffer;
		ssize_t got = receive(netlink, MSG_DONTWAIT);
		int len = (int)got;

		if (got == -EAGAIN)
			break;
		if (got == -ENOBUFS || got == -EMSGSIZE) {
			lost = true;
			continue;
		}
		if (got < 0)
			return (int)got;
		for (; err == 0 && NLMSG_OK(header, len); header = NLMSG_NEXT(header, len))
			if (header->nlmsg_type >= NLMSG_MIN_TYPE)
				err = fn(header, arg);
	}
	if (err != 0)
		return err;
	return lost ? -ENOBUFS : 0;
}
