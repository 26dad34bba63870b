/*
 * ports: which ports of package servers a configuration means, and to which an address leads.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "ports.h"

/* "443 80", "any", or what was refused. */
static const char *
read_as(const char *text, bool http)
{
	static char out[300];
	char why[WHY_SIZE] = "";
	struct ports p;
	int at = 0;

	if (ports_parse(text, http, &p, why) != ERR_OK) {
		snprintf(out, sizeof(out), "%s", why);
		return out;
	}
	if (p.any)
		return "any";
	for (size_t i = 0; i < p.n; i++)
		at += snprintf(
		    out + at, sizeof(out) - (size_t)at, "%s%u", at ? " " : "", (unsigned)p.list[i]);
	return out;
}

Test(ports, are_those_of_the_web_unless_named)
{
	cr_expect_str_eq(read_as("", false), "443");
	cr_expect_str_eq(read_as("  ", false), "443");
	cr_expect_str_eq(read_as("", true), "443 80");
	cr_expect_str_eq(read_as("8443", true), "8443");
	cr_expect_str_eq(read_as(" 8443\t443  1 65535 ", false), "8443 443 1 65535");
	cr_expect_str_eq(read_as("any", false), "any");
}

Test(ports, that_are_none_are_refused_by_name)
{
	static const char *const rows[] = {
	    "0", "65536", "443,80", "-1", "443 x", "4 4 3x", "0443443", "any 443", "443 any"};
	char many[400] = "";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(strncmp(read_as(rows[i], false), "package_ports: expected", 23) == 0,
		    "%s: %s", rows[i], read_as(rows[i], false));
	for (unsigned i = 0; i < PORTS_MAX; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%u ", 8000 + i);
	cr_expect(strncmp(read_as(many, false), "8000 8001", 9) == 0);
	snprintf(many + strlen(many), sizeof(many) - strlen(many), "9000");
	cr_expect(strncmp(read_as(many, false), "package_ports: expected at most", 31) == 0);
}

Test(ports, of_an_address_are_what_stands_behind_its_host)
{
	static const struct {
		const char *url;
		unsigned port;
	} rows[] = {{"https://h/f", 443}, {"http://h/f", 80}, {"HTTPS://h", 443},
	    {"https://h:8443/f", 8443}, {"https://h:/f", 443}, {"http://h:1?x=:2", 1},
	    {"https://h:65535#:9", 65535}, {"https://user:22@h/f", 443},
	    {"https://user:22@h:8443/f", 8443}, {"https://a@b:1@h:2/f", 2},
	    {"https://[2001:db8::1]/f", 443}, {"https://[2001:db8::1]:8443/f", 8443},
	    {"https://h/f:22", 443}, {"https://h/a@b:22", 443},
	    /* not plainly a host and a port */
	    {"https://h:0/f", 0}, {"https://h:65536/f", 0}, {"https://h:8x/f", 0},
	    {"https://h:-1/f", 0}, {"https://h:443443", 0}, {"https://[2001:db8::1", 0},
	    {"https://h\\@g:22/f", 0}, {"ftp://h/f", 0}, {"h:443", 0}, {"", 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(ports_of_url(rows[i].url), rows[i].port, "%s: %u", rows[i].url,
		    ports_of_url(rows[i].url));
}

Test(ports, that_are_asked_for_are_in_the_list_or_refused)
{
	struct ports p;

	cr_assert_eq(ports_parse("443 8443", false, &p, NULL), ERR_OK);
	cr_expect(ports_has(&p, 443) && ports_has(&p, 8443));
	cr_expect_not(ports_has(&p, 80) || ports_has(&p, 0));
	cr_assert_eq(ports_parse("any", false, &p, NULL), ERR_OK);
	cr_expect(ports_has(&p, 22));
	cr_expect_not(ports_has(&p, 0), "an address whose port cannot be told");
}
