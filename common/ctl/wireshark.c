/*
 * wireshark: see wireshark.h. The lines of the schema are made from proto/subota.proto by the
 * build, so they are those that the daemons speak.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "wireshark.h"

static const char *const schema[] = {
#include "schema_lines.h"
};

static const char *const script[] = {
    "-- Captures of subota's bus: hands each packet to Wireshark's own protobuf dissector.\n",
    "-- tshark -X lua_script:subota.lua -o 'uat:protobuf_search_paths:\"DIR\",\"TRUE\"' -r FILE\n",
    "local subota = Proto('subota', 'subota bus')\n",
    "local protobuf = Dissector.get('protobuf')\n",
    "function subota.dissector(buffer, pinfo, tree)\n",
    "  pinfo.private['pb_msg_type'] = 'message,subota.v1.Envelope'\n",
    "  if buffer:len() > 0 then protobuf:call(buffer, pinfo, tree) end\n",
    "  pinfo.cols.protocol = 'subota'\n",
    "end\n",
    "DissectorTable.get('wtap_encap'):add(wtap.USER0, subota)\n",
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

char *
wireshark_schema(void)
{
	size_t size = 1, used = 0;

	for (size_t i = 0; i < COUNT(schema); i++)
		size += strlen(schema[i]);
	char *text = malloc(size);

	for (size_t i = 0; text && i < COUNT(schema); i++)
		used += (size_t)snprintf(text + used, size - used, "%s", schema[i]);
	return text;
}

static enum err
write_lines(const char *dir, const char *name, const char *const *lines, size_t n)
{
	char path[4096];
	bool good = snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path);
	AUTO(file) FILE *f = good ? fopen(path, "we") : NULL;

	for (size_t i = 0; f && i < n; i++)
		good = fputs(lines[i], f) >= 0 && good;
	return f && good && fflush(f) == 0 ? ERR_OK : ERR_SYSTEM;
}

enum err
wireshark_write(const char *dir)
{
	enum err e = write_lines(dir, "subota.proto", schema, COUNT(schema));

	return e ? e : write_lines(dir, "subota.lua", script, COUNT(script));
}
