/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privileges.c: keep what the agent needs, give away the rest for good.
 *
 * tortied starts as root (or as a service with exactly these capabilities) and goes on as uid 0
 * with an effective, permitted and bounding set of CAP_BPF, CAP_NET_ADMIN and CAP_NET_BIND_SERVICE.
 * Staying uid 0 is on purpose: its files and sockets belong to root, and a root without
 * CAP_DAC_OVERRIDE reaches no more than those. CAP_PERFMON is held until the programs (live and
 * dry-run copy) are loaded, then dropped: everything the verifier grants by it is used only there.
 *
 * The group of agent.sock is joined while CAP_SETGID is still there: the owner of a file may give
 * it to a group he is in, so that no CAP_CHOWN is kept for one socket. Namespaces of pods are
 * reached through netlink sockets that the CNI plugin opened in them, so that no CAP_SYS_ADMIN is
 * kept.
 */
#include "loader/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static const struct {
	unsigned int capability;
	const char *name;
	bool only_loading;
} wanted_capability[] = {
	{ CAP_BPF, "CAP_BPF", false },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN", false },
	{ CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE", false },
	{ CAP_PERFMON, "CAP_PERFMON", true },
};

#define WANTED_COUNT (sizeof(wanted_capability) / sizeof(wanted_capability[0]))

size_t privileges_missing(char *buf, size_t size)
{
	size_t missing = 0, used = 0;

	if (size > 0)
		buf[0] = '\0';
	if (capng_get_caps_process() != 0)
		return 0; /* cannot tell: the kernel will */
	for (size_t i = 0; i < WANTED_COUNT; i++) {
		/* Port 179 is one part among many: bgp_feed says so when it cannot bind. */
		if (wanted_capability[i].capability == CAP_NET_BIND_SERVICE ||
		    capng_have_capability(CAPNG_EFFECTIVE, wanted_capability[i].capability))
			continue;
		if (used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s",
						 missing ? " " : "", wanted_capability[i].name);
		missing++;
	}
	return missing;
}

int privileges_join_group(const char *name)
{
	gid_t *groups;
	const struct group *group = getgrnam(name);
	int count, err = 0;

	if (!group)
		return -ENOENT;
	count = getgroups(0, NULL);
	if (count < 0)
		return -errno;
	groups = calloc((size_t)count + 1, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	count = getgroups(count, groups);
	if (count < 0) {
		err = -errno;
		goto out;
	}
	for (int i = 0; i < count; i++)
		if (groups[i] == group->gr_gid)
			goto out;
	groups[count] = group->gr_gid;
	if (setgroups((size_t)count + 1, groups) < 0)
		err = -errno;
out:
	free(groups);
	return err;
}

/* The wanted ones among those we have now: applying a set we do not have would fail as a whole. */
static int apply(bool loading, capng_select_t which)
{
	bool have[WANTED_COUNT];

	if (capng_get_caps_process() != 0)
		return -EINVAL;
	for (size_t i = 0; i < WANTED_COUNT; i++)
		have[i] = capng_have_capability(CAPNG_PERMITTED, wanted_capability[i].capability);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < WANTED_COUNT; i++)
		if (have[i] && (loading || !wanted_capability[i].only_loading))
			capng_update(CAPNG_ADD,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
				     wanted_capability[i].capability);
	return capng_apply(which) == 0 ? 0 : -EPERM;
}

int privileges_keep_for_loading(void)
{
	bool may_cut;
	int err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (capng_get_caps_process() != 0)
		return -EINVAL;
	/* Without CAP_SETPCAP somebody (systemd's CapabilityBoundingSet) has cut it before us. */
	may_cut = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	if (may_cut) {
		/* PERFMON leaves the bounding set here already: what is permitted stays usable. */
		err = apply(false, CAPNG_SELECT_BOUNDS);
		if (err)
			return err;
	}
	return apply(true, CAPNG_SELECT_CAPS);
}

int privileges_drop_loading(void)
{
	return apply(false, CAPNG_SELECT_CAPS);
}
