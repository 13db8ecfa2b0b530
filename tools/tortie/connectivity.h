/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_CONNECTIVITY_H
#define TOOLS_TORTIE_CONNECTIVITY_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/*
 * `tortie connectivity test`: on each node a pod that serves and a pod that probes all servers. The
 * test's own program runs in both (`connectivity serve`, `connectivity probe`).
 */

#define CONNECTIVITY_PORT	8080
#define CONNECTIVITY_KUBELET	10250 /* what listens on each node */
#define CONNECTIVITY_NODES_MAX	16
#define CONNECTIVITY_PROBE_S	15	   /* until a probe that fails is given up */
#define CONNECTIVITY_ECHO_BYTES (1u << 20) /* through TCP and back */

/* What the server answers to a line, by TCP and by UDP. */
#define CONNECTIVITY_WHOAMI "whoami\n" /* -> "HOSTNAME ADDRESS PORT\n", of the asker */
#define CONNECTIVITY_ECHO   "echo\n"   /* -> all that comes behind it; by UDP the whole datagram */

/* A target on the command line: "CHECK,TO,HOST,PORT,EXPECT", each free of commas. */
struct connectivity_target {
	char check[32];
	char to[256]; /* the node that is aimed at, or what else; for the report */
	char host[256];
	unsigned int port;
	char expect[256]; /* the server's host name, or a count; "-": anything */
};

/* A line of a probe's log: "tortie-result CHECK TO HOST ok|failed MS TEXT". */
struct connectivity_result {
	char check[32];
	char to[256];
	char host[256];
	bool is_ok;
	unsigned int ms;
	char text[256];
};

#define CONNECTIVITY_RESULT_MARK "tortie-result"

/* connectivity_target.c */

/** connectivity_target_parse() - 0 or -EINVAL. Pure. */
int connectivity_target_parse(const char *text, struct connectivity_target *ret);
/** connectivity_result_parse() - 0, or -EINVAL: no line of ours. Pure. */
int connectivity_result_parse(const char *line, size_t len, struct connectivity_result *ret);

/* connectivity_objects.c: what is created in the cluster. */

#define CONNECTIVITY_LABEL "app.kubernetes.io/name"
#define CONNECTIVITY_NAME  "tortie-connectivity"

/* A node that takes part, with what the cluster gave for it. */
struct connectivity_node {
	char name[254];
	char address[2][64]; /* InternalIPs; "": none */
	char pod[2][64];     /* the server's addresses */
	char service[2][64]; /* of its Service */
};

struct connectivity_plan {
	const char *image;
	char namespace[254];
	struct connectivity_node node[CONNECTIVITY_NODES_MAX];
	size_t node_count;
	char outside_host[256]; /* "": not tested */
	unsigned int outside_port;
};

/* Each: a new object (the caller frees). @index: of the node. */
struct json_object *connectivity_namespace(void);
struct json_object *connectivity_server(const struct connectivity_plan *plan, size_t index);
struct json_object *connectivity_service(const struct connectivity_plan *plan, size_t index);
struct json_object *connectivity_headless(const struct connectivity_plan *plan);
/** connectivity_prober() - with all targets as arguments. */
struct json_object *connectivity_prober(const struct connectivity_plan *plan, size_t index);

/* connectivity_report.c */

/* All results: maps with from, to, check, family, address, state, ms, text. */
void connectivity_report_add(struct json_object *results, const char *from,
			     const struct connectivity_result *result);
/** connectivity_report_log() - the results in a probe's log; how many there were. */
size_t connectivity_report_log(struct json_object *results, const char *from, const char *log);
/** connectivity_report_failed() - how many are not ok. */
size_t connectivity_report_failed(struct json_object *results);
/** connectivity_report_print() - the matrix, then a line for each failure. */
void connectivity_report_print(struct json_object *results);

#endif /* TOOLS_TORTIE_CONNECTIVITY_H */
