/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset_rules.c: our rules in chains of others (`forwarding: {accept: true}`).
 *
 * They are known by their comment (node_objects.h). The listing of libnftables is read line by
 * line: it is indented by the nesting of tables and chains, and each object ends with its handle.
 */
#include "tools/tortie/reset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node_objects.h"
#include "tools/tortie/nft.h"

#define NAME_SIZE 128
#define LINE_SIZE 1024

struct rules_walk {
	char family[8], table[NAME_SIZE], chain[NAME_SIZE];
	FILE *out;
	size_t count;
};

/* One line of the listing; a rule of ours becomes a command. */
static void take_line(struct rules_walk *walk, const char *line)
{
	const char *handle = strstr(line, "# handle ");

	if (sscanf(line, "table %7s %127s {", walk->family, walk->table) == 2) {
		walk->chain[0] = '\0';
		return;
	}
	if (sscanf(line, "\tchain %127s {", walk->chain) == 1)
		return;
	if (!handle || !walk->chain[0] ||
	    (!strstr(line, "comment \"" NFT_COMMENT_FROM) &&
	     !strstr(line, "comment \"" NFT_COMMENT_TO)))
		return;
	fprintf(walk->out, "delete rule %s %s %s handle %lu\n", walk->family, walk->table,
		walk->chain, strtoul(handle + strlen("# handle "), NULL, 10));
	walk->count++;
}

char *reset_rule_commands(const char *listing, size_t *ret_count)
{
	struct rules_walk walk = { 0 };
	char line[LINE_SIZE], *text = NULL;
	size_t size = 0;

	walk.out = open_memstream(&text, &size);
	if (!walk.out)
		return NULL;
	while (*listing) {
		size_t len = strcspn(listing, "\n");

		/* Of a longer line (a set's elements) nothing is wanted. */
		if (len < sizeof(line)) {
			memcpy(line, listing, len);
			line[len] = '\0';
			take_line(&walk, line);
		}
		listing += len + (listing[len] == '\n');
	}
	*ret_count = walk.count;
	if (fclose(walk.out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

void reset_rules(struct reset_report *report)
{
	char *listing = NULL, *commands = NULL;
	size_t count = 0;

	/* Without nf_tables there is nothing of ours in it. */
	if (nft_list_ruleset(&listing) < 0)
		return;
	commands = reset_rule_commands(listing, &count);
	if (count > 0 && (!commands || nft_run(commands, NULL) < 0))
		reset_failed(report, "rules of ours in others' chains", -EIO);
	else if (count > 0)
		reset_removed(report, "%zu rules that accept pods' packets in others' chains",
			      count);
	free(commands);
	free(listing);
}
