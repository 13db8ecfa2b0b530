/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delegate.c: a pod's addresses from another IPAM plugin (host-local, static, ...).
 *
 * The plugin that ipam.type names gets the environment and the configuration as they came. What it
 * hands out is taken as it is, also outside this node's blocks; tortie's own IPAM is not asked.
 *
 * ADD: the delegate first, since no address means no pod, then the agent. When the agent refuses,
 * the delegate runs with DEL, so that nothing stays assigned; also when the delegate itself failed,
 * as it may have done a part. With one exception: while the attachment is there already (its link
 * is), its addresses are the live pod's, and a second ADD that fails must not give them back.
 *
 * DEL: the pod is cut off first, so that nobody else can get an address that still leads to it. An
 * error of the delegate is the answer then: it alone knows what it keeps, and the runtime asks
 * again.
 *
 * The time limit of the whole stands still while a delegate runs, which has its own.
 *
 * CNI specification 1.1.0, section 4.
 */
#include "cni/delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cni/delegate_answer.h"
#include "cni/delegate_run.h"
#include "lib/pod_ifname.h"

/* Run the delegate; 0 and its output when it ended with status 0. */
static int run_delegate(const struct netconf *conf, const char *command, int netns_fd,
			struct delegate_output *ret_output, struct cni_error *error)
{
	struct delegate_run run = { .type = conf->ipam_type,
				    .command = command,
				    .input = conf->input,
				    .input_len = conf->input_len,
				    .netns_fd = netns_fd };
	unsigned int left_s = alarm(0);
	int err = delegate_run(&run, ret_output, error);

	alarm(left_s);
	if (err < 0 || ret_output->status == 0)
		return err;
	delegate_error_parse(conf->ipam_type, ret_output->status, ret_output->data, ret_output->len,
			     error);
	free(ret_output->data);
	return -EINVAL;
}

/* The same where only success counts. */
static int tell_delegate(const struct netconf *conf, const char *command, int netns_fd,
			 struct cni_error *error)
{
	struct delegate_output output;
	int err = run_delegate(conf, command, netns_fd, &output, error);

	if (err == 0)
		free(output.data);
	return err;
}

static bool is_attached(const struct netconf *conf)
{
	char name[IFNAME_MAX + 1];

	pod_ifname(conf->request.container_id, conf->request.ifname, name);
	return if_nametoindex(name) != 0;
}

/* Its words go to the log of the runtime: the answer is why the ADD failed. */
static void give_back(const struct netconf *conf, int netns_fd)
{
	struct cni_error error = { 0 };

	if (tell_delegate(conf, "DEL", netns_fd, &error) < 0)
		fprintf(stderr,
			"tortie-cni: container %s %s: addresses may stay assigned: %s: %s\n",
			conf->request.container_id, conf->request.ifname, error.msg, error.details);
}

static int take_answer(struct netconf *conf, const struct delegate_output *output,
		       struct cni_error *error)
{
	struct delegate_answer answer;

	if (delegate_answer_parse(output->data, output->len, &answer, error) < 0) {
		error->code = CNI_ERROR_IO;
		snprintf(error->msg, sizeof(error->msg), "ipam %s: its result is unusable",
			 conf->ipam_type);
		return -EINVAL;
	}
	conf->request.delegated = 1;
	conf->request.address_count = (uint32_t)answer.address_count;
	memcpy(conf->request.address, answer.address, sizeof(conf->request.address));
	conf->delegate_answer = answer.json;
	if (conf->dns == NULL)
		conf->dns = answer.dns;
	return 0;
}

static int carry_out_add(struct netconf *conf, delegate_ask_fn *ask, struct msg_cni_reply *reply,
			 struct cni_error *error)
{
	/* The agent's part enters the pod's namespace; the delegate belongs outside. */
	int err, netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	bool was_attached = is_attached(conf);
	struct delegate_output output = { 0 };

	if (netns_fd < 0) {
		error->code = CNI_ERROR_IO;
		snprintf(error->msg, sizeof(error->msg), "/proc/self/ns/net: %s", strerror(errno));
		return -EINVAL;
	}
	err = run_delegate(conf, "ADD", -1, &output, error);
	if (err == 0) {
		err = take_answer(conf, &output, error);
		free(output.data);
	}
	if (err == 0)
		err = ask(conf, reply, error);
	if (err < 0 && !was_attached)
		give_back(conf, netns_fd);
	close(netns_fd);
	return err;
}

static int carry_out_del(struct netconf *conf, delegate_ask_fn *ask, struct msg_cni_reply *reply,
			 struct cni_error *error)
{
	int err = ask(conf, reply, error);

	return err < 0 ? err : tell_delegate(conf, "DEL", -1, error);
}

/* Both go on when the other failed; the first error is told. */
static int carry_out_gc(struct netconf *conf, delegate_ask_fn *ask, struct msg_cni_reply *reply,
			struct cni_error *error)
{
	struct cni_error delegate_error;
	int err = ask(conf, reply, error);
	int delegate_err = tell_delegate(conf, "GC", -1, &delegate_error);

	if (err == 0 && delegate_err < 0)
		*error = delegate_error;
	return err < 0 ? err : delegate_err;
}

int delegate_carry_out(struct netconf *conf, delegate_ask_fn *ask, struct msg_cni_reply *ret_reply,
		       struct cni_error *ret_error)
{
	const char *command = conf->command == COMMAND_CHECK ? "CHECK" : "STATUS";
	int err;

	if (conf->command == COMMAND_ADD)
		return carry_out_add(conf, ask, ret_reply, ret_error);
	if (conf->command == COMMAND_DEL)
		return carry_out_del(conf, ask, ret_reply, ret_error);
	if (conf->command == COMMAND_GC)
		return carry_out_gc(conf, ask, ret_reply, ret_error);
	conf->request.delegated = 1;
	err = tell_delegate(conf, command, -1, ret_error);
	return err < 0 ? err : ask(conf, ret_reply, ret_error);
}
