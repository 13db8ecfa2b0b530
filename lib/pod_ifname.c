/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_ifname.c: what an attachment is called, in the runtime's words and on the host.
 *
 * An attachment is known by (container id, interface name) and by nothing else: DEL comes without
 * namespace or result. So the host end's name is derived from the two, and both sides of the
 * agent's socket can tell it: the agent names the link, the plugin names the note that it leaves
 * when the agent is away.
 *
 * The syntax of both is the CNI specification's (1.1.0, "Parameters"); names that pass here are
 * safe in a path below the run folder and in a link's alias.
 */
#include "lib/pod_ifname.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/sha1.h"

#define NAME_DIGITS 11 /* "cali" and these fill the 15 octets of a link's name */

void pod_ifname(const char *container_id, const char *ifname, char ret_name[IFNAME_MAX + 1])
{
	char text[CONTAINER_ID_MAX + 1 + IFNAME_MAX + 1];
	uint8_t digest[SHA1_OCTETS];
	char hex[NAME_DIGITS + 2];

	snprintf(text, sizeof(text), "%s/%s", container_id, ifname);
	sha1(text, strlen(text), digest);
	for (unsigned int i = 0; i < (NAME_DIGITS + 1) / 2; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	snprintf(ret_name, IFNAME_MAX + 1, "cali%.*s", NAME_DIGITS, hex);
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool container_id_is_valid(const char *id)
{
	size_t len = strlen(id);

	if (len == 0 || len > CONTAINER_ID_MAX || !is_letter_or_digit(id[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_letter_or_digit(id[i]) && strchr("_.-", id[i]) == NULL)
			return false;
	return true;
}

bool ifname_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > IFNAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f || strchr("/:%", name[i]) != NULL)
			return false;
	return true;
}
