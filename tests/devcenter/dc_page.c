/*
 * dc_page: see dc_page.h. The assembler takes the files in as they are (deploy/make/console.mk says
 * on what this object depends), so they need no build step and no directory at run time.
 */
#include "dc_page.h"

#include <string.h>

#define FILE_OF(name, file) \
	__asm__(".section .rodata\n" \
		"page_" #name ": .incbin \"tests/devcenter/console/" file "\"\n" \
		"page_" #name "_end: .byte 0\n" \
		".previous\n"); \
	extern const char page_##name[], page_##name##_end[];

FILE_OF(html, "index.html")
FILE_OF(css, "console.css")
FILE_OF(js, "console.js")
FILE_OF(plans, "plans.js")
FILE_OF(faults, "faults.js")
FILE_OF(icon, "icon.svg")

const struct dc_page *
dc_page_find(const char *path, struct dc_page *out)
{
	const struct {
		const char *path, *type, *data, *end;
	} rows[] = {
	    {"/", "text/html; charset=utf-8", page_html, page_html_end},
	    {"/console.css", "text/css; charset=utf-8", page_css, page_css_end},
	    {"/console.js", "text/javascript; charset=utf-8", page_js, page_js_end},
	    {"/plans.js", "text/javascript; charset=utf-8", page_plans, page_plans_end},
	    {"/faults.js", "text/javascript; charset=utf-8", page_faults, page_faults_end},
	    {"/icon.svg", "image/svg+xml", page_icon, page_icon_end},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].path, path) != 0)
			continue;
		*out = (struct dc_page){rows[i].path, rows[i].type, rows[i].data,
		    (size_t)(rows[i].end - rows[i].data)};
		return out;
	}
	return NULL;
}
