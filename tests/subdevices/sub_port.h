/*
 * sub_port: the far end of the line to a device: a pseudo-terminal, or a socket of the loopback.
 */
#ifndef SUB_PORT_H
#define SUB_PORT_H

#include "sub_net.h"
#include "sub_pty.h"

struct sub_port {
	enum { SUB_PORT_PTY, SUB_PORT_TCP, SUB_PORT_UDP } kind;
	struct sub_pty pty;
	struct sub_net net;
};

/* `path` is borrowed, for a terminal. `owner` -1: nobody in particular. */
void sub_port_init(struct sub_port *p, const char *path, uid_t owner);
void sub_port_init_net(struct sub_port *p, bool stream, uint16_t number);
/* False with errno. */
bool sub_port_plug(struct sub_port *p);
void sub_port_unplug(struct sub_port *p);
/* What to wait on for somebody to come; -1: nothing but sub_port_fd. */
int sub_port_door(const struct sub_port *p);
/* Somebody came: there is a new sub_port_fd. */
bool sub_port_let_in(struct sub_port *p);
/* Where bytes come from; -1: nobody is there. */
int sub_port_fd(const struct sub_port *p);
ssize_t sub_port_read(struct sub_port *p, void *out, size_t size);
/* What nobody takes is lost, as on a real line. */
void sub_port_write(struct sub_port *p, const void *data, size_t len);

#endif
