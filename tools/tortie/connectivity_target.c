/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connectivity_target.c: the texts that the connectivity test's programs hand each other (pure).
 *
 * A target is an argument of a prober, a result a line of its log. Fields have no spaces and no
 * commas, but for a result's last, which is words for people.
 */
#include "tools/tortie/connectivity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_OCTETS 1000

int connectivity_target_parse(const char *text, struct connectivity_target *ret)
{
	struct connectivity_target target = { 0 };
	int end = 0;

	if (sscanf(text, "%31[^, ],%255[^, ],%255[^, ],%5u,%255[^, ]%n", target.check, target.to,
		   target.host, &target.port, target.expect, &end) != 5 ||
	    text[end] != '\0' || target.port > 65535)
		return -EINVAL;
	*ret = target;
	return 0;
}

int connectivity_result_parse(const char *line, size_t len, struct connectivity_result *ret)
{
	struct connectivity_result result = { 0 };
	char text[LINE_MAX_OCTETS + 1], state[8];
	int end = 0;

	snprintf(text, sizeof(text), "%.*s", (int)(len < LINE_MAX_OCTETS ? len : LINE_MAX_OCTETS),
		 line);
	if (sscanf(text, CONNECTIVITY_RESULT_MARK " %31s %255s %255s %7s %9u%n", result.check,
		   result.to, result.host, state, &result.ms, &end) != 5)
		return -EINVAL;
	result.is_ok = strcmp(state, "ok") == 0;
	if (!result.is_ok && strcmp(state, "failed") != 0)
		return -EINVAL;
	snprintf(result.text, sizeof(result.text), "%s", text + end + (text[end] == ' '));
	*ret = result;
	return 0;
}
