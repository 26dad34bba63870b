/*
 * dc_console: the web console: its pages and its API (dc_api) over HTTP, on a port of its own.
 *
 * libmicrohttpd parses, in the thread of the caller: its epoll is one more watch of the net. There
 * is no login: whoever reaches the port may do everything, which is why it listens on the loopback
 * unless it is told otherwise.
 */
#ifndef DC_CONSOLE_H
#define DC_CONSOLE_H

#include "dc_net.h"
#include "dc_peer.h"

struct dc_console;

/* Listen on an IPv4 address; *port as in dc_net_listen. `dc`, `dir` and `net` are borrowed. */
enum err dc_console_open(struct dc *dc, const char *dir, struct dc_net *net, const char *address,
    unsigned *port, struct dc_console **out) MUST_CHECK;
void dc_console_close(struct dc_console *c);

/* Do what is due. */
void dc_console_tick(struct dc_console *c);

#endif
