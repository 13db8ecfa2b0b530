/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_NFT_COMMAND_H
#define LOADER_NFT_COMMAND_H

#include "agent_protocol.h"

/** nft_command() - run @command, text as for nft(8), in one transaction. 0 with what it printed
 * (may be NULL when not wanted; the caller frees), or -EIO with words. The kernel must have
 * nftables. */
int nft_command(const char *command, char **ret_output, char ret_words[TEXT_MAX + 1]);

#endif /* LOADER_NFT_COMMAND_H */
