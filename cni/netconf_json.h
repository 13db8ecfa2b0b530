/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_NETCONF_JSON_H
#define CNI_NETCONF_JSON_H

#include "cni/netconf.h"

/* What the parts of netconf share; nobody else. */

/** netconf_refuse() - code and words into *error; -EINVAL. */
int netconf_refuse(struct cni_error *error, unsigned int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** netconf_pools() - a list of names or CIDRs of pools, @where in words. 0 or -EINVAL. */
int netconf_pools(struct json_object *list, const char *where, char (*pools)[NAME_MAX_LEN + 1],
		  __u32 *ret_count, struct cni_error *error);

/**
 * netconf_take_wishes() - what is asked for this one attachment: pod's names, addresses, MAC, DNS,
 * pools, from CNI_ARGS (@args, may be NULL), args.cni, runtimeConfig and the pod's annotations. 0
 * or -EINVAL. DEL takes names only, and whatever is malformed.
 */
int netconf_take_wishes(const char *args, struct json_object *config, struct netconf *conf,
			struct cni_error *error);

#endif /* CNI_NETCONF_JSON_H */
