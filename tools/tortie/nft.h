/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_NFT_H
#define TOOLS_TORTIE_NFT_H

/** nft_run() - run nftables @commands; 0 and what they print in *ret_output (the caller frees; may
 * be NULL when not wanted), or -errno: -EIO when the kernel refuses, for whatever reason. Nothing
 * is said. */
int nft_run(const char *commands, char **ret_output);

/** nft_list_ruleset() - all tables, each object with its handle (`nft -a list ruleset`). 0 and
 * *ret_listing, which the caller frees, or -errno. */
int nft_list_ruleset(char **ret_listing);

#endif /* TOOLS_TORTIE_NFT_H */
