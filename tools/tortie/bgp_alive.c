/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_alive.c: `tortie bgp alive`, for whoever starts tortie-bgpd again when it hangs.
 *
 * tortie-bgpd's one constant partner is the agent, which asks it every few seconds whether its loop
 * goes round. Here the agent is asked for the outcome. Only what ending tortie-bgpd could mend is a
 * failure: an agent that is away, slow or waits for its cluster says nothing about it.
 */
#include <stdio.h>
#include <string.h>

#include "tools/tortie/command.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"

#define ALIVE_TIMEOUT_MS 3000 /* a probe has seconds */

static int take_status(uint32_t type, const void *body, void *arg)
{
	if (type == MSG_STATUS)
		*(struct msg_status *)arg = *(const struct msg_status *)body;
	return 0;
}

static int say(int status, const char *text)
{
	printf("tortie-bgpd: %s\n", text);
	return status;
}

int bgp_alive_run(const struct command_line *line)
{
	struct msg_status status = { .cluster = CLUSTER_WAITING };
	struct request request;
	char text[128];
	int err = request_open(&request, line->run_dir, ALIVE_TIMEOUT_MS);

	if (err == 0) {
		err = request_list(&request, MSG_GET_STATUS, take_status, &status);
		request_close(&request);
	}
	if (err < 0) {
		snprintf(text, sizeof(text), "not known: the agent does not answer (%s)",
			 strerror(-err));
		return say(EXIT_DONE, text);
	}
	if (status.cluster == CLUSTER_WAITING)
		return say(EXIT_DONE, "not known: the agent waits for the cluster");
	if (status.bgp == BGP_NO_SPEAKER)
		return say(EXIT_FAILED, "not connected to the agent");
	if (status.bgp == BGP_SPEAKER_HANGS)
		return say(EXIT_FAILED, "connected to the agent and does not answer: it hangs");
	return say(EXIT_DONE, "answers");
}
