/*
 * sub_net: the line's other end as a socket on the loopback: UDP, or TCP with one client at a time
 * as a terminal server has it.
 */
#ifndef SUB_NET_H
#define SUB_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sub_net {
	bool stream;
	uint16_t port;
	int listener; /* TCP; else -1 */
	int fd;       /* -1: nobody is connected, or unplugged */
	struct sockaddr_in peer; /* UDP: who asked last */
};

/* False with errno. */
bool sub_net_plug(struct sub_net *n);
void sub_net_unplug(struct sub_net *n);
/* Somebody may want to connect; true if there is a new fd. A second one is turned away. */
bool sub_net_accept(struct sub_net *n);
/* What read() says; 0 (TCP): the client has gone, and fd is -1. */
ssize_t sub_net_read(struct sub_net *n, void *out, size_t size);
/* What nobody takes is lost. */
void sub_net_write(struct sub_net *n, const void *data, size_t len);

#endif
