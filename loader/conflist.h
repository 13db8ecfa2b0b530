/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_CONFLIST_H
#define LOADER_CONFLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "loader/status_lines.h"

struct agent;

/*
 * The CNI network configuration for the container runtime: CNI-DIR/10-tortie.conflist. It says
 * "this node takes pods", so it is written when the data plane serves and stays when the agent ends
 * (a pod's DEL needs it); only a reset removes it.
 */

/* What is chained behind our plugin. */
enum conflist_chain {
	CONFLIST_ALONE = 0,
	CONFLIST_PORTMAP_OLD, /* portmap, of which 1.1.0 is not known */
	CONFLIST_PORTMAP,     /* portmap that knows 1.1.0 */
};

/** conflist_write() - write it (whole or not at all) when the configuration asks for it. 0 or
 * -errno (said in the log). */
int conflist_write(struct agent *agent);
/** conflist_restore() - write it again when somebody removed or changed it, or the program portmap
 * came, went or is another one; move others' files away again where that is asked for. */
void conflist_restore(struct agent *agent);
void conflist_remove(struct agent *agent);
int conflist_status(struct agent *agent, status_line_fn *fn, void *arg);

/** conflist_format() - its text for @run_dir into @buf. Returns octets, or -ENAMETOOLONG. Pure. */
int conflist_format(const char *run_dir, enum conflist_chain chain, char *buf, size_t size);
/** conflist_is_before() - would a runtime take the file @name before ours? Pure. */
bool conflist_is_before(const char *name);

#endif /* LOADER_CONFLIST_H */
