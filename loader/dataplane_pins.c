/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dataplane_pins.c: maps outlive the agent, and its versions.
 *
 * Every map is pinned as BPF-DIR/NAME_vVERSION (bpffs refuses dots in names), VERSION being
 * DATAPLANE_ABI_VERSION. At start a pinned map of this version and of the configured size is used
 * as it is: the attached programs and we go on with the same one. Any other (another version,
 * another size, a foreign object under our name) is a predecessor:
 *
 *   load       a new map is made, beside it
 *   carry      what only the agent writes (endpoint, route, hop_group, settings) is copied; a
 * longer value gets zeros behind the old fields, a shorter one is cut: so fields are only ever
 * added at the end; counters get their keys. Then the new map is pinned under a temporary name and
 * renamed over, so that a pinned map is always a complete one (switch)   uplink.c and
 * endpoint_store.c replace the programs on all hooks, one by one finish     what the old programs
 * counted meanwhile is added and taken out of the predecessor, which makes a second finish after a
 * crash harmless; other versions' pins go
 *
 * kill -9 at any point leaves pinned, complete maps and running programs; the next start does the
 * rest. Without any pin, maps start empty and are filled from the links (endpoint_store.c).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/log.h"
#include "loader/dataplane_internal.h"
#include "loader/folder_lock.h"

#define BPFFS_MAGIC  0xcafe4a11
#define PIN_NAME_MAX 48
#define PIN_PATH_MAX (PATH_MAX + PIN_NAME_MAX)

static const struct {
	const char *name;
	enum map_carry carry;
} carry_rule[] = {
	{ "endpoint", CARRY_COPY },  { "route", CARRY_COPY },	  { "settings", CARRY_COPY },
	{ "ep_slot", CARRY_COPY },   { "ep_counter", CARRY_ADD }, { "drop_counter", CARRY_ADD },
	{ "hop_group", CARRY_COPY },
};

static enum map_carry carry_of(const char *name)
{
	for (size_t i = 0; i < sizeof(carry_rule) / sizeof(carry_rule[0]); i++)
		if (strcmp(carry_rule[i].name, name) == 0)
			return carry_rule[i].carry;
	return CARRY_NOTHING;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPFFS_MAGIC;
}

static int lock_folder(const char *bpf_dir)
{
	int fd = open(bpf_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	if (fd >= 0)
		err = folder_lock(fd);
	if (!err)
		return fd;
	log_error("bpf-dir %s: %s", bpf_dir,
		  err == -EWOULDBLOCK
			  ? "in use by another tortied; give this one a folder of its own"
			  : strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

int dataplane_pins_prepare(const char *bpf_dir)
{
	char parent[PATH_MAX];
	char *slash;
	int err;

	if (snprintf(parent, sizeof(parent), "%s", bpf_dir) >= (int)sizeof(parent))
		return -ENAMETOOLONG;
	slash = strrchr(parent, '/');
	if (slash && slash != parent)
		*slash = '\0';
	if (!is_bpffs(bpf_dir) && !is_bpffs(parent)) {
		log_error("bpf-dir %s: lies on no bpffs; mount one: mount -t bpf bpf /sys/fs/bpf",
			  bpf_dir);
		return -ENOTSUP;
	}
	if (mkdir(bpf_dir, 0700) < 0 && errno != EEXIST) {
		err = -errno;
		log_error("bpf-dir %s: cannot be made: %s", bpf_dir, strerror(-err));
		return err;
	}
	/* The folder that only we enter is what keeps pinned maps from others. */
	if (chmod(bpf_dir, 0700) < 0) {
		err = -errno;
		log_error("bpf-dir %s: mode 0700 cannot be set: %s", bpf_dir, strerror(-err));
		return err;
	}
	return lock_folder(bpf_dir);
}

/* "NAME_vVERSION" -> VERSION, or -1 when @file is no pin of @name. */
static long pin_version(const char *file, const char *name)
{
	const char *tail = strrchr(file, '_');
	char *end;
	long version;

	if (!tail || tail[1] != 'v' || tail[2] < '0' || tail[2] > '9')
		return -1;
	if ((size_t)(tail - file) != strlen(name) ||
	    strncmp(file, name, (size_t)(tail - file)) != 0)
		return -1;
	version = strtol(tail + 2, &end, 10);
	return *end == '\0' ? version : -1;
}

static void map_pin_path(const struct dataplane *dataplane, const struct dataplane_map *map,
			 const char *suffix, char path[PIN_PATH_MAX])
{
	snprintf(path, PIN_PATH_MAX, "%s/%s_v%d%s", dataplane->bpf_dir, map->name,
		 DATAPLANE_ABI_VERSION, suffix);
}

static int get_map_info(int fd, struct bpf_map_info *ret_info)
{
	uint32_t len = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	return bpf_obj_get_info_by_fd(fd, ret_info, &len) < 0 ? -errno : 0;
}

/* The map pinned at @path, or -errno; a pin that is no map (or a foreign one) is -EINVAL. */
static int open_pinned_map(const char *path, struct bpf_map_info *ret_info)
{
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return -errno;
	if (get_map_info(fd, ret_info) == 0 && ret_info->type != 0)
		return fd;
	close(fd);
	return -EINVAL;
}

/* Content can be carried over when the keys mean the same; values may differ in length. */
static bool is_predecessor(const struct dataplane_map *map, const struct bpf_map_info *info)
{
	return info->type == map->type && info->key_size == map->key_size;
}

/* Replacing what may be a map of ours would lose its counters and flows: the start fails. */
static void tell_unreadable(const char *path, int err)
{
	log_error("%s: cannot be opened: %s; start again, or remove it to begin without its "
		  "content",
		  path, strerror(-err));
}

/* The newest other version of @map among the pins; -ENOENT when there is none. */
static int open_other_version(const struct dataplane *dataplane, const struct dataplane_map *map,
			      long *ret_version)
{
	char path[PIN_PATH_MAX];
	struct bpf_map_info info;
	const struct dirent *entry;
	long best = -1;
	int fd;
	DIR *dir = opendir(dataplane->bpf_dir);

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		long version = pin_version(entry->d_name, map->name);

		if (version > best && version != DATAPLANE_ABI_VERSION)
			best = version;
	}
	closedir(dir);
	if (best < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/%s_v%ld", dataplane->bpf_dir, map->name, best);
	fd = open_pinned_map(path, &info);
	if (fd < 0 && fd != -ENOENT && fd != -EINVAL)
		tell_unreadable(path, fd);
	if (fd < 0)
		return fd;
	if (!is_predecessor(map, &info)) {
		close(fd);
		return -EINVAL;
	}
	*ret_version = best;
	return fd;
}

static int adopt_same_version(struct dataplane *dataplane, struct dataplane_map *map,
			      struct bpf_map *object_map)
{
	char path[PIN_PATH_MAX];
	struct bpf_map_info info;
	int fd, err;

	map_pin_path(dataplane, map, "", path);
	fd = open_pinned_map(path, &info);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0 && fd != -EINVAL) {
		tell_unreadable(path, fd);
		return fd;
	}
	if (fd < 0 || !is_predecessor(map, &info)) {
		log_warning("%s: is not a map of ours; it is replaced", path);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	if (info.value_size != map->value_size || info.max_entries != map->max_entries ||
	    info.map_flags != bpf_map__map_flags(object_map)) {
		log_info("map %s: %u entries of %u octets become %u of %u", map->name,
			 info.max_entries, info.value_size, map->max_entries, map->value_size);
		map->old_fd = fd;
		return 0;
	}
	err = bpf_map__reuse_fd(object_map, fd);
	close(fd);
	if (err)
		return err;
	map->adopted = true;
	return 0;
}

static int adopt_map(struct dataplane *dataplane, struct bpf_map *object_map)
{
	struct dataplane_map *map = &dataplane->map[dataplane->map_count];
	long version = 0;
	int err;

	if (strlen(bpf_map__name(object_map)) > MAP_NAME_MAX)
		return -ENAMETOOLONG;
	snprintf(map->name, sizeof(map->name), "%s", bpf_map__name(object_map));
	map->type = bpf_map__type(object_map);
	map->key_size = bpf_map__key_size(object_map);
	map->value_size = bpf_map__value_size(object_map);
	map->max_entries = bpf_map__max_entries(object_map);
	map->flags = bpf_map__map_flags(object_map);
	dataplane->map_count++;
	err = adopt_same_version(dataplane, map, object_map);
	if (err || map->old_fd >= 0 || carry_of(map->name) == CARRY_NOTHING)
		return err;
	/* Also beside an adopted map: an agent that was killed between switch and finish. */
	map->old_fd = open_other_version(dataplane, map, &version);
	if (map->old_fd >= 0)
		log_info("map %s: layout version %ld becomes %d", map->name, version,
			 DATAPLANE_ABI_VERSION);
	else if (map->old_fd != -ENOENT && map->old_fd != -EINVAL)
		return map->old_fd;
	return 0;
}

int dataplane_pins_adopt(struct dataplane *dataplane, struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		int err;

		if (bpf_map__is_internal(map) || !bpf_map__autocreate(map))
			continue;
		if (dataplane->map_count == DATAPLANE_MAPS_MAX)
			return -ENOSPC;
		err = adopt_map(dataplane, map);
		if (err)
			return err;
	}
	return 0;
}

/* --- copying --- */

static bool is_per_cpu(const struct dataplane_map *map)
{
	return map->type == BPF_MAP_TYPE_PERCPU_HASH || map->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* Octets of one element as a lookup gives it. */
static size_t element_octets(const struct dataplane *dataplane, const struct dataplane_map *map,
			     uint32_t value_size)
{
	if (!is_per_cpu(map))
		return value_size;
	return (size_t)((value_size + 7) & ~7u) * dataplane->cpus;
}

struct copy_buffers {
	struct bpf_map_info old;
	void *key, *next, *old_value, *new_value;
};

static void copy_buffers_fini(struct copy_buffers *buffers)
{
	free(buffers->key);
	free(buffers->next);
	free(buffers->old_value);
	free(buffers->new_value);
}

static int copy_buffers_init(const struct dataplane *dataplane, const struct dataplane_map *map,
			     struct copy_buffers *buffers)
{
	size_t longest;
	int err = get_map_info(map->old_fd, &buffers->old);

	if (err)
		return err;
	longest = element_octets(dataplane, map,
				 buffers->old.value_size > map->value_size ? buffers->old.value_size
									   : map->value_size);
	buffers->key = calloc(1, map->key_size);
	buffers->next = calloc(1, map->key_size);
	buffers->old_value = calloc(1, longest);
	buffers->new_value = calloc(1, longest);
	if (buffers->key && buffers->next && buffers->old_value && buffers->new_value)
		return 0;
	copy_buffers_fini(buffers);
	return -ENOMEM;
}

/* One element for each of the two rules; -errno of the update, or 1 when it is to be left out. */
static int copy_element(const struct dataplane_map *map, struct copy_buffers *buffers)
{
	if (bpf_map_lookup_elem(map->old_fd, buffers->key, buffers->old_value) < 0)
		return 1;
	/* A longer value has zeros behind: the buffer is as long as the longer of the two. */
	return bpf_map_update_elem(map->fd, buffers->key, buffers->old_value, BPF_ANY) < 0 ? -errno
											   : 0;
}

static int create_zero_element(const struct dataplane_map *map, struct copy_buffers *buffers)
{
	if (bpf_map_update_elem(map->fd, buffers->key, buffers->new_value, BPF_NOEXIST) == 0 ||
	    errno == EEXIST)
		return 0;
	return -errno;
}

static int fill_new_map(const struct dataplane *dataplane, const struct dataplane_map *map)
{
	bool adds = carry_of(map->name) == CARRY_ADD;
	struct copy_buffers buffers = { 0 };
	unsigned int left_out = 0;
	void *previous = NULL;
	int err = copy_buffers_init(dataplane, map, &buffers);

	if (err)
		return err;
	/* Arrays have all their keys from the start. */
	if (adds && map->type == BPF_MAP_TYPE_PERCPU_ARRAY)
		goto out;
	while (bpf_map_get_next_key(map->old_fd, previous, buffers.key) == 0) {
		int copied =
			adds ? create_zero_element(map, &buffers) : copy_element(map, &buffers);

		previous = buffers.key;
		if (copied < 0)
			left_out++;
	}
	if (left_out)
		log_warning("map %s: %u entries did not fit into %u; raise its size in the "
			    "configuration",
			    map->name, left_out, map->max_entries);
out:
	copy_buffers_fini(&buffers);
	return 0;
}

static void sum_values(const struct dataplane *dataplane, const struct dataplane_map *map,
		       struct copy_buffers *buffers)
{
	size_t old_words = (buffers->old.value_size + 7) / 8;
	size_t new_words = (map->value_size + 7) / 8;
	size_t words = old_words < new_words ? old_words : new_words;
	const uint64_t *from = buffers->old_value;
	uint64_t *to = buffers->new_value;

	for (unsigned int cpu = 0; cpu < dataplane->cpus; cpu++)
		for (size_t i = 0; i < words; i++)
			to[cpu * new_words + i] += from[cpu * old_words + i];
}

/*
 * Add one counter to its successor and take it out of the predecessor. Programs count in the
 * successor meanwhile: what they add in the microseconds between our read and write is lost from a
 * statistic, once in the life of a layout.
 */
static void add_element(const struct dataplane *dataplane, const struct dataplane_map *map,
			struct copy_buffers *buffers)
{
	size_t old_octets = element_octets(dataplane, map, buffers->old.value_size);

	if (bpf_map_lookup_elem(map->old_fd, buffers->key, buffers->old_value) < 0 ||
	    bpf_map_lookup_elem(map->fd, buffers->key, buffers->new_value) < 0)
		return;
	sum_values(dataplane, map, buffers);
	if (bpf_map_update_elem(map->fd, buffers->key, buffers->new_value, BPF_EXIST) < 0)
		return;
	memset(buffers->old_value, 0, old_octets);
	bpf_map_update_elem(map->old_fd, buffers->key, buffers->old_value, BPF_EXIST);
}

static int add_counts(const struct dataplane *dataplane, const struct dataplane_map *map)
{
	struct copy_buffers buffers = { 0 };
	int err = copy_buffers_init(dataplane, map, &buffers);
	bool more;

	if (err)
		return err;
	more = bpf_map_get_next_key(map->old_fd, NULL, buffers.key) == 0;
	while (more) {
		more = bpf_map_get_next_key(map->old_fd, buffers.key, buffers.next) == 0;
		add_element(dataplane, map, &buffers);
		memcpy(buffers.key, buffers.next, map->key_size);
	}
	copy_buffers_fini(&buffers);
	return 0;
}

/* --- pinning --- */

static int pin_over(const struct dataplane *dataplane, const struct dataplane_map *map)
{
	char path[PIN_PATH_MAX], fresh[PIN_PATH_MAX];

	map_pin_path(dataplane, map, "", path);
	map_pin_path(dataplane, map, "_new", fresh);
	unlink(fresh);
	if (bpf_obj_pin(map->fd, fresh) < 0)
		return -errno;
	return rename(fresh, path) < 0 ? -errno : 0;
}

int dataplane_pins_carry(struct dataplane *dataplane)
{
	for (size_t i = 0; i < dataplane->map_count; i++) {
		struct dataplane_map *map = &dataplane->map[i];
		int err = 0;

		if (map->adopted)
			continue;
		if (map->old_fd >= 0 && carry_of(map->name) != CARRY_NOTHING)
			err = fill_new_map(dataplane, map);
		if (!err)
			err = pin_over(dataplane, map);
		if (err) {
			log_error("map %s: cannot be pinned in %s: %s", map->name,
				  dataplane->bpf_dir, strerror(-err));
			return err;
		}
	}
	return 0;
}

/* "NAME_vVERSION" of a map that is not made any more: kube-proxy was beside us before. */
static bool is_left_out(const struct dataplane *dataplane, const char *file)
{
	char name[MAP_NAME_MAX + 1];
	const char *tail = strrchr(file, '_');

	if (dataplane->is_beside || !tail || tail - file > MAP_NAME_MAX)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(tail - file), file);
	return dataplane_map_is_for_beside(name) && pin_version(file, name) >= 0;
}

/* Pins under names that no map of ours has (pod_names.c keeps one) are not judged here. */
static bool is_other_version(const struct dataplane *dataplane, const char *file)
{
	if (is_left_out(dataplane, file))
		return true;
	for (size_t i = 0; i < dataplane->map_count; i++) {
		long version = pin_version(file, dataplane->map[i].name);

		if (version >= 0)
			return version != DATAPLANE_ABI_VERSION;
	}
	return false;
}

static void remove_other_versions(const struct dataplane *dataplane)
{
	const struct dirent *entry;
	DIR *dir = opendir(dataplane->bpf_dir);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (is_other_version(dataplane, entry->d_name) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			log_debug("pin %s: removed, all hooks run version %d", entry->d_name,
				  DATAPLANE_ABI_VERSION);
	}
	closedir(dir);
}

int dataplane_pins_finish(struct dataplane *dataplane)
{
	int err = 0;

	for (size_t i = 0; i < dataplane->map_count; i++) {
		struct dataplane_map *map = &dataplane->map[i];
		int added = 0;

		if (map->old_fd < 0)
			continue;
		if (carry_of(map->name) == CARRY_ADD)
			added = add_counts(dataplane, map);
		if (added)
			err = added;
		close(map->old_fd);
		map->old_fd = -1;
	}
	remove_other_versions(dataplane);
	return err;
}

int dataplane_restore_pins(struct dataplane *dataplane)
{
	int restored = 0;

	for (size_t i = 0; i < dataplane->map_count; i++) {
		struct dataplane_map *map = &dataplane->map[i];
		char path[PIN_PATH_MAX];

		map_pin_path(dataplane, map, "", path);
		if (access(path, F_OK) == 0 || errno != ENOENT)
			continue;
		mkdir(dataplane->bpf_dir, 0700);
		if (bpf_obj_pin(map->fd, path) < 0)
			return -errno;
		restored++;
	}
	return restored;
}
