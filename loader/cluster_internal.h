/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_CLUSTER_INTERNAL_H
#define LOADER_CLUSTER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"
#include "lib/file_mark.h"

struct agent;
struct client;
struct cluster_facts;
struct config;

/* Shared by cluster.c, which alone changes it, and cluster_status.c. */
struct cluster {
	struct agent *agent;
	enum cluster_state state;
	const struct config *base; /* the file alone; agent->config while nothing is known */
	struct config *config;	   /* file and document; NULL: waiting */
	int document_fd;	   /* the document in force, sealed; -1: none */
	size_t document_len;
	struct client *watcher; /* NULL: none connected */
	bool is_second_told;
	uint32_t policies;	      /* not enforced */
	struct cluster_facts *facts;  /* of the last commit; NULL: none */
	struct cluster_facts *coming; /* of the transaction under way; NULL: none */
	char refusal[TEXT_MAX + 1];   /* the last document, if it was refused */
	char why_none[TEXT_MAX + 1];  /* the watcher has no document for us, and why */
	char state_problem[TEXT_MAX + 1];
	struct file_mark state_mark; /* of the file that was written or read */
};

#endif /* LOADER_CLUSTER_INTERNAL_H */
