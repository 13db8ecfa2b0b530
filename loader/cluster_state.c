/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_state.c: the cluster's document between boots.
 *
 * It is one file, written beside its name, brought to the disk and renamed over it, and the folder
 * is brought to the disk too: after a power cut there is the old text or the new. What the file
 * says decides which addresses are this node's, so it is read only when it is root's alone.
 *
 * Left to others: what the text means (lib/config.c), when it is written (cluster.c).
 */
#include "loader/cluster_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config.h"

/* @len octets from the start of @fd into memory of their own. */
static int read_whole(int fd, size_t len, char **ret_data)
{
	char *data = malloc(len);
	size_t done = 0;

	if (data == NULL)
		return -ENOMEM;
	while (done < len) {
		ssize_t got = pread(fd, data + done, len - done, (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			int err = got < 0 ? -errno : -EIO;

			free(data);
			return err;
		}
		done += (size_t)got;
	}
	*ret_data = data;
	return 0;
}

static int write_whole(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, data, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

static int read_checked(int fd, const struct stat *file, char **ret_data, size_t *ret_len)
{
	int err;

	if (file->st_size <= 0 || file->st_size > CONFIG_DOCUMENT_MAX)
		return -EFBIG;
	err = read_whole(fd, (size_t)file->st_size, ret_data);
	if (err == 0)
		*ret_len = (size_t)file->st_size;
	return err;
}

int cluster_state_load(const char *path, char **ret_data, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat file;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &file) < 0)
		err = -errno;
	else if (!S_ISREG(file.st_mode) || file.st_uid != geteuid() || (file.st_mode & 022))
		err = -EPERM;
	if (err == 0)
		err = read_checked(fd, &file, ret_data, ret_len);
	close(fd);
	return err;
}

/* The folders above @path that are missing. */
static int make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		int err = 0;

		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			err = -errno;
		*slash = '/';
		if (err < 0)
			return err;
	}
	return 0;
}

static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	int fd, err = 0;

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	fd = open(folder[0] != '\0' ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int write_fresh(const char *fresh, const char *data, size_t len)
{
	int fd, err;

	/* One left by an agent that was killed may not be a regular file of ours. */
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = write_whole(fd, data, len);
	if (err == 0 && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && err == 0)
		err = -errno;
	return err;
}

int cluster_state_save(const char *path, const char *data, size_t len)
{
	char fresh[PATH_MAX];
	int err;

	if (path[0] != '/' || snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	err = make_folders(fresh);
	if (err == 0)
		err = write_fresh(fresh, data, len);
	if (err == 0 && rename(fresh, path) < 0)
		err = -errno;
	if (err < 0) {
		unlink(fresh);
		return err;
	}
	return sync_folder(path);
}
