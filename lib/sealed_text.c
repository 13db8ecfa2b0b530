/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed_text.c: a document handed over as a descriptor.
 *
 * A message is bounded, a cluster's document is larger; so it travels as a memfd. The receiver must
 * know that what it checks is what it then uses: it takes only a memfd whose seals forbid writing,
 * growing and shrinking, and reads it by position, for the offset is shared with the sender.
 */
#include "lib/sealed_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

int sealed_text_begin(void)
{
	int fd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? -errno : fd;
}

int sealed_text_write(int fd, const void *data, size_t len)
{
	const char *octets = data;
	size_t at = 0;

	while (at < len) {
		ssize_t put = write(fd, octets + at, len - at);

		if (put < 0 && errno != EINTR)
			return -errno;
		at += put > 0 ? (size_t)put : 0;
	}
	return 0;
}

int sealed_text_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0 ? -errno : 0;
}

int sealed_text_make(const char *data, size_t len)
{
	int fd = sealed_text_begin(), err;

	if (fd < 0)
		return fd;
	err = sealed_text_write(fd, data, len);
	if (err == 0)
		err = sealed_text_seal(fd);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

static int read_all(int fd, char *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t got = pread(fd, data + at, len - at, (off_t)at);

		if (got == 0)
			return -EIO;
		if (got < 0 && errno != EINTR)
			return -errno;
		at += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

static int look(int fd, size_t max, struct stat *ret)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return -EINVAL;
	if ((seals & SEALS) != SEALS)
		return -EPERM;
	if (fstat(fd, ret) < 0)
		return -errno;
	return ret->st_size < 0 || (size_t)ret->st_size > max ? -EFBIG : 0;
}

int sealed_text_check(int fd, size_t max)
{
	struct stat st;

	return look(fd, max, &st);
}

int sealed_text_read(int fd, size_t max, char **ret_data, size_t *ret_len)
{
	struct stat st;
	int err = look(fd, max, &st);
	char *data;

	if (err < 0)
		return err;
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	err = read_all(fd, data, (size_t)st.st_size);
	if (err < 0) {
		free(data);
		return err;
	}
	data[st.st_size] = '\0';
	*ret_data = data;
	*ret_len = (size_t)st.st_size;
	return 0;
}
