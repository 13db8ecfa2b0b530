/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_DELEGATE_H
#define CNI_DELEGATE_H

#include "cni/netconf.h"

typedef int delegate_ask_fn(const struct netconf *conf, struct msg_cni_reply *reply,
			    struct cni_error *error);
/**
 * delegate_carry_out() - what was asked, with addresses from the plugin that ipam.type names: @ask
 * does tortie's own part. ADD runs the delegate first, and again with DEL when anything fails
 * later; CHECK, STATUS and GC need both; DEL detaches first and gives back then. conf->dns is the
 * delegate's where the configuration has none. 0, or -EINVAL and *ret_error.
 */
int delegate_carry_out(struct netconf *conf, delegate_ask_fn *ask, struct msg_cni_reply *ret_reply,
		       struct cni_error *ret_error);

#endif /* CNI_DELEGATE_H */
