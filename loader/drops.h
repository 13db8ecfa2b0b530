/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_DROPS_H
#define LOADER_DROPS_H

struct agent;
struct drops;

/** drops_open() - the ring buffer of sampled drops, read only while somebody follows. 0 or -errno.
 */
int drops_open(struct agent *agent, struct drops **ret_drops);
void drops_close(struct drops *drops); /* NULL is fine; close the server first */

#endif /* LOADER_DROPS_H */
