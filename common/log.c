/*
 * log: see log.h. Writes with one write(2) a line, so that lines of several processes on one pipe
 * stay whole. The journal's protocol is spoken by hand (one datagram of FIELD=value lines, and
 * log_safe leaves no newline in a value), because a jailed process cannot open its socket later on.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { TEXT_MAX = 1000, LINE_MAX_BYTES = 4 * TEXT_MAX + 400 };

static struct {
	const char *program;
	enum log_level most;
	int journal; /* -1: none */
} state = {"subota", LOG_INFO, -1};

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void
log_init(const char *program, enum log_level most)
{
	state.program = program;
	state.most = most;
}

size_t
log_safe(char *out, size_t size, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		bool plain = *p >= 0x20 && *p <= 0x7e;

		if (n + (plain ? 1 : 4) >= size)
			break;
		if (plain) {
			out[n++] = (char)*p;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[*p >> 4];
		out[n++] = hex[*p & 15];
	}
	if (size > 0)
		out[n] = 0;
	return n;
}

/* Does JOURNAL_STREAM, DEVICE:INODE, name what stderr is? */
static bool
is_journal(const char *stream)
{
	struct stat st = {0};
	char own[50];

	if (!stream || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(own, stream) == 0;
}

void
log_journal(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (state.journal >= 0 || strlen(path) >= sizeof(a.sun_path) ||
	    !is_journal(getenv("JOURNAL_STREAM")))
		return;
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		state.journal = fd;
	else if (fd >= 0)
		close(fd);
}

/* `text` is safe already. */
static bool
send_journal(enum log_level level, const struct subject *s, const char *text)
{
	static const int priorities[] = {3, 4, 6, 7};
	char out[LINE_MAX_BYTES + 400], device[330];
	int n = snprintf(out, sizeof(out),
	    "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=subota-%.20s\n", text, priorities[level],
	    state.program);

	if (s && s->upgrade)
		n += snprintf(out + n, 60, "SUBOTA_UPGRADE=%llu\n", (unsigned long long)s->upgrade);
	if (s && s->device_key && *s->device_key) {
		snprintf(out + n, 40, "SUBOTA_DEVICE=");
		n += (int)strlen(out + n);
		snprintf(device, sizeof(device), "%.40s/%.40s",
		    s->product_key ? s->product_key : "", s->device_key);
		n += (int)log_safe(out + n, 330, device);
		out[n++] = '\n';
	}
	return send(state.journal, out, (size_t)n, MSG_NOSIGNAL) == n;
}

static void
format_subject(char *out, size_t size, const struct subject *s)
{
	const char *pk = s->product_key ? s->product_key : "";
	const char *dk = s->device_key ? s->device_key : "";
	bool device = *pk || *dk;

	if (s->upgrade && device)
		snprintf(out, size, "upgrade %llu %.40s/%.40s: ", (unsigned long long)s->upgrade,
		    pk, dk);
	else if (s->upgrade)
		snprintf(out, size, "upgrade %llu: ", (unsigned long long)s->upgrade);
	else if (device)
		snprintf(out, size, "%.40s/%.40s: ", pk, dk);
}

void
log_write(enum log_level level, const struct subject *s, const char *format, ...)
{
	int saved = errno;
	char line[LINE_MAX_BYTES];
	char text[TEXT_MAX + 1];
	char about[140] = "";
	va_list ap;

	if (level > state.most)
		return;
	va_start(ap, format);
	int n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n > TEXT_MAX)
		memcpy(text + TEXT_MAX - 3, "...", 3);
	if (s)
		format_subject(about, sizeof(about), s);
	char time[CLOCK_TEXT];
	clock_text(clock_wall_ms(), time);
	size_t at = (size_t)snprintf(
	    line, 100, "%s %.20s %s ", time, state.program, level_names[level]);
	size_t body = at;
	at += log_safe(line + at, sizeof(line) - at, about);
	at += log_safe(line + at, sizeof(line) - at, text);
	if (state.journal >= 0 && send_journal(level, s, line + body)) {
		errno = saved;
		return;
	}
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, at) < 0)
		errno = 0; /* nowhere left to say so */
	errno = saved;
}
