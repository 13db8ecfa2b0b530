/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_socket.c: nf_tables asked and heard without libnftables.
 *
 * Some things are wanted often or on every node: is a table there, did anyone change one, which
 * chains and rules are there. Each is one netlink message; the library behind nft(8) takes over a
 * megabyte of memory to ask the same.
 *
 * Way of data: a question goes out on a socket of its own, its answer (one message, or a dump until
 * NLMSG_DONE) is read at once, the socket is closed. The kernel answers before sendto() returns;
 * the time limit is for the answer it had no memory for.
 *
 * Left to others: what chains and rules mean (forward_chains.c), writing them (nft_command.c).
 * include/uapi/linux/netfilter/nf_tables.h.
 */
#include "loader/nft_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "loader/netlink_attr.h"

#define RECEIVE_BUFFER	  (1 << 20) /* kube-proxy writes thousands of rules at once */
#define ANSWER_S	  5
#define NAME_SIZE	  64
#define DUMP_QUESTION_MAX 640

/* A question with at most one attribute, a name. */
struct question {
	struct nlmsghdr header;
	struct nfgenmsg body;
	struct nlattr name;
	char text[NAME_SIZE];
};

/* 0 to go on, 1 when the answer is found. */
typedef int answer_fn(const struct nlmsghdr *header, void *arg);

static int open_socket(int flags)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	struct timeval limit = { .tv_sec = ANSWER_S };
	int size = RECEIVE_BUFFER, err;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_NETFILTER);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

int nft_listen(void)
{
	int group = NFNLGRP_NFTABLES, err;
	int fd = open_socket(SOCK_NONBLOCK);

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

ssize_t nft_receive(int fd, void *buffer)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_len;
	ssize_t len;

	do {
		from_len = sizeof(from);
		len = recvfrom(fd, buffer, NFT_RECEIVE_SIZE, 0, (struct sockaddr *)&from,
			       &from_len);
		/* Any process may send to a netlink port; only port 0 is the kernel. */
	} while ((len < 0 && errno == EINTR) || (len >= 0 && from.nl_pid != 0));
	return len < 0 ? -errno : len;
}

static void fill_question(struct question *question, int type, int family, const char *name)
{
	size_t len = name != NULL ? strlen(name) + 1 : 0;

	*question = (struct question){
		.header = { .nlmsg_len = offsetof(struct question, name),
			    .nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
			    .nlmsg_flags = NLM_F_REQUEST | (name == NULL ? NLM_F_DUMP : 0),
			    .nlmsg_seq = 1 },
		.body = { .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0 },
	};
	if (len == 0 || len > NAME_SIZE)
		return;
	question->name.nla_len = (uint16_t)(NLA_HDRLEN + len);
	question->name.nla_type = NFTA_TABLE_NAME;
	memcpy(question->text, name, len);
	question->header.nlmsg_len += NLA_ALIGN(question->name.nla_len);
}

/* Tell the messages of one datagram: 1 found, 0 nothing more comes, -EAGAIN go on reading. */
static int tell(const void *buffer, int len, bool is_dump, answer_fn *fn, void *arg)
{
	for (const struct nlmsghdr *header = buffer; NLMSG_OK(header, len);
	     header = NLMSG_NEXT(header, len)) {
		if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (fn(header, arg) != 0)
			return 1;
	}
	return is_dump ? -EAGAIN : 0;
}

/* Ask; was the answer found? */
static bool ask(const struct question *question, answer_fn *fn, void *arg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	bool is_dump = question->header.nlmsg_flags & NLM_F_DUMP;
	void *buffer = malloc(NFT_RECEIVE_SIZE);
	int found = 0, fd = open_socket(0);
	ssize_t len;

	if (buffer == NULL || fd < 0)
		goto out;
	if (sendto(fd, question, question->header.nlmsg_len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		goto out;
	do {
		len = nft_receive(fd, buffer);
		found = len < 0 ? 0 : tell(buffer, (int)len, is_dump, fn, arg);
	} while (found == -EAGAIN);
out:
	if (fd >= 0)
		close(fd);
	free(buffer);
	return found == 1;
}

/* The messages of one datagram of a dump: -EAGAIN when more comes, else the walk's end. */
static int tell_dump(const void *buffer, int len, netlink_message_fn *fn, void *arg)
{
	for (const struct nlmsghdr *header = buffer; NLMSG_OK(header, len);
	     header = NLMSG_NEXT(header, len)) {
		const struct nlmsgerr *error;
		int end;

		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR) {
			error = netlink_body(header, sizeof(*error));
			return error && error->error != -EAGAIN ? error->error : -EIO;
		}
		end = fn(header, arg);
		if (end)
			return end;
	}
	return -EAGAIN;
}

/* Append a name to a question; one that is too long makes it match nothing. */
static void put_name(struct nlmsghdr *header, size_t size, uint16_t type, const char *name)
{
	size_t len = name ? strlen(name) + 1 : 0;
	struct nlattr *attr = (void *)((uint8_t *)header + header->nlmsg_len);

	if (!name || header->nlmsg_len + NLA_HDRLEN + NLA_ALIGN(len) > size)
		return;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + len);
	attr->nla_type = type;
	memcpy((uint8_t *)attr + NLA_HDRLEN, name, len);
	header->nlmsg_len += NLA_HDRLEN + NLA_ALIGN(len);
}

int nft_dump(const struct nft_dump_question *question, netlink_message_fn *fn, void *arg)
{
	union {
		struct {
			struct nlmsghdr header;
			struct nfgenmsg body;
		};
		uint8_t octets[DUMP_QUESTION_MAX];
	} message = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
			    .nlmsg_type = question->type,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			    .nlmsg_seq = 1 },
		.body = { .nfgen_family = question->family, .version = NFNETLINK_V0 },
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	void *buffer = malloc(NFT_RECEIVE_SIZE);
	int fd = open_socket(0), end = buffer ? fd : -ENOMEM;
	ssize_t len;

	put_name(&message.header, sizeof(message), NFTA_RULE_TABLE, question->table);
	put_name(&message.header, sizeof(message), NFTA_RULE_CHAIN, question->chain);
	if (end >= 0 && sendto(fd, &message, message.header.nlmsg_len, 0,
			       (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		end = -errno;
	if (end >= 0)
		end = -EAGAIN;
	while (end == -EAGAIN) {
		len = nft_receive(fd, buffer);
		/* The time limit says EAGAIN too. */
		end = len < 0 ? (len == -EAGAIN ? -ETIME : (int)len)
			      : tell_dump(buffer, (int)len, fn, arg);
	}
	if (fd >= 0)
		close(fd);
	free(buffer);
	return end;
}

static int is_table(const struct nlmsghdr *header, void *arg)
{
	return header->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE);
}

bool nft_table_exists(const char *name)
{
	struct question question;

	fill_question(&question, NFT_MSG_GETTABLE, NFPROTO_INET, name);
	return ask(&question, is_table, NULL);
}
