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
/** nft_dump() - ask any part of nfnetlink (@type: subsystem and message) for all it has and call
 * @fn for each answer as it comes; its first answer but 0 ends the walk. That, 0, or -errno. */
int nft_dump(uint16_t type, netlink_message_fn *fn, void *arg);
/** nft_table_exists() - is there a table @name of family inet? A doubt is a no. */
bool nft_table_exists(const char *name);
/** nft_find_forward_drop() - a base chain at hook forward (ip, ip6, inet) whose policy is drop:
 * true with its table and name as "ip filter FORWARD". */
bool nft_find_forward_drop(char ret_chain[TEXT_MAX + 1]);

#endif /* LOADER_NFT_SOCKET_H */
