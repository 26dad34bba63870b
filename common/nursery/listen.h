/*
 * listen: the nursery's door where no service manager holds it, as in a container.
 */
#ifndef SUBOTA_LISTEN_H
#define SUBOTA_LISTEN_H

enum { LISTEN_MAX = 4 }; /* nurseries at a time, as their sockets have it under systemd */

/* Listen at `path` and start argv[0] with `argv` for each connection, which it gets as
 * descriptor 3, until SIGTERM or SIGINT; then they are killed. What is at `path` is replaced. The
 * socket gets the group of a setgid directory, and mode 0660: the directory decides who comes in.
 * Blocks both signals and SIGCHLD. The process's exit status. */
int listen_run(const char *path, char *const argv[]);

#endif
