/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_PRIVILEGES_H
#define LOADER_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The capabilities tortied works with: CAP_BPF and CAP_NET_ADMIN for good, CAP_NET_BIND_SERVICE for
 * port 179, CAP_PERFMON only while it loads programs (without it the verifier adds barriers and
 * Linux 6.1 refuses them).
 */

/**
 * privileges_missing() - names of the capabilities that tortied needs at its start and does not
 * have, space-separated, into @buf. Returns their number.
 */
size_t privileges_missing(char *buf, size_t size);
/** privileges_join_group() - make the group @name one of ours, so that files can be given to it
 * without CAP_CHOWN. 0, -ENOENT no such group, or -errno. */
int privileges_join_group(const char *name);
/** privileges_keep_for_loading() - drop all but those above, for good: bounding set cut (where we
 * may), no_new_privs. 0 or -errno. */
int privileges_keep_for_loading(void);
/** privileges_drop_loading() - CAP_PERFMON goes too. 0 or -errno. */
int privileges_drop_loading(void);

#endif /* LOADER_PRIVILEGES_H */
