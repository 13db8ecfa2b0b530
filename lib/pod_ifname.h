/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_POD_IFNAME_H
#define LIB_POD_IFNAME_H

#include <stdbool.h>

#include "agent_protocol.h"

/** pod_ifname() - the name of the host end of (container id, interface in the pod): "cali" and 11
 * hexadecimal digits of SHA-1(@container_id "/" @ifname). */
void pod_ifname(const char *container_id, const char *ifname, char ret_name[IFNAME_MAX + 1]);

/** container_id_is_valid() - CNI specification 1.1.0: a letter or digit, then letters, digits, "_",
 * ".", "-"; here at most CONTAINER_ID_MAX octets. */
bool container_id_is_valid(const char *id);
/** ifname_is_valid() - 1..15 octets, not "." or "..", printable ASCII without "/", ":", white space
 * (the specification) and "%" (which the kernel would take for a number to fill in). */
bool ifname_is_valid(const char *name);

#endif /* LIB_POD_IFNAME_H */
