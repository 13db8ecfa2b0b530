/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.c: our programs on the hooks of a pod's link.
 *
 * Pod links use clsact: a tcx attach or detach holds the RTNL lock for an RCU grace period, 8-16 ms
 * against 0.1-0.4 ms. One datagram makes the qdisc (EEXIST is fine) and sets both filters with
 * NLM_F_REPLACE at our fixed preference and handle, which changes the program of an existing filter
 * atomically: 2,000 replacements under a flood lost nothing.
 *
 * What is on a hook is read back by a dump of its filters, in the kernel's order: ours is the one
 * with preference, handle and the id of our program; whatever comes before it can decide without
 * us. A tcx program runs before any filter and is seen by BPF_PROG_QUERY only.
 *
 * The hook of an uplink is in attach_uplink.c. When to look and what to do about a stranger is
 * hook_watch.c's affair. Reference: net/sched/cls_bpf.c, Documentation/bpf/ of the kernel.
 */
#include "loader/attach.h"

#include <errno.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "loader/attach_internal.h"
#include "loader/dataplane_internal.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"

#define NOT_BPF ~0u

static struct nl_msg *tc_message(int type, int flags, const struct tcmsg *tcm)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, (void *)(uintptr_t)tcm, sizeof(*tcm), NLMSG_ALIGNTO) == 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

struct nl_msg *attach_clsact_message(uint32_t ifindex)
{
	const struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
		.tcm_parent = TC_H_CLSACT,
	};
	struct nl_msg *msg = tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tcm);

	if (msg && nla_put_string(msg, TCA_KIND, "clsact") < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static struct tcmsg filter_place(uint32_t ifindex, uint32_t minor)
{
	return (struct tcmsg){
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = ATTACH_HANDLE,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor),
		.tcm_info = TC_H_MAKE((uint32_t)ATTACH_PREFERENCE << 16, htons(ETH_P_ALL)),
	};
}

struct nl_msg *attach_filter_message(uint32_t ifindex, uint32_t minor, int program_fd,
				     const char *name)
{
	const struct tcmsg tcm = filter_place(ifindex, minor);
	struct nl_msg *msg = tc_message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, &tcm);
	struct nlattr *options;

	if (!msg)
		return NULL;
	if (nla_put_string(msg, TCA_KIND, "bpf") < 0)
		goto err_free;
	options = nla_nest_start(msg, TCA_OPTIONS);
	if (!options || nla_put_u32(msg, TCA_BPF_FD, (uint32_t)program_fd) < 0 ||
	    nla_put_string(msg, TCA_BPF_NAME, name) < 0 ||
	    nla_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT) < 0)
		goto err_free;
	nla_nest_end(msg, options);
	return msg;

err_free:
	nlmsg_free(msg);
	return NULL;
}

struct nl_msg *attach_filter_delete_message(uint32_t ifindex, uint32_t minor)
{
	const struct tcmsg tcm = filter_place(ifindex, minor);
	struct nl_msg *msg = tc_message(RTM_DELTFILTER, 0, &tcm);

	if (msg && nla_put_string(msg, TCA_KIND, "bpf") < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int attach_pod(struct dataplane *dataplane, struct netlink *netlink, uint32_t ifindex)
{
	struct nl_msg *msgs[] = {
		attach_clsact_message(ifindex),
		attach_filter_message(ifindex, TC_H_MIN_INGRESS,
				      dataplane->program_fd[PROGRAM_FROM_POD],
				      dataplane_program_name(PROGRAM_FROM_POD)),
		attach_filter_message(ifindex, TC_H_MIN_EGRESS,
				      dataplane->program_fd[PROGRAM_TO_POD],
				      dataplane_program_name(PROGRAM_TO_POD)),
	};
	int error[3] = { 0 };
	int err = netlink_send_batch(netlink, msgs, 3, error);

	if (error[0] && error[0] != -EEXIST)
		return error[0];
	if (error[1] || error[2])
		return error[1] ? error[1] : error[2];
	return err == -EEXIST ? 0 : err;
}

/* --- reading back --- */

struct filter_walk {
	uint32_t program_id; /* ours */
	struct hook_state *state;
};

uint32_t attach_filter_program_id(const struct nlmsghdr *header, bool *ret_is_place)
{
	const struct tcmsg *tcm = netlink_body(header, sizeof(*tcm));
	const struct nlattr *attr[TCA_MAX + 1], *option[TCA_BPF_MAX + 1];
	const char *kind;
	size_t len;

	*ret_is_place = false;
	if (!tcm)
		return 0;
	netlink_attrs(header, sizeof(*tcm), attr, TCA_MAX + 1);
	kind = netlink_attr_data(attr[TCA_KIND], &len);
	if (!kind || len < 4 || strncmp(kind, "bpf", 4) != 0)
		return tcm->tcm_handle ? NOT_BPF : 0;
	/* A filter chain's head is told without handle and options. */
	if (!attr[TCA_OPTIONS])
		return 0;
	memset(option, 0, sizeof(option));
	nla_parse((struct nlattr **)(uintptr_t)option, TCA_BPF_MAX,
		  nla_data((struct nlattr *)(uintptr_t)attr[TCA_OPTIONS]),
		  nla_len((struct nlattr *)(uintptr_t)attr[TCA_OPTIONS]), NULL);
	*ret_is_place = TC_H_MAJ(tcm->tcm_info) >> 16 == ATTACH_PREFERENCE &&
			tcm->tcm_handle == ATTACH_HANDLE;
	return netlink_attr_u32(option[TCA_BPF_ID], NOT_BPF);
}

static int note_filter(const struct nlmsghdr *header, void *arg)
{
	struct filter_walk *walk = arg;
	bool is_place;
	uint32_t id;

	if (header->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	id = attach_filter_program_id(header, &is_place);
	if (!id || walk->state->is_ours)
		return 0;
	if (is_place && id == walk->program_id)
		walk->state->is_ours = true;
	else if (!is_place && !walk->state->filter_before)
		walk->state->filter_before = id;
	return 0;
}

int attach_read_filters(struct netlink *netlink, uint32_t ifindex, uint32_t minor,
			uint32_t program_id, struct hook_state *ret_state)
{
	struct filter_walk walk = { .program_id = program_id, .state = ret_state };
	struct tcmsg tcm = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor),
	};
	int err;

	*ret_state = (struct hook_state){ 0 };
	err = netlink_dump(netlink, tc_message(RTM_GETTFILTER, 0, &tcm), note_filter, &walk);
	/* Behind ours a filter is no stranger; without ours it is no answer to "in front". */
	if (!ret_state->is_ours)
		ret_state->filter_before = 0;
	return err;
}

int attach_inspect_pod(struct dataplane *dataplane, struct netlink *netlink, uint32_t ifindex,
		       struct pod_hooks *ret_hooks)
{
	int err =
		attach_read_filters(netlink, ifindex, TC_H_MIN_INGRESS,
				    dataplane->program_id[PROGRAM_FROM_POD], &ret_hooks->from_pod);

	if (!err)
		err = attach_read_filters(netlink, ifindex, TC_H_MIN_EGRESS,
					  dataplane->program_id[PROGRAM_TO_POD],
					  &ret_hooks->to_pod);
	if (err)
		return err;
	ret_hooks->from_pod.tcx_before = attach_first_tcx(ifindex, TCX_INGRESS);
	ret_hooks->to_pod.tcx_before = attach_first_tcx(ifindex, TCX_EGRESS);
	return 0;
}

static bool hook_is_whole(const struct hook_state *state)
{
	return state->is_ours && !state->filter_before && !state->tcx_before;
}

int attach_pod_is_whole(struct dataplane *dataplane, struct netlink *netlink, uint32_t ifindex)
{
	struct pod_hooks hooks;
	int err = attach_inspect_pod(dataplane, netlink, ifindex, &hooks);

	if (err)
		return err;
	return hook_is_whole(&hooks.from_pod) && hook_is_whole(&hooks.to_pod);
}
