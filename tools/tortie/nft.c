/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft.c: nftables commands through libnftables, their output and errors kept from the terminal.
 *
 * The library gives words instead of an error number; callers know what they asked and say it in
 * words of their own.
 */

#include "tools/tortie/nft.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

static int run(const char *commands, unsigned int flags, char **ret_output)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *output;
	int err = -ENOMEM;

	if (!nft)
		return -ENOMEM;
	nft_ctx_output_set_flags(nft, flags);
	if (nft_ctx_buffer_output(nft) != 0 || nft_ctx_buffer_error(nft) != 0)
		goto out;
	err = nft_run_cmd_from_buffer(nft, commands) == 0 ? 0 : -EIO;
	if (err < 0 || !ret_output)
		goto out;
	output = nft_ctx_get_output_buffer(nft);
	*ret_output = strdup(output ? output : "");
	err = *ret_output ? 0 : -ENOMEM;
out:
	nft_ctx_free(nft);
	return err;
}

int nft_run(const char *commands, char **ret_output)
{
	return run(commands, 0, ret_output);
}

int nft_list_ruleset(char **ret_listing)
{
	return run("list ruleset", NFT_CTX_OUTPUT_HANDLE, ret_listing);
}
