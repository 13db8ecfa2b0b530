/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_MASQUERADE_RULES_H
#define LOADER_MASQUERADE_RULES_H

#include <stdbool.h>

struct config;

/** masquerade_is_wanted() - has any pool nat_outgoing, or are there ranges of Services? */
bool masquerade_is_wanted(const struct config *config);
/**
 * masquerade_rules() - the commands (nft(8) syntax) that replace our table by one fit for @config,
 * as one transaction. Returned to the caller, who frees it; NULL: no memory. Pure.
 */
char *masquerade_rules(const struct config *config);

#endif /* LOADER_MASQUERADE_RULES_H */
