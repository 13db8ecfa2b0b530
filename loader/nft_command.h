/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_NFT_COMMAND_H
#define LOADER_NFT_COMMAND_H

#include <stdint.h>

#include "agent_protocol.h"
#include "lib/sha1.h"

struct event_loop;

#define NFT_COMMAND_LIMIT_MS 20000 /* of one command */

/** nft_command() - run @command, text as for nft(8), in one transaction and in a process of its
 * own;
 * @loop, whose thread calls, is said to go on meanwhile. 0 with the digest of what it printed (may
 * be NULL when not wanted), or -EIO with words. */
int nft_command(struct event_loop *loop, const char *command, uint8_t *ret_digest,
		char ret_words[TEXT_MAX + 1]);
/** nft_command_within() - the same with another limit. */
int nft_command_within(struct event_loop *loop, unsigned int limit_ms, const char *command,
		       uint8_t *ret_digest, char ret_words[TEXT_MAX + 1]);

#endif /* LOADER_NFT_COMMAND_H */
