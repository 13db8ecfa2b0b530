/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptor_limit.c: as many descriptors as there may be.
 *
 * The usual soft limit of 1,024 is for select(2), which nobody here calls. In tortie-bgpd a session
 * is a descriptor; in tortied each session that one speaker leaves to the next (twice, while it is
 * handed over), each plugin that waits for its answer, and two more of the request in hand. A mesh
 * has thousands, a node that starts hundreds of pods hundreds.
 */
#include "lib/descriptor_limit.h"

#include <sys/resource.h>

#include "lib/log.h"

#define ENOUGH 4096 /* for 1,500 sessions and 500 plugins that wait */

void descriptor_limit_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < ENOUGH)
		log_warning(
			"descriptors: the limit is %llu, too few for a large mesh or many pods at "
			"once (raise LimitNOFILE of the service, or ulimit -Hn)",
			(unsigned long long)limit.rlim_max);
}
