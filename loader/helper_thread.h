/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_HELPER_THREAD_H
#define LOADER_HELPER_THREAD_H

#include <pthread.h>
#include <stddef.h>

/** helper_thread_start() - a thread with a stack of its own size that runs @fn and gets no signals:
 * these are the loop's. The caller joins it. 0 or -errno. */
int helper_thread_start(pthread_t *ret_thread, size_t stack_octets, void *(*fn)(void *), void *arg);

#endif /* LOADER_HELPER_THREAD_H */
