/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dataplane.c: load the BPF object and own its descriptors.
 *
 * The one object (build/tortie.bpf.o, as a skeleton) is opened twice. First the live copy: its maps
 * are taken from the pins of an agent before us or made new (dataplane_pins.c), its programs are
 * attached by attach.c. Then the dry-run copy for `tortie explain`: the same code with the constant
 * dry_run set, on the same maps, never attached. Both are loaded here and now, since CAP_PERFMON is
 * given up afterwards.
 *
 * Only descriptors are kept. libbpf's objects hold the ELF file, its BTF and the relocated
 * instructions, some hundred KiB that nobody needs after the load; so descriptors are duplicated
 * and both skeletons destroyed.
 *
 * Elements are read and written in dataplane_maps.c. What a map is for: docs/maps.md.
 */
#include "loader/dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "loader/dataplane_internal.h"
#include "loader/map_memory.h"
#include "node_objects.h"
#include "tortie.skel.h"

static const char *const program_name[PROGRAM_COUNT] = {
	[PROGRAM_FROM_POD] = "from_pod",
	[PROGRAM_TO_POD] = "to_pod",
	[PROGRAM_FROM_NETWORK] = UPLINK_PROGRAM_NAME,
	[PROGRAM_TO_NETWORK] = UPLINK_EGRESS_NAME,
};

static const char *const known_map_name[MAP_KNOWN_COUNT] = {
	[MAP_ENDPOINT] = "endpoint",	       [MAP_ROUTE] = "route",
	[MAP_SETTINGS] = "settings",	       [MAP_EP_COUNTER] = "ep_counter",
	[MAP_DROP_COUNTER] = "drop_counter",   [MAP_DROP_EVENT] = "drop_event",
	[MAP_EXPLAIN_TRACE] = "explain_trace", [MAP_EP_SLOT] = "ep_slot",
	[MAP_GENERATION] = "generation",       [MAP_HOP_GROUP] = "hop_group",
	[MAP_STACK_TCP] = "stack_tcp",	       [MAP_STACK_OTHER] = "stack_other",
	[MAP_STACK_FILTER] = "stack_filter",   [MAP_STACK_COUNTER] = "stack_counter",
};

bool dataplane_map_is_for_beside(const char *name)
{
	for (size_t id = MAP_STACK_TCP; id <= MAP_STACK_COUNTER; id++)
		if (strcmp(known_map_name[id], name) == 0)
			return true;
	return false;
}

bool dataplane_is_beside(const struct dataplane *dataplane)
{
	return dataplane->is_beside;
}

/* libbpf and the verifier talk a lot; our own line names the cause, theirs are for debugging. */
static int print_quietly(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[900];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("libbpf: %s", line);
	return 0;
}

static int close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return 0;
}

static int duplicate(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

static struct dataplane *dataplane_alloc(const char *bpf_dir)
{
	struct dataplane *dataplane = calloc(1, sizeof(*dataplane));
	int cpus = libbpf_num_possible_cpus();

	if (!dataplane)
		return NULL;
	snprintf(dataplane->bpf_dir, sizeof(dataplane->bpf_dir), "%s", bpf_dir);
	dataplane->lock_fd = -1;
	dataplane->cpus = cpus > 0 ? (unsigned int)cpus : 1;
	for (size_t i = 0; i < DATAPLANE_MAPS_MAX; i++)
		dataplane->map[i].fd = dataplane->map[i].old_fd = -1;
	for (size_t i = 0; i < MAP_KNOWN_COUNT; i++)
		dataplane->known_fd[i] = -1;
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		dataplane->program_fd[i] = dataplane->dry_run_fd[i] = -1;
	return dataplane;
}

/* Map sizes follow the configuration; all others are as the object says. */
static int set_sizes(struct bpf_object *object, const struct config *config)
{
	const struct {
		const char *name;
		uint32_t entries;
	} size[] = {
		{ "endpoint", config->map_endpoints },	{ "ep_counter", config->map_endpoints },
		{ "ep_slot", config->map_endpoints },	{ "route", config->map_routes },
		{ "stack_tcp", config->map_stack_tcp }, { "stack_other", config->map_stack_other },
	};

	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, size[i].name);
		int err = map ? bpf_map__set_max_entries(map, size[i].entries) : -ENOENT;

		if (err)
			return err;
	}
	return 0;
}

/* Without kube-proxy the verifier takes out whatever asks these maps: they are not made. */
static int leave_out_flow_maps(struct bpf_object *object)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, object) {
		if (dataplane_map_is_for_beside(bpf_map__name(map)))
			err = bpf_map__set_autocreate(map, false);
		if (err)
			return err;
	}
	return 0;
}

static int keep_maps(struct dataplane *dataplane, const struct bpf_object *object)
{
	for (size_t i = 0; i < dataplane->map_count; i++) {
		struct dataplane_map *map = &dataplane->map[i];
		int fd = bpf_object__find_map_fd_by_name(object, map->name);

		if (fd < 0)
			return -ENOENT;
		map->fd = duplicate(fd);
		if (map->fd < 0)
			return map->fd;
		for (size_t known = 0; known < MAP_KNOWN_COUNT; known++)
			if (strcmp(known_map_name[known], map->name) == 0)
				dataplane->known_fd[known] = map->fd;
	}
	for (size_t known = 0; known < MAP_KNOWN_COUNT; known++)
		if (dataplane->known_fd[known] < 0 &&
		    (dataplane->is_beside || !dataplane_map_is_for_beside(known_map_name[known])))
			return -ENOENT;
	return 0;
}

static int keep_programs(const struct bpf_object *object, int ret_fd[PROGRAM_COUNT])
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(object, program_name[i]);

		if (!program)
			return -ENOENT;
		ret_fd[i] = duplicate(bpf_program__fd(program));
		if (ret_fd[i] < 0)
			return ret_fd[i];
	}
	return 0;
}

static int read_program_ids(struct dataplane *dataplane)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(dataplane->program_fd[i], &info, &len) < 0)
			return -errno;
		dataplane->program_id[i] = info.id;
	}
	return 0;
}

static int load_live(struct dataplane *dataplane, const struct config *config)
{
	struct tortie_bpf *skeleton = tortie_bpf__open();
	int err;

	if (!skeleton) {
		err = -errno;
		log_error("BPF object: cannot be opened: %s", strerror(-err));
		return err;
	}
	skeleton->rodata->beside_kube_proxy = dataplane->is_beside;
	err = set_sizes(skeleton->obj, config);
	if (!err && !dataplane->is_beside)
		err = leave_out_flow_maps(skeleton->obj);
	if (!err)
		err = dataplane_pins_adopt(dataplane, skeleton->obj);
	if (err) {
		log_error("BPF maps in %s: cannot be taken over: %s", dataplane->bpf_dir,
			  strerror(-err));
		goto out;
	}
	err = tortie_bpf__load(skeleton);
	if (err) {
		log_error("BPF programs: the kernel refused them: %s (log_level: debug shows the "
			  "verifier's words; tortie preflight checks this kernel)",
			  strerror(-err));
		goto out;
	}
	err = keep_maps(dataplane, skeleton->obj);
	if (!err)
		err = keep_programs(skeleton->obj, dataplane->program_fd);
	if (!err)
		err = read_program_ids(dataplane);
	if (err)
		log_error("BPF object: maps or programs are missing: %s", strerror(-err));
out:
	tortie_bpf__destroy(skeleton);
	return err;
}

static int load_dry_run(struct dataplane *dataplane)
{
	struct tortie_bpf *skeleton = tortie_bpf__open();
	int err = 0;

	if (!skeleton)
		return -errno;
	skeleton->rodata->dry_run = 1;
	skeleton->rodata->beside_kube_proxy = dataplane->is_beside;
	if (!dataplane->is_beside)
		err = leave_out_flow_maps(skeleton->obj);
	for (size_t i = 0; i < dataplane->map_count && !err; i++) {
		struct dataplane_map *map = &dataplane->map[i];

		err = bpf_map__reuse_fd(bpf_object__find_map_by_name(skeleton->obj, map->name),
					map->fd);
	}
	if (!err)
		err = tortie_bpf__load(skeleton);
	if (!err)
		err = keep_programs(skeleton->obj, dataplane->dry_run_fd);
	tortie_bpf__destroy(skeleton);
	return err;
}

int dataplane_open(const struct config *config, const char *bpf_dir,
		   struct dataplane **ret_dataplane)
{
	struct dataplane *dataplane;
	int err;

	libbpf_set_print(print_quietly);
	dataplane = dataplane_alloc(bpf_dir);
	if (!dataplane)
		return -ENOMEM;
	dataplane->is_beside = config->kube_proxy == KUBE_PROXY_BESIDE;
	dataplane->lock_fd = dataplane_pins_prepare(bpf_dir);
	if (dataplane->lock_fd < 0) {
		err = dataplane->lock_fd;
		goto err_close;
	}
	err = load_live(dataplane, config);
	if (err)
		goto err_close;
	err = dataplane_flows_begin(dataplane);
	if (err) {
		log_error("map stack_filter: cannot be mapped: %s", strerror(-err));
		goto err_close;
	}
	err = dataplane_pins_carry(dataplane);
	if (err)
		goto err_close;
	err = dataplane_generation_init(dataplane);
	if (err) {
		log_error("map generation: cannot be written: %s", strerror(-err));
		goto err_close;
	}
	err = dataplane_counters_init(dataplane);
	if (err) {
		log_error("map ep_slot: cannot be read: %s", strerror(-err));
		goto err_close;
	}
	err = dataplane_hop_groups_map(dataplane);
	if (err) {
		log_error("map hop_group: cannot be mapped: %s", strerror(-err));
		goto err_close;
	}
	err = load_dry_run(dataplane);
	if (err) {
		log_error("BPF programs: the dry-run copy for explain was refused: %s",
			  strerror(-err));
		goto err_close;
	}
	/* libbpf parsed the kernel's own BTF, several MiB: give the pages back. */
	malloc_trim(0);
	*ret_dataplane = dataplane;
	return 0;

err_close:
	dataplane_close(dataplane);
	return err;
}

int dataplane_drop_old_pins(struct dataplane *dataplane)
{
	int err = dataplane_pins_finish(dataplane);

	if (err)
		return err;
	/*
	 * Until now programs of before could remember, under today's generation, what maps of
	 * before said: they share generation and decision with ours where only another map's size
	 * changed.
	 */
	return dataplane_generation_init(dataplane);
}

void dataplane_close(struct dataplane *dataplane)
{
	if (!dataplane)
		return;
	dataplane_hop_groups_unmap(dataplane);
	for (size_t i = 0; i < DATAPLANE_MAPS_MAX; i++) {
		close_fd(&dataplane->map[i].fd);
		close_fd(&dataplane->map[i].old_fd);
	}
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		close_fd(&dataplane->program_fd[i]);
		close_fd(&dataplane->dry_run_fd[i]);
	}
	for (size_t i = 0; i < dataplane->link_count; i++)
		close_fd(&dataplane->link[i].fd);
	close_fd(&dataplane->lock_fd);
	free(dataplane->counter_taken);
	free(dataplane);
}

int dataplane_dry_run_fd(const struct dataplane *dataplane, enum dataplane_program program)
{
	return dataplane->dry_run_fd[program];
}

uint32_t dataplane_program_id(const struct dataplane *dataplane, enum dataplane_program program)
{
	return dataplane->program_id[program];
}

const char *dataplane_program_name(enum dataplane_program program)
{
	return program_name[program];
}

int dataplane_drop_event_fd(const struct dataplane *dataplane)
{
	return dataplane->known_fd[MAP_DROP_EVENT];
}

uint64_t dataplane_map_octets(const struct dataplane *dataplane)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < dataplane->map_count; i++) {
		const struct dataplane_map *map = &dataplane->map[i];
		const struct map_shape shape = {
			.type = map->type,
			.key_size = map->key_size,
			.value_size = map->value_size,
			.max_entries = map->max_entries,
			.flags = map->flags,
		};

		octets += map_memory_octets(&shape, dataplane->cpus);
	}
	return octets;
}
