/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_names.c: namespace and name of each pod, and what it asks for in vain, kept in a pinned map.
 *
 * The link's alias has no room for them, and the runtime tells them only at ADD. The map outlives
 * the agent and goes with a reboot (kept_map.c), like the links. The key is the host end's name,
 * which is derived from the container id and so never comes back for another pod.
 *
 * An entry is about 450 octets, there are as many as pods with names. A full map, or none at all,
 * only costs names in listings. Longer texts than the fields are kept while the agent lives and
 * forgotten then.
 */
#include "loader/pod_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "lib/log.h"
#include "loader/endpoint_store.h"
#include "loader/kept_map.h"

#define MAP_NAME "pod_name"

struct pod_names {
	int map_fd; /* -1: none */
};

struct pod_names_key {
	char host_ifname[IFNAME_MAX + 1];
};

struct pod_names_value {
	char pod_namespace[64]; /* RFC 1123 label */
	char network[64];
	char pod_name[NAME_MAX_LEN + 1];
	uint8_t asked; /* enum cni_asked */
	char pad;
};

struct pod_names *pod_names_open(const char *bpf_dir, uint32_t max)
{
	const struct kept_map map = { .name = MAP_NAME,
				      .key_size = sizeof(struct pod_names_key),
				      .value_size = sizeof(struct pod_names_value),
				      .max_entries = max,
				      .loss = "names of pods are forgotten" };
	struct pod_names *names = calloc(1, sizeof(*names));

	if (names != NULL)
		names->map_fd = kept_map_open(bpf_dir, &map);
	return names;
}

void pod_names_close(struct pod_names *names)
{
	if (names == NULL)
		return;
	if (names->map_fd >= 0)
		close(names->map_fd);
	free(names);
}

int pod_names_restore_pin(const struct pod_names *names, const char *bpf_dir)
{
	return kept_map_restore_pin(bpf_dir, MAP_NAME, names->map_fd);
}

static struct pod_names_key key_of(const char *host_ifname)
{
	struct pod_names_key key = { 0 };

	snprintf(key.host_ifname, sizeof(key.host_ifname), "%s", host_ifname);
	return key;
}

/* Copy what fits whole; half a name would be another pod's. */
static void copy_whole(char *to, size_t size, const char *from)
{
	if (strlen(from) < size)
		strcpy(to, from);
}

void pod_names_set(struct pod_names *names, const struct endpoint *endpoint)
{
	struct pod_names_key key = key_of(endpoint->host_ifname);
	struct pod_names_value value = { 0 };
	int err;

	if (names->map_fd < 0)
		return;
	copy_whole(value.pod_namespace, sizeof(value.pod_namespace), endpoint->pod_namespace);
	copy_whole(value.network, sizeof(value.network), endpoint->network);
	copy_whole(value.pod_name, sizeof(value.pod_name), endpoint->pod_name);
	value.asked = (uint8_t)endpoint->asked;
	err = bpf_map_update_elem(names->map_fd, &key, &value, BPF_ANY);
	if (err < 0)
		log_debug("map pod_name: %s: %s", endpoint->host_ifname, strerror(-err));
}

void pod_names_get(struct pod_names *names, struct endpoint *endpoint)
{
	struct pod_names_key key = key_of(endpoint->host_ifname);
	struct pod_names_value value;

	if (names->map_fd < 0 || bpf_map_lookup_elem(names->map_fd, &key, &value) < 0)
		return;
	snprintf(endpoint->pod_namespace, sizeof(endpoint->pod_namespace), "%.*s",
		 (int)sizeof(value.pod_namespace) - 1, value.pod_namespace);
	snprintf(endpoint->network, sizeof(endpoint->network), "%.*s",
		 (int)sizeof(value.network) - 1, value.network);
	snprintf(endpoint->pod_name, sizeof(endpoint->pod_name), "%.*s",
		 (int)sizeof(value.pod_name) - 1, value.pod_name);
	endpoint->asked = value.asked;
}

void pod_names_delete(struct pod_names *names, const char *host_ifname)
{
	struct pod_names_key key = key_of(host_ifname);

	if (names->map_fd >= 0)
		bpf_map_delete_elem(names->map_fd, &key);
}

void pod_names_prune(struct pod_names *names, pod_names_fn *is_wanted, void *arg)
{
	struct pod_names_key key, next;
	int err;

	if (names->map_fd < 0)
		return;
	err = bpf_map_get_next_key(names->map_fd, NULL, &next);
	while (err == 0) {
		char name[IFNAME_MAX + 1];

		key = next;
		err = bpf_map_get_next_key(names->map_fd, &key, &next);
		snprintf(name, sizeof(name), "%.*s", IFNAME_MAX, key.host_ifname);
		if (!is_wanted(name, arg))
			bpf_map_delete_elem(names->map_fd, &key);
	}
}
