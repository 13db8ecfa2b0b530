/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_dump.c: `tortie bgp dump FILE`: tortie-bgpd's table as an MRT file (mrt.c).
 *
 * Routes are written as they come, whatever their number; tortie-bgpd waits for us. The file is
 * made under another name beside FILE and takes its place when it is whole, so nobody reads half a
 * table and a dump that fails leaves the one of before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/tortie/command.h"
#include "tools/tortie/mrt.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"

#define FILE_MODE 0644 /* less the umask */
#define SUFFIX	  ".XXXXXX"

static int route_record(struct mrt_dump *dump, const void *body)
{
	const struct message_header *header = (const struct message_header *)body - 1;
	const struct msg_bgp_dump_route *route = body;
	size_t room = header->length - sizeof(*header) - sizeof(*route);

	if (route->attributes_len != room || route->prefix.bits > IP_ADDR_BITS)
		return -EPROTO;
	return mrt_add_route(dump, route, (const uint8_t *)(route + 1));
}

static int dump_record(uint32_t type, const void *body, void *arg)
{
	int err = 0;

	if (type == MSG_BGP_DUMP_PEER)
		err = mrt_add_peer(arg, body);
	else if (type == MSG_BGP_DUMP_ROUTE)
		err = route_record(arg, body);
	if (err < 0)
		say_error("bgp dump: %s", strerror(-err));
	return err;
}

/* --- the file --- */

/* What is no file of its own, as /dev/stdout, cannot be replaced by one. */
static bool is_replaceable(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 || S_ISREG(st.st_mode);
}

/* A file beside @path. *ret_name is the caller's to free. 0 or -errno. */
static int open_beside(const char *path, char **ret_name, FILE **ret_file)
{
	mode_t mask = umask(0);
	char *name = NULL;
	int fd, err = -ENOMEM;

	umask(mask);
	if (asprintf(&name, "%s" SUFFIX, path) < 0)
		return err;
	fd = mkstemp(name);
	if (fd < 0) {
		err = -errno;
		goto err_free;
	}
	*ret_file = fchmod(fd, FILE_MODE & ~mask) == 0 ? fdopen(fd, "w") : NULL;
	if (!*ret_file) {
		err = -errno;
		close(fd);
		unlink(name);
		goto err_free;
	}
	*ret_name = name;
	return 0;

err_free:
	free(name);
	return err;
}

/* All of it on the disk, and in @path's place. */
static int put_in_place(FILE *file, const char *name, const char *path)
{
	if (fflush(file) != 0 || fsync(fileno(file)) < 0 || rename(name, path) < 0)
		return -errno;
	return 0;
}

static int ask(const struct command_line *line, struct mrt_dump *dump)
{
	struct request request;
	int err = request_open_bgp(&request, line->run_dir);

	if (err < 0)
		return err;
	err = request_list(&request, MSG_BGP_GET_DUMP, dump_record, dump);
	request_close(&request);
	return err;
}

static int write_dump(const struct command_line *line, struct mrt_dump *dump)
{
	const char *path = line->operand[0];
	char *name = NULL;
	int err = open_beside(path, &name, &dump->file);

	if (err < 0) {
		say_error("bgp dump: %s: %s (name a FILE in a folder where you may write)", path,
			  strerror(-err));
		return err;
	}
	dump->time_s = (uint32_t)time(NULL);
	err = ask(line, dump);
	if (err == 0) {
		err = mrt_finish(dump);
		if (err == 0)
			err = put_in_place(dump->file, name, path);
		if (err < 0)
			say_error("bgp dump: %s: %s", path, strerror(-err));
	}
	if (err < 0)
		unlink(name);
	fclose(dump->file);
	free(name);
	return err;
}

int bgp_dump_run(const struct command_line *line)
{
	struct mrt_dump dump = { 0 };
	int err;

	if (strcmp(line->operand[0], "-") == 0) {
		say_error("bgp dump: -: not to standard output (name a FILE)");
		return EXIT_MISUSED;
	}
	if (!is_replaceable(line->operand[0])) {
		say_error("bgp dump: %s: is there and no file", line->operand[0]);
		return EXIT_MISUSED;
	}
	err = write_dump(line, &dump);
	if (err == 0)
		printf("%zu route%s of %zu peer%s\n", dump.written, dump.written == 1 ? "" : "s",
		       dump.peer_count - 1, dump.peer_count == 2 ? "" : "s");
	if (err == 0 && dump.left_out > 0)
		say_error("bgp dump: %zu routes are not in it: their peers came meanwhile",
			  dump.left_out);
	mrt_free(&dump);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}
