/*
 * log: see log.h. Writes with one write(2) a line, so that lines of several processes on one pipe
 * stay whole.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { TEXT_MAX = 1000, LINE_MAX_BYTES = 4 * TEXT_MAX + 400 };

static struct {
	const char *program;
	enum log_level most;
} state = {"subota", LOG_INFO};

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
	at += log_safe(line + at, sizeof(line) - at, about);
	at += log_safe(line + at, sizeof(line) - at, text);
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, at) < 0)
		errno = 0; /* nowhere left to say so */
	errno = saved;
}
