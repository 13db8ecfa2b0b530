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
 * Another network's file that sorts before ours wins without anybody saying so; it is named in
 * `tortie status`. With cni.exclusive it gets another name, which `tortie reset` takes back, after
 * ours is written: at no time has the runtime none.
 *
 * Pods' host ports are the reference plugin portmap's work: where the runtime has the program, it
 * is chained behind ours. libcni chooses the highest version that the file names, without asking
 * every plugin of the chain, and a portmap of 2023 knows 1.0.0 at most. So with portmap that is the
 * only version at first; the program is asked (plugin_version.c), and when it knows 1.1.0 too the
 * file is written again with all versions.
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
#include "loader/plugin_version.h"
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

int conflist_format(const char *run_dir, enum conflist_chain chain, char *buf, size_t size)
{
	static const char versions[] = "  \"cniVersions\": [\"0.4.0\", \"1.0.0\", \"1.1.0\"],\n";
	static const char portmap[] = ",\n"
				      "    {\n"
				      "      \"type\": \"portmap\",\n"
				      "      \"snat\": true,\n"
				      "      \"capabilities\": {\"portMappings\": true}\n"
				      "    }";
	/* What a runtime may pass on: cni/netconf_wishes.c says what becomes of it. */
	static const char capabilities[] =
		"{\"ips\": true, \"mac\": true, \"dns\": true, \"bandwidth\": true, "
		"\"io.kubernetes.cri.pod-annotations\": true}";
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
		       "%s"
		       "  \"name\": \"tortie\",\n"
		       "  \"plugins\": [\n"
		       "    {\n"
		       "      \"type\": \"tortie-cni\"%s,\n"
		       "      \"capabilities\": %s\n"
		       "    }%s\n"
		       "  ]\n"
		       "}\n",
		       chain == CONFLIST_PORTMAP_OLD ? "" : versions, run_dir_key, capabilities,
		       chain == CONFLIST_ALONE ? "" : portmap);
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

/* portmap has told what it knows. */
static void on_portmap(void *arg)
{
	struct agent *agent = arg;

	if (!agent->resetting && agent->ready)
		conflist_restore(agent);
}

/* What the file should chain; asks portmap which versions it knows, when it is another one. */
static enum conflist_chain wanted_chain(struct agent *agent)
{
	char path[PATH_MAX];

	if (!agent->config->cni_portmap)
		return CONFLIST_ALONE;
	snprintf(path, sizeof(path), "%s/portmap", agent->config->cni_bin_dir);
	if (access(path, X_OK) < 0)
		return CONFLIST_ALONE;
	if (agent->loop && !agent->portmap)
		plugin_version_new(agent->loop, on_portmap, agent, &agent->portmap);
	plugin_version_ask(agent->portmap, path);
	return plugin_version_knows_1_1(agent->portmap) ? CONFLIST_PORTMAP : CONFLIST_PORTMAP_OLD;
}

/* Whole or not at all; the folder is made when it is missing. */
static int place(struct agent *agent)
{
	char path[PATH_MAX], fresh[PATH_MAX], text[CONFLIST_OCTETS_MAX];
	enum conflist_chain chain = wanted_chain(agent);
	int len, err;

	len = conflist_format(agent->run_dir, chain, text, sizeof(text));
	if (len < 0)
		return len;
	conflist_path(agent, "", path);
	conflist_path(agent, ".", fresh);
	if (mkdir(agent->config->cni_dir, 0755) == 0)
		log_info("cni.dir %s: made", agent->config->cni_dir);
	err = write_file(fresh, text, (size_t)len);
	if (!err && rename(fresh, path) < 0)
		err = -errno;
	if (err) {
		unlink(fresh);
		return err;
	}
	agent->conflist_chain = chain;
	agent->conflist_mark = file_mark_take(path);
	return 0;
}

typedef int name_fn(const char *name, void *arg);

/* Each file of another network that a runtime would take before ours. */
static int for_each_before(const struct agent *agent, name_fn *fn, void *arg)
{
	const struct dirent *entry;
	DIR *dir = opendir(agent->config->cni_dir);
	int result = 0;

	if (!dir)
		return 0;
	while (!result && (entry = readdir(dir)))
		if (conflist_is_before(entry->d_name))
			result = fn(entry->d_name, arg);
	closedir(dir);
	return result;
}

static int move_away(const char *name, void *arg)
{
	const struct agent *agent = arg;
	char from[PATH_MAX], to[PATH_MAX];

	snprintf(from, sizeof(from), "%.3000s/%.255s", agent->config->cni_dir, name);
	snprintf(to, sizeof(to), "%.3300s" CONFLIST_OFF_SUFFIX, from);
	if (rename(from, to) == 0)
		log_warning("%s: another network's file sorts before " CONFLIST_NAME
			    ": renamed to %.200s" CONFLIST_OFF_SUFFIX " (cni.exclusive; `tortie "
			    "reset` takes it back)",
			    from, name);
	return 0;
}

static void be_exclusive(struct agent *agent)
{
	if (agent->config->cni_exclusive)
		for_each_before(agent, move_away, agent);
}

static bool is_missing(const struct agent *agent)
{
	char path[PATH_MAX];

	conflist_path(agent, "", path);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

/* Is in the file at @path what we wrote last? */
static bool has_our_text(const struct agent *agent, const char *path)
{
	char ours[CONFLIST_OCTETS_MAX], found[CONFLIST_OCTETS_MAX];
	int len = conflist_format(agent->run_dir, agent->conflist_chain, ours, sizeof(ours));
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, found, sizeof(found));
	close(fd);
	return got == len && memcmp(ours, found, (size_t)got) == 0;
}

/* What somebody did to the file, NULL: nothing that matters. */
static const char *find_damage(struct agent *agent)
{
	char path[PATH_MAX];

	conflist_path(agent, "", path);
	if (file_mark_is_untouched(&agent->conflist_mark, path))
		return NULL;
	if (is_missing(agent))
		return "was missing";
	if (!has_our_text(agent, path))
		return "was overwritten by somebody (cni.conflist: none leaves it to you)";
	agent->conflist_mark = file_mark_take(path); /* copied, or restored by hand */
	return NULL;
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
	else
		be_exclusive(agent);
	return err;
}

static const char *chain_words(unsigned int chain)
{
	switch (chain) {
	case CONFLIST_ALONE:
		return "portmap is gone";
	case CONFLIST_PORTMAP:
		return "portmap is there and knows CNI 1.1.0";
	default:
		return "portmap is there and knows CNI 1.0.0";
	}
}

void conflist_restore(struct agent *agent)
{
	const char *damage;

	if (!agent->config->cni_conflist)
		return;
	damage = find_damage(agent);
	/* That it cannot be written was said once; status says it as long as it lasts. */
	if (damage && place(agent) == 0)
		log_warning("%s/" CONFLIST_NAME ": %s; put back", agent->config->cni_dir, damage);
	else if (!damage && wanted_chain(agent) != agent->conflist_chain && place(agent) == 0)
		log_info("%s/" CONFLIST_NAME ": written again, %s", agent->config->cni_dir,
			 chain_words(agent->conflist_chain));
	if (!is_missing(agent))
		be_exclusive(agent);
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

struct telling {
	const struct agent *agent;
	status_line_fn *fn;
	void *arg;
};

static int tell_before(const char *name, void *arg)
{
	const struct telling *telling = arg;
	char text[TEXT_MAX + 1];

	snprintf(text, sizeof(text),
		 "%.200s/%.200s: another network's file sorts before " CONFLIST_NAME
		 "; runtimes use that one (move it away)",
		 telling->agent->config->cni_dir, name);
	return telling->fn(STATUS_WARNING, text, telling->arg);
}

/* Files that we renamed: their network may not know. */
static int tell_moved(const struct telling *telling)
{
	const char *dir_path = telling->agent->config->cni_dir;
	const struct dirent *entry;
	char text[TEXT_MAX + 1];
	DIR *dir = opendir(dir_path);
	int result = 0;

	if (!dir)
		return 0;
	while (!result && (entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, CONFLIST_OFF_SUFFIX);

		if (!end || strcmp(end, CONFLIST_OFF_SUFFIX) != 0)
			continue;
		snprintf(text, sizeof(text),
			 "%.200s/%.200s: another network's file, renamed (cni.exclusive; `tortie "
			 "reset` takes it back)",
			 dir_path, entry->d_name);
		result = telling->fn(STATUS_OK, text, telling->arg);
	}
	closedir(dir);
	return result;
}

int conflist_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	struct telling telling = { .agent = agent, .fn = fn, .arg = arg };
	char text[TEXT_MAX + 1];
	int result = 0;

	if (!agent->config->cni_conflist)
		return 0;
	if (agent->ready && is_missing(agent)) {
		snprintf(text, sizeof(text),
			 "%.200s/" CONFLIST_NAME ": cannot be written, no runtime finds this node "
			 "(set cni.dir, or cni.conflist: none)",
			 agent->config->cni_dir);
		result = fn(STATUS_PROBLEM, text, arg);
	}
	if (!result && agent->ready && agent->config->cni_portmap &&
	    agent->conflist_chain == CONFLIST_ALONE) {
		snprintf(text, sizeof(text),
			 "cni.bin_dir %.200s: has no program portmap, so pods' hostPorts are not "
			 "served (put the reference plugin there, or set cni.portmap: none)",
			 agent->config->cni_bin_dir);
		result = fn(STATUS_WARNING, text, arg);
	}
	if (!result)
		result = for_each_before(agent, tell_before, &telling);
	return result ? result : tell_moved(&telling);
}
