/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connectivity_serve.c: `tortie connectivity serve`: the small server in each test pod.
 *
 * One port, TCP and UDP, both families. By TCP a first line says what is wanted: "whoami" is
 * answered with our host name and the asker's address and port (so the asker sees whether they were
 * changed on the way), "echo" sends back all that follows, "GET " gets an HTTP answer (the
 * kubelet's probe). By UDP the same in one datagram. One poll loop, a fixed number of connections;
 * a connection that says nothing for a while is closed. No rights are needed.
 */
#include "tools/tortie/connectivity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/tortie/command.h"
#include "tools/tortie/say.h"

#define CLIENTS_MAX  128
#define LINE_OCTETS  1024
#define ECHO_OCTETS  16384
#define SILENCE_S    30
#define DATAGRAM_MAX 65536
#define HTTP_ANSWER                                                                        \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: " \
	"close\r\n\r\nok\n"

struct client {
	int fd; /* -1: free */
	bool is_echo;
	time_t heard_at;
	char out[ECHO_OCTETS]; /* the line being read, then what waits to be sent back */
	size_t len;
};

struct server {
	int tcp, udp;
	char name[256];
	struct client client[CLIENTS_MAX];
};

static volatile sig_atomic_t is_ended;

static void on_signal(int number)
{
	is_ended = number;
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* A socket for both families, or for IPv4 alone where the kernel has no IPv6. */
static int socket_open(int type, unsigned int port)
{
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int one = 1, zero = 0, err;
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
		err = bind(fd, (struct sockaddr *)&any6, sizeof(any6)) < 0 ? -errno : 0;
	} else {
		fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0)
			return -errno;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		err = bind(fd, (struct sockaddr *)&any4, sizeof(any4)) < 0 ? -errno : 0;
	}
	if (err == 0 && type == SOCK_STREAM && listen(fd, 64) < 0)
		err = -errno;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

/* "HOSTNAME ADDRESS PORT\n" for the asker at @from. */
static size_t whoami_format(const struct server *server, const struct sockaddr_storage *from,
			    char *buf, size_t size)
{
	const struct sockaddr_in6 *v6 = (const void *)from;
	const struct sockaddr_in *v4 = (const void *)from;
	char text[INET6_ADDRSTRLEN] = "";
	unsigned int port = ntohs(from->ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
	int len;

	if (from->ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
	else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof(text));
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
	len = snprintf(buf, size, "%s %s %u\n", server->name, text, port);
	return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

static void datagrams_answer(struct server *server)
{
	static char data[DATAGRAM_MAX];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t len;

	while ((len = recvfrom(server->udp, data, sizeof(data), 0, (struct sockaddr *)&from,
			       &from_len)) >= 0) {
		if ((size_t)len == strlen(CONNECTIVITY_WHOAMI) &&
		    memcmp(data, CONNECTIVITY_WHOAMI, (size_t)len) == 0)
			len = (ssize_t)whoami_format(server, &from, data, sizeof(data));
		sendto(server->udp, data, (size_t)len, 0, (struct sockaddr *)&from, from_len);
		from_len = sizeof(from);
	}
}

static void client_close(struct client *client)
{
	close(client->fd);
	client->fd = -1;
}

static void clients_accept(struct server *server)
{
	int fd;

	while ((fd = accept4(server->tcp, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct client *free_one = NULL;

		for (size_t i = 0; i < CLIENTS_MAX && !free_one; i++)
			free_one = server->client[i].fd < 0 ? &server->client[i] : NULL;
		if (!free_one) {
			close(fd);
			continue;
		}
		free_one->fd = fd;
		free_one->is_echo = false;
		free_one->len = 0;
		free_one->heard_at = now_s();
	}
}

/* Take @len octets from the front of what is held. */
static void client_consume(struct client *client, size_t len)
{
	memmove(client->out, client->out + len, client->len - len);
	client->len -= len;
}

/* The first line is whole: answer, or go over to echo. */
static void line_answer(struct server *server, struct client *client)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	char answer[512];
	size_t len = 0;

	if (client->len >= strlen(CONNECTIVITY_ECHO) &&
	    memcmp(client->out, CONNECTIVITY_ECHO, strlen(CONNECTIVITY_ECHO)) == 0) {
		client->is_echo = true;
		client_consume(client, strlen(CONNECTIVITY_ECHO));
		return;
	}
	if (memcmp(client->out, "GET ", 4) == 0) {
		len = strlen(HTTP_ANSWER);
		memcpy(answer, HTTP_ANSWER, len);
	} else if (client->len == strlen(CONNECTIVITY_WHOAMI) &&
		   memcmp(client->out, CONNECTIVITY_WHOAMI, client->len) == 0 &&
		   getpeername(client->fd, (struct sockaddr *)&from, &from_len) == 0) {
		len = whoami_format(server, &from, answer, sizeof(answer));
	}
	if (len > 0)
		send(client->fd, answer, len, MSG_NOSIGNAL);
	shutdown(client->fd, SHUT_WR);
	client_close(client);
}

static void client_read(struct server *server, struct client *client)
{
	size_t room = client->is_echo ? sizeof(client->out) : LINE_OCTETS;
	ssize_t len;

	if (client->len >= room)
		return;
	len = recv(client->fd, client->out + client->len, room - client->len, 0);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		client_close(client);
		return;
	}
	client->len += (size_t)len;
	client->heard_at = now_s();
	if (client->is_echo)
		return;
	if (memchr(client->out, '\n', client->len))
		line_answer(server, client);
	else if (client->len >= LINE_OCTETS)
		client_close(client);
}

static void client_write(struct client *client)
{
	ssize_t len = send(client->fd, client->out, client->len, MSG_NOSIGNAL);

	if (len > 0) {
		client_consume(client, (size_t)len);
		client->heard_at = now_s();
	} else if (len < 0 && errno != EAGAIN && errno != EINTR) {
		client_close(client);
	}
}

static void client_serve(struct server *server, struct client *client, short events)
{
	if (events & (POLLIN | POLLHUP | POLLERR))
		client_read(server, client);
	if (client->fd >= 0 && client->is_echo && client->len > 0)
		client_write(client);
	if (client->fd >= 0 && now_s() - client->heard_at > SILENCE_S)
		client_close(client);
}

static void serve(struct server *server)
{
	struct pollfd wait[CLIENTS_MAX + 2];

	while (!is_ended) {
		wait[0] = (struct pollfd){ .fd = server->tcp, .events = POLLIN };
		wait[1] = (struct pollfd){ .fd = server->udp, .events = POLLIN };
		for (size_t i = 0; i < CLIENTS_MAX; i++) {
			struct client *client = &server->client[i];
			short events = client->is_echo && client->len > 0 ? POLLOUT : 0;

			if (!client->is_echo || client->len < sizeof(client->out))
				events |= POLLIN;
			wait[i + 2] = (struct pollfd){ .fd = client->fd, .events = events };
		}
		if (poll(wait, CLIENTS_MAX + 2, SILENCE_S * 1000) < 0 && errno != EINTR)
			return;
		datagrams_answer(server);
		for (size_t i = 0; i < CLIENTS_MAX; i++) {
			if (server->client[i].fd >= 0)
				client_serve(server, &server->client[i], wait[i + 2].revents);
		}
		clients_accept(server);
	}
}

int connectivity_serve_run(const struct command_line *line)
{
	static struct server server;
	struct sigaction action = { .sa_handler = on_signal };
	unsigned int port = line->port ? line->port : CONNECTIVITY_PORT;

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		server.client[i].fd = -1;
	gethostname(server.name, sizeof(server.name) - 1);
	/* As process 1 of a container signals without a handler would not reach us. */
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	server.tcp = socket_open(SOCK_STREAM, port);
	server.udp = server.tcp < 0 ? server.tcp : socket_open(SOCK_DGRAM, port);
	if (server.udp < 0) {
		say_error("port %u: %s", port, strerror(-server.udp));
		return EXIT_FAILED;
	}
	printf("serving on port %u, TCP and UDP\n", port);
	fflush(stdout);
	serve(&server);
	close(server.tcp);
	close(server.udp);
	return EXIT_DONE;
}
