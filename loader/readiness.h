/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_READINESS_H
#define LOADER_READINESS_H

struct agent;
struct readiness;

/** readiness_open() - watch for the moment when the data plane serves, then tell the world: file
 * RUN-DIR/ready, the service manager, the container runtime's conflist. 0 or -errno. */
int readiness_open(struct agent *agent, struct readiness **ret_readiness);
/** readiness_restore() - write the ready file again when somebody removed it; once ready. */
void readiness_restore(const struct readiness *readiness);
/** readiness_close() - the ready file goes; on a reset the conflist too. NULL is fine. */
void readiness_close(struct readiness *readiness);

#endif /* LOADER_READINESS_H */
