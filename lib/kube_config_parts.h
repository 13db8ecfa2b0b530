/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_KUBE_CONFIG_PARTS_H
#define LIB_KUBE_CONFIG_PARTS_H

#include <stddef.h>

#include "lib/kube_config.h"

/* What kube_config.c and kube_account.c share. Each returns @err, 0 or -errno. */

/** kube_config_fail() - one line into @error; returns @err. */
int kube_config_fail(struct kube_config_error *error, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int kube_config_no_memory(struct kube_config_error *error);
/** kube_config_compose() - a new text; kube_config_copy() - a copy, or nothing of NULL. */
int kube_config_compose(struct kube_config_error *error, char **ret, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int kube_config_copy(struct kube_config_error *error, const char *text, char **ret);
/** kube_config_read_file() - the whole of @path with a NUL behind it; -EFBIG above @max octets. */
int kube_config_read_file(const char *path, size_t max, char **ret, size_t *ret_len);
void kube_config_wipe(char *text, size_t len); /* overwrite, then free; NULL is fine */

#endif /* LIB_KUBE_CONFIG_PARTS_H */
