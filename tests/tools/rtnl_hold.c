/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnl_hold.c: hold the kernel's lock of links for some seconds.
 *
 *   rtnl_hold SECONDS
 *
 * The kernel answers an ETHTOOL_GLINK request under that lock, and writes the answer to our memory.
 * The answer lies across two pages, and the second is watched by userfaultfd(2): the write waits,
 * and the lock with it, until this program gives the page. Prints "held" when it is so. The lock
 * goes with the program, however that ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/userfaultfd.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "rtnl_hold: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *ask_for_link(void *data)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_data = data };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
		die("SIOCETHTOOL");
	return NULL;
}

static int watch(void *page, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .range = { .start = (uintptr_t)page, .len = size },
					 .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &range) < 0)
		die("userfaultfd");
	return fd;
}

int main(int argc, char **argv)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	double seconds = argc == 2 ? strtod(argv[1], NULL) : 0;
	struct uffdio_zeropage give;
	struct pollfd fault;
	uint32_t command = ETHTOOL_GLINK;
	pthread_t thread;
	char *pages, *value;

	if (!(seconds > 0 && seconds <= 60)) {
		fprintf(stderr, "usage: rtnl_hold SECONDS (at most 60)\n");
		return 2;
	}
	pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		die("mmap");
	value = pages + size - sizeof(command); /* struct ethtool_value: its cmd, then its data */
	memcpy(value, &command, sizeof(command));
	fault = (struct pollfd){ .fd = watch(pages + size, size), .events = POLLIN };
	if (pthread_create(&thread, NULL, ask_for_link, value) != 0)
		die("thread");
	if (poll(&fault, 1, 10000) != 1)
		die("the kernel does not write the answer");
	printf("held\n");
	fflush(stdout);
	usleep((useconds_t)(seconds * 1e6));
	give = (struct uffdio_zeropage){ .range = { .start = (uintptr_t)(pages + size),
						    .len = size } };
	if (ioctl(fault.fd, UFFDIO_ZEROPAGE, &give) < 0)
		die("UFFDIO_ZEROPAGE");
	pthread_join(thread, NULL);
	return 0;
}
