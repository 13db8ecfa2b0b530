/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_ADDRESSES_H
#define TESTS_UNIT_ADDRESSES_H

#include "ip_address.h"

/* Addresses and prefixes from the text that people write; what cannot be read fails the test. */
struct ip_addr addr(const char *text);
struct ip_prefix prefix(const char *text);

#endif /* TESTS_UNIT_ADDRESSES_H */
