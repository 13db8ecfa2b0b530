/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause.c: holds a pod's namespaces: sleeps until it is told to stop, and reaps orphans.
 *
 * The only program of the image that tests/cni gives to container runtimes; static, so that the
 * image needs nothing else. Also the first process of a test's own process namespace.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void stop(int signo)
{
	_exit(0);
}

static void reap(int signo)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void)
{
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	signal(SIGCHLD, reap);
	for (;;)
		pause();
}
