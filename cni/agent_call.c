/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_call.c: one question to tortied on RUN-DIR/cni.sock, and what to do when nobody answers.
 *
 * ADD and CHECK need the agent: without it they fail with code 11 (try again later) inside the 10
 * seconds that runtimes bear with, and say which socket was tried and what to look at. STATUS says
 * 50. DEL must not fail, or pods could not be deleted while the agent is being replaced: it leaves
 * a note, a small file named after the attachment, that the agent carries out when it is back.
 *
 * Note and agent cannot miss each other: after the note is written the socket is tried once more.
 * Either that reaches an agent, or the agent begins to listen after the note is there, and it reads
 * notes after it has begun to listen.
 */
#include "cni/agent_call.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/agent_client.h"
#include "lib/pod_ifname.h"
#include "node_objects.h"

#define CONNECT_TIMEOUT_MS 4000
#define ANSWER_BY_MS	   8000 /* ADD, CHECK: a node that starts hundreds of pods is slow */
#define ANSWER_MIN_MS	   1000
#define DETACH_TIMEOUT_MS  2000
#define START_WAIT_MS	   3000 /* for an agent that is just starting */
#define START_POLL_MS	   50
#define PATH_OCTETS	   256

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int connect_waiting(struct agent_client *client, const struct netconf *conf)
{
	int64_t end = now_ms() + START_WAIT_MS;
	int err;

	for (;;) {
		err = agent_client_connect(client, conf->run_dir, CNI_SOCKET_NAME,
					   CONNECT_TIMEOUT_MS);
		if (err == 0 || conf->command != COMMAND_ADD || now_ms() >= end)
			return err;
		if (err != -ENOENT && err != -ECONNREFUSED)
			return err;
		poll(NULL, 0, START_POLL_MS);
	}
}

/* Send the request and take the reply; the client is closed in any case. */
static int exchange(struct agent_client *client, const struct netconf *conf, const int *fds,
		    size_t fd_count, struct msg_cni_reply *ret_reply)
{
	struct {
		struct message_header header;
		struct msg_cni_reply reply;
	} message;
	int err;

	err = agent_client_send(client, MSG_CNI_REQUEST, &conf->request, sizeof(conf->request), fds,
				fd_count, NULL);
	if (err == 0) {
		err = agent_client_receive(client, &message, sizeof(message));
		if (err == 0)
			err = -ECONNRESET;
	}
	agent_client_close(client);
	if (err < 0)
		return err;
	if (message.header.type != MSG_CNI_REPLY || message.reply.address_count > POD_ADDRESSES_MAX)
		return -EPROTO;
	*ret_reply = message.reply;
	return 0;
}

static const char *mend_of(int err)
{
	switch (-err) {
	case ENOENT:
	case ECONNREFUSED:
		return "tortied is not running on this node, or runs with another --run-dir than "
		       "the configuration's runDir: systemctl status tortied; on Kubernetes: "
		       "kubectl -n tortie-system get pods -o wide";
	case EACCES:
	case EPERM:
		return "only root may use this socket";
	case EPROTO:
		return "tortied and tortie-cni are of different versions: install both from the same "
		       "build";
	default:
		return "tortied does not answer: see its log, restart it if it hangs";
	}
}

int agent_call(const struct netconf *conf, const int *fds, size_t fd_count,
	       struct msg_cni_reply *ret_reply, struct cni_error *ret_error)
{
	int64_t left_ms, answer_by = now_ms() + ANSWER_BY_MS;
	struct agent_client client;
	int err;

	err = connect_waiting(&client, conf);
	if (err == 0 && conf->command != COMMAND_STATUS) {
		left_ms = answer_by - now_ms();
		agent_client_set_timeout(&client,
					 left_ms > ANSWER_MIN_MS ? (int)left_ms : ANSWER_MIN_MS);
	}
	if (err == 0)
		err = exchange(&client, conf, fds, fd_count, ret_reply);
	if (err == 0)
		return 0;
	ret_error->code =
		conf->command == COMMAND_STATUS ? CNI_ERROR_NOT_AVAILABLE : CNI_ERROR_TRY_LATER;
	snprintf(ret_error->msg, sizeof(ret_error->msg), "agent tortied: %s/%s.sock: %s",
		 conf->run_dir, CNI_SOCKET_NAME, strerror(-err));
	snprintf(ret_error->details, sizeof(ret_error->details), "%s", mend_of(err));
	return err;
}

static int open_notes(const struct netconf *conf)
{
	char path[PATH_OCTETS];
	int fd;

	/* The folder above is the agent's to make: without it there is nothing to detach from. */
	snprintf(path, sizeof(path), "%s/" DELETES_DIR_NAME, conf->run_dir);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* The note appears whole or not at all: written under a dot name, then renamed. */
static void write_note(int dir_fd, const struct netconf *conf, const char *name)
{
	char text[CONTAINER_ID_MAX + IFNAME_MAX + 3], hidden[IFNAME_MAX + 16];
	int len, fd;

	len = snprintf(text, sizeof(text), "%s\n%s\n", conf->request.container_id,
		       conf->request.ifname);
	snprintf(hidden, sizeof(hidden), ".%s-%d", name, (int)getpid());
	fd = openat(dir_fd, hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (write(fd, text, (size_t)len) != len || renameat(dir_fd, hidden, dir_fd, name) < 0)
		unlinkat(dir_fd, hidden, 0);
	close(fd);
}

static int try_detach(const struct netconf *conf, struct msg_cni_reply *ret_reply)
{
	struct agent_client client;
	int err;

	err = agent_client_connect(&client, conf->run_dir, CNI_SOCKET_NAME, DETACH_TIMEOUT_MS);
	return err < 0 ? err : exchange(&client, conf, NULL, 0, ret_reply);
}

int agent_detach(const struct netconf *conf, struct msg_cni_reply *ret_reply)
{
	char name[IFNAME_MAX + 1];
	int dir_fd;

	memset(ret_reply, 0, sizeof(*ret_reply));
	if (try_detach(conf, ret_reply) == 0)
		return 0;
	pod_ifname(conf->request.container_id, conf->request.ifname, name);
	dir_fd = open_notes(conf);
	if (dir_fd >= 0)
		write_note(dir_fd, conf, name);
	if (try_detach(conf, ret_reply) == 0 && dir_fd >= 0)
		unlinkat(dir_fd, name, 0);
	if (dir_fd >= 0)
		close(dir_fd);
	return 0;
}
