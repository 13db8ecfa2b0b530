/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_NAMESPACE_CLAIM_H
#define LOADER_NAMESPACE_CLAIM_H

struct agent;
struct namespace_claim;

/** namespace_claim_open() - be the one agent of this network namespace, until closed or dead. 0, or
 * -EADDRINUSE (said in the log) when another one is, or -errno. */
int namespace_claim_open(struct agent *agent, struct namespace_claim **ret_claim);
void namespace_claim_close(struct namespace_claim *claim);

#endif /* LOADER_NAMESPACE_CLAIM_H */
