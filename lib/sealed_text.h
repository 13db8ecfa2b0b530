/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SEALED_TEXT_H
#define LIB_SEALED_TEXT_H

#include <stddef.h>

/* A text that goes from one process to another as a descriptor: a memfd that nobody can change any
 * more (memfd_create(2), F_ADD_SEALS). */

/** sealed_text_begin() - an empty memfd, to be written and then sealed; the caller's fd or -errno.
 */
int sealed_text_begin(void);
int sealed_text_write(int fd, const void *data, size_t len); /* append. 0 or -errno */
int sealed_text_seal(int fd); /* nobody can change it any more. 0 or -errno */
/** sealed_text_make() - a sealed memfd with @len octets at @data; the caller's fd, or -errno. */
int sealed_text_make(const char *data, size_t len);
/** sealed_text_check() - would sealed_text_read() read it? 0, or its -errno. */
int sealed_text_check(int fd, size_t max);
/**
 * sealed_text_read() - all of @fd (borrowed), which must be sealed against writing and resizing and
 * hold at most @max octets. 0 with *ret_data (free(), one NUL behind the text) and *ret_len; or
 * -errno: -EINVAL no memfd, -EPERM not sealed, -EFBIG too large.
 */
int sealed_text_read(int fd, size_t max, char **ret_data, size_t *ret_len);

#endif /* LIB_SEALED_TEXT_H */
