/*
 * top: see top.h. A line is written whole and cut to the width afterwards, so no part of it needs
 * to know the others' lengths; texts of devices are made printable by out_text.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "out.h"
#include "top.h"

enum { BAR = 20, BAR_TEXT = 64, DEVICE_ORDERS = 3 };

struct screen {
	FILE *to;
	unsigned width, left; /* lines */
};

__attribute__((format(printf, 2, 3))) static void
line(struct screen *s, const char *format, ...)
{
	char text[TOP_LINE];
	va_list ap;

	if (s->left == 0)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	size_t n = strlen(text);

	while (n > 0 && text[n - 1] == ' ')
		n--;
	fprintf(s->to, "%.*s\n", (int)(n < s->width ? n : s->width), text);
	s->left--;
}

static double
number_of(const cJSON *o, const char *key)
{
	const cJSON *n = cJSON_GetObjectItem(o, key);

	return cJSON_IsNumber(n) ? n->valuedouble : 0;
}

/* "12.3 kB", "4.0 MiB" would be another thing: decimal units, as rates have them. */
static void
put_bytes(double n, char out[16])
{
	static const char *const units[] = {"B", "kB", "MB", "GB"};
	size_t i = 0;

	while (n >= 1000 && i < 3) {
		n /= 1000;
		i++;
	}
	snprintf(out, 16, i ? "%.1f %s" : "%.0f %s", n < 99999 ? n : 99999, units[i]);
}

static double
seconds_between(const struct top_look *before, const struct top_look *now)
{
	int64_t ms = before ? mono_between(before->at, now->at) : 0;

	return ms > 0 ? (double)ms / 1000 : 0;
}

/* --- parts of the screen ---------------------------------------------------------------------- */

static bool
is_at_work(const cJSON *device)
{
	return strcmp(out_member(device, "state"), "busy") == 0;
}

static void
show_head(struct screen *s, const struct top_look *now)
{
	const cJSON *cloud = now->status[0], *d = NULL;
	char used[16], quota[16];
	unsigned n = 0, busy = 0, away = 0;

	cJSON_ArrayForEach(d, now->devices)
	{
		n++;
		busy += is_at_work(d) ? 1 : 0;
		away += strcmp(out_member(d, "state"), "away") == 0 ? 1 : 0;
	}
	put_bytes(number_of(now->store, "used"), used);
	put_bytes(number_of(now->store, "quota"), quota);
	line(s,
	    "platform %s   devices %u, %u at work, %u away   reports waiting %.0f   store %s of %s",
	    !cloud                                               ? "?"
	    : cJSON_IsTrue(cJSON_GetObjectItem(cloud, "online")) ? "online"
								 : "OFFLINE",
	    n, busy, away, number_of(cloud, "unconfirmed"), used, quota);
	line(s, "%s", "");
}

static const struct top_process *
same_process(const struct top_look *l, const struct top_process *p)
{
	for (size_t i = 0; l && i < l->n_processes; i++)
		if (strcmp(l->processes[i].pid, p->pid) == 0)
			return &l->processes[i];
	return NULL;
}

static void
show_processes(struct screen *s, const struct top_look *now, const struct top_look *before)
{
	double seconds = seconds_between(before, now);

	line(s, "%-10s %8s %10s %7s", "PROCESS", "PID", "MEMORY", "CPU");
	for (size_t i = 0; i < now->n_processes; i++) {
		const struct top_process *p = &now->processes[i], *was = same_process(before, p);
		char memory[16], cpu[16] = "-";

		put_bytes((double)p->memory, memory);
		if (was && seconds > 0 && p->cpu_ms >= was->cpu_ms)
			snprintf(cpu, sizeof(cpu), "%.1f %%",
			    (double)(p->cpu_ms - was->cpu_ms) / seconds / 10);
		line(s, "%-10s %8s %10s %7s", p->name, p->pid, memory, cpu);
	}
	for (size_t i = 0; i < ASK_DAEMONS; i++)
		if (!now->status[i])
			line(s, "%-10s does not answer", who_name(ask_daemons[i]));
	line(s, "%s", "");
}

/* Messages a second since the look before. */
static double
rate_of(const cJSON *link, const cJSON *was, const char *key, double seconds)
{
	double n = number_of(link, key) - number_of(was, key);

	return was && seconds > 0 && n > 0 ? n / seconds : 0;
}

static void
show_links(struct screen *s, const struct top_look *now, const struct top_look *before)
{
	double seconds = seconds_between(before, now);

	line(s, "%-16s %-5s %8s %8s %9s %9s", "LINK", "STATE", "IN/S", "OUT/S", "REFUSED",
	    "DROPPED");
	for (size_t i = 0; i < ASK_DAEMONS; i++) {
		const cJSON *link = now->status[i] ? now->status[i]->child : NULL;

		for (; link; link = link->next) {
			const cJSON *was = before ? cJSON_GetObjectItem(
							before->status[i], link->string)
						  : NULL;
			char name[40];

			if (!cJSON_GetObjectItem(link, "received"))
				continue;
			snprintf(
			    name, sizeof(name), "%s-%s", who_name(ask_daemons[i]), link->string);
			line(s, "%-16s %-5s %8.1f %8.1f %9.0f %9.0f", name,
			    cJSON_IsTrue(cJSON_GetObjectItem(link, "up")) ? "up" : "DOWN",
			    rate_of(link, was, "received", seconds),
			    rate_of(link, was, "sent", seconds), number_of(link, "refused"),
			    number_of(link, "dropped"));
		}
	}
	line(s, "%s", "");
}

/* The newest upgrade of a device; NULL: none. */
static const cJSON *
upgrade_of(const struct top_look *l, const cJSON *device)
{
	const cJSON *u = NULL;

	cJSON_ArrayForEach(u,
	    l->upgrades) if (strcmp(out_member(u, "device"), out_member(device, "device")) == 0 &&
			     strcmp(out_member(u, "component"), out_member(device, "component")) ==
				 0) return u;
	return NULL;
}

static void
put_bar(double done, double size, char out[BAR_TEXT])
{
	double share = size > 0 && done > 0 ? done / size : 0;
	unsigned full = 0;

	share = share > 1 ? 1 : share;
	full = (unsigned)(share * BAR);
	snprintf(out, BAR_TEXT, "[%.*s%.*s] %3.0f %%", (int)full, "####################",
	    (int)(BAR - full), "....................", share * 100);
}

static void
put_left(double bytes, double rate, char out[16])
{
	double s = rate > 0 ? bytes / rate : -1;

	if (s < 0 || s > 359999)
		snprintf(out, 16, "-");
	else
		snprintf(out, 16, "%u:%02u", (unsigned)s / 60, (unsigned)s % 60);
}

static void
show_device(struct screen *s, const struct top_look *now, const cJSON *d)
{
	const cJSON *u = upgrade_of(now, d), *flash = cJSON_GetObjectItem(u, "flashd");
	double done = number_of(u, "done"), size = number_of(u, "size");
	double rate = number_of(flash, "bytes_per_second");
	char device[80], version[24], bar[BAR_TEXT] = "", speed[16] = "", left[16] = "";
	const char *state = out_member(u, "flash");

	out_text(cJSON_GetObjectItem(d, "device"), device, sizeof(device));
	out_text(cJSON_GetObjectItem(d, "version"), version, sizeof(version));
	if (is_at_work(d) && size > 0) {
		put_bar(done, size, bar);
		put_bytes(rate, speed);
		put_left(size - done, rate, left);
	}
	line(s, "%-24s %-10s %-10s %-10s %-11s %-28s %9s%s %6s", device, out_member(d, "component"),
	    version, out_member(d, "state"), state, bar, speed, *speed ? "/s" : "  ", left);
}

/* 0: at work, 1: something is wrong with it, 2: the others. */
static int
order_of(const cJSON *device)
{
	const char *error = out_member(device, "error");

	if (is_at_work(device))
		return 0;
	return *error && strcmp(error, "OK") != 0 ? 1 : DEVICE_ORDERS - 1;
}

static void
show_devices(struct screen *s, const struct top_look *now)
{
	line(s, "%-24s %-10s %-10s %-10s %-11s %-28s %11s %6s", "DEVICE", "COMPONENT", "VERSION",
	    "STATE", "UPGRADE", "PROGRESS", "RATE", "LEFT");
	for (int order = 0; order < DEVICE_ORDERS; order++) {
		const cJSON *d = NULL;

		cJSON_ArrayForEach(d, now->devices) if (order_of(d) == order)
		    show_device(s, now, d);
	}
}

/* --- the whole -------------------------------------------------------------------------------- */

char *
top_render(
    const struct top_look *now, const struct top_look *before, unsigned width, unsigned height)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	struct screen s = {to, width, height};

	if (!to)
		return NULL;
	show_head(&s, now);
	show_processes(&s, now, before);
	show_links(&s, now, before);
	show_devices(&s, now);
	fclose(to);
	return text;
}

void
top_look_fini(struct top_look *l)
{
	for (size_t i = 0; i < ASK_DAEMONS; i++)
		cJSON_Delete(l->status[i]);
	cJSON_Delete(l->devices);
	cJSON_Delete(l->upgrades);
	cJSON_Delete(l->store);
	*l = (struct top_look){0};
}
