/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mac.c: MAC addresses as people write them.
 *
 * One form is written and one is read, six pairs of digits with colons between them: it is part of
 * a link's record (loader/endpoint_alias.c), which must be the same octets each time. What a MAC
 * means (of one interface, of a group, of nobody) is the caller's question.
 */
#include "lib/mac.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *mac_format(const uint8_t mac[6], char text[MAC_TEXT_MAX])
{
	snprintf(text, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20; /* to a small letter */
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mac_parse(const char *text, uint8_t ret_mac[6])
{
	uint8_t mac[6];

	if (strlen(text) != MAC_TEXT_MAX - 1)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(mac); i++) {
		int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);

		if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret_mac, mac, sizeof(mac));
	return 0;
}
