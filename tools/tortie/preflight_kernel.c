/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight_kernel.c: what this kernel can do, found by trying.
 *
 * BPF: a map as large as the default node's, a program with the helpers that forwarding needs
 * (libbpf loads a probe for each), the query that only kernels with tcx answer. Traffic control: a
 * veth pair with clsact in a network namespace that ends with the child process which made it. All
 * need root; without it the tries are left out and said to be.
 */
#include "tools/tortie/preflight.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane_abi.h"
#include "lib/config.h"
#include "lib/sysctl.h"
#include "tools/tortie/nft.h"

#define ATTACH_TYPE_TCX_INGRESS 46 /* BPF_TCX_INGRESS, linux 6.6 */
#define LOOPBACK_IFINDEX	1
#define ENDPOINTS_DEFAULT	1024
#define ROUTES_DEFAULT		10240
#define MEND_ROOT		"run it as root (sudo tortie preflight)"

static bool is_root(struct preflight *preflight)
{
	if (geteuid() == 0)
		return true;
	preflight_warn(preflight, MEND_ROOT, "not tried: needs root");
	return false;
}

void preflight_bpffs(struct preflight *preflight)
{
	char path[PATH_MAX];
	struct statfs fs;

	snprintf(path, sizeof(path), "%s", preflight->line->bpf_dir);
	if (statfs(path, &fs) < 0 && statfs(dirname(path), &fs) < 0)
		preflight_problem(preflight, "mount -t bpf bpf /sys/fs/bpf", "%s: %s", path,
				  strerror(errno));
	else if ((unsigned long)fs.f_type != BPF_FS_MAGIC)
		preflight_problem(preflight, "mount -t bpf bpf /sys/fs/bpf",
				  "%s is on no bpffs: maps could not outlive the agent", path);
	else
		preflight_ok(preflight, "%s is on a bpffs", path);
}

static void helpers_try(struct preflight *preflight)
{
	static const struct {
		enum bpf_func_id id;
		const char *name;
	} helpers[] = {
		{ BPF_FUNC_redirect_peer, "redirect_peer" },
		{ BPF_FUNC_redirect_neigh, "redirect_neigh" },
		{ BPF_FUNC_ringbuf_output, "ringbuf_output" },
		{ BPF_FUNC_skb_load_bytes, "skb_load_bytes" },
		{ BPF_FUNC_ktime_get_ns, "ktime_get_ns" },
	};

	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		int has = libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, helpers[i].id, NULL);

		if (has == 1)
			continue;
		preflight_problem(preflight, "a kernel of 6.1 or later, as Debian 12 has it",
				  "the kernel has no bpf_%s", helpers[i].name);
		return;
	}
	preflight_ok(preflight, "programs load; redirect_peer, redirect_neigh and ring buffers "
				"are there");
}

static int silent_print(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

void preflight_bpf(struct preflight *preflight)
{
	int has;

	if (!is_root(preflight))
		return;
	libbpf_set_print(silent_print);
	has = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SCHED_CLS, NULL);
	if (has == 1)
		helpers_try(preflight);
	else
		preflight_problem(
			preflight,
			"CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON for tortied; a kernel with "
			"CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_BPF",
			"no tc program can be loaded%s%s", has < 0 ? ": " : "",
			has < 0 ? strerror(-has) : "");
}

/* Maps as large as they will be: kernels before 5.11 count them against the locked-memory limit. */
void preflight_memory(struct preflight *preflight)
{
	const struct config *config = preflight->config;
	uint32_t endpoints = config ? config->map_endpoints : ENDPOINTS_DEFAULT;
	uint32_t routes = config ? config->map_routes : ROUTES_DEFAULT;
	int fd[2];

	if (!is_root(preflight))
		return;
	fd[0] = bpf_map_create(BPF_MAP_TYPE_HASH, "tortie_try", sizeof(struct ip_addr),
			       sizeof(struct endpoint_value), endpoints, NULL);
	fd[1] = fd[0] < 0
			? fd[0]
			: bpf_map_create(BPF_MAP_TYPE_HASH, "tortie_try", sizeof(struct ip_prefix),
					 sizeof(struct route_value), routes, NULL);
	if (fd[1] < 0)
		preflight_problem(preflight,
				  "LimitMEMLOCK=infinity for tortied, or smaller maps: in the file",
				  "maps of %u endpoints and %u routes: %s", endpoints, routes,
				  strerror(-fd[1]));
	else
		preflight_ok(preflight, "maps of %u endpoints and %u routes fit", endpoints,
			     routes);
	for (size_t i = 0; i < 2; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
}

void preflight_uplink_hook(struct preflight *preflight)
{
	uint32_t count = 0;
	int err;

	if (!is_root(preflight))
		return;
	err = bpf_prog_query(LOOPBACK_IFINDEX, ATTACH_TYPE_TCX_INGRESS, 0, NULL, NULL, &count);
	if (err == 0)
		preflight_ok(preflight, "tcx: uplinks get a pinned link");
	else
		preflight_ok(preflight, "no tcx here: uplinks get a clsact filter");
}

#define NO_NAMESPACE 255 /* exit status of the child below */

/* In a child of its own network namespace: 0 or -errno; -ECANCELED: a container without
 * CAP_SYS_ADMIN may not make one. */
static int namespace_try(int (*try)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0)
			_exit(errno == EPERM ? NO_NAMESPACE : errno);
		_exit(-try() & 0xff);
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (!WIFEXITED(status))
		return -EIO;
	return WEXITSTATUS(status) == NO_NAMESPACE ? -ECANCELED : -WEXITSTATUS(status);
}

void preflight_pod_hook(struct preflight *preflight)
{
	const struct kernel_link *loopback = preflight_link(preflight, "lo");
	int err;

	if (!is_root(preflight))
		return;
	fflush(stdout);
	err = namespace_try(kernel_clsact_try);
	if (err == -ECANCELED)
		preflight_ok(preflight, "veth pairs and clsact: not tried (no right to make a "
					"network namespace here)");
	else if (err < 0)
		preflight_problem(preflight, "modprobe veth sch_ingress cls_bpf",
				  "a veth pair with clsact: %s", strerror(-err));
	else
		preflight_ok(preflight, "veth pairs and clsact work");
	if (loopback && !loopback->has_gso_ipv4_max)
		preflight_ok(preflight, "no IPv4 BIG TCP in this kernel: packets stay at 64 KiB");
}

static bool config_masquerades(const struct config *config)
{
	for (size_t i = 0; config && i < config->pool_count; i++) {
		if (config->pool[i].nat_outgoing)
			return true;
	}
	return false;
}

void preflight_nftables(struct preflight *preflight)
{
	/* The pools of a cluster are masqueraded unless an object says otherwise. */
	bool is_needed = preflight->is_kubernetes || config_masquerades(preflight->config);

	if (!is_root(preflight))
		return;
	if (nft_run("list tables", NULL) == 0)
		preflight_ok(preflight, "nftables answers%s",
			     is_needed ? "" : " (no pool asks for nat_outgoing)");
	else if (is_needed)
		preflight_problem(preflight, "modprobe nf_tables nft_masq, or nat_outgoing: false",
				  "nftables does not answer, and a pool has nat_outgoing");
	else
		preflight_ok(preflight, "no nftables, and no pool asks for it");
}

/* -1 when it is not there. */
static int sysctl_of(const char *name)
{
	int value = -1;

	return sysctl_read_below(SYSCTL_ROOT "/net", name, &value) < 0 ? -1 : value;
}

static void accept_ra_check(struct preflight *preflight, const char *link)
{
	char name[64];

	snprintf(name, sizeof(name), "ipv6/conf/%s/accept_ra", link);
	if (sysctl_of(name) == 1 && sysctl_of("ipv6/conf/all/forwarding") == 0)
		preflight_ok(preflight,
			     "%s takes router advertisements: tortied sets its accept_ra to 2 when "
			     "it switches forwarding on",
			     link);
}

void preflight_sysctls(struct preflight *preflight)
{
	const struct config *config = preflight->config;

	if (sysctl_of("ipv4/ip_forward") == 1)
		preflight_ok(preflight, "net.ipv4.ip_forward is on");
	else
		preflight_ok(preflight, "net.ipv4.ip_forward is off: tortied switches it on");
	if (sysctl_of("ipv6/conf/all/disable_ipv6") != 0)
		preflight_warn(preflight, "sysctl -w net.ipv6.conf.all.disable_ipv6=0",
			       "IPv6 is off: pods get no IPv6 addresses that work");
	else if (sysctl_of("ipv6/conf/all/forwarding") != 1)
		preflight_ok(preflight, "net.ipv6.conf.all.forwarding is off: tortied switches it "
					"on");
	for (size_t i = 0; config && i < config->uplink_count; i++)
		accept_ra_check(preflight, config->uplink[i]);
	if (sysctl_of("ipv4/conf/all/rp_filter") == 1)
		preflight_ok(preflight, "rp_filter is strict: pod to pod does not pass it");
	if (sysctl_of("core/bpf_jit_enable") == 0)
		preflight_warn(preflight, "sysctl -w net.core.bpf_jit_enable=1",
			       "the BPF compiler is off: every packet costs many times more");
}
