/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_mark.c: is the file at a path the one that we put there?
 *
 * Sockets and files are found by others by their names, and whoever may write the folder can take
 * them away or put something else in their place, of which a descriptor tells nothing. So the
 * inode is noted when they are made, and compared when it matters.
 */
#include "lib/file_mark.h"

#include <sys/stat.h>

struct file_mark file_mark_take(const char *path)
{
	struct file_mark mark = { 0 };
	struct stat st;

	if (lstat(path, &st) == 0) {
		mark.dev = st.st_dev;
		mark.ino = st.st_ino;
		mark.size = st.st_size;
		mark.written = st.st_mtim;
	}
	return mark;
}

static bool is_same_file(const struct file_mark *a, const struct file_mark *b)
{
	return a->ino != 0 && a->ino == b->ino && a->dev == b->dev;
}

bool file_mark_is_there(const struct file_mark *mark, const char *path)
{
	struct file_mark now = file_mark_take(path);

	return is_same_file(mark, &now);
}

bool file_mark_is_untouched(const struct file_mark *mark, const char *path)
{
	struct file_mark now = file_mark_take(path);

	return is_same_file(mark, &now) && mark->size == now.size &&
	       mark->written.tv_sec == now.written.tv_sec &&
	       mark->written.tv_nsec == now.written.tv_nsec;
}
