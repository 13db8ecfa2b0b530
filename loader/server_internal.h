/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_SERVER_INTERNAL_H
#define LOADER_SERVER_INTERNAL_H

#include "lib/event_loop.h"
#include "lib/file_mark.h"
#include "loader/server.h"

/* Of the files that make up the sockets: server.c (connections), client.c (one client and its
 * queue), requests.c (who may ask what). */

#define SOCKET_PATH_MAX 108 /* unix(7) */
#define FAREWELLS_MAX	4   /* parts that hold a pointer to one client */

struct outgoing;

struct listener {
	struct server *server;
	int fd;
	bool is_cni;
	size_t client_count;
	size_t client_max;
	bool has_complained; /* about too many, until half of them have left */
	bool is_resting;     /* for want of descriptors, until the next sweep */
	bool is_rest_told;
	bool is_lost; /* its file cannot be made again, told */
	struct file_mark mark;
	char path[SOCKET_PATH_MAX];
};

/* One client may be the speaker and follow drops: whoever holds a pointer to it is told. */
struct farewell {
	client_gone_fn *fn;
	void *arg;
};

/* An answer that is made while it is read; more is NULL: none. */
struct long_answer {
	answer_more_fn *more;
	answer_free_fn *free;
	void *arg;
	uint32_t id;
};

struct client {
	struct client *prev, *next;
	struct server *server;
	struct listener *listener;
	int fd;
	uid_t uid;
	uint32_t role; /* enum hello_role, 0 before MSG_HELLO */
	bool is_broken;
	bool is_kept;
	uint32_t events; /* that are watched */
	uint64_t heard_ms;
	uint64_t taken_ms; /* when it last took something of its queue, or the queue began */
	struct outgoing *queue;
	size_t queued_octets;
	struct long_answer answer;
	struct farewell farewell[FAREWELLS_MAX];
};

struct server {
	struct agent *agent;
	struct listener cni, tool;
	struct client *clients;
	struct event_timer sweep_timer;
	uid_t bgpd_uid, kubed_uid;
	bool has_bgpd_uid, has_kubed_uid;
	uint8_t *buffer; /* AGENT_MESSAGE_MAX */
};

/* client.c */

/** client_break() - to be freed when nobody has it in hand any more. */
void client_break(struct client *client);
void client_free(struct client *client);
/** client_go_on() - send what waits, and make the next piece of its answer. */
void client_go_on(struct client *client);
/** client_does_not_read() - has it taken nothing for so long that it will not? */
bool client_does_not_read(const struct client *client, uint64_t now_ms);

/* requests.c */

/** request_take() - carry out @message, checked as a whole. 0 or -errno to cut the client; those of
 * @fds that are kept become -1. */
int request_take(struct client *client, const uint8_t *message, int *fds, size_t fd_count);

#endif /* LOADER_SERVER_INTERNAL_H */
