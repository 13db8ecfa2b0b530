/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_POD_LINK_ATTR_H
#define LOADER_POD_LINK_ATTR_H

/*
 * Attributes of linux/if_link.h that the headers of Debian 12 (6.1) do not name yet. A kernel that
 * does not know them ignores them.
 */
#define POD_LINK_GRO_MAX_SIZE	   58 /* IFLA_GRO_MAX_SIZE, 5.18 */
#define POD_LINK_TSO_MAX_SIZE	   59 /* IFLA_TSO_MAX_SIZE, 5.19 */
#define POD_LINK_GSO_IPV4_MAX_SIZE 63 /* IFLA_GSO_IPV4_MAX_SIZE, 6.3 */
#define POD_LINK_GRO_IPV4_MAX_SIZE 64 /* IFLA_GRO_IPV4_MAX_SIZE, 6.3 */

#endif /* LOADER_POD_LINK_ATTR_H */
