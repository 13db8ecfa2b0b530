/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_LOADER_RECORDED_H
#define TESTS_UNIT_LOADER_RECORDED_H

struct nlmsghdr;

/** recorded() - a message of the kernel, recorded as @hex, until the next call. */
struct nlmsghdr *recorded(const char *hex);

#endif /* TESTS_UNIT_LOADER_RECORDED_H */
