/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folder_lock.c: one agent for a folder, by flock(2).
 *
 * An agent that is killed may leave a child that has not yet closed what it was born with
 * (nft_command.c), or the kernel is not through with closing. So whoever starts right after it
 * waits a little before it takes the folder for another's.
 */
#include "loader/folder_lock.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/file.h>

#define LOOK_MS 20

int folder_lock(int fd)
{
	for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOOK_MS) {
		if (errno != EWOULDBLOCK || waited_ms >= FOLDER_LOCK_WAIT_MS)
			return -errno;
		poll(NULL, 0, LOOK_MS);
	}
	return 0;
}
