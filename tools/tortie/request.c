/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c: ask the agent, walk over its answer.
 *
 * One connection to RUN-DIR/agent.sock (or bgp.sock, for tortie-bgpd), the hello, then requests one
 * after the other: each is answered by records and MSG_END, or by MSG_ERROR with words of the
 * agent's own. lib/agent_client.c has checked every message's length and texts before a record
 * comes here.
 *
 * That no agent listens, or that the socket is not for this user, are the two errors that people
 * meet; both are said with their mend.
 */

#include "tools/tortie/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node_objects.h"
#include "tools/tortie/say.h"

/* Who answers, and what is said when it does not. */
struct request_partner {
	const char *socket;
	const char *absent, *silent, *strange, *gone, *busy;
};

static const struct request_partner agent = {
	.socket = AGENT_SOCKET_NAME,
	.absent = "no agent listens (start tortied; systemctl status tortied)",
	.silent = "the agent does not answer (systemctl status tortied)",
	.strange = "the agent speaks another version (install tortie and tortied of one build)",
	.gone = "the agent hung up (it is ending or refuses this user; systemctl status tortied)",
	.busy = "the agent is busy (try again)",
};

static const struct request_partner speaker = {
	.socket = BGP_SOCKET_NAME,
	.absent = "no tortie-bgpd listens (it needs bgp: in the configuration, and the agent "
		  "first; systemctl status tortie-bgpd)",
	.silent = "tortie-bgpd does not answer (systemctl status tortie-bgpd)",
	.strange = "tortie-bgpd is of another release (install programs of one build)",
	.gone = "tortie-bgpd hung up (it is ending)",
	.busy = "tortie-bgpd answers 16 callers already (try again when one of them has ended)",
};

static void say_fault(const struct request_partner *partner, const char *run_dir, int err)
{
	const char *why;

	switch (-err) {
	case ENOENT:
	case ECONNREFUSED:
		why = partner->absent;
		break;
	case EACCES:
	case EPERM:
		why = "permission denied (join the group tortie, or use sudo)";
		break;
	case ETIMEDOUT:
		why = partner->silent;
		break;
	case EPROTO:
		why = partner->strange;
		break;
	case ECONNRESET:
	case EPIPE:
		why = partner->gone;
		break;
	case EBUSY:
		why = partner->busy;
		break;
	case ENAMETOOLONG:
		why = "path is too long for a socket (choose a shorter --run-dir)";
		break;
	default:
		why = strerror(-err);
	}
	say_error("%s/%s.sock: %s", run_dir, partner->socket, why);
}

static int open_socket(struct request *request, const char *run_dir,
		       const struct request_partner *partner, int timeout_ms)
{
	int err;

	*request = (struct request){ .client.fd = -1, .run_dir = run_dir, .partner = partner };
	request->buffer = malloc(AGENT_MESSAGE_MAX);
	if (!request->buffer)
		return -ENOMEM;
	err = agent_client_connect(&request->client, run_dir, partner->socket, timeout_ms);
	if (err < 0)
		goto err_free_buffer;
	err = agent_client_hello(&request->client, ROLE_TOOL, &request->hello);
	if (err < 0)
		goto err_close;
	return 0;

err_close:
	agent_client_close(&request->client);
err_free_buffer:
	free(request->buffer);
	request->buffer = NULL;
	return err;
}

int request_open(struct request *request, const char *run_dir, int timeout_ms)
{
	return open_socket(request, run_dir, &agent, timeout_ms);
}

int request_open_bgp(struct request *request, const char *run_dir)
{
	int err = open_socket(request, run_dir, &speaker, REQUEST_TIMEOUT_MS);

	if (err < 0)
		say_fault(&speaker, run_dir, err);
	return err;
}

void request_say_error(const char *run_dir, int err)
{
	say_fault(&agent, run_dir, err);
}

int request_open_said(struct request *request, const char *run_dir)
{
	int err = request_open(request, run_dir, REQUEST_TIMEOUT_MS);

	if (err < 0)
		request_say_error(run_dir, err);
	return err;
}

void request_close(struct request *request)
{
	agent_client_close(&request->client);
	free(request->buffer);
	request->buffer = NULL;
}

/* The next message of the answer @id; 1 and *ret_type, or 0 at the end, or -errno (said). */
static int answer_receive(struct request *request, uint32_t id, uint32_t *ret_type)
{
	const struct message_header *header = request->buffer;
	const struct msg_error *error = (const void *)(header + 1);
	int len = agent_client_receive(&request->client, request->buffer, AGENT_MESSAGE_MAX);

	if (len <= 0) {
		len = len < 0 ? len : -ECONNRESET;
		say_fault(request->partner, request->run_dir, len);
		return len;
	}
	if (header->id != id) {
		say_fault(request->partner, request->run_dir, -EPROTO);
		return -EPROTO;
	}
	if (header->type == MSG_ERROR) {
		say_error("%s", error->text);
		return error->error > 0 ? -error->error : -EIO;
	}
	*ret_type = header->type;
	return header->type == MSG_END ? 0 : 1;
}

int request_run(struct request *request, const struct request_question *question, record_fn *fn,
		void *arg)
{
	uint32_t id, record;
	int err;

	err = agent_client_send(&request->client, question->type, question->body, question->len,
				NULL, 0, &id);
	if (err < 0) {
		say_fault(request->partner, request->run_dir, err);
		return err;
	}
	while ((err = answer_receive(request, id, &record)) > 0) {
		err = fn ? fn(record, (const struct message_header *)request->buffer + 1, arg) : 0;
		if (err)
			return err;
	}
	return err;
}

int request_list(struct request *request, uint32_t type, record_fn *fn, void *arg)
{
	const struct request_question question = { .type = type };

	return request_run(request, &question, fn, arg);
}

int request_collect(const char *run_dir, uint32_t type, record_fn *fn, void *arg)
{
	struct request request;
	int err;

	err = request_open_said(&request, run_dir);
	if (err < 0)
		return err;
	err = request_list(&request, type, fn, arg);
	request_close(&request);
	return err;
}
