/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_NOTIFY_H
#define LOADER_NOTIFY_H

/**
 * notify_manager() - send @state ("READY=1", lines separated by newlines) to the service manager
 * named in NOTIFY_SOCKET. Without one nothing is done. 0 or -errno. Source: sd_notify(3).
 */
int notify_manager(const char *state);

#endif /* LOADER_NOTIFY_H */
