/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_RUNTIME_RESULT_H
#define TOOLS_TORTIE_RUNTIME_RESULT_H

#include <stddef.h>

#include "agent_protocol.h"

#define RUNTIME_RESULTS_DEFAULT "/var/lib/cni/results"

/* What a container runtime keeps of an ADD, of our network. */
struct runtime_result {
	char container_id[CONTAINER_ID_MAX + 1];
	char ifname[IFNAME_MAX + 1];
	char host_ifname[IFNAME_MAX + 1];
	struct ip_addr address[POD_ADDRESSES_MAX];
	size_t address_count;
};

/** runtime_result_parse() - one file of libcni's results, @len octets at @data (pure; a fuzz
 * target). 1 and *ret_result; 0: an attachment of another network; -EINVAL: no such file. */
int runtime_result_parse(const char *data, size_t len, struct runtime_result *ret_result);

typedef void runtime_result_fn(const struct runtime_result *result, void *arg);
/** runtime_results_read() - call @fn for each result of our network in folder @dir. 0, or -errno of
 * opening the folder (-ENOENT: no runtime keeps anything there). Other files are passed over. */
int runtime_results_read(const char *dir, runtime_result_fn *fn, void *arg);

#endif /* TOOLS_TORTIE_RUNTIME_RESULT_H */
