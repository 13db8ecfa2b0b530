/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach_uplink.c: our programs on the uplinks: from_network on the way in and, with kube-proxy
 * beside us, to_network on the way out.
 *
 * Where the kernel has tcx (6.6) a program hangs on a BPF link that is pinned in BPF-DIR as
 * PROGRAM_IFINDEX: it stays when the agent goes, survives `tc qdisc del clsact`, and a new program
 * takes over by BPF_LINK_UPDATE without a gap. It is placed after the programs that are there
 * (BPF_F_AFTER): what we do not claim we hand on, and others come first on their own link. The
 * agent also holds the link's descriptor, so that a removed pin does not remove the program.
 * Before 6.6 BPF_LINK_CREATE says EINVAL and a clsact filter at our place does the same work.
 *
 * libbpf 1.1 of Debian 12 does not know tcx, nor do its headers: the system call is made here with
 * the older, shorter attribute union; what follows is zero, which is what we want.
 *
 * A link pinned before the device was deleted is an empty shell (ifindex 0) and is dropped.
 */
#include "loader/attach.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/pkt_sched.h>
#include <netlink/msg.h>

#include "lib/log.h"
#include "loader/attach_internal.h"
#include "loader/dataplane_internal.h"
#include "loader/netlink.h"

#define TCX_FLAG_AFTER	    (1u << 4) /* BPF_F_AFTER */
#define TCX_LINK_TYPE	    11u	      /* BPF_LINK_TYPE_TCX */
#define LINK_PATH_MAX	    (PATH_MAX + 64)
#define QUERY_PROGRAMS_MAX  64
#define LINK_INFO_PLACE_OFF 16 /* struct bpf_link_info: the union behind type, id, prog_id */

struct link_facts {
	uint32_t type, program_id, ifindex;
};

/* Who records comes before who asks. */
static const struct side {
	enum dataplane_program program;
	int attach_type;
	uint32_t minor;
	const char *prefix; /* of the pin */
} sides[] = {
	{ PROGRAM_TO_NETWORK, TCX_EGRESS, TC_H_MIN_EGRESS, UPLINK_EGRESS_NAME "_" },
	{ PROGRAM_FROM_NETWORK, TCX_INGRESS, TC_H_MIN_INGRESS, UPLINK_PROGRAM_NAME "_" },
};

#define SIDE_COUNT (sizeof(sides) / sizeof(sides[0]))

/* One side of one link, and what it takes to work on it. */
struct hook {
	struct dataplane *dataplane;
	struct netlink *netlink;
	const char *bpf_dir;
	uint32_t ifindex;
	const struct side *side;
};

static bool is_wanted(const struct hook *hook)
{
	return hook->side->program != PROGRAM_TO_NETWORK || hook->dataplane->is_beside;
}

static long bpf_call(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

uint32_t attach_first_tcx(uint32_t ifindex, int attach_type)
{
	uint32_t ids[QUERY_PROGRAMS_MAX] = { 0 };
	union bpf_attr attr = { 0 };

	attr.query.target_fd = ifindex; /* tcx: the target is a link */
	attr.query.attach_type = (uint32_t)attach_type;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = QUERY_PROGRAMS_MAX;
	/* More programs than fit is ENOSPC with those that fit filled in. */
	if (bpf_call(BPF_PROG_QUERY, &attr) < 0 && errno != ENOSPC)
		return 0;
	return ids[0];
}

static int create_tcx_link(const struct hook *hook)
{
	union bpf_attr attr = { 0 };
	int fd;

	attr.link_create.prog_fd = (uint32_t)hook->dataplane->program_fd[hook->side->program];
	attr.link_create.target_ifindex = hook->ifindex;
	attr.link_create.attach_type = (uint32_t)hook->side->attach_type;
	attr.link_create.flags = TCX_FLAG_AFTER;
	fd = (int)bpf_call(BPF_LINK_CREATE, &attr);
	return fd < 0 ? -errno : fd;
}

static int read_link(int fd, struct link_facts *ret_facts)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	ret_facts->type = info.type;
	ret_facts->program_id = info.prog_id;
	memcpy(&ret_facts->ifindex, (const char *)&info + LINK_INFO_PLACE_OFF,
	       sizeof(ret_facts->ifindex));
	return 0;
}

static void link_path(const struct hook *hook, char path[LINK_PATH_MAX])
{
	snprintf(path, LINK_PATH_MAX, "%s/%s%u", hook->bpf_dir, hook->side->prefix, hook->ifindex);
}

static struct dataplane_link *find_held(const struct hook *hook)
{
	struct dataplane *dataplane = hook->dataplane;

	for (size_t i = 0; i < dataplane->link_count; i++)
		if (dataplane->link[i].ifindex == hook->ifindex &&
		    dataplane->link[i].program == hook->side->program)
			return &dataplane->link[i];
	return NULL;
}

static void drop_held(struct dataplane *dataplane, struct dataplane_link *link)
{
	close(link->fd);
	*link = dataplane->link[--dataplane->link_count];
}

/* Take a link's descriptor into our care; without room only its pin holds it. */
static void hold(const struct hook *hook, int fd)
{
	struct dataplane *dataplane = hook->dataplane;

	if (dataplane->link_count == DATAPLANE_LINKS_MAX) {
		close(fd);
		return;
	}
	dataplane->link[dataplane->link_count++] = (struct dataplane_link){
		.ifindex = hook->ifindex,
		.program = hook->side->program,
		.fd = fd,
	};
}

static bool is_tcx_on(int fd, uint32_t ifindex, uint32_t *ret_program_id)
{
	struct link_facts facts = { 0 };

	if (read_link(fd, &facts) < 0 || facts.type != TCX_LINK_TYPE || facts.ifindex != ifindex)
		return false;
	*ret_program_id = facts.program_id;
	return true;
}

/* The live link of a hook, held or pinned; a dead one is let go. -ENOENT: none. */
static int find_link(const struct hook *hook, uint32_t *ret_program_id)
{
	struct dataplane_link *held = find_held(hook);
	char path[LINK_PATH_MAX];
	int fd;

	if (held && is_tcx_on(held->fd, hook->ifindex, ret_program_id))
		return held->fd;
	if (held)
		drop_held(hook->dataplane, held);
	link_path(hook, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -ENOENT;
	if (is_tcx_on(fd, hook->ifindex, ret_program_id)) {
		hold(hook, fd);
		return fd;
	}
	close(fd);
	unlink(path);
	return -ENOENT;
}

static int pin_link(const struct hook *hook, int fd)
{
	char path[LINK_PATH_MAX];

	link_path(hook, path);
	if (access(path, F_OK) == 0)
		return 0;
	mkdir(hook->bpf_dir, 0700);
	return bpf_obj_pin(fd, path) < 0 ? -errno : 0;
}

static int attach_tcx(const struct hook *hook)
{
	const struct dataplane *dataplane = hook->dataplane;
	enum dataplane_program program = hook->side->program;
	uint32_t program_id = 0;
	int err, fd = find_link(hook, &program_id);

	if (fd >= 0) {
		if (program_id != dataplane->program_id[program] &&
		    bpf_link_update(fd, dataplane->program_fd[program], NULL) < 0)
			return -errno;
		return pin_link(hook, fd);
	}
	fd = create_tcx_link(hook);
	if (fd < 0)
		return fd;
	err = pin_link(hook, fd);
	hold(hook, fd);
	return err;
}

static int attach_clsact(const struct hook *hook)
{
	enum dataplane_program program = hook->side->program;
	struct nl_msg *msgs[] = {
		attach_clsact_message(hook->ifindex),
		attach_filter_message(hook->ifindex, hook->side->minor,
				      hook->dataplane->program_fd[program],
				      dataplane_program_name(program)),
	};
	int error[2] = { 0 };
	int err = netlink_send_batch(hook->netlink, msgs, 2, error);

	if (error[0] && error[0] != -EEXIST)
		return error[0];
	if (error[1])
		return error[1];
	return err == -EEXIST ? 0 : err;
}

static void delete_filter(const struct hook *hook)
{
	netlink_request(hook->netlink,
			attach_filter_delete_message(hook->ifindex, hook->side->minor));
}

static int attach_side(const struct hook *hook, enum uplink_hook *ret_kind)
{
	int err = attach_tcx(hook);

	if (err == 0) {
		*ret_kind = UPLINK_HOOK_TCX;
		/* Left from a time without tcx it would run the program twice. */
		delete_filter(hook);
		return 0;
	}
	if (err != -EINVAL)
		return err;
	err = attach_clsact(hook);
	if (!err)
		*ret_kind = UPLINK_HOOK_CLSACT;
	return err;
}

/* Let go of the link, held and pinned. 0 or -errno. */
static int drop_link(const struct hook *hook)
{
	struct dataplane_link *held = find_held(hook);
	char path[LINK_PATH_MAX];

	if (held)
		drop_held(hook->dataplane, held);
	link_path(hook, path);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int attach_uplink(struct dataplane *dataplane, struct netlink *netlink, const char *bpf_dir,
		  uint32_t ifindex, enum uplink_hook *ret_hook)
{
	struct hook hook = { dataplane, netlink, bpf_dir, ifindex, NULL };
	int err = 0;

	for (size_t i = 0; i < SIDE_COUNT && !err; i++) {
		hook.side = &sides[i];
		if (is_wanted(&hook)) {
			err = attach_side(&hook, ret_hook);
		} else {
			/* An agent before us may have wanted it. */
			err = drop_link(&hook);
			delete_filter(&hook);
		}
	}
	return err;
}

static int side_is_whole(const struct hook *hook)
{
	uint32_t ours = hook->dataplane->program_id[hook->side->program];
	struct hook_state state;
	char path[LINK_PATH_MAX];
	uint32_t program_id = 0;
	int err;

	if (find_link(hook, &program_id) >= 0) {
		link_path(hook, path);
		return program_id == ours && access(path, F_OK) == 0;
	}
	err = attach_read_filters(hook->netlink, hook->ifindex, hook->side->minor, ours, &state);
	return err ? err : state.is_ours;
}

int attach_uplink_is_whole(struct dataplane *dataplane, struct netlink *netlink,
			   const char *bpf_dir, uint32_t ifindex)
{
	struct hook hook = { dataplane, netlink, bpf_dir, ifindex, NULL };
	int whole = 1;

	for (size_t i = 0; i < SIDE_COUNT && whole == 1; i++) {
		hook.side = &sides[i];
		if (is_wanted(&hook))
			whole = side_is_whole(&hook);
	}
	return whole;
}

static int detach_side(const struct hook *hook)
{
	struct hook_state state;
	int err = drop_link(hook);

	if (err)
		return err;
	err = attach_read_filters(hook->netlink, hook->ifindex, hook->side->minor,
				  hook->dataplane->program_id[hook->side->program], &state);
	if (err || !state.is_ours)
		return err == -ENODEV || err == -EINVAL ? 0 : err;
	return netlink_request(hook->netlink,
			       attach_filter_delete_message(hook->ifindex, hook->side->minor));
}

int detach_uplink(struct dataplane *dataplane, struct netlink *netlink, const char *bpf_dir,
		  uint32_t ifindex)
{
	struct hook hook = { dataplane, netlink, bpf_dir, ifindex, NULL };
	int first = 0;

	for (size_t i = 0; i < SIDE_COUNT; i++) {
		int err;

		hook.side = &sides[i];
		err = detach_side(&hook);
		if (!first)
			first = err;
	}
	return first;
}

static bool is_kept(const uint32_t *keep, size_t keep_count, uint32_t ifindex)
{
	for (size_t i = 0; i < keep_count; i++)
		if (keep[i] == ifindex)
			return true;
	return false;
}

/* The hook that a pin's name stands for. */
static bool read_pin_name(const char *name, struct hook *hook)
{
	for (size_t i = 0; i < SIDE_COUNT; i++) {
		size_t len = strlen(sides[i].prefix);
		char *end;

		if (strncmp(name, sides[i].prefix, len) != 0)
			continue;
		hook->side = &sides[i];
		hook->ifindex = (uint32_t)strtoul(name + len, &end, 10);
		return *end == '\0';
	}
	return false;
}

void attach_drop_stale_uplinks(struct dataplane *dataplane, const char *bpf_dir,
			       const uint32_t *keep, size_t keep_count)
{
	struct hook hook = { .dataplane = dataplane, .bpf_dir = bpf_dir };
	const struct dirent *entry;
	DIR *dir = opendir(bpf_dir);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		struct dataplane_link *held;

		if (!read_pin_name(entry->d_name, &hook) || is_kept(keep, keep_count, hook.ifindex))
			continue;
		held = find_held(&hook);
		if (held)
			drop_held(dataplane, held);
		if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			log_info("%s left link number %u, no uplink any more",
				 dataplane_program_name(hook.side->program), hook.ifindex);
	}
	closedir(dir);
}
