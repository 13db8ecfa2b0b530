/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_LOADER_BPFFS_H
#define TESTS_UNIT_LOADER_BPFFS_H

/* A bpffs of its own for each test at BPF_MOUNT, gone with the mount namespace. Of cmocka. */
#define BPF_MOUNT "/tmp"

int fresh_bpffs(void **state);
int drop_bpffs(void **state);

#endif /* TESTS_UNIT_LOADER_BPFFS_H */
