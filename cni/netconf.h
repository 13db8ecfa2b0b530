/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_NETCONF_H
#define CNI_NETCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "agent_protocol.h"

struct json_object;

/* What a runtime may ask for. */
enum cni_command {
	COMMAND_VERSION = 1,
	COMMAND_ADD,
	COMMAND_DEL,
	COMMAND_CHECK,
	COMMAND_STATUS,
	COMMAND_GC,
};

/* Versions of the CNI specification that are spoken, in order. */
enum cni_version {
	CNI_0_1_0,
	CNI_0_2_0,
	CNI_0_3_0,
	CNI_0_3_1,
	CNI_0_4_0,
	CNI_1_0_0,
	CNI_1_1_0,
	CNI_VERSION_COUNT,
};

/** cni_version_text() - "1.1.0"; borrowed for good. */
const char *cni_version_text(enum cni_version version);

/* Error codes of the specification 1.1.0, section "Error". */
enum cni_error_code {
	CNI_ERROR_VERSION = 1,
	CNI_ERROR_FIELD = 2,
	CNI_ERROR_ENVIRONMENT = 4,
	CNI_ERROR_IO = 5,
	CNI_ERROR_DECODE = 6,
	CNI_ERROR_CONFIG = 7,
	CNI_ERROR_TRY_LATER = 11,
	CNI_ERROR_NOT_AVAILABLE = 50,
};

struct cni_error {
	unsigned int code;
	char msg[TEXT_MAX + 1];	    /* what */
	char details[TEXT_MAX + 1]; /* why, and the mend; may be empty */
};

/* The variables of the environment; NULL: not set. Borrowed. */
struct netconf_env {
	const char *command;	  /* CNI_COMMAND */
	const char *container_id; /* CNI_CONTAINERID */
	const char *netns;	  /* CNI_NETNS */
	const char *ifname;	  /* CNI_IFNAME */
	const char *args;	  /* CNI_ARGS */
};

#define NETCONF_IPAM_TYPE_MAX 63 /* octets of a delegated plugin's file name */
#define NETCONF_RUN_DIR_MAX   97 /* with "/cni.sock" it fits a socket's address */

struct netconf {
	enum cni_command command;
	enum cni_version version;
	char run_dir[NETCONF_RUN_DIR_MAX + 1];
	char ipam_type[NETCONF_IPAM_TYPE_MAX + 1]; /* "" : addresses come from the agent */
	const char *input;			   /* what was parsed, borrowed */
	size_t input_len;
	struct msg_cni_request request;
	struct msg_cni_attachment *valid;    /* owned; request.valid_count of them */
	struct json_object *config;	     /* owned */
	struct json_object *prev_result;     /* borrowed from config; NULL: none */
	struct json_object *dns;	     /* borrowed from one of the others; NULL: none */
	struct json_object *runtime_dns;     /* owned; made of the runtime's form */
	struct json_object *delegate_answer; /* owned; NULL: none */
};

/**
 * netconf_parse() - check environment and configuration and put them into *ret_conf, which keeps
 * @data. Pure: bytes in, struct out. ret_conf->version is the configuration's when that can be
 * told, else the newest, also on failure (error objects carry it). 0 (free with netconf_free()), or
 * -EINVAL with *ret_error and nothing to free. DEL takes whatever is not needed to detach, however
 * malformed.
 */
int netconf_parse(const struct netconf_env *env, const char *data, size_t len,
		  struct netconf *ret_conf, struct cni_error *ret_error);
void netconf_free(struct netconf *conf);

#endif /* CNI_NETCONF_H */
