/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SHA1_H
#define LIB_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_OCTETS 20

/** sha1() - the SHA-1 digest of @len octets (RFC 3174). For names and to tell a
 * change, nothing secret hangs on it.
 */
void sha1(const void *data, size_t len, uint8_t ret_digest[SHA1_OCTETS]);

#endif /* LIB_SHA1_H */
