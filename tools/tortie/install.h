/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_INSTALL_H
#define TOOLS_TORTIE_INSTALL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What `tortie install-node` brings to a node; `tortie reset --all` removes the same. */
#define INSTALL_PREFIX	       "/opt/tortie"
#define INSTALL_CNI_PROGRAM    "tortie-cni"
#define INSTALL_COMMAND_LINK   "/usr/local/bin/tortie" /* leads to INSTALL_PREFIX/bin/tortie */
#define INSTALL_STATE_DIR      "/var/lib/tortie"
#define INSTALL_SECCOMP_DIR    "/var/lib/kubelet/seccomp" /* tortie/agent.json goes there */
#define INSTALL_SECCOMP_SOURCE "seccomp-agent.json"
#define INSTALL_TEMP_PREFIX    ".tortie-install-" /* a file that is being written */

/* What it did; each change is a line as it happens. */
struct install_report {
	size_t changed;
	bool is_quiet; /* counted, but no line */
};

void install_changed(struct install_report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* install_files.c. Each: 0 or -errno, said. Paths are on this side of the mounts. */

/** install_folder() - make @path and what is above it; one that is there stays as it is. */
int install_folder(const char *path, mode_t mode, struct install_report *report);
/**
 * install_file() - @from becomes @dir/@name: written under a name of its own beside it, synced,
 * then renamed, so that whoever runs or reads the old one goes on and nobody ever sees half a file.
 * Nothing is written when the octets and the mode are the same.
 */
int install_file(const char *from, const char *dir, const char *name, mode_t mode,
		 struct install_report *report);
/** install_tree() - install_file() for each regular file below @from, links as links; one line for
 * all of them. */
int install_tree(const char *from, const char *to, struct install_report *report);
/** install_link() - a symbolic link @path to @target, unless something that is not ours is there.
 */
int install_link(const char *path, const char *target, struct install_report *report);
/** install_lock() - the one installer that works in @dir; a descriptor to close, or -errno, said.
 * Removes what a killed one was writing there. Waits. */
int install_lock(const char *dir);

/* install_sysctls.c */

/** install_forwarding() - switch the host stack's forwarding on below @proc_sys ("/proc/sys"):
 * IPv4, and IPv6 when a link has a global IPv6 address; before it accept_ra=2 where a link lives on
 * router advertisements. 0 or -errno, said. */
int install_forwarding(const char *proc_sys, struct install_report *report);

#endif /* TOOLS_TORTIE_INSTALL_H */
