/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach_uplink.c: from_network on the uplinks.
 *
 * Where the kernel has tcx (6.6) the program hangs on a BPF link that is pinned in BPF-DIR as
 * from_network_IFINDEX: it stays when the agent goes, survives `tc qdisc del clsact`, and a new
 * program takes over by BPF_LINK_UPDATE without a gap. It is placed after the programs that are
 * there (BPF_F_AFTER): what we do not claim we hand on, and others come first on their own link.
 * The agent also holds the link's descriptor, so that a removed pin does not remove the program.
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
#define PIN_PREFIX	    UPLINK_PROGRAM_NAME "_"
#define LINK_PATH_MAX	    (PATH_MAX + 64)
#define QUERY_PROGRAMS_MAX  64
#define LINK_INFO_PLACE_OFF 16 /* struct bpf_link_info: the union behind type, id, prog_id */

struct link_facts {
	uint32_t type, program_id, ifindex;
};

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

static int create_tcx_link(int program_fd, uint32_t ifindex)
{
	union bpf_attr attr = { 0 };
	int fd;

	attr.link_create.prog_fd = (uint32_t)program_fd;
	attr.link_create.target_ifindex = ifindex;
	attr.link_create.attach_type = TCX_INGRESS;
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

static void link_path(const char *bpf_dir, uint32_t ifindex, char path[LINK_PATH_MAX])
{
	snprintf(path, LINK_PATH_MAX, "%s/" PIN_PREFIX "%u", bpf_dir, ifindex);
}

static struct dataplane_link *find_held(struct dataplane *dataplane, uint32_t ifindex)
{
	for (size_t i = 0; i < dataplane->link_count; i++)
		if (dataplane->link[i].ifindex == ifindex)
			return &dataplane->link[i];
	return NULL;
}

static void drop_held(struct dataplane *dataplane, struct dataplane_link *link)
{
	close(link->fd);
	*link = dataplane->link[--dataplane->link_count];
}

/* Take a link's descriptor into our care; without room only its pin holds it. */
static void hold(struct dataplane *dataplane, uint32_t ifindex, int fd)
{
	if (dataplane->link_count == DATAPLANE_LINKS_MAX) {
		close(fd);
		return;
	}
	dataplane->link[dataplane->link_count++] =
		(struct dataplane_link){ .ifindex = ifindex, .fd = fd };
}

static bool is_tcx_on(int fd, uint32_t ifindex, uint32_t *ret_program_id)
{
	struct link_facts facts = { 0 };

	if (read_link(fd, &facts) < 0 || facts.type != TCX_LINK_TYPE || facts.ifindex != ifindex)
		return false;
	*ret_program_id = facts.program_id;
	return true;
}

/* The live link of @ifindex, held or pinned; a dead one is let go. -ENOENT: none. */
static int find_link(struct dataplane *dataplane, const char *bpf_dir, uint32_t ifindex,
		     uint32_t *ret_program_id)
{
	struct dataplane_link *held = find_held(dataplane, ifindex);
	char path[LINK_PATH_MAX];
	int fd;

	if (held && is_tcx_on(held->fd, ifindex, ret_program_id))
		return held->fd;
	if (held)
		drop_held(dataplane, held);
	link_path(bpf_dir, ifindex, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -ENOENT;
	if (is_tcx_on(fd, ifindex, ret_program_id)) {
		hold(dataplane, ifindex, fd);
		return fd;
	}
	close(fd);
	unlink(path);
	return -ENOENT;
}

static int pin_link(const char *bpf_dir, uint32_t ifindex, int fd)
{
	char path[LINK_PATH_MAX];

	link_path(bpf_dir, ifindex, path);
	if (access(path, F_OK) == 0)
		return 0;
	mkdir(bpf_dir, 0700);
	return bpf_obj_pin(fd, path) < 0 ? -errno : 0;
}

static int attach_tcx(struct dataplane *dataplane, const char *bpf_dir, uint32_t ifindex)
{
	int program_fd = dataplane->program_fd[PROGRAM_FROM_NETWORK];
	uint32_t program_id = 0;
	int fd = find_link(dataplane, bpf_dir, ifindex, &program_id);

	if (fd >= 0) {
		if (program_id != dataplane->program_id[PROGRAM_FROM_NETWORK] &&
		    bpf_link_update(fd, program_fd, NULL) < 0)
			return -errno;
		return pin_link(bpf_dir, ifindex, fd);
	}
	fd = create_tcx_link(program_fd, ifindex);
	if (fd < 0)
		return fd;
	hold(dataplane, ifindex, fd);
	return pin_link(bpf_dir, ifindex, fd);
}

static int attach_clsact(struct dataplane *dataplane, struct netlink *netlink, uint32_t ifindex)
{
	struct nl_msg *msgs[] = {
		attach_clsact_message(ifindex),
		attach_filter_message(ifindex, TC_H_MIN_INGRESS,
				      dataplane->program_fd[PROGRAM_FROM_NETWORK],
				      UPLINK_PROGRAM_NAME),
	};
	int error[2] = { 0 };
	int err = netlink_send_batch(netlink, msgs, 2, error);

	if (error[0] && error[0] != -EEXIST)
		return error[0];
	if (error[1])
		return error[1];
	return err == -EEXIST ? 0 : err;
}

int attach_uplink(struct dataplane *dataplane, struct netlink *netlink, const char *bpf_dir,
		  uint32_t ifindex, enum uplink_hook *ret_hook)
{
	int err = attach_tcx(dataplane, bpf_dir, ifindex);

	if (err == 0) {
		*ret_hook = UPLINK_HOOK_TCX;
		/* Left from a time without tcx it would run the program twice. */
		netlink_request(netlink, attach_filter_delete_message(ifindex, TC_H_MIN_INGRESS));
		return 0;
	}
	if (err != -EINVAL)
		return err;
	err = attach_clsact(dataplane, netlink, ifindex);
	if (!err)
		*ret_hook = UPLINK_HOOK_CLSACT;
	return err;
}

int attach_uplink_is_whole(struct dataplane *dataplane, struct netlink *netlink,
			   const char *bpf_dir, uint32_t ifindex)
{
	uint32_t ours = dataplane->program_id[PROGRAM_FROM_NETWORK];
	struct hook_state state;
	char path[LINK_PATH_MAX];
	uint32_t program_id = 0;
	int err;

	if (find_link(dataplane, bpf_dir, ifindex, &program_id) >= 0) {
		link_path(bpf_dir, ifindex, path);
		return program_id == ours && access(path, F_OK) == 0;
	}
	err = attach_read_filters(netlink, ifindex, TC_H_MIN_INGRESS, ours, &state);
	return err ? err : state.is_ours;
}

int detach_uplink(struct dataplane *dataplane, struct netlink *netlink, const char *bpf_dir,
		  uint32_t ifindex)
{
	struct dataplane_link *held = find_held(dataplane, ifindex);
	char path[LINK_PATH_MAX];
	struct hook_state state;
	int err;

	if (held)
		drop_held(dataplane, held);
	link_path(bpf_dir, ifindex, path);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	err = attach_read_filters(netlink, ifindex, TC_H_MIN_INGRESS,
				  dataplane->program_id[PROGRAM_FROM_NETWORK], &state);
	if (err || !state.is_ours)
		return err == -ENODEV || err == -EINVAL ? 0 : err;
	return netlink_request(netlink, attach_filter_delete_message(ifindex, TC_H_MIN_INGRESS));
}

static bool is_kept(const uint32_t *keep, size_t keep_count, uint32_t ifindex)
{
	for (size_t i = 0; i < keep_count; i++)
		if (keep[i] == ifindex)
			return true;
	return false;
}

void attach_drop_stale_uplinks(struct dataplane *dataplane, const char *bpf_dir,
			       const uint32_t *keep, size_t keep_count)
{
	const struct dirent *entry;
	DIR *dir = opendir(bpf_dir);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		struct dataplane_link *held;
		char *end;
		unsigned long ifindex;

		if (strncmp(entry->d_name, PIN_PREFIX, strlen(PIN_PREFIX)) != 0)
			continue;
		ifindex = strtoul(entry->d_name + strlen(PIN_PREFIX), &end, 10);
		if (*end || is_kept(keep, keep_count, (uint32_t)ifindex))
			continue;
		held = find_held(dataplane, (uint32_t)ifindex);
		if (held)
			drop_held(dataplane, held);
		if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			log_info("from_network left link number %lu, no uplink any more", ifindex);
	}
	closedir(dir);
}
