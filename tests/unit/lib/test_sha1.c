/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of sha1.c with the vectors of RFC 3174 section 7.3 and of FIPS 180-2 appendix A.
 *
 * links: lib/sha1.c
 */
#include "lib/sha1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_digest(const void *data, size_t len, const char *hex)
{
	uint8_t digest[SHA1_OCTETS];

	sha1(data, len, digest);
	for (unsigned int i = 0; i < SHA1_OCTETS; i++) {
		char octet[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		assert_int_equal(digest[i], strtoul(octet, NULL, 16));
	}
}

static void the_standards_examples_come_out(void **state)
{
	const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	assert_digest("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_digest(two_blocks, strlen(two_blocks), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	assert_digest("a", 1, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8");
	assert_digest("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

static void long_input_of_whole_blocks_comes_out(void **state)
{
	char digits[640], *million = malloc(1000000);

	assert_non_null(million);
	memset(million, 'a', 1000000);
	assert_digest(million, 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	free(million);
	for (unsigned int i = 0; i < sizeof(digits); i++)
		digits[i] = (char)('0' + i % 8);
	assert_digest(digits, sizeof(digits), "dea356a2cddd90c7a7ecedc5ebb563934f460452");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_standards_examples_come_out),
		cmocka_unit_test(long_input_of_whole_blocks_comes_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
