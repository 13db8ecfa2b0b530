/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ENDPOINT_ADDRESSES_H
#define LOADER_ENDPOINT_ADDRESSES_H

#include "loader/endpoint.h"

/**
 * endpoint_take_addresses() - the addresses of a new pod into @endpoint, all or none; they are
 * taken from then on. 0, or -ECANCELED and *ret_error. May wait some 20 ms for links that are being
 * deleted, when what it needs may be on one of them.
 */
int endpoint_take_addresses(struct agent *agent, const struct msg_cni_request *request,
			    struct endpoint *endpoint, struct endpoint_error *ret_error);
/** endpoint_probe_addresses() - would a pod get addresses? Takes none; results as above. */
int endpoint_probe_addresses(struct agent *agent, const struct msg_cni_request *request,
			     struct endpoint_error *ret_error);
void endpoint_release_addresses(struct agent *agent, const struct endpoint *endpoint);
/** endpoint_flush_doomed() - wait for the links that are being deleted, and free what they hold.
 * False: there are none, or they cannot be deleted. */
bool endpoint_flush_doomed(struct agent *agent);

#endif /* LOADER_ENDPOINT_ADDRESSES_H */
