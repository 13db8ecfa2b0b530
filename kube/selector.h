/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_SELECTOR_H
#define KUBE_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Calico's selectors over labels:
 *
 *     all()   has(KEY)   KEY == 'V'   KEY != 'V'   KEY in {'V', ...}   KEY not in {...}
 *     KEY contains 'V'   KEY starts with 'V'   KEY ends with 'V'   !S   (S)   S && S   S || S
 *
 * `!=` and `not in` hold for who has no such label; an empty selector holds for all.
 */

#define SELECTOR_BYTES_MAX 8192
#define SELECTOR_DEPTH_MAX 32

/** selector_match() - does @text hold for the @count labels at @labels (KEY NUL VALUE NUL ...)? 0
 * and *ret; or -EINVAL and *ret_why (a constant text): it does not parse. */
int selector_match(const char *text, const char *labels, size_t count, bool *ret,
		   const char **ret_why);
/** selector_check() - does it parse? 0 or -EINVAL as above. */
int selector_check(const char *text, const char **ret_why);

#endif /* KUBE_SELECTOR_H */
