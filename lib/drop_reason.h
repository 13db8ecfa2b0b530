/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_DROP_REASON_H
#define LIB_DROP_REASON_H

#include <stdint.h>

/** drop_reason_name() - "SOURCE_MAC" of enum drop_reason, for programs that know no map; NULL: not
 * one of them. */
const char *drop_reason_name(uint32_t reason);

#endif /* LIB_DROP_REASON_H */
