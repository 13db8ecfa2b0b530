/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conflist.c: tell the container runtime that the node takes pods.
 *
 * Runtimes watch CNI-DIR and use the first file by name that ends in .conf, .conflist or .json.
 * Ours is written under a name with a leading dot (which they skip) and renamed, so that nobody
 * reads a half. cniVersion is 1.0.0 with cniVersions beside it: containerd 1.6 refuses to start any
 * pod when the only version named is 1.1.0, newer ones choose the highest of the list (CNI
 * SPEC 1.1.0, "Network configuration format").
 *
 * Another network's file that sorts before ours wins without anybody saying so; it is named in the
 * log and in `tortie status`, never touched.
 */
#include "loader/conflist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "loader/agent.h"
#include "node_objects.h"

#define CONFLIST_OCTETS_MAX (PATH_MAX * 6 + 512)

/* A JSON string's content: quotes, backslashes and control characters escaped (RFC 8259). */
static int escape_json(const char *text, char *buf, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		char piece[8];
		size_t len;

		if (c == '"' || c == '\\')
			snprintf(piece, sizeof(piece), "\\%c", c);
		else if (c < 0x20)
			snprintf(piece, sizeof(piece), "\\u%04x", c);
		else
			snprintf(piece, sizeof(piece), "%c", c);
		len = strlen(piece);
		if (used + len >= size)
			return -ENAMETOOLONG;
		memcpy(buf + used, piece, len);
		used += len;
	}
	buf[used] = '\0';
	return 0;
}

int conflist_format(const char *run_dir, char *buf, size_t size)
{
	char escaped[PATH_MAX * 2], run_dir_key[PATH_MAX * 2 + 32] = "";
	int len;

	if (strcmp(run_dir, CONFIG_RUN_DIR_DEFAULT) != 0) {
		if (escape_json(run_dir, escaped, sizeof(escaped)) < 0)
			return -ENAMETOOLONG;
		snprintf(run_dir_key, sizeof(run_dir_key), ",\n      \"runDir\": \"%s\"", escaped);
	}
	len = snprintf(buf, size,
		       "{\n"
		       "  \"cniVersion\": \"1.0.0\",\n"
		       "  \"cniVersions\": [\"0.4.0\", \"1.0.0\", \"1.1.0\"],\n"
		       "  \"name\": \"tortie\",\n"
		       "  \"plugins\": [\n"
		       "    {\n"
		       "      \"type\": \"tortie-cni\"%s\n"
		       "    }\n"
		       "  ]\n"
		       "}\n",
		       run_dir_key);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : len;
}

static void conflist_path(const struct agent *agent, const char *dot, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s" CONFLIST_NAME, agent->config->cni_dir, dot);
}

static int write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		err = errno ? -errno : -ENOSPC;
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}

/* Whole or not at all; the folder is made when it is missing. */
static int place(struct agent *agent)
{
	char path[PATH_MAX], fresh[PATH_MAX], text[CONFLIST_OCTETS_MAX];
	int len, err;

	len = conflist_format(agent->run_dir, text, sizeof(text));
	if (len < 0)
		return len;
	conflist_path(agent, "", path);
	conflist_path(agent, ".", fresh);
	if (mkdir(agent->config->cni_dir, 0755) == 0)
		log_info("cni.dir %s: made", agent->config->cni_dir);
	err = write_file(fresh, text, (size_t)len);
	if (!err && rename(fresh, path) < 0)
		err = -errno;
	if (err)
		unlink(fresh);
	return err;
}

static bool is_missing(const struct agent *agent)
{
	char path[PATH_MAX];

	conflist_path(agent, "", path);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

int conflist_write(struct agent *agent)
{
	int err;

	if (!agent->config->cni_conflist)
		return 0;
	err = place(agent);
	if (err)
		log_error("%s/" CONFLIST_NAME ": cannot be written: %s; set cni.dir, or "
			  "cni.conflist: none",
			  agent->config->cni_dir, strerror(-err));
	return err;
}

void conflist_restore(struct agent *agent)
{
	if (!agent->config->cni_conflist || !is_missing(agent))
		return;
	/* That it cannot be written was said once; status says it as long as it lasts. */
	if (place(agent) == 0)
		log_warning("%s/" CONFLIST_NAME ": was missing; put back", agent->config->cni_dir);
}

void conflist_remove(struct agent *agent)
{
	char path[PATH_MAX];

	if (!agent->config->cni_conflist)
		return;
	conflist_path(agent, "", path);
	unlink(path);
}

bool conflist_is_before(const char *name)
{
	static const char *const ending[] = { ".conf", ".conflist", ".json" };
	const char *dot = strrchr(name, '.');

	if (!dot || name[0] == '.' || strcmp(name, CONFLIST_NAME) >= 0)
		return false;
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		if (strcmp(dot, ending[i]) == 0)
			return true;
	return false;
}

int conflist_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	const struct dirent *entry;
	char text[TEXT_MAX + 1];
	int result = 0;
	DIR *dir;

	if (!agent->config->cni_conflist)
		return 0;
	if (agent->ready && is_missing(agent)) {
		snprintf(text, sizeof(text),
			 "%.200s/" CONFLIST_NAME ": cannot be written, no runtime finds this node "
			 "(set cni.dir, or cni.conflist: none)",
			 agent->config->cni_dir);
		result = fn(STATUS_PROBLEM, text, arg);
	}
	dir = opendir(agent->config->cni_dir);
	if (!dir)
		return result;
	while (!result && (entry = readdir(dir))) {
		if (!conflist_is_before(entry->d_name))
			continue;
		snprintf(text, sizeof(text),
			 "%.200s/%.200s: another network's file sorts before " CONFLIST_NAME
			 "; runtimes use that one (move it away)",
			 agent->config->cni_dir, entry->d_name);
		result = fn(STATUS_WARNING, text, arg);
	}
	closedir(dir);
	return result;
}
