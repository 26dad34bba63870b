/*
 * capture: see capture.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "dump.h"
#include "msg.h"
#include "out.h"
#include "redact.h"
#include "route.h"
#include "wire_json.h"
#include "wireshark.h"

/* --- writing ---------------------------------------------------------------------------------- */

enum err
capture_begin(struct pcapng_writer *w, FILE *to)
{
	AUTO(mem) char *schema = wireshark_schema();

	return schema ? pcapng_begin(w, to, schema) : ERR_NOMEM;
}

/* The envelope's bytes, the caller's, redacted again: whoever made the line. */
static enum err
pack(const cJSON *message, uint8_t **out, size_t *len, char why[WHY_SIZE])
{
	AUTO(msg) Pb__Envelope *whole = NULL;
	AUTO(msg) Pb__Envelope *shown = NULL;
	AUTO(mem) uint8_t *data = NULL;
	enum err e = wire_json_pack(&pb__envelope__descriptor, message, &data, len, why);

	e = e ? e : msg_unpack(data, *len, WIRE_JSON_MAX, &whole);
	e = e ? e : redact_envelope(whole, &shown);
	e = e ? e : msg_pack(shown, data, WIRE_JSON_MAX, len);
	if (!e)
		*out = HAND_OVER(data);
	return e;
}

enum err
capture_add(struct pcapng_writer *w, const cJSON *line, char why[WHY_SIZE])
{
	const cJSON *message = cJSON_GetObjectItem(line, "message");
	const cJSON *at = cJSON_GetObjectItem(line, "at"),
		    *bytes = cJSON_GetObjectItem(line, "bytes");
	const char *verdict = out_member(line, "verdict");
	AUTO(mem) uint8_t *data = NULL;
	char link[PCAPNG_NAME];
	size_t len = 0;
	enum err e = ERR_OK;

	if (cJSON_IsObject(message))
		e = pack(message, &data, &len, why);
	if (e != ERR_OK)
		return e;
	if (!cJSON_IsNumber(at) || !(at->valuedouble >= 0) || at->valuedouble > 9e15)
		return why_say(why, ERR_MALFORMED, "expected a line of the tap with its time");
	snprintf(link, sizeof(link), "%.15s:%.15s>%.15s", out_member(line, "daemon"),
	    out_member(line, "from"), out_member(line, "to"));
	return pcapng_add(w,
	    &(struct pcapng_packet){.link = link,
		.at_ms = (uint64_t)at->valuedouble,
		.data = data,
		.len = len,
		.original = cJSON_IsNumber(bytes) && bytes->valueint > 0 ? (size_t)bytes->valueint
									 : len,
		.comment = strcmp(verdict, "OK") == 0 ? "" : verdict});
}

/* --- reading ---------------------------------------------------------------------------------- */

struct loading {
	cJSON *list, *last;
	size_t n;
	char *why;
};

/* `SEEN-BY:FROM>TO` into the line. */
static enum err
add_link(cJSON *line, const char *link, char *why)
{
	char daemon[16], from[16], to[16];

	if (sscanf(link, "%15[a-z_]:%15[a-z_]>%15[a-z_]", daemon, from, to) != 3)
		return why_say(
		    why, ERR_MALFORMED, "expected a link DAEMON:FROM>TO, got '%s'", link);
	out_add_text(line, "daemon", daemon);
	out_add_text(line, "from", from);
	out_add_text(line, "to", to);
	return ERR_OK;
}

/* The envelope as JSON; null when these bytes are none. */
static void
add_message(cJSON *line, const struct pcapng_packet *p)
{
	AUTO(msg) Pb__Envelope *whole = NULL;
	AUTO(msg) Pb__Envelope *e = NULL;
	AUTO(mem) char *json = NULL;
	cJSON *message = NULL;

	if (p->len && msg_unpack(p->data, p->len, PCAPNG_PACKET_MAX, &whole) == ERR_OK &&
	    redact_envelope(whole, &e) == ERR_OK && dump_json(&e->base, &json) == ERR_OK)
		message = cJSON_Parse(json);
	out_add_text(line, "kind", e ? route_kind_name((int)e->body_case) : "unknown");
	cJSON_AddNumberToObject(line, "bytes", (double)p->original);
	out_add_text(line, "verdict", *p->comment ? p->comment : "OK");
	cJSON_AddItemToObject(line, "message", message ? message : cJSON_CreateNull());
}

static enum err
on_packet(void *arg, const struct pcapng_packet *p)
{
	struct loading *l = arg;

	if (l->n++ == CAPTURE_MESSAGES_MAX)
		return why_say(
		    l->why, ERR_LIMIT, "expected at most %d messages", CAPTURE_MESSAGES_MAX);
	cJSON *line = out_row(l->list);

	out_add_number(line, "at", p->at_ms);
	enum err e = add_link(line, p->link, l->why);
	if (e == ERR_OK)
		add_message(line, p);
	return e;
}

/* Not mapped: a file that is cut meanwhile and a disk that fails end whoever looks at a map. */
static enum err
read_whole(int fd, uint8_t *to, size_t len, char why[WHY_SIZE])
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, to + done, len - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_SYSTEM;
		if (n == 0)
			return why_say(why, ERR_TRUNCATED,
			    "expected %zu bytes as when it was opened, got %zu", len, done);
		done += (size_t)n;
	}
	return ERR_OK;
}

enum err
capture_load(const char *path, cJSON **out, char why[WHY_SIZE])
{
	struct loading l = {.why = why};
	struct stat st;
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || fstat(fd, &st) < 0)
		return ERR_SYSTEM;
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > CAPTURE_BYTES_MAX)
		return why_say(why, ERR_LIMIT, "expected a file of 1 to %d bytes, got %lld",
		    CAPTURE_BYTES_MAX, (long long)st.st_size);
	size_t len = (size_t)st.st_size;
	AUTO(mem) uint8_t *file = malloc(len);
	AUTO(out_json) cJSON *list = cJSON_CreateArray();

	if (!file || !list)
		return ERR_NOMEM;
	l.list = list;
	enum err e = read_whole(fd, file, len, why);
	if (e == ERR_OK)
		e = pcapng_read(file, len, on_packet, &l, why);
	if (e == ERR_OK)
		*out = HAND_OVER(list);
	return e;
}
