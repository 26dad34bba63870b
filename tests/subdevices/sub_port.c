/*
 * sub_port: see sub_port.h.
 */
#include "sub_port.h"

#include <errno.h>
#include <unistd.h>

void
sub_port_init(struct sub_port *p, const char *path, uid_t owner)
{
	*p = (struct sub_port){
	    .pty = {.path = path, .owner = owner, .master = -1, .slave = -1},
	    .net = {.listener = -1, .fd = -1}};
}

void
sub_port_init_net(struct sub_port *p, bool stream, uint16_t number)
{
	sub_port_init(p, NULL, (uid_t)-1);
	p->kind = stream ? SUB_PORT_TCP : SUB_PORT_UDP;
	p->net.stream = stream;
	p->net.port = number;
}

bool
sub_port_plug(struct sub_port *p)
{
	return p->kind == SUB_PORT_PTY ? sub_pty_plug(&p->pty) : sub_net_plug(&p->net);
}

void
sub_port_unplug(struct sub_port *p)
{
	if (p->kind == SUB_PORT_PTY)
		sub_pty_unplug(&p->pty);
	else
		sub_net_unplug(&p->net);
}

int
sub_port_door(const struct sub_port *p)
{
	return p->net.listener;
}

bool
sub_port_let_in(struct sub_port *p)
{
	return p->net.listener >= 0 && sub_net_accept(&p->net);
}

int
sub_port_fd(const struct sub_port *p)
{
	return p->kind == SUB_PORT_PTY ? p->pty.master : p->net.fd;
}

ssize_t
sub_port_read(struct sub_port *p, void *out, size_t size)
{
	if (p->kind != SUB_PORT_PTY)
		return sub_net_read(&p->net, out, size);
	return read(p->pty.master, out, size);
}

void
sub_port_write(struct sub_port *p, const void *data, size_t len)
{
	if (p->kind != SUB_PORT_PTY)
		sub_net_write(&p->net, data, len);
	else if (p->pty.master >= 0 && write(p->pty.master, data, len) < 0)
		errno = 0;
}
