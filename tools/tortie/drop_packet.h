/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_DROP_PACKET_H
#define TOOLS_TORTIE_DROP_PACKET_H

#include <stddef.h>

/**
 * drop_packet_describe() - the packet whose first @len octets are at @head (from its Ethernet
 * header) in a few words: "10.244.1.2:4711 > 10.244.2.3:80 tcp". Pure; any octets are fine. Returns
 * @out of @size octets.
 */
const char *drop_packet_describe(const void *head, size_t len, char *out, size_t size);

#endif /* TOOLS_TORTIE_DROP_PACKET_H */
