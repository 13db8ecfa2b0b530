/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_DESCRIPTOR_LIMIT_H
#define LIB_DESCRIPTOR_LIMIT_H

/** descriptor_limit_raise() - this process may open as many descriptors as its hard limit says; a
 * low one is told in the log. */
void descriptor_limit_raise(void);

#endif /* LIB_DESCRIPTOR_LIMIT_H */
