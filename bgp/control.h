/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_CONTROL_H
#define BGP_CONTROL_H

#include <stdbool.h>

#define CONTROL_PROGRAM "tortie-bgpd"

struct control_options {
	const char *config_file;
	const char *run_dir;
	bool standalone; /* no agent */
};

/** control_run() - read the configuration and speak BGP until SIGTERM or SIGINT. 0 or -errno,
 * logged. */
int control_run(const struct control_options *options);

#endif /* BGP_CONTROL_H */
