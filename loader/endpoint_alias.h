/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ENDPOINT_ALIAS_H
#define LOADER_ENDPOINT_ALIAS_H

#include "loader/endpoint_store.h"

#define ENDPOINT_ALIAS_MAX 255 /* octets that the kernel keeps (IFALIASZ less the NUL) */

/**
 * endpoint_alias_format() - the record of @endpoint (container id, ifname, MAC, addresses) as its
 * link's alias. 0 or -E2BIG when it does not fit.
 */
int endpoint_alias_format(const struct endpoint *endpoint, char ret_alias[ENDPOINT_ALIAS_MAX + 1]);
/**
 * endpoint_alias_parse() - fill container_id, ifname, pod_mac and addresses, and the host_ifname
 * that follows from them; the rest of *ret_endpoint is zero. Only what endpoint_alias_format()
 * would write again is taken. 0, or -EINVAL (ret untouched).
 */
int endpoint_alias_parse(const char *alias, struct endpoint *ret_endpoint);

#endif /* LOADER_ENDPOINT_ALIAS_H */
