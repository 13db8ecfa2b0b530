/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cni_delegate.c: any octets as what a delegated IPAM plugin printed.
 *
 * A result that is taken has 1 to POD_ADDRESSES_MAX addresses; one that is refused has words; the
 * same octets as an error always make a code that is not 0 and words.
 *
 * links: cni/delegate_answer.c lib/ip_prefix.c lib/text.c lib/json.c
 * covers: cni/delegate_answer.c
 * libs: -ljson-c
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cni/delegate_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);
	struct cni_error error = { 0 };
	struct delegate_answer answer;

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	if (delegate_answer_parse(copy, size, &answer, &error) == 0) {
		require(answer.json != NULL);
		require(answer.address_count >= 1 && answer.address_count <= POD_ADDRESSES_MAX);
		delegate_answer_free(&answer);
	} else {
		require(error.details[0] != '\0');
	}
	delegate_error_parse("x", 1, copy, size, &error);
	require(error.code != 0 && error.msg[0] != '\0');
	free(copy);
	return 0;
}
