/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_result.c: which attachments the container runtime believes in.
 *
 * containerd, CRI-O, podman and cnitool call plugins through libcni, which keeps the result of each
 * ADD in a file NETWORK-CONTAINERID-IFNAME until its DEL: JSON of kind "cniCacheV1" with container
 * id, interface and result. An attachment is ours when the result has the host end that follows
 * from both; every other network's file is passed over, and so is what is no such file.
 *
 * Limits: RESULT_OCTETS_MAX of a file, RESULTS_MAX files.
 */
#include "tools/tortie/runtime_result.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "lib/json.h"
#include "lib/pod_ifname.h"

#define RESULT_OCTETS_MAX 1048576
#define RESULTS_MAX	  65536

/* The index of the entry of that name, in the pod or on the host; -1: there is none. */
static int find_interface(struct json_object *interfaces, const char *name, bool in_pod)
{
	for (size_t i = 0; i < json_array_size(interfaces); i++) {
		struct json_object *entry = json_object_array_get_idx(interfaces, i);
		bool has_sandbox = json_words(json_get(entry, "sandbox"))[0] != '\0';

		if (has_sandbox == in_pod && strcmp(json_words(json_get(entry, "name")), name) == 0)
			return (int)i;
	}
	return -1;
}

static void take_addresses(struct json_object *ips, int interface, struct runtime_result *result)
{
	for (size_t i = 0; i < json_array_size(ips); i++) {
		struct json_object *entry = json_object_array_get_idx(ips, i);
		struct json_object *index = json_get(entry, "interface");
		struct ip_prefix prefix;

		if (!json_object_is_type(index, json_type_int) ||
		    json_object_get_int64(index) != interface ||
		    ip_prefix_parse(json_words(json_get(entry, "address")), &prefix) < 0 ||
		    prefix.bits != IP_ADDR_BITS || result->address_count == POD_ADDRESSES_MAX)
			continue; /* what a later plugin of the chain added */
		result->address[result->address_count++] = prefix.addr;
	}
}

static int read_object(struct json_object *object, struct runtime_result *ret)
{
	const char *id = json_words(json_get(object, "containerId"));
	const char *ifname = json_words(json_get(object, "ifName"));
	struct json_object *result = json_get(object, "result");
	struct json_object *interfaces = json_get(result, "interfaces");

	if (strcmp(json_words(json_get(object, "kind")), "cniCacheV1") != 0 ||
	    !json_object_is_type(result, json_type_object))
		return -EINVAL;
	if (!container_id_is_valid(id) || !ifname_is_valid(ifname))
		return 0;
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->container_id, sizeof(ret->container_id), "%s", id);
	snprintf(ret->ifname, sizeof(ret->ifname), "%s", ifname);
	pod_ifname(id, ifname, ret->host_ifname);
	if (find_interface(interfaces, ret->host_ifname, false) < 0)
		return 0;
	take_addresses(json_get(result, "ips"), find_interface(interfaces, ifname, true), ret);
	return 1;
}

int runtime_result_parse(const char *data, size_t len, struct runtime_result *ret_result)
{
	struct json_object *object = len <= RESULT_OCTETS_MAX ? json_parse(data, len, NULL) : NULL;
	int err = object != NULL ? read_object(object, ret_result) : -EINVAL;

	json_object_put(object);
	return err;
}

/* The file @name of @dir_fd, if it is a regular one, into @buffer of RESULT_OCTETS_MAX + 1. */
static size_t read_file(int dir_fd, const char *name, char *buffer)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	size_t len = 0;
	ssize_t got = 0;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		do {
			got = read(fd, buffer + len, RESULT_OCTETS_MAX + 1 - len);
			len += got > 0 ? (size_t)got : 0;
		} while (got > 0 && len <= RESULT_OCTETS_MAX);
	close(fd);
	return got < 0 ? 0 : len;
}

int runtime_results_read(const char *dir, runtime_result_fn *fn, void *arg)
{
	char *buffer = malloc(RESULT_OCTETS_MAX + 1);
	struct runtime_result result;
	const struct dirent *entry;
	DIR *stream;
	int err;

	if (buffer == NULL)
		return -ENOMEM;
	stream = opendir(dir);
	if (stream == NULL) {
		err = -errno;
		free(buffer);
		return err;
	}
	for (int i = 0; i < RESULTS_MAX && (entry = readdir(stream)) != NULL; i++) {
		size_t len = read_file(dirfd(stream), entry->d_name, buffer);

		if (runtime_result_parse(buffer, len, &result) == 1)
			fn(&result, arg);
	}
	closedir(stream);
	free(buffer);
	return 0;
}
