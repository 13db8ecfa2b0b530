/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_MAC_H
#define LIB_MAC_H

#include <stdint.h>

#define MAC_TEXT_MAX 18 /* six times two digits, five colons, NUL */

/** mac_format() - "02:00:00:0a:0b:0c" in @text, which is returned. */
const char *mac_format(const uint8_t mac[6], char text[MAC_TEXT_MAX]);
/** mac_parse() - that and nothing else, in small or capital letters. 0 or -EINVAL. */
int mac_parse(const char *text, uint8_t ret_mac[6]);

#endif /* LIB_MAC_H */
