/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_SANDBOX_H
#define BGP_SANDBOX_H

#include <stdbool.h>

/**
 * sandbox_enter() - give up, for good and for this process alone, what a running speaker does not
 * need: capabilities, programs, writing to files, other sockets than its own kinds, most system
 * calls. UDP sockets can still be made @with_udp, which BFD needs. Listening sockets of our own
 * making (--standalone) must be there before. What this kernel or the container around us refuses
 * to set up is logged, and the rest is set up all the same. 0, or -errno of the first part that
 * could not be. Side effects: see capabilities(7), landlock(7), seccomp(2).
 */
int sandbox_enter(bool with_udp);

#endif /* BGP_SANDBOX_H */
