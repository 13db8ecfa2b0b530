/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install_files.c: files that are replaced while others use them.
 *
 * The runtime may start the CNI program at any moment, an old pod may run the `tortie` command, a
 * power cut may come between two writes. So a file is written beside its place under a name that
 * nobody looks for, synced, and renamed: rename(2) is atomic, "text file busy" cannot happen, and
 * who runs the old one keeps it. What is the same already is not touched.
 */
#include "tools/tortie/install.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tortie/say.h"

#define TREE_DEPTH_MAX 8
#define COMPARE_OCTETS 65536

static int fail(const char *path, int err)
{
	say_error("%s: %s%s", path, strerror(-err),
		  err == -EROFS ? " (is the host's folder mounted there, and writable?)" : "");
	return err;
}

int install_folder(const char *path, mode_t mode, struct install_report *report)
{
	char above[PATH_MAX];
	bool is_made = false;
	size_t at;

	for (at = 1; path[at]; at++) {
		if (path[at] != '/')
			continue;
		snprintf(above, sizeof(above), "%.*s", (int)at, path);
		if (mkdir(above, 0755) < 0 && errno != EEXIST && access(above, F_OK) < 0)
			return fail(above, -errno);
	}
	if (mkdir(path, mode) == 0)
		is_made = true;
	else if (errno != EEXIST && access(path, F_OK) < 0)
		return fail(path, -errno);
	if (is_made)
		install_changed(report, "folder %s", path);
	return 0;
}

/* Do the two open files hold the same octets? Both are read from their start. */
static bool is_same(int a, int b)
{
	char octets_a[COMPARE_OCTETS], octets_b[COMPARE_OCTETS];
	off_t at = 0;
	ssize_t len;

	do {
		len = pread(a, octets_a, sizeof(octets_a), at);
		if (len < 0 || pread(b, octets_b, sizeof(octets_b), at) != len ||
		    memcmp(octets_a, octets_b, (size_t)len) != 0)
			return false;
		at += len;
	} while (len > 0);
	return true;
}

static bool is_in_place(int from, const char *path, mode_t mode)
{
	struct stat stat;
	bool same;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return false;
	same = fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && (stat.st_mode & 07777) == mode &&
	       stat.st_uid == 0 && is_same(from, fd);
	close(fd);
	return same;
}

static int octets_copy(int from, int to)
{
	off_t at = 0;
	ssize_t len;

	do {
		len = sendfile(to, from, &at, 1u << 20);
	} while (len > 0);
	return len < 0 ? -errno : 0;
}

/* @from under the hidden name @temp in the folder @dir, then as @name. */
static int file_write(int from, int dir, const char *temp, const char *name, mode_t mode)
{
	int err, to = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (to < 0)
		return -errno;
	err = octets_copy(from, to);
	if (err == 0 && (fchmod(to, mode) < 0 || fsync(to) < 0))
		err = -errno;
	close(to);
	if (err == 0 && renameat(dir, temp, dir, name) < 0)
		err = -errno;
	if (err < 0)
		unlinkat(dir, temp, 0);
	else
		fsync(dir); /* best effort: not every file system can */
	return err;
}

int install_file(const char *from, const char *dir, const char *name, mode_t mode,
		 struct install_report *report)
{
	char path[PATH_MAX], temp[NAME_MAX + 1];
	int from_fd, dir_fd, err;

	snprintf(path, sizeof(path), "%.3000s/%.255s", dir, name);
	from_fd = open(from, O_RDONLY | O_CLOEXEC);
	if (from_fd < 0)
		return fail(from, -errno);
	if (is_in_place(from_fd, path, mode)) {
		close(from_fd);
		return 0;
	}
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0) {
		err = fail(dir, -errno);
		close(from_fd);
		return err;
	}
	snprintf(temp, sizeof(temp), INSTALL_TEMP_PREFIX "%d", (int)getpid());
	err = file_write(from_fd, dir_fd, temp, name, mode);
	close(dir_fd);
	close(from_fd);
	if (err < 0)
		return fail(path, err);
	install_changed(report, "installed %s", path);
	return 0;
}

static bool leads_to(const char *path, const char *target)
{
	char there[PATH_MAX];
	ssize_t len = readlink(path, there, sizeof(there) - 1);

	if (len < 0)
		return false;
	there[len] = '\0';
	return strcmp(there, target) == 0;
}

/* @path leads to @target, whatever it was before. */
static int link_write(const char *path, const char *target, struct install_report *report)
{
	char temp[PATH_MAX];
	int err = 0;

	if (leads_to(path, target))
		return 0;
	snprintf(temp, sizeof(temp), "%.*s/" INSTALL_TEMP_PREFIX "%d",
		 (int)(strrchr(path, '/') - path), path, (int)getpid());
	unlink(temp);
	if (symlink(target, temp) < 0)
		return fail(path, -errno);
	if (rename(temp, path) < 0) {
		err = -errno;
		unlink(temp);
		return fail(path, err);
	}
	install_changed(report, "installed %s", path);
	return 0;
}

int install_link(const char *path, const char *target, struct install_report *report)
{
	char folder[PATH_MAX];
	struct stat stat;

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (access(folder, F_OK) < 0)
		return 0; /* not mounted, or a host without it: the program is found by its path */
	if (lstat(path, &stat) == 0 && !leads_to(path, target)) {
		printf("%s is there and not ours: left alone (the command is %s)\n", path, target);
		return 0;
	}
	return link_write(path, target, report);
}

static int entry_copy(const char *from, const char *to, const char *name, int depth,
		      struct install_report *report);

static int tree_copy(const char *from, const char *to, int depth, struct install_report *report)
{
	struct dirent *entry;
	int err;
	DIR *dir;

	if (depth > TREE_DEPTH_MAX)
		return fail(from, -ELOOP);
	err = install_folder(to, 0755, report);
	if (err < 0)
		return err;
	dir = opendir(from);
	if (!dir)
		return fail(from, -errno);
	while (!err && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = entry_copy(from, to, entry->d_name, depth, report);
	}
	closedir(dir);
	return err;
}

static int entry_copy(const char *from, const char *to, const char *name, int depth,
		      struct install_report *report)
{
	char path[PATH_MAX], there[PATH_MAX], target[PATH_MAX];
	struct stat stat;
	ssize_t len;

	snprintf(path, sizeof(path), "%.3000s/%.255s", from, name);
	snprintf(there, sizeof(there), "%.3000s/%.255s", to, name);
	if (lstat(path, &stat) < 0)
		return fail(path, -errno);
	if (S_ISDIR(stat.st_mode))
		return tree_copy(path, there, depth + 1, report);
	if (S_ISREG(stat.st_mode))
		return install_file(path, to, name, stat.st_mode & 0755, report);
	if (!S_ISLNK(stat.st_mode))
		return 0;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return fail(path, -errno);
	target[len] = '\0';
	return link_write(there, target, report);
}

int install_tree(const char *from, const char *to, struct install_report *report)
{
	struct install_report below = { .is_quiet = true };
	int err = tree_copy(from, to, 0, &below);

	if (below.changed > 0)
		install_changed(report, "installed %zu files and folders below %s", below.changed,
				to);
	return err;
}

int install_lock(const char *dir)
{
	static const char prefix[] = INSTALL_TEMP_PREFIX;
	struct dirent *entry;
	DIR *entries;
	int fd;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(dir, -errno);
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		close(fd);
		return fail(dir, -errno);
	}
	entries = opendir(dir);
	while (entries && (entry = readdir(entries))) {
		if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) == 0)
			unlinkat(fd, entry->d_name, 0);
	}
	if (entries)
		closedir(entries);
	return fd;
}
