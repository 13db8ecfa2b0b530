/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linkbench: what the kernel alone takes for a pod's link, as a node fills with pods.
 *
 *   linkbench COUNT
 *
 * Makes COUNT network namespaces (outside the clock), then for each the same requests as tortied
 * does for an ADD, by the same functions: the pair, the pod's side, clsact with two filters, the
 * host's side, the wait for the kernel's link watch. There is no plugin, no agent and no map of
 * pods; the program drops what a pod says by itself, as from_pod does. So what grows here with the
 * number of pods is the kernel's share of what grows in an ADD. Runs in the namespace that it was
 * started in, which is the node; all is gone with the namespaces.
 *
 * One JSON document: microseconds of each step in the order of the pods. Between two pods it
 * sleeps as long as the rest of an ADD takes, so that work which the kernel puts off falls where it
 * does there.
 *
 * links: loader/pod_link.c loader/pod_link_message.c loader/netlink.c loader/netlink_attr.c
 * links: loader/endpoint_alias.c lib/ip_prefix.c lib/text.c lib/log.c lib/pod_ifname.c lib/sha1.c
 * links: lib/mac.c
 * libs: -lnl-3 -lnl-route-3
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "lib/ip_prefix.h"
#include "lib/pod_ifname.h"
#include "loader/netlink.h"
#include "loader/pod_link.h"

#define COUNT_MAX 2000
#define PAUSE_NS  1000000
#define GROUP	  7011
#define GSO_MAX	  196608

enum step {
	CREATE,
	POD,
	ATTACH,
	HOST,
	STEPS
};

static const char *const step_name[STEPS] = { "create", "pod", "attach", "host" };

struct pod {
	int netns_fd;
	struct netlink *netlink;
	uint32_t us[STEPS];
};

static void die(const char *what, int err)
{
	fprintf(stderr, "linkbench: %s: %s\n", what, strerror(-err));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void make_namespaces(struct pod *pods, size_t count)
{
	struct rlimit limit;
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (own < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("own namespace", -errno);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (size_t i = 0; i < count; i++) {
		if (unshare(CLONE_NEWNET) < 0)
			die("unshare", -errno);
		pods[i].netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (pods[i].netns_fd < 0 || netlink_open(&pods[i].netlink) < 0 ||
		    setns(own, CLONE_NEWNET) < 0)
			die("namespace", -errno);
	}
	close(own);
}

/* A program that drops every packet. */
static int load_program(void)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_SHOT },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SCHED_CLS,
				.insns = (uintptr_t)code,
				.insn_cnt = sizeof(code) / sizeof(code[0]),
				.license = (uintptr_t) "GPL" };
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0)
		die("loading a program", -errno);
	return fd;
}

static struct nl_msg *tc_message(int type, int flags, struct tcmsg tcm, const char *kind)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg == NULL || nlmsg_append(msg, &tcm, sizeof(tcm), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, TCA_KIND, kind) < 0)
		die("message", -ENOMEM);
	return msg;
}

static struct nl_msg *filter_message(uint32_t ifindex, uint32_t minor, int program_fd)
{
	struct tcmsg tcm = { .tcm_ifindex = (int)ifindex,
			     .tcm_handle = 1,
			     .tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor),
			     .tcm_info = TC_H_MAKE(1u << 16, htons(ETH_P_ALL)) };
	struct nl_msg *msg = tc_message(RTM_NEWTFILTER, NLM_F_CREATE, tcm, "bpf");
	struct nlattr *options = nla_nest_start(msg, TCA_OPTIONS);

	nla_put_u32(msg, TCA_BPF_FD, (uint32_t)program_fd);
	nla_put_string(msg, TCA_BPF_NAME, "linkbench");
	nla_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	nla_nest_end(msg, options);
	return msg;
}

static int attach(struct netlink *netlink, uint32_t ifindex, int program_fd)
{
	struct tcmsg tcm = { .tcm_ifindex = (int)ifindex,
			     .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
			     .tcm_parent = TC_H_CLSACT };
	struct nl_msg *msgs[] = {
		tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, tcm, "clsact"),
		filter_message(ifindex, TC_H_MIN_INGRESS, program_fd),
		filter_message(ifindex, TC_H_MIN_EGRESS, program_fd),
	};

	return netlink_send_batch(netlink, msgs, 3, NULL);
}

static struct endpoint describe(size_t number)
{
	struct in_addr v4 = { .s_addr = htonl(0x0a640000u + (uint32_t)number) };
	struct endpoint endpoint = { .ifname = "eth0",
				     .mtu = 1500,
				     .pod_mac = { 2, 0, 0, 0, (uint8_t)(number >> 8),
						  (uint8_t)number },
				     .address_count = 2 };

	snprintf(endpoint.container_id, sizeof(endpoint.container_id), "linkbench-%zu", number);
	pod_ifname(endpoint.container_id, endpoint.ifname, endpoint.host_ifname);
	endpoint.address[0] = ip_addr_from_v4(v4);
	endpoint.address[1].word[0] = htonl(0xfd640000u);
	endpoint.address[1].word[3] = htonl((uint32_t)number);
	return endpoint;
}

static int come_up(struct netlink *netlink, struct netlink *pod_netlink,
		   const struct endpoint *endpoint, const struct pod_link *link)
{
	struct pod_link peer = { .ifindex = link->peer_ifindex, .netnsid = link->netnsid };
	const char *what = "";
	int err = pod_link_go_live(netlink, endpoint, GROUP + 1, &peer, &what);

	if (err == 0 && !peer.is_active)
		err = pod_link_await_active(pod_netlink, link->peer_ifindex);
	return err;
}

static void make_pod(struct netlink *netlink, struct pod *pod, size_t number, int program_fd)
{
	struct endpoint endpoint = describe(number);
	struct pod_link_spec spec = { .endpoint = &endpoint,
				      .netns_fd = pod->netns_fd,
				      .group = GROUP,
				      .gso_max_size = GSO_MAX };
	struct pod_link link = { 0 };
	const char *what = "";
	uint64_t start, end;

	for (int step = 0; step < STEPS; step++) {
		int err = 0;

		start = now_ns();
		if (step == CREATE)
			err = pod_link_create(netlink, &spec, &link);
		else if (step == POD)
			err = pod_link_configure_pod(pod->netlink, &endpoint, link.peer_ifindex,
						     &what);
		else if (step == ATTACH)
			err = attach(netlink, link.ifindex, program_fd);
		else
			err = come_up(netlink, pod->netlink, &endpoint, &link);
		end = now_ns();
		if (err < 0)
			die(step_name[step], err);
		endpoint.ifindex = link.ifindex;
		pod->us[step] = (uint32_t)((end - start) / 1000);
	}
}

static void print(const struct pod *pods, size_t count)
{
	for (int step = 0; step < STEPS; step++) {
		printf("%s\"%s\": [", step ? ", " : "{", step_name[step]);
		for (size_t i = 0; i < count; i++)
			printf("%s%u", i ? ", " : "", pods[i].us[step]);
		printf("]");
	}
	printf("}\n");
}

int main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	size_t count = argc == 2 ? (size_t)atoi(argv[1]) : 0;
	struct netlink *netlink;
	struct pod *pods;
	int program_fd;

	if (count == 0 || count > COUNT_MAX) {
		fprintf(stderr, "usage: linkbench COUNT (1..%d)\n", COUNT_MAX);
		return 2;
	}
	pods = calloc(count, sizeof(*pods));
	if (pods == NULL || netlink_open(&netlink) < 0)
		die("socket", -ENOMEM);
	alarm(300);
	program_fd = load_program();
	make_namespaces(pods, count);
	for (size_t i = 0; i < count; i++) {
		make_pod(netlink, &pods[i], i + 1, program_fd);
		nanosleep(&pause, NULL);
	}
	print(pods, count);
	return 0;
}
