/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_NFT_SOCKET_H
#define LOADER_NFT_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent_protocol.h"
#include "loader/netlink.h"

/* Questions to nf_tables on a socket of our own, where the whole library would be too much. */

#define NFT_RECEIVE_SIZE 65536 /* octets of the longest datagram */

/** nft_listen() - a non-blocking socket that hears every change of any table; fd or -errno. */
int nft_listen(void);
/** nft_receive() - one datagram of the kernel's into @buffer (NFT_RECEIVE_SIZE octets, aligned for
 * struct nlmsghdr); its length or -errno (-EAGAIN: none waits, -ENOBUFS: some were lost). */
ssize_t nft_receive(int fd, void *buffer);
/* What is asked of a part of nfnetlink; rules may be those of one chain. */
struct nft_dump_question {
	uint16_t type;	/* subsystem and message */
	uint8_t family; /* NFPROTO_*, NFPROTO_UNSPEC: all */
	const char *table, *chain;
};

/** nft_dump() - call @fn for each answer as it comes; its first answer but 0 ends the walk. That,
 * 0, or -errno. */
int nft_dump(const struct nft_dump_question *question, netlink_message_fn *fn, void *arg);
/** nft_table_exists() - is there a table @name of family inet? A doubt is a no. */
bool nft_table_exists(const char *name);

#endif /* LOADER_NFT_SOCKET_H */
