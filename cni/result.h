/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_RESULT_H
#define CNI_RESULT_H

#include "cni/netconf.h"

/* Each returns one line of JSON to be given back by free(), or NULL when memory ran out. */

/** result_add() - the result of ADD in the form of conf->version; prevResult's entries first, ours
 * behind them. */
char *result_add(const struct netconf *conf, const struct msg_cni_reply *reply);
char *result_version(enum cni_version version);
char *result_error(enum cni_version version, const struct cni_error *error);

/* An error object for when nothing else can be made any more. */
#define RESULT_CRASHED                                                                     \
	"{\"cniVersion\":\"1.1.0\",\"code\":999,\"msg\":\"tortie-cni ended by a signal\"," \
	"\"details\":\"this is a mistake in tortie-cni\"}\n"
#define RESULT_TIMED_OUT                                                             \
	"{\"cniVersion\":\"1.1.0\",\"code\":11,\"msg\":\"tortie-cni gave up\","      \
	"\"details\":\"stdin or the agent did not come to an end within 9 seconds; " \
	"is tortied alive?\"}\n"

#endif /* CNI_RESULT_H */
