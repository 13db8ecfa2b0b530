/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_DATAPLANE_INTERNAL_H
#define LOADER_DATAPLANE_INTERNAL_H

#include <limits.h>
#include <stddef.h>

#include "loader/dataplane.h"

struct bpf_object;

/* What dataplane.c, dataplane_maps.c, dataplane_pins.c and attach.c share; for nobody else. */

#define DATAPLANE_MAPS_MAX  24
#define DATAPLANE_LINKS_MAX 32
#define MAP_NAME_MAX	    15 /* BPF_OBJ_NAME_LEN without its NUL */

/* Maps that user space reads or writes; the object may have more. */
enum dataplane_map_id {
	MAP_ENDPOINT,
	MAP_ROUTE,
	MAP_SETTINGS,
	MAP_EP_COUNTER,
	MAP_EP_SLOT,
	MAP_DROP_COUNTER,
	MAP_DROP_EVENT,
	MAP_EXPLAIN_TRACE,
	MAP_GENERATION,
	MAP_HOP_GROUP,
	MAP_STACK_TCP, /* these four only with kube-proxy beside us */
	MAP_STACK_OTHER,
	MAP_STACK_FILTER,
	MAP_STACK_COUNTER,
	MAP_KNOWN_COUNT,
};

/* How a map's content gets into its successor when layout or size changes. */
enum map_carry {
	CARRY_NOTHING, /* scratch: starts empty */
	CARRY_COPY,    /* only the agent writes it: one copy before the programs switch */
	CARRY_ADD,     /* programs write it: keys before, counts added after they switched */
};

struct dataplane_map {
	char name[MAP_NAME_MAX + 1];
	int fd;
	int old_fd; /* the pinned predecessor, -1: none or adopted as it is */
	bool adopted;
	uint32_t type, key_size, value_size, max_entries, flags;
};

/* A tcx link, held open so that a lost pin does not take the program away. */
struct dataplane_link {
	uint32_t ifindex;
	enum dataplane_program program;
	int fd;
};

struct dataplane {
	char bpf_dir[PATH_MAX];
	struct dataplane_map map[DATAPLANE_MAPS_MAX];
	size_t map_count;
	int known_fd[MAP_KNOWN_COUNT]; /* the same descriptors by meaning */
	int program_fd[PROGRAM_COUNT];
	int dry_run_fd[PROGRAM_COUNT];
	uint32_t program_id[PROGRAM_COUNT];
	bool is_beside; /* kube-proxy is beside us */
	struct dataplane_link link[DATAPLANE_LINKS_MAX];
	size_t link_count;
	int lock_fd;
	unsigned int cpus;   /* possible CPUs: values of a per-CPU map */
	bool *counter_taken; /* by number in ep_counter; 0 is nobody's */
	uint32_t counter_count;
	uint32_t counter_last;	      /* the number given away last */
	uint32_t generation;	      /* last written to map generation */
	struct hop_group *hop_groups; /* mapped */
	bool holds_generation;	      /* changes do not raise it, but note that one must */
	bool must_raise;
};

/** dataplane_map_is_for_beside() - is the map @name made only with kube-proxy beside us? */
bool dataplane_map_is_for_beside(const char *name);

/** dataplane_pins_prepare() - the folder exists, is ours alone, lies on a bpffs. Returns a
 * descriptor that holds its lock while open, or -errno (said). */
int dataplane_pins_prepare(const char *bpf_dir);
/**
 * dataplane_pins_adopt() - for every map of the opened (not loaded) @object: reuse the pinned map
 * of this version when its layout is the same, else remember the predecessor. 0 or -errno (said).
 */
int dataplane_pins_adopt(struct dataplane *dataplane, struct bpf_object *object);
/** dataplane_pins_carry() - after the load: fill new maps from predecessors, pin them. */
int dataplane_pins_carry(struct dataplane *dataplane);
/** dataplane_pins_finish() - add what programs counted in predecessors, remove other versions'
 * pins. */
int dataplane_pins_finish(struct dataplane *dataplane);

/** dataplane_hop_groups_map() - map the elements of hop_group; _unmap: give them back. 0 or -errno.
 */
int dataplane_hop_groups_map(struct dataplane *dataplane);
void dataplane_hop_groups_unmap(struct dataplane *dataplane);
/** dataplane_flows_begin() - note that new maps of flows lack what was before, until
 * dataplane_flows_settle(); to be called before they are pinned. 0 or -errno. */
int dataplane_flows_begin(struct dataplane *dataplane);
/** dataplane_generation_init() - make the programs look at all maps again, whatever the agent
 * before was killed in. 0 or -errno. */
int dataplane_generation_init(struct dataplane *dataplane);
/** dataplane_counters_init() - learn from map ep_slot which numbers of ep_counter are taken. 0 or
 * -errno. */
int dataplane_counters_init(struct dataplane *dataplane);

#endif /* LOADER_DATAPLANE_INTERNAL_H */
