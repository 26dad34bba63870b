/*
 * notify: see notify.h. A name that begins with @ is in the abstract namespace: the @ stands for a
 * zero byte.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "auto.h"
#include "log.h"
#include "notify.h"

void
notify_supervisor(const char *state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;

	if (!len)
		return;
	if ((name[0] != '/' && name[0] != '@') || len >= sizeof(a.sun_path)) {
		log_warn(NULL, "NOTIFY_SOCKET: expected a path or @name, got %.100s", name);
		return;
	}
	memcpy(a.sun_path, name, len);
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warn(NULL, "the supervisor does not hear \"%s\": %s", state, strerror(errno));
}

/* A plain decimal number, 0 when it is none. */
static uint64_t
number(const char *name)
{
	const char *text = getenv(name);
	char *end = NULL;

	if (!text || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	uint64_t n = strtoull(text, &end, 10);
	return errno || *end ? 0 : n;
}

uint64_t
notify_watchdog_us(void)
{
	if (getenv("WATCHDOG_PID") && number("WATCHDOG_PID") != (uint64_t)getpid())
		return 0;
	return number("WATCHDOG_USEC");
}
