/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install_sysctls.c: the host stack's forwarding, switched on from the init container.
 *
 * The agent does the same for the families that its configuration uses (loader/forwarding.c), but
 * in a container /proc/sys is read-only unless it is mounted anew, and kube-proxy and kubelet want
 * forwarding before any pod. IPv4 always; IPv6 when a link of the host has a global address, since
 * a cluster with IPv6 has one on every node.
 *
 * A host that forwards IPv6 stops listening to router advertisements unless accept_ra is 2
 * (Documentation/networking/ip-sysctl.rst): so first accept_ra 1 becomes 2 on each link that has a
 * route from an advertisement. An administrator's 0 stays.
 */
#include "tools/tortie/install.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/sysctl.h"
#include "tools/tortie/kernel.h"
#include "tools/tortie/say.h"

struct sysctls {
	const char *root;
	struct install_report *report;
	int err; /* the first failure */
};

/* The number at @name below the root; -1 when there is none. */
static int number_read(const struct sysctls *sysctls, const char *name)
{
	int value = -1;

	return sysctl_read_below(sysctls->root, name, &value) < 0 ? -1 : value;
}

static void number_write(struct sysctls *sysctls, const char *name, int number)
{
	int err = sysctl_write_below(sysctls->root, name, number);

	if (err == 0) {
		install_changed(sysctls->report, "sysctl %s = %d", name, number);
		return;
	}
	say_error("%s/%s: cannot be set to %d: %s (mount the host's /proc/sys/net there, writable)",
		  sysctls->root, name, number, strerror(-err));
	if (sysctls->err == 0)
		sysctls->err = err;
}

static bool has_global_ipv6(void)
{
	struct ifaddrs *list = NULL, *entry;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (entry = list; entry && !found; entry = entry->ifa_next) {
		const struct sockaddr_in6 *addr = (const void *)entry->ifa_addr;

		found = addr && addr->sin6_family == AF_INET6 &&
			!(entry->ifa_flags & IFF_LOOPBACK) &&
			!IN6_IS_ADDR_LINKLOCAL(&addr->sin6_addr);
	}
	freeifaddrs(list);
	return found;
}

static void advertisements_keep(uint32_t ifindex, void *arg)
{
	struct sysctls *sysctls = arg;
	char name[64 + IF_NAMESIZE], ifname[IF_NAMESIZE];

	if (!if_indextoname(ifindex, ifname))
		return;
	snprintf(name, sizeof(name), "net/ipv6/conf/%s/accept_ra", ifname);
	if (number_read(sysctls, name) == 1)
		number_write(sysctls, name, 2);
}

int install_forwarding(const char *proc_sys, struct install_report *report)
{
	struct sysctls sysctls = { .root = proc_sys, .report = report };
	int err;

	if (number_read(&sysctls, "net/ipv4/ip_forward") < 0) {
		say_error("%s/net/ipv4/ip_forward: cannot be read (mount the host's /proc/sys/net "
			  "there)",
			  proc_sys);
		return -ENOENT;
	}
	if (number_read(&sysctls, "net/ipv4/ip_forward") == 0)
		number_write(&sysctls, "net/ipv4/ip_forward", 1);
	if (!has_global_ipv6() || number_read(&sysctls, "net/ipv6/conf/all/forwarding") != 0)
		return sysctls.err;
	err = kernel_advertised_links(advertisements_keep, &sysctls);
	if (err < 0)
		say_error("IPv6 routes: %s; links that live on router advertisements may need "
			  "accept_ra=2",
			  strerror(-err));
	number_write(&sysctls, "net/ipv6/conf/all/forwarding", 1);
	return sysctls.err;
}
