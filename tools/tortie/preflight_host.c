/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight_host.c: what stands in the way on this node.
 *
 * Other pod networks leave conflists, links and rules behind (Calico cali*, tunl0, vxlan.calico;
 * Flannel flannel.1, cni0; Cilium cilium_*; Weave weave; kube-router kube-bridge), and may still be
 * running. A runtime takes the conflist that sorts first by name. A firewall that drops what is
 * forwarded (Docker sets iptables' FORWARD policy so) does not touch the pod-to-pod path, but all
 * that takes the host stack: pods to the outside, packets with options.
 */
#include "tools/tortie/preflight.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-c/json.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/legacy_forward.h"
#include "node_objects.h"
#include "tools/tortie/document.h"
#include "tools/tortie/nft.h"
#include "tools/tortie/request.h"

#define BGP_PORT     179
#define CONFLIST_MAX 65536 /* octets that are looked at */

bool preflight_conflist_is_read(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && dot &&
	       (strcmp(dot, ".conf") == 0 || strcmp(dot, ".conflist") == 0 ||
		strcmp(dot, ".json") == 0);
}

bool preflight_conflist_is_first(const char *name)
{
	return strcmp(name, CONFLIST_NAME) < 0;
}

bool preflight_conflist_has_plugin(const char *text, const char *type)
{
	struct json_object *list = json_tokener_parse(text), *plugins = NULL;
	bool found = false;

	if (json_object_is_type(list, json_type_object))
		json_object_object_get_ex(list, "plugins", &plugins);
	for (size_t i = 0; json_object_is_type(plugins, json_type_array) &&
			   i < json_object_array_length(plugins) && !found;
	     i++)
		found = strcmp(document_words_at(json_object_array_get_idx(plugins, i), "type"),
			       type) == 0;
	json_object_put(list);
	return found;
}

static void read_conflist(const char *folder, const char *name, char text[CONFLIST_MAX + 1])
{
	char path[PATH_MAX];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "%.2000s/%.255s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, CONFLIST_MAX);
		close(fd);
	}
	text[len > 0 ? len : 0] = '\0';
}

/* A conflist that somebody wrote for tortie (cni.conflist: none). */
static void own_conflist_check(struct preflight *preflight, const char *folder, const char *name,
			       const char *text)
{
	if (preflight_conflist_has_plugin(text, "bandwidth"))
		preflight_problem(preflight, "take the bandwidth plugin out of it",
				  "%s/%s chains the bandwidth plugin behind tortie-cni: every pod "
				  "would fail, as there is a clsact qdisc on the pods' links "
				  "(\"create ingress qdisc: file exists\")",
				  folder, name);
	else
		preflight_ok(preflight, "%s/%s uses tortie-cni", folder, name);
}

static void conflist_check(struct preflight *preflight, const char *folder, const char *name)
{
	bool is_first = preflight_conflist_is_first(name);
	char text[CONFLIST_MAX + 1];

	read_conflist(folder, name, text);
	if (preflight_conflist_has_plugin(text, "tortie-cni")) {
		own_conflist_check(preflight, folder, name, text);
		return;
	}
	if (is_first && preflight->config && preflight->config->cni_exclusive)
		preflight_warn(preflight,
			       "take that network off the nodes first when its pods must keep it",
			       "%s/%s sorts before " CONFLIST_NAME
			       ": tortied renames it to %s" CONFLIST_OFF_SUFFIX
			       ", tortie reset puts it back (cni.exclusive)",
			       folder, name, name);
	else if (is_first)
		preflight_problem(preflight, "move it away, with the network that wrote it",
				  "%s/%s sorts before " CONFLIST_NAME ": the runtime would use it",
				  folder, name);
	else
		preflight_warn(preflight, "remove it when its network is gone for good",
			       "%s/%s of another network is there (ours sorts first)", folder,
			       name);
	if (preflight_conflist_has_plugin(text, "bandwidth"))
		preflight_warn(preflight, "limit at the application or the uplink for now",
			       "%s/%s chains the bandwidth plugin: its limits end with it, tortie "
			       "has none in this version",
			       folder, name);
}

void preflight_conflists(struct preflight *preflight)
{
	const struct config *config = preflight->config;
	const char *path = config && config->cni_dir ? config->cni_dir : CONFIG_CNI_DIR_DEFAULT;
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t others = 0;

	while (dir && (entry = readdir(dir))) {
		if (!preflight_conflist_is_read(entry->d_name) ||
		    strcmp(entry->d_name, CONFLIST_NAME) == 0)
			continue;
		others++;
		conflist_check(preflight, path, entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (others == 0)
		preflight_ok(preflight, "%s: no conflist of another network", path);
}

/* Called as pods' links are, but Calico's or another's. */
static bool link_is_foreign_pod(const struct kernel_link *link)
{
	return strncmp(link->name, POD_LINK_PREFIX, strlen(POD_LINK_PREFIX)) == 0 &&
	       !kernel_link_is_pod(link);
}

static bool group_is_ours(const struct preflight *preflight, uint32_t group)
{
	const struct config *config = preflight->config;

	if (!config)
		return group >= CONFIG_GROUP_CREATING_DEFAULT &&
		       group <= CONFIG_GROUP_DYING_DEFAULT;
	return group == config->group_creating || group == config->group_live ||
	       group == config->group_dying;
}

static const char *link_owner(const char *name)
{
	static const struct {
		const char *name, *owner;
	} names[] = {
		{ "cni0", "the bridge plugin or Flannel" },
		{ "flannel.1", "Flannel" },
		{ "vxlan.calico", "Calico" },
		{ "bpfin.cali", "Calico" },
		{ "cilium_host", "Cilium" },
		{ "cilium_net", "Cilium" },
		{ "cilium_vxlan", "Cilium" },
		{ "weave", "Weave" },
		{ "kube-bridge", "kube-router" },
		{ "antrea-gw0", "Antrea" },
		{ "ovn-k8s-mp0", "OVN-Kubernetes" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, name) == 0)
			return names[i].owner;
	}
	return NULL;
}

/* Chains that Calico, Cilium and Flannel write, by iptables-nft. */
static void rules_check(struct preflight *preflight)
{
	static const struct {
		const char *chain, *owner;
	} chains[] = {
		{ "chain cali-FORWARD", "Calico" },
		{ "chain CILIUM_FORWARD", "Cilium" },
		{ "chain FLANNEL-FWD", "Flannel" },
		{ "chain WEAVE-NPC", "Weave" },
	};
	char *listing = NULL;

	if (geteuid() != 0 || nft_run("list chains", &listing) < 0)
		return;
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		if (strstr(listing, chains[i].chain))
			preflight_warn(
				preflight,
				"take that network off this node by its own way, then reboot",
				"firewall rules of %s are there (%s)", chains[i].owner,
				chains[i].chain);
	}
	free(listing);
}

void preflight_leftovers(struct preflight *preflight)
{
	size_t before = (size_t)preflight->problems, found = 0, foreign = 0;

	for (size_t i = 0; i < preflight->link_count; i++) {
		const struct kernel_link *link = &preflight->links[i];
		const char *owner = link_owner(link->name);

		if (link_is_foreign_pod(link))
			foreign++;
		if (!owner)
			continue;
		found++;
		preflight_warn(preflight, "take that network off this node by its own way",
			       "link %s of %s is there", link->name, owner);
	}
	if (foreign > 0)
		preflight_warn(preflight, "Calico's pods must be gone before tortie takes over",
			       "%zu cali* links are not ours (Calico's?): they are left alone",
			       foreign);
	rules_check(preflight);
	if (found == 0 && foreign == 0 && preflight->problems == before)
		preflight_ok(preflight, "no links of other pod networks");
}

void preflight_groups(struct preflight *preflight)
{
	for (size_t i = 0; i < preflight->link_count; i++) {
		const struct kernel_link *link = &preflight->links[i];

		if (kernel_link_is_pod(link) || !group_is_ours(preflight, link->group))
			continue;
		preflight_problem(preflight, "choose other numbers with groups: in the file",
				  "link %s is in group %u, which is one of ours", link->name,
				  link->group);
		return;
	}
	preflight_ok(preflight, "our link groups are used by nobody else");
}

static bool address_is_here(const struct ip_addr *addr, char ret_link[IFNAME_MAX + 1])
{
	struct ifaddrs *list = NULL, *entry;
	bool is_here = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (entry = list; entry && !is_here; entry = entry->ifa_next) {
		struct ip_addr theirs;

		if (!entry->ifa_addr)
			continue;
		if (entry->ifa_addr->sa_family == AF_INET)
			theirs = ip_addr_from_v4(
				((const struct sockaddr_in *)(const void *)entry->ifa_addr)
					->sin_addr);
		else if (entry->ifa_addr->sa_family == AF_INET6)
			theirs = ip_addr_from_v6(
				&((const struct sockaddr_in6 *)(const void *)entry->ifa_addr)
					 ->sin6_addr);
		else
			continue;
		is_here = ip_addr_equal(addr, &theirs);
		if (is_here)
			snprintf(ret_link, IFNAME_MAX + 1, "%s", entry->ifa_name);
	}
	freeifaddrs(list);
	return is_here;
}

static void uplink_check(struct preflight *preflight, const char *name)
{
	const struct kernel_link *link = preflight_link(preflight, name);

	if (!link)
		preflight_problem(preflight, "correct node.uplinks", "uplink %s: no such link",
				  name);
	else if (!(link->flags & IFF_UP))
		preflight_problem(preflight, "ip link set up dev, by the node's own configuration",
				  "uplink %s is down", name);
	else if (link->mtu < 1280)
		preflight_problem(preflight, "raise its MTU: IPv6 needs 1280",
				  "uplink %s has MTU %u", name, link->mtu);
	else
		preflight_ok(preflight, "uplink %s is up, MTU %u", name, link->mtu);
}

void preflight_uplinks(struct preflight *preflight)
{
	const struct config *config = preflight->config;
	char text[IP_ADDR_TEXT_MAX], link[IFNAME_MAX + 1];

	if (!config)
		return;
	for (size_t i = 0; i < config->uplink_count; i++)
		uplink_check(preflight, config->uplink[i]);
	for (size_t i = 0; i < config->node_address_count; i++) {
		ip_addr_format(&config->node_address[i], text, sizeof(text));
		if (!address_is_here(&config->node_address[i], link))
			preflight_problem(preflight, "correct node.addresses",
					  "node address %s is on no link", text);
		else if (config->uplink_count == 0)
			uplink_check(preflight, link);
		else
			preflight_ok(preflight, "node address %s is on %s", text, link);
	}
}

static int address_bind(const struct config_listen *listen_at)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(listen_at->port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(listen_at->port) };
	bool is_v4 = ip_addr_is_v4(&listen_at->addr);
	int fd, err, one = 1;

	fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (is_v4) {
		v4.sin_addr = ip_addr_to_v4(&listen_at->addr);
		err = bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	} else {
		v6.sin6_addr = ip_addr_to_v6(&listen_at->addr);
		err = bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	}
	err = err < 0 ? -errno : listen(fd, 1) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static bool agent_is_here(const struct preflight *preflight)
{
	struct request request;

	if (request_open(&request, preflight->line->run_dir, REQUEST_TIMEOUT_MS) < 0)
		return false;
	request_close(&request);
	return true;
}

static void port_check(struct preflight *preflight, const struct config_listen *at)
{
	char text[IP_ADDR_TEXT_MAX];
	int err = address_bind(at);

	ip_addr_format(&at->addr, text, sizeof(text));
	if (err == 0)
		preflight_ok(preflight, "%s port %u is free", text, at->port);
	else if (err == -EADDRINUSE && agent_is_here(preflight))
		preflight_ok(preflight, "%s port %u is taken, tortied runs", text, at->port);
	else if (err == -EACCES)
		preflight_warn(preflight, "run it as root (sudo tortie preflight)",
			       "%s port %u: not tried", text, at->port);
	else
		preflight_problem(preflight,
				  "stop the other BGP speaker (ss -ltnp), or set bgp.listen",
				  "%s port %u: %s", text, at->port, strerror(-err));
}

void preflight_port(struct preflight *preflight)
{
	const struct config *config = preflight->config;
	const struct config_listen any = { .addr = ip_addr_from_v4((struct in_addr){ 0 }),
					   .port = BGP_PORT };

	if (preflight->is_kubernetes)
		port_check(preflight, &any);
	else if (!config || !config->bgp.present)
		preflight_ok(preflight, "no bgp: in the file, no port is needed");
	else
		for (size_t i = 0; i < config->bgp.listen_count; i++)
			port_check(preflight, &config->bgp.listen[i]);
}

/* One line of the listing: remembers table and chain, 1 when the chain drops what is forwarded. */
static bool listing_line(const char *text, char table[96], char chain[96])
{
	if (sscanf(text, "table %95[^{\n]", table) == 1)
		return false;
	if (sscanf(text, "\tchain %95[^{\n]", chain) == 1)
		return false;
	return strstr(text, "hook forward") && strstr(text, "policy drop");
}

bool preflight_ruleset_drops_forward(const char *listing, char *ret, size_t size)
{
	char table[96] = "", chain[96] = "", text[256];

	while (*listing) {
		size_t len = strcspn(listing, "\n");

		snprintf(text, sizeof(text), "%.*s", (int)(len < 255 ? len : 255), listing);
		if (listing_line(text, table, chain)) {
			snprintf(ret, size, "%s%s", table, chain);
			ret[strcspn(ret, "\n")] = '\0';
			for (size_t end = strlen(ret); end > 0 && ret[end - 1] == ' '; end--)
				ret[end - 1] = '\0';
			return true;
		}
		listing += len + (listing[len] == '\n');
	}
	return false;
}

static bool warn_nftables(struct preflight *preflight)
{
	char *listing = NULL, where[256], mend[640];
	bool drops;

	if (nft_run("list chains", &listing) < 0)
		return false;
	drops = preflight_ruleset_drops_forward(listing, where, sizeof(where));
	free(listing);
	if (!drops)
		return false;
	snprintf(mend, sizeof(mend),
		 "nft insert rule %s iifname \"" POD_LINK_PREFIX "*\" accept, and the same with "
		 "oifname; or forwarding: {accept: true} in the file, which keeps such rules there",
		 where);
	preflight_warn(preflight, mend,
		       "%s drops what is forwarded (Docker?): pods reach each other, not the "
		       "outside nor Services",
		       where);
	return true;
}

static bool warn_legacy(struct preflight *preflight, int family)
{
	const char *command = legacy_forward_command(family);
	char mend[256];

	if (legacy_forward_end(family) == LEGACY_PASSES)
		return false;
	snprintf(mend, sizeof(mend),
		 "%s -I FORWARD -i " POD_LINK_PREFIX "+ -j ACCEPT, and the same with -o", command);
	preflight_warn(preflight, mend,
		       "chain FORWARD of %s drops what is forwarded: pods reach each other, not "
		       "the outside nor Services",
		       command);
	return true;
}

void preflight_forward_policy(struct preflight *preflight)
{
	bool drops;

	if (geteuid() != 0)
		return;
	drops = warn_nftables(preflight);
	drops = warn_legacy(preflight, AF_INET) || drops;
	drops = warn_legacy(preflight, AF_INET6) || drops;
	if (!drops)
		preflight_ok(preflight, "no firewall policy drops what is forwarded");
}

void preflight_users(struct preflight *preflight)
{
	const struct config *config = preflight->config;

	if (getgrnam("tortie"))
		preflight_ok(preflight, "group tortie is there");
	else
		preflight_warn(preflight, "groupadd --system tortie",
			       "no group tortie: only root may use the tortie command");
	if (!config || !config->bgp.present || !config->bgpd_user)
		return;
	if (getpwnam(config->bgpd_user))
		preflight_ok(preflight, "user %s is there", config->bgpd_user);
	else
		preflight_warn(preflight, "useradd --system --no-create-home tortie-bgpd",
			       "no user %s: tortie-bgpd must run as root", config->bgpd_user);
}
