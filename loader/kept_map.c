/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept_map.c: what the agent must not forget between two of its runs, in pinned BPF maps.
 *
 * Such a table outlives the agent and goes with a reboot, like the links. The maps are not
 * preallocated: they cost what they hold. The pin carries the data plane's layout version as all
 * do; since no program uses these maps and their own layout is judged by their sizes, an agent of
 * another version just renames it.
 */
#include "loader/kept_map.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane_abi.h"
#include "lib/log.h"

#define PATH_MAX_OCTETS 4096

static void pin_path(const char *bpf_dir, const char *name, char path[PATH_MAX_OCTETS])
{
	snprintf(path, PATH_MAX_OCTETS, "%s/%s_v%d", bpf_dir, name, DATAPLANE_ABI_VERSION);
}

static int make_map(const char *path, const struct kept_map *map)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int fd, err;

	fd = bpf_map_create(BPF_MAP_TYPE_HASH, map->name, map->key_size, map->value_size,
			    map->max_entries, &options);
	if (fd < 0)
		return fd;
	err = bpf_obj_pin(fd, path);
	if (err < 0)
		log_warning("map %s: cannot be pinned at %s: %s; when the agent ends %s", map->name,
			    path, strerror(-err), map->loss);
	return fd;
}

static bool map_fits(int fd, const struct kept_map *map)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == BPF_MAP_TYPE_HASH &&
	       info.key_size == map->key_size && info.value_size == map->value_size;
}

/* "NAME_vNUMBER" */
static bool is_pin_of(const char *file, const struct kept_map *map)
{
	size_t len = strlen(map->name);

	return strncmp(file, map->name, len) == 0 && strncmp(file + len, "_v", 2) == 0;
}

static void take_over_pin(const char *bpf_dir, const char *path, const struct kept_map *map)
{
	const struct dirent *entry;
	DIR *dir;

	if (access(path, F_OK) == 0)
		return;
	dir = opendir(bpf_dir);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (is_pin_of(entry->d_name, map) &&
		    renameat(dirfd(dir), entry->d_name, AT_FDCWD, path) == 0)
			break;
	closedir(dir);
}

int kept_map_open(const char *bpf_dir, const struct kept_map *map)
{
	char path[PATH_MAX_OCTETS];
	int fd;

	pin_path(bpf_dir, map->name, path);
	take_over_pin(bpf_dir, path, map);
	fd = bpf_obj_get(path);
	if (fd >= 0 && !map_fits(fd, map)) {
		close(fd);
		unlink(path);
		fd = -1;
	}
	if (fd < 0)
		fd = make_map(path, map);
	if (fd < 0)
		log_warning("map %s: cannot be made: %s; when the agent ends %s", map->name,
			    strerror(-fd), map->loss);
	return fd < 0 ? -1 : fd;
}

int kept_map_restore_pin(const char *bpf_dir, const char *name, int fd)
{
	char path[PATH_MAX_OCTETS];

	if (fd < 0)
		return 0;
	pin_path(bpf_dir, name, path);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return 0;
	return bpf_obj_pin(fd, path) < 0 ? -errno : 1;
}
