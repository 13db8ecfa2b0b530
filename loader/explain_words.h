/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_EXPLAIN_WORDS_H
#define LOADER_EXPLAIN_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane_abi.h"

struct agent;

/** explain_step_words() - one step in words, with the names of links and pods. */
void explain_step_words(const struct agent *agent, const struct explain_step *step, char *buf,
			size_t size);
/** explain_link_words() - "cali0123 (default/web)", "eth1", or "link number 7". */
void explain_link_words(const struct agent *agent, uint32_t ifindex, char *buf, size_t size);
/** explain_drop_words() - "SOURCE_MAC: source MAC is not the pod's". */
const char *explain_drop_words(uint32_t reason);

#endif /* LOADER_EXPLAIN_WORDS_H */
