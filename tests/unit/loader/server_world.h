/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_LOADER_SERVER_WORLD_H
#define TESTS_UNIT_LOADER_SERVER_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/agent_client.h"

/*
 * A server in a child process with a run folder of its own, and handlers behind it that only answer
 * that they were asked. Of these MSG_GET_ROUTES has MANY_RECORDS and is queued whole,
 * MSG_GET_ENDPOINTS has LONG_RECORDS and is made while it is read; the file answer-gone appears at
 * its end. MSG_PEER_SET and MSG_PEER_DELETE ask to hear of the client's end (left-1, left-2).
 * SIGUSR1 puts the server's clock a minute and a second forward.
 */
#define MANY_RECORDS   3000   /* more than a socket holds */
#define LONG_RECORDS   100000 /* more than may be queued */
#define RUN_DIR_OCTETS 64

struct world {
	char run_dir[RUN_DIR_OCTETS];
	pid_t server;
};

/* Of cmocka; the second one waits for the cluster. */
int start_server(void **state);
int start_waiting_server(void **state);
int stop_server(void **state);
#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

/** connect_to() - the socket @name, without a hello. */
struct agent_client connect_to(const struct world *world, const char *name);
/** connect_as() - agent.sock, greeted. */
struct agent_client connect_as(const struct world *world, uint32_t role);
/** take_document() - what the speaker gets unasked: 0 when it is right. */
int take_document(const struct agent_client *client);
void ask(struct agent_client *client, uint32_t type);
/** next_type() - of the next message; 0 when the connection was cut. */
uint32_t next_type(struct agent_client *client);
/** has_mark() - does the file @mark come to be in the server's folder, soon? */
bool has_mark(const struct world *world, const char *mark);
/** says() - do @words come to be in the server's log, soon? */
bool says(const struct world *world, const char *words);

#endif /* TESTS_UNIT_LOADER_SERVER_WORLD_H */
