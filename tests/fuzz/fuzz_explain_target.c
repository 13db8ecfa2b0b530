/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_explain_target.c: any words as FROM and TO of `tortie explain`, separated by a newline.
 *
 * links: tools/tortie/explain_target.c lib/ip_prefix.c
 * covers: tools/tortie/explain_target.c
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tortie/explain_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct explain_target *target)
{
	if (target->name[0] == '\0' || target->port > 65535)
		abort();
	if (memchr(target->name, '\0', sizeof(target->name)) == NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct explain_target from, to;
	const char *error = NULL;
	char *words = malloc(size + 2), *second;

	if (!words)
		return 0;
	memcpy(words, data, size);
	words[size] = words[size + 1] = '\0';
	second = strchr(words, '\n');
	if (second)
		*second++ = '\0';
	else
		second = words + size + 1;
	if (explain_target_parse(words, &from, &error) < 0 ||
	    explain_target_parse(second, &to, &error) < 0) {
		if (!error)
			abort(); /* a refusal has words */
		goto out;
	}
	check(&from);
	check(&to);
	if (explain_target_settle(&from, &to, &error) == 0) {
		bool is_icmp = to.protocol == IPPROTO_ICMP || to.protocol == IPPROTO_ICMPV6;

		if (to.protocol == 0 || (is_icmp && (to.port || from.port)) ||
		    (from.port && !to.port) || from.protocol)
			abort();
	} else if (!error) {
		abort();
	}
out:
	free(words);
	return 0;
}
