/*
 * ctl_top: the screen of `top`, from two looks at a gateway.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "auto.h"
#include "ctl/top.h"

static cJSON *
json(const char *text)
{
	char copy[2048];

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	cJSON *doc = cJSON_Parse(copy);

	cr_assert(doc, "%s", copy);
	return doc;
}

/* fetchd has got so many messages; METER2 is at work. */
static struct top_look
a_look(int64_t at_ms, const char *received, uint64_t cpu_ms)
{
	struct top_look l = {.at = {at_ms}, .n_processes = 1};
	char link[200];

	snprintf(link, sizeof(link),
	    "{'cloudd':{'up':true,'received':%s,'sent':5,'refused':3,'dropped':0}}", received);
	l.status[0] = json("{'online':true,'unconfirmed':4}");
	l.status[1] = json(link);
	l.devices = json(
	    "[{'device':'p/METER1','component':'app','version':'1.0','state':'present'},"
	    "{'device':'p/METER2','component':'app','version':'1.0','state':'busy'},"
	    "{'device':'p/METER3','component':'app','version':'\\u001b[2J',"
	    "'state':'away','error':'DEVICE_AWAY'}]");
	l.upgrades = json("[{'upgrade':9,'device':'p/METER2','component':'app','flash':'FLASHING',"
			  "'done':2500,'size':10000,'flashd':{'bytes_per_second':100}}]");
	l.store = json("{'used':1500000,'quota':536870912}");
	l.processes[0] = (struct top_process){"fetchd", "42", 3600000, cpu_ms};
	return l;
}

Test(ctl_top, one_screen_says_what_runs_what_passes_and_how_far_each_device_is)
{
	struct top_look before = a_look(1000, "10", 100), now = a_look(3000, "30", 300);
	AUTO(mem) char *text = top_render(&now, &before, 140, 40);
	const char *one = strstr(text, "\np/METER1"), *two = strstr(text, "\np/METER2"),
		   *three = strstr(text, "\np/METER3");

	cr_expect(strstr(text, "platform online   devices 3, 1 at work, 1 away   reports waiting 4"
			       "   store 1.5 MB of 536.9 MB\n"),
	    "%s", text);
	cr_expect(strstr(text, "\nfetchd           42     3.6 MB  10.0 %\n"), "%s", text);
	cr_expect(strstr(text, "\nflashd     does not answer\n"), "%s", text);
	cr_expect(strstr(text, "\nfetchd-cloudd    up        10.0      0.0         3         0\n"),
	    "%s", text);
	cr_assert(one && two && three, "%s", text);
	cr_expect(two < three && three < one, "work first, then trouble: %s", text);
	cr_expect(strstr(two, "FLASHING    [#####...............]  25 %"), "%s", two);
	cr_expect(strstr(two, "100 B/s   1:15\n"), "%s", two);
	cr_expect_null(strchr(text, '\033'), "%s", text);
	top_look_fini(&before);
	top_look_fini(&now);
}

Test(ctl_top, no_line_is_wider_and_no_screen_higher_than_the_terminal)
{
	struct top_look now = a_look(1000, "10", 100);

	for (unsigned width = 1; width < 130; width += 9)
		for (unsigned height = 0; height < 20; height += 3) {
			AUTO(mem) char *text = top_render(&now, NULL, width, height);
			unsigned lines = 0;

			for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
				cr_expect_leq(strcspn(at, "\n"), width);
				lines++;
			}
			cr_expect_leq(lines, height);
		}
	top_look_fini(&now);
}

Test(ctl_top, nothing_answers_and_numbers_are_hostile)
{
	struct top_look now = {.at = {5}}, before = {.at = {9}};
	AUTO(mem) char *text = top_render(&now, &before, 100, 40);

	cr_expect(strstr(text, "platform ?"), "%s", text);
	cr_expect(strstr(text, "cloudd     does not answer"), "%s", text);
	now.status[0] = json("{'online':7,'unconfirmed':-1e308,'x':{'received':'y'}}");
	now.devices = json("[{'state':'busy'},7,null,{'device':['a'],'state':'busy'}]");
	now.upgrades = json("[{'done':1e308,'size':-1,'flashd':7},{'done':5,'size':1e-300}]");
	AUTO(mem) char *more = top_render(&now, &before, 100, 40);

	cr_expect(more);
	top_look_fini(&now);
}
