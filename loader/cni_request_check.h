/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_CNI_REQUEST_CHECK_H
#define LOADER_CNI_REQUEST_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "agent_protocol.h"

/** cni_request_is_sane() - @len octets at @request passed agent_message_check() as a
 * MSG_CNI_REQUEST; is what they say within its bounds? */
bool cni_request_is_sane(const struct msg_cni_request *request, size_t len);

#endif /* LOADER_CNI_REQUEST_CHECK_H */
