/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete_note.c: a DEL that is carried out later.
 *
 * The plugin writes one when the agent does not answer, the agent itself while it has no cluster.
 * A note is a file RUN-DIR/deletes/NAME, NAME being the host end's, with container id and interface
 * name on a line each; it is written under a dot name, which readers pass over, and renamed.
 * Reading them and carrying them out is the agent's (loader/cni_requests.c).
 */
#include "lib/delete_note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/pod_ifname.h"
#include "node_objects.h"

#define PATH_OCTETS   4096
#define NUMBER_OCTETS 12 /* of a process, and the marks around it */

int delete_note_folder(const char *run_dir, bool may_make)
{
	char path[PATH_OCTETS];
	int fd;

	snprintf(path, sizeof(path), "%s/" DELETES_DIR_NAME, run_dir);
	if (may_make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int delete_note_write(int dir_fd, const char *container_id, const char *ifname)
{
	char text[DELETE_NOTE_OCTETS + 1], name[IFNAME_MAX + 1], hidden[IFNAME_MAX + NUMBER_OCTETS];
	ssize_t written;
	int len, fd, err = 0;

	pod_ifname(container_id, ifname, name);
	len = snprintf(text, sizeof(text), "%s\n%s\n", container_id, ifname);
	/* The plugin may run twice for one pod. */
	snprintf(hidden, sizeof(hidden), ".%s-%d", name, (int)getpid());
	fd = openat(dir_fd, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	written = write(fd, text, (size_t)len);
	if (written != len)
		err = written < 0 ? -errno : -ENOSPC;
	else if (renameat(dir_fd, hidden, dir_fd, name) < 0)
		err = -errno;
	if (err < 0)
		unlinkat(dir_fd, hidden, 0);
	close(fd);
	return err;
}
