/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install.c: `tortie install-node`: bring what a node needs from the image to the host.
 *
 * Runs as the init container of the DaemonSet, before the agent: the CNI program, the `tortie`
 * command with its libraries, the folders that the agent and the runtime share, IP forwarding. The
 * host's folders are mounted below one folder (/host); everything goes through there, nothing is
 * executed on the host. A second run changes nothing and says so; a run that was killed half-way
 * leaves only files that begin with INSTALL_TEMP_PREFIX, which the next one removes.
 *
 * Two installers at once (an old pod's and a new one's) take turns by a lock on the CNI folder. The
 * conflist is none of this: the agent writes it when pods can be served.
 *
 * First of all the kernel is asked whether it can carry the data plane: a node that cannot is told
 * in one line here, and not by an agent that restarts for ever.
 */
#include "tools/tortie/install.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/config.h"
#include "tools/tortie/command.h"
#include "tools/tortie/preflight.h"
#include "tools/tortie/say.h"

#define HOST_DEFAULT "/host"

void install_changed(struct install_report *report, const char *format, ...)
{
	char text[1024], line[2048];
	va_list args;

	report->changed++;
	if (report->is_quiet)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("%s\n", say_escape(text, sizeof(text), line, sizeof(line)));
}

/* @path of the host, on this side of the mounts. */
static const char *host_path(const struct command_line *line, const char *path, char *buf)
{
	snprintf(buf, PATH_MAX, "%.1000s%.2000s", line->host_dir ? line->host_dir : HOST_DEFAULT,
		 path);
	return buf;
}

static int folders_make(const struct command_line *line, struct install_report *report)
{
	static const struct {
		const char *path;
		mode_t mode;
	} folders[] = {
		{ CONFIG_CNI_BIN_DEFAULT, 0755 }, { CONFIG_CNI_DIR_DEFAULT, 0755 },
		{ CONFIG_RUN_DIR_DEFAULT, 0755 }, { INSTALL_STATE_DIR, 0700 },
		{ INSTALL_PREFIX "/bin", 0755 },  { INSTALL_PREFIX "/lib", 0755 },
	};
	char path[PATH_MAX];
	int err = 0;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !err; i++)
		err = install_folder(host_path(line, folders[i].path, path), folders[i].mode,
				     report);
	return err;
}

/* Libraries before the program that needs them. */
static int programs_copy(const struct command_line *line, struct install_report *report)
{
	const char *source = line->source_dir ? line->source_dir : INSTALL_PREFIX;
	char from[PATH_MAX], to[PATH_MAX];
	int err;

	snprintf(from, sizeof(from), "%.2000s/lib", source);
	err = install_tree(from, host_path(line, INSTALL_PREFIX "/lib", to), report);
	snprintf(from, sizeof(from), "%.2000s/share", source);
	if (!err && access(from, F_OK) == 0)
		err = install_tree(from, host_path(line, INSTALL_PREFIX "/share", to), report);
	snprintf(from, sizeof(from), "%.2000s/bin/tortie", source);
	if (!err)
		err = install_file(from, host_path(line, INSTALL_PREFIX "/bin", to), "tortie", 0755,
				   report);
	if (!err)
		err = install_link(host_path(line, INSTALL_COMMAND_LINK, to),
				   INSTALL_PREFIX "/bin/tortie", report);
	snprintf(from, sizeof(from), "%.2000s/bin/" INSTALL_CNI_PROGRAM, source);
	if (!err)
		err = install_file(from, host_path(line, CONFIG_CNI_BIN_DEFAULT, to),
				   INSTALL_CNI_PROGRAM, 0755, report);
	return err;
}

/* The agent's seccomp profile, where the kubelet's folder for such is mounted. */
static int seccomp_copy(const struct command_line *line, struct install_report *report)
{
	const char *source = line->source_dir ? line->source_dir : INSTALL_PREFIX;
	char from[PATH_MAX], to[PATH_MAX];
	int err;

	snprintf(from, sizeof(from), "%.2000s/share/" INSTALL_SECCOMP_SOURCE, source);
	if (access(from, F_OK) < 0 || access(host_path(line, INSTALL_SECCOMP_DIR, to), F_OK) < 0)
		return 0;
	host_path(line, INSTALL_SECCOMP_DIR "/tortie", to);
	err = install_folder(to, 0755, report);
	return err ? err : install_file(from, to, "agent.json", 0644, report);
}

int install_node_run(const struct command_line *line)
{
	struct install_report report = { 0 };
	char path[PATH_MAX];
	int lock, err;

	if (geteuid() != 0) {
		say_error("install-node: only root may (it writes the host's folders)");
		return EXIT_FAILED;
	}
	if (preflight_kernel_said(line) < 0)
		return EXIT_FAILED;
	if (folders_make(line, &report) < 0)
		return EXIT_FAILED;
	lock = install_lock(host_path(line, CONFIG_CNI_BIN_DEFAULT, path));
	if (lock < 0)
		return EXIT_FAILED;
	err = programs_copy(line, &report);
	if (!err)
		err = seccomp_copy(line, &report);
	close(lock);
	if (!err)
		err = install_forwarding(host_path(line, "/proc/sys", path), &report);
	if (err < 0)
		return EXIT_FAILED;
	if (report.changed == 0)
		printf("everything is in place\n");
	return EXIT_DONE;
}
