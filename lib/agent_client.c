/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_client.c: ask the agent and wait; and the check that every message must pass.
 *
 * The list of messages is include/agent_protocol.h. Here stands, once for all programs, how long
 * each type's struct is and where its texts are: agent_message_check() accepts a message only when
 * its header is whole, its type known, its body at least the type's struct, and each text ends
 * within its array; of MSG_ROUTE also that all next hops are there. Numbers inside (enums, counts,
 * ports) are checked by whoever handles the type.
 *
 * The client is for programs that ask and wait: the socket's own timeouts bound each call. It does
 * no I/O but the socket's and needs no memory of its own, so that the static CNI plugin stays
 * small.
 */
#include "lib/agent_client.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/unix_socket.h"

#define PATH_SIZE 108 /* unix(7): sun_path */

struct message_text {
	uint32_t type; /* enum message_type */
	uint16_t offset;
	uint16_t size;
};

struct message_size {
	uint32_t type;
	uint32_t octets;
};

#define BODY(type, name)                                  \
	{                                                 \
		type, (uint32_t)sizeof(struct msg_##name) \
	}
#define EMPTY(type)     \
	{               \
		type, 0 \
	}

static const struct message_size message_size[] = {
	BODY(MSG_HELLO, hello),
	BODY(MSG_HELLO_REPLY, hello_reply),
	BODY(MSG_ERROR, error),
	EMPTY(MSG_END),
	BODY(MSG_CNI_REQUEST, cni_request),
	BODY(MSG_CNI_REPLY, cni_reply),
	BODY(MSG_CNI_ALIVE, cni_alive),
	BODY(MSG_BGP_LISTEN, bgp_listen),
	EMPTY(MSG_ROUTES_BEGIN),
	BODY(MSG_ROUTE_SET, route_set),
	BODY(MSG_ROUTE_DELETE, route_delete),
	EMPTY(MSG_ROUTES_IN_SYNC),
	BODY(MSG_PEER_SET, peer),
	BODY(MSG_PEER_DELETE, peer),
	BODY(MSG_BGP_PONG, bgp_counts),
	EMPTY(MSG_BGP_CONFIG),
	EMPTY(MSG_BGP_PING),
	EMPTY(MSG_CLUSTER_BEGIN),
	BODY(MSG_CLUSTER_NOTICE, status_line),
	BODY(MSG_CLUSTER_OBJECT, cluster_object),
	BODY(MSG_CLUSTER_COMMIT, cluster_commit),
	EMPTY(MSG_GET_STATUS),
	BODY(MSG_STATUS, status),
	BODY(MSG_STATUS_LINE, status_line),
	EMPTY(MSG_GET_ENDPOINTS),
	BODY(MSG_ENDPOINT, endpoint),
	EMPTY(MSG_GET_ROUTES),
	BODY(MSG_ROUTE, route),
	EMPTY(MSG_GET_NODES),
	BODY(MSG_NODE, node),
	EMPTY(MSG_GET_POOLS),
	BODY(MSG_POOL, pool),
	BODY(MSG_BLOCK, block),
	EMPTY(MSG_GET_PEERS),
	BODY(MSG_PEER, peer),
	EMPTY(MSG_GET_DROPS),
	BODY(MSG_DROP_COUNT, drop_count),
	EMPTY(MSG_FOLLOW_DROPS),
	BODY(MSG_DROP, drop),
	BODY(MSG_EXPLAIN, explain),
	BODY(MSG_EXPLAIN_STEP, explain_step),
	BODY(MSG_GET_OBJECTS, get_objects),
	BODY(MSG_GET_ADDRESS, get_address),
	BODY(MSG_ADDRESS, address),
	BODY(MSG_SHUTDOWN, shutdown),
	EMPTY(MSG_BGP_SOCKET),
	EMPTY(MSG_BGP_SESSION),
	EMPTY(MSG_BGP_SUBNETS),
	EMPTY(MSG_BGP_KEEP),
	BODY(MSG_BGP_KEEP_ALL, bgp_keep),
	EMPTY(MSG_BGP_TAKE),
	EMPTY(MSG_BGP_GET_PEERS),
	BODY(MSG_BGP_PEER, bgp_peer),
	BODY(MSG_BGP_GET_ROUTES, bgp_get_routes),
	BODY(MSG_BGP_ROUTE, bgp_route),
	BODY(MSG_BGP_ACT, bgp_act),
	EMPTY(MSG_BGP_GET_DUMP),
	BODY(MSG_BGP_DUMP_PEER, bgp_dump_peer),
	BODY(MSG_BGP_DUMP_ROUTE, bgp_dump_route),
};

#define TEXT(type, name, field)                                           \
	{                                                                 \
		type, (uint16_t)offsetof(struct msg_##name, field),       \
			(uint16_t)sizeof(((struct msg_##name *)0)->field) \
	}

/* msg_cni_request.pool and family_pool are arrays of texts and stand in the code below. */
static const struct message_text message_text[] = {
	TEXT(MSG_HELLO, hello, program_version),
	TEXT(MSG_HELLO_REPLY, hello_reply, program_version),
	TEXT(MSG_HELLO_REPLY, hello_reply, kernel_release),
	TEXT(MSG_HELLO_REPLY, hello_reply, node_name),
	TEXT(MSG_ERROR, error, text),
	TEXT(MSG_CNI_REQUEST, cni_request, container_id),
	TEXT(MSG_CNI_REQUEST, cni_request, ifname),
	TEXT(MSG_CNI_REQUEST, cni_request, netns),
	TEXT(MSG_CNI_REQUEST, cni_request, network),
	TEXT(MSG_CNI_REQUEST, cni_request, pod_name),
	TEXT(MSG_CNI_REQUEST, cni_request, pod_namespace),
	TEXT(MSG_CNI_REQUEST, cni_request, pod_uid),
	TEXT(MSG_CNI_REPLY, cni_reply, host_ifname),
	TEXT(MSG_CNI_REPLY, cni_reply, msg),
	TEXT(MSG_CNI_REPLY, cni_reply, details),
	TEXT(MSG_PEER_SET, peer, last_error),
	TEXT(MSG_PEER_DELETE, peer, last_error),
	TEXT(MSG_PEER, peer, last_error),
	TEXT(MSG_CLUSTER_NOTICE, status_line, text),
	TEXT(MSG_CLUSTER_OBJECT, cluster_object, kind),
	TEXT(MSG_CLUSTER_OBJECT, cluster_object, name),
	TEXT(MSG_CLUSTER_COMMIT, cluster_commit, why_none),
	TEXT(MSG_GET_OBJECTS, get_objects, kind),
	TEXT(MSG_GET_OBJECTS, get_objects, name),
	TEXT(MSG_STATUS, status, node_name),
	TEXT(MSG_STATUS, status, config_file),
	TEXT(MSG_STATUS, status, kernel_release),
	TEXT(MSG_STATUS_LINE, status_line, text),
	TEXT(MSG_ENDPOINT, endpoint, host_ifname),
	TEXT(MSG_ENDPOINT, endpoint, ifname),
	TEXT(MSG_ENDPOINT, endpoint, container_id),
	TEXT(MSG_ENDPOINT, endpoint, pod_name),
	TEXT(MSG_ENDPOINT, endpoint, pod_namespace),
	TEXT(MSG_ENDPOINT, endpoint, network),
	TEXT(MSG_NODE, node, name),
	TEXT(MSG_POOL, pool, name),
	TEXT(MSG_ADDRESS, address, pool),
	TEXT(MSG_DROP, drop, ifname),
	TEXT(MSG_EXPLAIN, explain, from),
	TEXT(MSG_EXPLAIN, explain, to),
	TEXT(MSG_EXPLAIN_STEP, explain_step, text),
	TEXT(MSG_BGP_PEER, bgp_peer, peer.last_error),
	TEXT(MSG_BGP_PEER, bgp_peer, sent),
	TEXT(MSG_BGP_PEER, bgp_peer, received),
	TEXT(MSG_BGP_ACT, bgp_act, text),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int agent_message_body_size(uint32_t type)
{
	size_t i;

	for (i = 0; i < COUNT(message_size); i++) {
		if (message_size[i].type == type)
			return (int)message_size[i].octets;
	}
	return -EPROTO;
}

static bool text_ends(const uint8_t *body, size_t offset, size_t size)
{
	return memchr(body + offset, '\0', size) != NULL;
}

/* The same of a list of names. */
static bool list_ends(const uint8_t *body, size_t offset, size_t count)
{
	size_t size = NAME_MAX_LEN + 1;

	for (size_t i = 0; i < count; i++)
		if (!text_ends(body, offset + i * size, size))
			return false;
	return true;
}

static bool texts_end(uint32_t type, const uint8_t *body)
{
	size_t i;

	for (i = 0; i < COUNT(message_text); i++) {
		const struct message_text *text = &message_text[i];

		if (text->type == type && !text_ends(body, text->offset, text->size))
			return false;
	}
	return type != MSG_CNI_REQUEST ||
	       (list_ends(body, offsetof(struct msg_cni_request, pool), CNI_POOLS_MAX) &&
		list_ends(body, offsetof(struct msg_cni_request, family_pool),
			  CNI_POOLS_FAMILIES * CNI_POOLS_MAX));
}

/* The next hops behind a struct msg_route, @len octets with it: are all there, do their names end?
 */
static bool next_hops_are_whole(const uint8_t *body, size_t len)
{
	const uint8_t *tail = body + sizeof(struct msg_route);
	struct msg_route route;

	memcpy(&route, body, sizeof(route));
	if (route.next_hop_count > ROUTE_NEXT_HOPS_MAX ||
	    route.next_hop_count * sizeof(struct msg_next_hop) > len - sizeof(route))
		return false;
	for (size_t i = 0; i < route.next_hop_count; i++)
		if (!text_ends(tail + i * sizeof(struct msg_next_hop),
			       offsetof(struct msg_next_hop, ifname), IFNAME_MAX + 1))
			return false;
	return true;
}

int agent_message_check(const void *data, size_t len)
{
	const uint8_t *body = (const uint8_t *)data + sizeof(struct message_header);
	struct message_header header;
	int body_size;

	if (len < sizeof(header) || len > AGENT_MESSAGE_MAX)
		return -EPROTO;
	memcpy(&header, data, sizeof(header)); /* @data may be unaligned */
	body_size = agent_message_body_size(header.type);
	if (body_size < 0 || header.length != len || header.reserved != 0 ||
	    len - sizeof(header) < (size_t)body_size)
		return -EPROTO;
	if (header.type == MSG_ROUTE && !next_hops_are_whole(body, len - sizeof(header)))
		return -EPROTO;
	return texts_end(header.type, body) ? 0 : -EPROTO;
}

int agent_client_connect(struct agent_client *client, const char *run_dir, const char *name,
			 int timeout_ms)
{
	size_t dir_len = strlen(run_dir), name_len = strlen(name);
	char path[PATH_SIZE];
	int fd;

	if (dir_len + 1 + name_len + sizeof(".sock") > sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, run_dir, dir_len);
	path[dir_len] = '/';
	memcpy(path + dir_len + 1, name, name_len);
	memcpy(path + dir_len + 1 + name_len, ".sock", sizeof(".sock"));
	fd = unix_socket_connect_timeout(path, timeout_ms);
	if (fd < 0)
		return fd;
	*client = (struct agent_client){ .fd = fd, .timeout_ms = timeout_ms };
	return 0;
}

int agent_client_set_timeout(struct agent_client *client, int timeout_ms)
{
	int err = unix_socket_set_timeout(client->fd, timeout_ms);

	if (err == 0)
		client->timeout_ms = timeout_ms;
	return err;
}

int agent_client_send(struct agent_client *client, uint32_t type, const void *body, size_t len,
		      const int *fds, size_t fd_count, uint32_t *ret_id)
{
	struct message_header header = { .type = type, .id = client->last_id + 1 };
	struct iovec part[2] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = (void *)(uintptr_t)body, .iov_len = len },
	};
	int err;

	if (len > AGENT_MESSAGE_MAX - sizeof(header))
		return -EMSGSIZE;
	header.length = (uint32_t)(sizeof(header) + len);
	err = unix_socket_send_parts(client->fd, part, COUNT(part), fds, fd_count);
	if (err < 0)
		return err == -EAGAIN ? -ETIMEDOUT : err;
	client->last_id = header.id;
	if (ret_id)
		*ret_id = header.id;
	return 0;
}

int agent_client_receive(struct agent_client *client, void *buf, size_t size)
{
	ssize_t len = unix_socket_receive(client->fd, buf, size, NULL, 0, NULL);

	if (len == -EAGAIN)
		return -ETIMEDOUT;
	if (len == -EMSGSIZE)
		return -EPROTO;
	if (len <= 0)
		return (int)len;
	return agent_message_check(buf, (size_t)len) < 0 ? -EPROTO : (int)len;
}

int agent_client_hello(struct agent_client *client, uint32_t role,
		       struct msg_hello_reply *ret_reply)
{
	struct msg_hello hello = { .protocol_version = AGENT_PROTOCOL_VERSION, .role = role };
	struct {
		struct message_header header;
		union {
			struct msg_hello_reply reply;
			struct msg_error error;
		} body;
	} answer;
	int len;

	strncpy(hello.program_version, TORTIE_VERSION, sizeof(hello.program_version) - 1);
	len = agent_client_send(client, MSG_HELLO, &hello, sizeof(hello), NULL, 0, NULL);
	if (len < 0)
		return len;
	len = agent_client_receive(client, &answer, sizeof(answer));
	if (len == 0)
		return -ECONNRESET;
	if (len < 0)
		return len;
	if (answer.header.type == MSG_ERROR && answer.header.id == client->last_id)
		return answer.body.error.error == EBUSY ? -EBUSY : -EPROTO;
	if (answer.header.type != MSG_HELLO_REPLY || answer.header.id != client->last_id ||
	    answer.body.reply.protocol_version != AGENT_PROTOCOL_VERSION)
		return -EPROTO;
	*ret_reply = answer.body.reply;
	return 0;
}

void agent_client_close(struct agent_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}
