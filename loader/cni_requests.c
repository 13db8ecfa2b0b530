/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cni_requests.c: what a container runtime asks for, by way of the plugin.
 *
 * A request comes with two descriptors (ADD, CHECK): the pod's network namespace, and a netlink
 * socket that the plugin opened in it. The verbs are carried out by endpoint.c; this file
 * turns its answers into the reply's code and words. Requests are served one after another, in the
 * order in which they came; each is a handful of system calls.
 *
 * A DEL that the plugin could not hand over is a file RUN-DIR/deletes/NAME, NAME being the host
 * end's, with container id and interface name on a line each. They are carried out at start and by
 * the minute's sweep; an ADD removes the note of its own name, so that an old note cannot detach a
 * pod that was started again under the same id.
 *
 * While the cluster is waited for there are no addresses to give: ADD may be tried again, and a DEL
 * becomes a note here too.
 *
 * CNI specification 1.1.0.
 */
#include "loader/cni_requests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dataplane_abi.h"
#include "lib/delete_note.h"
#include "lib/log.h"
#include "lib/pod_ifname.h"
#include "lib/text.h"
#include "loader/agent.h"
#include "loader/cluster.h"
#include "loader/endpoint.h"
#include "loader/endpoint_addresses.h"
#include "loader/ipam.h"
#include "loader/netlink.h"
#include "loader/status_lines.h"
#include "loader/uplink.h"
#include "node_objects.h"

#define NOTES_MAX	   65536 /* of one replay */
#define UNFINISHED_S	   60
#define CAPACITY_EXACT_MAX 1000000000000000000 /* more is the size of an IPv6 block, no count */

static void answer_error(struct msg_cni_reply *reply, const struct endpoint_error *error)
{
	reply->code = error->code;
	snprintf(reply->msg, sizeof(reply->msg), "%s", error->msg);
	snprintf(reply->details, sizeof(reply->details), "%s", error->details);
}

static void answer_endpoint(struct msg_cni_reply *reply, const struct endpoint *endpoint)
{
	reply->mtu = endpoint->mtu;
	reply->address_count = (uint32_t)endpoint->address_count;
	memcpy(reply->address, endpoint->address, sizeof(reply->address));
	memset(reply->host_mac, GATEWAY_MAC_OCTET, sizeof(reply->host_mac));
	memcpy(reply->pod_mac, endpoint->pod_mac, sizeof(reply->pod_mac));
	snprintf(reply->host_ifname, sizeof(reply->host_ifname), "%s", endpoint->host_ifname);
}

static void remove_note(int dir_fd, const char *name)
{
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		log_warning("note " DELETES_DIR_NAME "/%s: cannot be removed: %s; remove it, it "
			    "detaches the pod again",
			    name, strerror(errno));
}

static void forget_note(const struct agent *agent, const struct msg_cni_request *request)
{
	char name[IFNAME_MAX + 1];
	int dir_fd = delete_note_folder(agent->run_dir, false);

	if (dir_fd < 0)
		return;
	pod_ifname(request->container_id, request->ifname, name);
	remove_note(dir_fd, name);
	close(dir_fd);
}

/* The note that the plugin would have left: 0 or -errno. */
static int leave_note(const struct agent *agent, const struct msg_cni_request *request)
{
	int dir_fd = delete_note_folder(agent->run_dir, true), err;

	if (dir_fd < 0)
		return dir_fd;
	err = delete_note_write(dir_fd, request->container_id, request->ifname);
	close(dir_fd);
	return err;
}

/* Nothing is known of this node's addresses yet. */
static void handle_waiting(struct agent *agent, const struct msg_cni_request *request,
			   struct msg_cni_reply *reply)
{
	struct endpoint_error error = { .code = CNI_CODE_TRY_LATER };
	int err = 0;

	snprintf(error.msg, sizeof(error.msg), "the node waits for the cluster");
	snprintf(error.details, sizeof(error.details), "%s", cluster_wait_words(agent));
	if (request->verb == CNI_DEL) {
		if (container_id_is_valid(request->container_id) &&
		    ifname_is_valid(request->ifname))
			err = leave_note(agent, request);
		if (err == 0)
			return;
		snprintf(error.details, sizeof(error.details), "the DEL cannot be noted: %s",
			 strerror(-err));
	} else if (request->verb == CNI_STATUS) {
		error.code = CNI_CODE_NO_ADD;
	}
	answer_error(reply, &error);
}

/* ADD and CHECK: the two that work inside the pod's namespace. */
static void handle_in_namespace(struct agent *agent, const struct msg_cni_request *request,
				const int *fds, size_t fd_count, struct msg_cni_reply *reply)
{
	struct endpoint_error error = { 0 };
	const struct endpoint *endpoint = NULL;
	struct endpoint_add add = { .request = request };
	int fd, err;

	if (fd_count != 2) {
		error = (struct endpoint_error){ .code = CNI_CODE_ENVIRONMENT,
						 .msg = "the request carries no namespace" };
		answer_error(reply, &error);
		return;
	}
	add.netns_fd = fds[0];
	fd = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
	err = fd < 0 ? -errno : netlink_adopt(fd, &add.pod);
	if (err < 0) {
		error.code = CNI_CODE_ENVIRONMENT;
		snprintf(error.msg, sizeof(error.msg), "the passed netlink socket is unusable: %s",
			 strerror(-err));
		answer_error(reply, &error);
		return;
	}
	if (request->verb == CNI_ADD && agent->resetting) {
		error = (struct endpoint_error){ .code = CNI_CODE_TRY_LATER,
						 .msg = "the agent is being removed" };
		err = -ECANCELED;
	} else if (request->verb == CNI_ADD) {
		forget_note(agent, request);
		err = endpoint_add(agent, &add, &endpoint, &error);
	} else {
		err = endpoint_check(agent, &add, &endpoint, &error);
	}
	netlink_close(add.pod);
	if (err < 0)
		answer_error(reply, &error);
	else
		answer_endpoint(reply, endpoint);
}

static void handle_delete(struct agent *agent, const struct msg_cni_request *request,
			  struct msg_cni_reply *reply)
{
	/* Names that cannot have been added have nothing to delete. */
	if (container_id_is_valid(request->container_id) && ifname_is_valid(request->ifname)) {
		endpoint_delete(agent, request->container_id, request->ifname);
		forget_note(agent, request);
	}
	reply->code = 0;
}

/* The first line that is not good. */
static int take_fault(enum status_level level, const char *text, void *arg)
{
	struct endpoint_error *error = arg;

	if (level == STATUS_OK)
		return 0;
	snprintf(error->details, sizeof(error->details), "%s", text);
	return 1;
}

/* Would an ADD work, and do the pods that are there? */
static void handle_status(struct agent *agent, const struct msg_cni_request *request,
			  struct msg_cni_reply *reply)
{
	struct endpoint_error error = { 0 };

	if (!uplinks_serve(agent->uplinks)) {
		error.code = CNI_CODE_LIMITED;
		snprintf(error.msg, sizeof(error.msg), "the data plane does not serve");
		if (uplinks_status(agent, take_fault, &error) == 0)
			snprintf(error.details, sizeof(error.details),
				 "`tortie status` on this node says why");
		answer_error(reply, &error);
		return;
	}
	if (endpoint_probe_addresses(agent, request, &error) < 0) {
		error.code = CNI_CODE_NO_ADD;
		answer_error(reply, &error);
	}
}

/* The attachments of a network that a GC is to remove are all but these. */
struct collection {
	struct agent *agent;
	const struct msg_cni_request *request;
	size_t removed, unknown;
};

static bool is_valid(const struct msg_cni_request *request, const char *host_ifname)
{
	const struct msg_cni_attachment *valid = (const void *)(request + 1);

	for (uint32_t i = 0; i < request->valid_count; i++)
		if (strcmp(valid[i].host_ifname, host_ifname) == 0)
			return true;
	return false;
}

static int collect(const struct endpoint *endpoint, void *arg)
{
	struct collection *collection = arg;

	event_loop_beat(collection->agent->loop);
	if (is_valid(collection->request, endpoint->host_ifname))
		return 0;
	if (endpoint->network[0] == '\0') {
		collection->unknown++;
		return 0;
	}
	if (strcmp(endpoint->network, collection->request->network) != 0)
		return 0;
	log_info("container %s %s: not among network %s's valid attachments: removed by GC",
		 endpoint->container_id, endpoint->ifname, endpoint->network);
	collection->removed++;
	endpoint_doom(collection->agent, endpoint);
	return 0;
}

/*
 * An attachment whose network is not known any more (its name is in a map that can be lost) may be
 * another network's: it stays, until its DEL or the end of its namespace.
 */
static void handle_gc(struct agent *agent, const struct msg_cni_request *request)
{
	struct collection collection = { .agent = agent, .request = request };

	cni_replay_deletes(agent);
	endpoint_for_each(agent->endpoints, collect, &collection);
	log_info("GC of network %s: %u are valid, %zu removed", request->network,
		 request->valid_count, collection.removed);
	if (collection.unknown > 0)
		log_warning("GC of network %s: %zu attachments stay, as it is not known of which "
			    "network they are",
			    request->network, collection.unknown);
}

static void handle_running(struct agent *agent, const struct msg_cni_request *request,
			   const int *fds, size_t fd_count, struct msg_cni_reply *reply)
{
	switch (request->verb) {
	case CNI_ADD:
	case CNI_CHECK:
		handle_in_namespace(agent, request, fds, fd_count, reply);
		break;
	case CNI_DEL:
		handle_delete(agent, request, reply);
		break;
	case CNI_STATUS:
		handle_status(agent, request, reply);
		break;
	case CNI_GC:
		handle_gc(agent, request);
		break;
	default:
		reply->code = CNI_CODE_ENVIRONMENT;
		snprintf(reply->msg, sizeof(reply->msg), "unknown verb %u", request->verb);
	}
}

void cni_handle_request(struct agent *agent, const struct msg_cni_request *request, const int *fds,
			size_t fd_count, struct msg_cni_reply *ret_reply)
{
	memset(ret_reply, 0, sizeof(*ret_reply));
	if (!agent->is_running)
		handle_waiting(agent, request, ret_reply);
	else
		handle_running(agent, request, fds, fd_count, ret_reply);
	if (ret_reply->code != 0)
		log_warning("container %s %s: refused with code %u: %s: %s", request->container_id,
			    request->ifname, ret_reply->code, ret_reply->msg, ret_reply->details);
}

/* One note: "CONTAINER-ID\nIFNAME\n" in a file that is named accordingly. */
static bool read_note(int dir_fd, const char *name, char *ret_id, char *ret_ifname)
{
	char text[DELETE_NOTE_OCTETS + 1], expected[IFNAME_MAX + 1], *line;
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text));
	close(fd);
	if (len <= 0 || len > DELETE_NOTE_OCTETS || memchr(text, '\0', (size_t)len) != NULL ||
	    text[len - 1] != '\n')
		return false;
	text[len - 1] = '\0';
	line = strchr(text, '\n');
	if (line == NULL)
		return false;
	*line++ = '\0';
	if (!container_id_is_valid(text) || !ifname_is_valid(line))
		return false;
	pod_ifname(text, line, expected);
	snprintf(ret_id, CONTAINER_ID_MAX + 1, "%.*s", CONTAINER_ID_MAX, text);
	snprintf(ret_ifname, IFNAME_MAX + 1, "%.*s", IFNAME_MAX, line);
	return strcmp(name, expected) == 0;
}

static void replay_note(struct agent *agent, int dir_fd, const char *name)
{
	char id[CONTAINER_ID_MAX + 1], ifname[IFNAME_MAX + 1];

	if (read_note(dir_fd, name, id, ifname)) {
		log_info("container %s %s: DEL that came while the agent was away is carried out",
			 id, ifname);
		event_loop_beat(agent->loop);
		endpoint_delete(agent, id, ifname);
	} else {
		log_warning("note " DELETES_DIR_NAME "/%s: not a note of the plugin: removed",
			    name);
	}
	remove_note(dir_fd, name);
}

/* A plugin writes its note in no time: what is old was left by one that was killed. */
static void remove_unfinished(int dir_fd, const char *name)
{
	struct stat file;

	if (fstatat(dir_fd, name, &file, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(file.st_mode) &&
	    file.st_mtime < time(NULL) - UNFINISHED_S)
		remove_note(dir_fd, name);
}

void cni_replay_deletes(struct agent *agent)
{
	int dir_fd = delete_note_folder(agent->run_dir, false);
	struct dirent *entry;
	DIR *dir;

	if (dir_fd < 0)
		return;
	dir = fdopendir(dir_fd);
	if (dir == NULL) {
		close(dir_fd);
		return;
	}
	for (int i = 0; i < NOTES_MAX && (entry = readdir(dir)) != NULL; i++)
		/* Names with a dot in front are being written. */
		if (entry->d_name[0] == '.')
			remove_unfinished(dir_fd, entry->d_name);
		else
			replay_note(agent, dir_fd, entry->d_name);
	closedir(dir);
}

/* A pool whose last address is close is told before pods fail. */
struct usage {
	status_line_fn *fn;
	void *arg;
};

static int tell_pool(const struct msg_pool *pool, const struct msg_block *block, void *arg)
{
	const struct usage *usage = arg;
	char text[TEXT_MAX + 1] = "";
	enum status_level level;

	if (block != NULL || pool->block_count == 0)
		return 0;
	text_append(text, sizeof(text), "pool %s: %llu of ", pool->name,
		    (unsigned long long)pool->used);
	if (pool->capacity > CAPACITY_EXACT_MAX)
		text_append(text, sizeof(text), "%.5g", (double)pool->capacity);
	else
		text_append(text, sizeof(text), "%llu", (unsigned long long)pool->capacity);
	text_append(text, sizeof(text), " addresses in use");
	level = pool->used >= pool->capacity			     ? STATUS_PROBLEM
		: pool->capacity - pool->used <= pool->capacity / 10 ? STATUS_WARNING
								     : STATUS_OK;
	if (level != STATUS_OK)
		text_append(text, sizeof(text),
			    " (give this node another block in pools[].blocks)");
	return usage->fn(level, text, usage->arg);
}

int ipam_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	struct usage usage = { .fn = fn, .arg = arg };

	return ipam_for_each_block(agent->ipam, event_loop_now_ms(), tell_pool, &usage);
}
