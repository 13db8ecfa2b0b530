/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper_thread.c: start a thread beside the loop, for the few things that cannot be its own.
 *
 * What it runs says why it is a thread (link_reaper.c, pulse.c) and what it shares with the loop.
 * Its stack is small, as the agent's memory is counted.
 */
#include "loader/helper_thread.h"

#include <signal.h>

int helper_thread_start(pthread_t *ret_thread, size_t stack_octets, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int err = pthread_attr_init(&attr);

	if (err != 0)
		return -err;
	pthread_attr_setstacksize(&attr, stack_octets);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(ret_thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}
