/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_call.c: one question to tortied on RUN-DIR/cni.sock, and what to do when nobody answers.
 *
 * ADD and CHECK need the agent: without it, or when it is frozen or hangs, they fail with code 11
 * (try again later) inside 10 seconds, and say which socket was tried and what to look at. STATUS
 * says 50.
 *
 * An agent that works but is busy is another thing: when a node starts or ends pods by the hundred,
 * others hold the kernel's lock of links for seconds, and requests wait in a row. Giving up then
 * would make runtimes try again and double the work. So while no answer comes, alive.sock is asked
 * each second how long ago the agent made progress (loader/pulse.c), and as long as that is not too
 * long ago the plugin waits, up to a limit below the kubelet's own.
 *
 * DEL must not fail, or pods could not be deleted while the agent is being replaced: it leaves
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
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/agent_client.h"
#include "lib/delete_note.h"
#include "lib/pod_ifname.h"
#include "node_objects.h"

#define STEP_MS		  1000 /* between two looks at the agent's pulse */
#define PULSE_TIMEOUT_MS  500  /* twice: to connect, to hear */
#define DETACH_TIMEOUT_MS 2000
#define START_WAIT_MS	  3000 /* for an agent that is just starting */
#define START_POLL_MS	  50

/* How long an agent is waited for that makes no progress, and in all. */
struct patience {
	int64_t bear_ms;
	int64_t limit_ms;
	int64_t give_up; /* of the clock below */
	int64_t end;
};

/* With the last look at the pulse ADD gives up before 9 seconds are over. The kubelet bears with
 * two minutes for STATUS and four for a pod; a node whose STATUS takes half a minute is NotReady.
 */
static const struct patience patience_of_request = { .bear_ms = 7500, .limit_ms = 75000 };
static const struct patience patience_of_status = { .bear_ms = 4000, .limit_ms = 25000 };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void start_patience(const struct netconf *conf, struct patience *ret)
{
	int64_t now = now_ms();

	*ret = conf->command == COMMAND_STATUS ? patience_of_status : patience_of_request;
	ret->give_up = now + ret->bear_ms;
	ret->end = now + ret->limit_ms;
}

/* Ask alive.sock how long ago the agent made progress. */
static bool ask_pulse(const struct netconf *conf, uint32_t *ret_silence_ms)
{
	struct {
		struct message_header header;
		struct msg_cni_alive alive;
	} message;
	struct agent_client client;
	int len;

	if (agent_client_connect(&client, conf->run_dir, ALIVE_SOCKET_NAME, PULSE_TIMEOUT_MS) < 0)
		return false;
	len = agent_client_receive(&client, &message, sizeof(message));
	agent_client_close(&client);
	if (len <= 0 || message.header.type != MSG_CNI_ALIVE)
		return false;
	*ret_silence_ms = message.alive.silence_ms;
	return true;
}

/* Nothing came within a step: is there reason to go on waiting? */
static bool may_wait_on(const struct netconf *conf, struct patience *patience)
{
	uint32_t silence_ms;

	if (ask_pulse(conf, &silence_ms)) {
		int64_t give_up = now_ms() - silence_ms + patience->bear_ms;

		if (give_up > patience->give_up)
			patience->give_up = give_up;
		alarm(AGENT_CALL_ALARM_S);
	}
	return now_ms() < patience->give_up && now_ms() < patience->end;
}

static int connect_waiting(struct agent_client *client, const struct netconf *conf,
			   struct patience *patience)
{
	int64_t end = now_ms() + START_WAIT_MS;
	int err;

	for (;;) {
		err = agent_client_connect(client, conf->run_dir, CNI_SOCKET_NAME, STEP_MS);
		if (err == -ETIMEDOUT && may_wait_on(conf, patience))
			continue; /* so many wait in the row before it that it takes no more */
		if (err == 0 || conf->command != COMMAND_ADD || now_ms() >= end)
			return err;
		if (err != -ENOENT && err != -ECONNREFUSED)
			return err;
		poll(NULL, 0, START_POLL_MS);
	}
}

/* What goes behind the request's struct is of GC alone. */
static int send_request(struct agent_client *client, const struct netconf *conf,
			const struct namespace_fds *fds)
{
	size_t behind = conf->request.valid_count * sizeof(*conf->valid);
	uint8_t *body;
	int err;

	if (behind == 0)
		return agent_client_send(client, MSG_CNI_REQUEST, &conf->request,
					 sizeof(conf->request), fds ? fds->fd : NULL,
					 fds ? NAMESPACE_FDS : 0, NULL);
	body = malloc(sizeof(conf->request) + behind);
	if (body == NULL)
		return -ENOMEM;
	memcpy(body, &conf->request, sizeof(conf->request));
	memcpy(body + sizeof(conf->request), conf->valid, behind);
	err = agent_client_send(client, MSG_CNI_REQUEST, body, sizeof(conf->request) + behind, NULL,
				0, NULL);
	free(body);
	return err;
}

/* Send the request and take the reply, with @patience (NULL: none) when it does not come within the
 * client's time. The client is closed in any case. */
static int exchange(struct agent_client *client, const struct netconf *conf,
		    const struct namespace_fds *fds, struct patience *patience,
		    struct msg_cni_reply *ret_reply)
{
	struct {
		struct message_header header;
		struct msg_cni_reply reply;
	} message;
	int err = send_request(client, conf, fds);

	if (err == 0) {
		do
			err = agent_client_receive(client, &message, sizeof(message));
		while (err == -ETIMEDOUT && patience != NULL && may_wait_on(conf, patience));
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
	case ECONNRESET:
	case EPIPE:
		return "tortied has ended meanwhile, or not taken the request, since it is of another "
		       "version than tortie-cni or out of descriptors: see its log";
	case EPROTO:
		return "tortied and tortie-cni are of different versions: install both from the same "
		       "build";
	default:
		return "tortied does not answer: see its log and `tortie status`, restart it if it "
		       "hangs";
	}
}

static const char *words_of(int err, const struct patience *patience)
{
	if (err != -ETIMEDOUT)
		return strerror(-err);
	return now_ms() >= patience->end ? "it is alive, but too busy to answer in time"
					 : "it hangs";
}

int agent_call(const struct netconf *conf, const struct namespace_fds *fds,
	       struct msg_cni_reply *ret_reply, struct cni_error *ret_error)
{
	struct agent_client client;
	struct patience patience;
	int err;

	start_patience(conf, &patience);
	err = connect_waiting(&client, conf, &patience);
	if (err == 0)
		err = exchange(&client, conf, fds, &patience, ret_reply);
	if (err == 0)
		return 0;
	ret_error->code =
		conf->command == COMMAND_STATUS ? CNI_ERROR_NOT_AVAILABLE : CNI_ERROR_TRY_LATER;
	snprintf(ret_error->msg, sizeof(ret_error->msg), "agent tortied: %s/%s.sock: %s",
		 conf->run_dir, CNI_SOCKET_NAME, words_of(err, &patience));
	snprintf(ret_error->details, sizeof(ret_error->details), "%s", mend_of(err));
	return err;
}

static int try_detach(const struct netconf *conf, struct msg_cni_reply *ret_reply)
{
	struct agent_client client;
	int err;

	err = agent_client_connect(&client, conf->run_dir, CNI_SOCKET_NAME, DETACH_TIMEOUT_MS);
	return err < 0 ? err : exchange(&client, conf, NULL, NULL, ret_reply);
}

int agent_detach(const struct netconf *conf, struct msg_cni_reply *ret_reply)
{
	char name[IFNAME_MAX + 1];
	int dir_fd;

	memset(ret_reply, 0, sizeof(*ret_reply));
	if (try_detach(conf, ret_reply) == 0)
		return 0;
	pod_ifname(conf->request.container_id, conf->request.ifname, name);
	/* The folder above is the agent's to make: without it there is nothing to detach from. */
	dir_fd = delete_note_folder(conf->run_dir, true);
	if (dir_fd >= 0)
		delete_note_write(dir_fd, conf->request.container_id, conf->request.ifname);
	if (try_detach(conf, ret_reply) == 0 && dir_fd >= 0)
		unlinkat(dir_fd, name, 0);
	if (dir_fd >= 0)
		close(dir_fd);
	return 0;
}
