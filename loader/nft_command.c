/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_command.c: one command of nft(8), through libnftables.
 *
 * The library is large, so its context lives only as long as one command and its memory is given
 * back at once. Without nfnetlink in the kernel it would end the process: who calls has heard of
 * nftables before (nft_socket.c).
 */
#include "loader/nft_command.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include <nftables/libnftables.h>

/* The first line of what the library says about a failure. */
static void take_words(struct nft_ctx *ctx, char ret_words[TEXT_MAX + 1])
{
	const char *words = nft_ctx_get_error_buffer(ctx);

	if (words == NULL || words[0] == '\0')
		words = strerror(errno);
	snprintf(ret_words, TEXT_MAX + 1, "%s", words);
	ret_words[strcspn(ret_words, "\n")] = '\0';
}

int nft_command(const char *command, char **ret_output, char ret_words[TEXT_MAX + 1])
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	int err = -EIO;

	if (ctx == NULL) {
		snprintf(ret_words, TEXT_MAX + 1, "libnftables cannot start");
		return -EIO;
	}
	if (nft_ctx_buffer_output(ctx) != 0 || nft_ctx_buffer_error(ctx) != 0) {
		snprintf(ret_words, TEXT_MAX + 1, "%s", strerror(ENOMEM));
		goto out;
	}
	if (nft_run_cmd_from_buffer(ctx, command) != 0) {
		take_words(ctx, ret_words);
		goto out;
	}
	err = 0;
	if (ret_output != NULL) {
		*ret_output = strdup(nft_ctx_get_output_buffer(ctx));
		err = *ret_output != NULL ? 0 : -ENOMEM;
	}
out:
	nft_ctx_free(ctx);
	malloc_trim(0);
	return err;
}
