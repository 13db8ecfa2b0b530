/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset_files.c: pins, run files and the conflist.
 *
 * The folders come from the command line and may be mistyped: `--run-dir /run` must not empty /run.
 * So in each folder only files with names of ours are removed, the pin folder must lie on a bpffs,
 * and a folder goes itself only when it is empty then.
 */
#include "tools/tortie/reset.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "node_objects.h"
#include "tools/tortie/say.h"

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

void reset_conflist(const struct reset_scope *scope, struct reset_report *report)
{
	int err;

	err = files_remove(scope->cni_dir, "conflist", conflist_is_ours, report);
	if (err < 0)
		reset_failed(report, scope->cni_dir, err);
}
