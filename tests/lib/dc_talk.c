/*
 * dc_talk: see dc_talk.h.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "dc_talk.h"

struct dc_line *
dc_talk_begin(struct dc_case *c)
{
	struct dc_line *l = dc_case_connect(c);

	dc_line_login(l, 0);
	dc_line_sub_login(l, false);
	return l;
}

void
dc_talk_report(struct dc_line *l, const char *version)
{
	struct dc_ttlv_out o = {0};

	dc_ttlv_put_text(&o, 2, version);
	dc_line_command(l, DC_CASE_SUB_EP, "sys", 0x0044, &o);
}

void
dc_talk_ask(struct dc_line *l, const char *version, const char *parts)
{
	struct dc_ttlv_out o = {0};

	dc_ttlv_put_text(&o, 25, version);
	if (parts)
		dc_ttlv_put_text(&o, 26, parts);
	dc_line_command(l, DC_CASE_SUB_EP, "ota", 0x0115, &o);
}

void
dc_talk_say(struct dc_line *l, const char *component, int status, const char *version)
{
	static const char *const names[] = {"", "REVICEPLAN", "SUBMITOTA", "REFUSEDOTA",
	    "DOWNLOADSTART", "DOWNLOADING", "DOWNLOADERROR", "", "DOWNLOADSUCCESS", "UPDATING", "",
	    "UPDATESUCCESS", "UPDATEERROR"};
	struct dc_ttlv_out o = {0};

	dc_ttlv_put_int(&o, 13, status);
	dc_ttlv_put_text(&o, 14, names[status]);
	dc_ttlv_put_int(&o, 7, 0);
	dc_ttlv_put_text(&o, 4, component);
	if (version)
		dc_ttlv_put_text(&o, 25, version);
	dc_line_command(l, DC_CASE_SUB_EP, "ota", 0x0114, &o);
}

void
dc_talk_all(struct dc_line *l, const char *component, const int *statuses)
{
	for (; *statuses; statuses++)
		dc_talk_say(l, component, *statuses, NULL);
}

const char *
dc_talk_heard(struct dc_line *l)
{
	static char text[200];
	AUTO(mem) struct dc_ttlv *v = calloc(1, sizeof(*v));
	size_t n = 0;
	unsigned cmd;

	text[0] = '\0';
	while (n < sizeof(text) - 6 && (cmd = dc_line_frame(l, v)) != 0)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%04x", n ? " " : "", cmd);
	return text;
}

void
dc_talk_pass(struct dc_case *c, uint64_t ms)
{
	*dc_case_clock() += ms;
	dc_platform_tick(c->dc, (struct mono){0});
}
