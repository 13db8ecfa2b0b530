/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_FILE_MARK_H
#define LIB_FILE_MARK_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Which file stood at a path, to see later whether it is still that one. Zero: none did. */
struct file_mark {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec written;
};

/** file_mark_take() - of what stands at @path now; links are not followed. */
struct file_mark file_mark_take(const char *path);
/** file_mark_is_there() - is the marked file, whatever is in it, at @path? */
bool file_mark_is_there(const struct file_mark *mark, const char *path);
/** file_mark_is_untouched() - and has nobody written to it? */
bool file_mark_is_untouched(const struct file_mark *mark, const char *path);

#endif /* LIB_FILE_MARK_H */
