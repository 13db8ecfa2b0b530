/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpffs.c: a bpffs for tests of what is pinned.
 */
#include "tests/unit/loader/bpffs.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

int fresh_bpffs(void **state)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", BPF_MOUNT, "bpf", 0, NULL) < 0) {
		fprintf(stderr, "bpffs: %s (run as root)\n", strerror(errno));
		return -1;
	}
	return 0;
}

int drop_bpffs(void **state)
{
	return umount2(BPF_MOUNT, MNT_DETACH);
}
