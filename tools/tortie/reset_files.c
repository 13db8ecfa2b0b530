/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset_files.c: pins, run files, conflists, the cluster's document, programs.
 *
 * The folders come from the command line and may be mistyped: `--run-dir /run` must not empty /run.
 * So in each folder only files with names of ours are removed, the pin folder must lie on a bpffs,
 * and a folder goes itself only when it is empty then.
 */
#include "tools/tortie/reset.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "node_objects.h"
#include "tools/tortie/install.h"
#include "tools/tortie/say.h"

#define TREE_FDS 16

typedef bool name_is_ours_fn(const char *name);

/* Digits up to the end or up to @suffix. */
static bool is_number(const char *text, const char *suffix)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && (text[digits] == '\0' || strcmp(text + digits, suffix) == 0);
}

bool reset_pin_is_ours(const char *name)
{
	static const char *const link_prefix[] = { UPLINK_PROGRAM_NAME "_",
						   UPLINK_EGRESS_NAME "_" };
	const char *version = strstr(name, "_v");

	for (size_t i = 0; i < sizeof(link_prefix) / sizeof(link_prefix[0]); i++) {
		size_t len = strlen(link_prefix[i]);

		if (strncmp(name, link_prefix[i], len) == 0)
			return is_number(name + len, "_new");
	}
	if (!islower((unsigned char)name[0]))
		return false;
	while (version && strstr(version + 1, "_v"))
		version = strstr(version + 1, "_v");
	return version && is_number(version + 2, "_new");
}

static bool run_file_is_ours(const char *name)
{
	static const char *const names[] = { AGENT_SOCKET_NAME ".sock", CNI_SOCKET_NAME ".sock",
					     ALIVE_SOCKET_NAME ".sock", BGP_SOCKET_NAME ".sock",
					     READY_FILE_NAME };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Notes carry the name of the pod's link; one that was being written has a dot in front. */
static bool note_is_ours(const char *name)
{
	static const char prefix[] = POD_LINK_PREFIX;

	return strncmp(name + (name[0] == '.'), prefix, sizeof(prefix) - 1) == 0;
}

/* The document, and a copy that was being written. */
static bool state_is_ours(const char *name)
{
	static const char file[] = "cluster.yaml";

	return strncmp(name + (name[0] == '.'), file, sizeof(file) - 1) == 0;
}

static bool program_is_ours(const char *name)
{
	static const char temp[] = INSTALL_TEMP_PREFIX;

	return strcmp(name, INSTALL_CNI_PROGRAM) == 0 || strncmp(name, temp, sizeof(temp) - 1) == 0;
}

static bool conflist_is_ours(const char *name)
{
	static const char hidden[] = "." CONFLIST_NAME; /* left by a write that was cut short */

	return strcmp(name, CONFLIST_NAME) == 0 || strncmp(name, hidden, sizeof(hidden) - 1) == 0;
}

/* Remove the files of @path that are ours. 0, or -errno when the folder cannot be read. */
static int files_remove(const char *path, const char *what, name_is_ours_fn *is_ours,
			struct reset_report *report)
{
	char file[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (!is_ours(entry->d_name))
			continue;
		snprintf(file, sizeof(file), "%.3800s/%s", path, entry->d_name);
		if (unlink(file) == 0)
			reset_removed(report, "%s %s", what, file);
		else if (errno != ENOENT)
			reset_failed(report, file, -errno);
	}
	closedir(dir);
	return 0;
}

/* A folder that is empty now; one that is a mount point or in use stays. */
static void folder_remove(const char *path, struct reset_report *report)
{
	if (rmdir(path) == 0)
		reset_removed(report, "folder %s", path);
	else if (errno != ENOENT && errno != ENOTEMPTY && errno != EBUSY && errno != ENOTDIR)
		reset_failed(report, path, -errno);
}

void reset_pins(const struct reset_scope *scope, struct reset_report *report)
{
	struct statfs fs;
	int err;

	if (statfs(scope->bpf_dir, &fs) < 0) {
		if (errno != ENOENT)
			reset_failed(report, scope->bpf_dir, -errno);
		return;
	}
	if ((unsigned long)fs.f_type != BPF_FS_MAGIC) {
		say_error("%s: is on no bpffs, so no pin of ours is there (--bpf-dir)",
			  scope->bpf_dir);
		report->failed++;
		return;
	}
	err = files_remove(scope->bpf_dir, "pin", reset_pin_is_ours, report);
	if (err < 0)
		reset_failed(report, scope->bpf_dir, err);
	else
		folder_remove(scope->bpf_dir, report);
}

void reset_run_dir(const struct reset_scope *scope, struct reset_report *report)
{
	char deletes[PATH_MAX];
	int err;

	snprintf(deletes, sizeof(deletes), "%.3800s/" DELETES_DIR_NAME, scope->run_dir);
	err = files_remove(deletes, "note", note_is_ours, report);
	if (err < 0)
		reset_failed(report, deletes, err);
	else
		folder_remove(deletes, report);
	err = files_remove(scope->run_dir, "file", run_file_is_ours, report);
	if (err < 0)
		reset_failed(report, scope->run_dir, err);
	else
		folder_remove(scope->run_dir, report);
}

/* "10-calico.conflist.tortie-off" becomes "10-calico.conflist", unless there is a new one. */
static void conflist_put_back(const char *folder, const char *name, struct reset_report *report)
{
	size_t len = strlen(name) - strlen(CONFLIST_OFF_SUFFIX);
	char from[PATH_MAX], to[PATH_MAX];

	snprintf(from, sizeof(from), "%.3800s/%s", folder, name);
	snprintf(to, sizeof(to), "%.3800s/%.*s", folder, (int)len, name);
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
		printf("put back %s\n", to);
		report->removed++;
	} else if (errno == EEXIST) {
		say_error("%s: stays, there is a new %s beside it (remove one)", from, to);
		report->failed++;
	} else {
		reset_failed(report, from, -errno);
	}
}

static bool conflist_is_off(const char *name)
{
	size_t len = strlen(name), suffix = strlen(CONFLIST_OFF_SUFFIX);

	return len > suffix && strcmp(name + len - suffix, CONFLIST_OFF_SUFFIX) == 0;
}

void reset_conflist(const struct reset_scope *scope, struct reset_report *report)
{
	struct dirent *entry;
	DIR *dir;
	int err;

	err = files_remove(scope->cni_dir, "conflist", conflist_is_ours, report);
	if (err < 0)
		reset_failed(report, scope->cni_dir, err);
	dir = opendir(scope->cni_dir);
	while (dir && (entry = readdir(dir))) {
		if (conflist_is_off(entry->d_name))
			conflist_put_back(scope->cni_dir, entry->d_name, report);
	}
	if (dir)
		closedir(dir);
}

void reset_state(const struct reset_scope *scope, struct reset_report *report)
{
	char folder[PATH_MAX];
	int err;

	snprintf(folder, sizeof(folder), "%s%s", scope->host_dir, INSTALL_STATE_DIR);
	err = files_remove(folder, "document", state_is_ours, report);
	if (err < 0)
		reset_failed(report, folder, err);
	else
		folder_remove(folder, report);
	if (strncmp(scope->state, folder, strlen(folder)) == 0)
		return;
	if (unlink(scope->state) == 0) /* the configuration named another place */
		reset_removed(report, "document %s", scope->state);
	else if (errno != ENOENT)
		reset_failed(report, scope->state, -errno);
}

static int entry_remove(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
	int err = place->level > 0 ? remove(path) : 0;

	return err < 0 && errno != ENOENT ? -1 : 0;
}

/* The folder that only install-node fills, whole. */
static void prefix_remove(const char *path, struct reset_report *report)
{
	struct stat stat;

	if (lstat(path, &stat) < 0 || !S_ISDIR(stat.st_mode))
		return;
	if (nftw(path, entry_remove, TREE_FDS, FTW_PHYS | FTW_DEPTH | FTW_MOUNT) != 0) {
		reset_failed(report, path, -errno);
		return;
	}
	if (rmdir(path) == 0)
		reset_removed(report, "folder %s, with what was in it", path);
	else if (errno != EBUSY) /* a mount point of the container */
		reset_failed(report, path, -errno);
}

/* The agent's profile, and the kubelet's folder for such when nothing else is in it. */
static void reset_seccomp(const struct reset_scope *scope, struct reset_report *report)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" INSTALL_SECCOMP_DIR "/tortie/agent.json",
		 scope->host_dir);
	if (unlink(path) < 0) {
		if (errno != ENOENT)
			reset_failed(report, path, -errno);
		return;
	}
	reset_removed(report, "profile %s", path);
	snprintf(path, sizeof(path), "%s" INSTALL_SECCOMP_DIR "/tortie", scope->host_dir);
	folder_remove(path, report);
	snprintf(path, sizeof(path), "%s" INSTALL_SECCOMP_DIR, scope->host_dir);
	folder_remove(path, report);
}

void reset_programs(const struct reset_scope *scope, struct reset_report *report)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;
	int err;

	err = files_remove(scope->cni_bin_dir, "program", program_is_ours, report);
	if (err < 0)
		reset_failed(report, scope->cni_bin_dir, err);
	snprintf(path, sizeof(path), "%s%s", scope->host_dir, INSTALL_COMMAND_LINK);
	len = readlink(path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	if (strcmp(target, INSTALL_PREFIX "/bin/tortie") == 0) {
		if (unlink(path) == 0)
			reset_removed(report, "link %s", path);
		else
			reset_failed(report, path, -errno);
	}
	reset_seccomp(scope, report);
	snprintf(path, sizeof(path), "%s%s", scope->host_dir, INSTALL_PREFIX);
	prefix_remove(path, report);
}
