/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_DELEGATE_RUN_H
#define CNI_DELEGATE_RUN_H

#include "cni/netconf.h"

#define DELEGATE_PATH_MAX   4095
#define DELEGATE_OUTPUT_MAX 262144 /* octets that a delegate may print */
#define DELEGATE_TIME_MS    10000

/* One run of a delegated plugin. */
struct delegate_run {
	const char *type;    /* file name of the program */
	const char *command; /* ADD, DEL, ... in CNI_COMMAND; the rest of the environment is ours */
	const char *input;   /* for its standard input */
	size_t input_len;
	int netns_fd; /* network namespace to run it in; -1: this process's */
};

struct delegate_output {
	char *data; /* give back by free(); may be NULL */
	size_t len;
	int status; /* exit status; 128 + N after signal N */
};

/**
 * delegate_run() - find the program in the folders of CNI_PATH, run it, wait for its end, at most
 * DELEGATE_TIME_MS; then it is killed with its process group. Its standard error is ours. 0 and
 * *ret_output, whatever the status; or -errno with *ret_error (code 4: not found, 11: no end, 5).
 */
int delegate_run(const struct delegate_run *run, struct delegate_output *ret_output,
		 struct cni_error *ret_error);

#endif /* CNI_DELEGATE_RUN_H */
