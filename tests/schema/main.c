/*
 * schema: prints what proto/schema.lock and proto/routes.md hold, and writes golden frames that do
 * not exist yet; the make targets in deploy/make/proto.mk use it. Never overwrites a frame: they
 * are kept for ever.
 *
 * May: write below tests/data/golden. Must never: change a file that is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "golden.h"
#include "schema.h"

static int
print(char *text)
{
	int failed = fputs(text, stdout) < 0;

	free(text);
	return failed;
}

static int
write_frames(void)
{
	for (int kind = GOLDEN_FIRST; kind < GOLDEN_FIRST + GOLDEN_KINDS; kind++) {
		struct golden g;
		uint8_t bytes[GOLDEN_BYTES];
		char path[100];

		golden_make(kind, &g);
		golden_path(kind, path);
		AUTO(file) FILE *f = fopen(path, "wxe");
		if (!f)
			continue; /* it is there */
		size_t n = pb__envelope__pack(&g.e, bytes);
		if (fwrite(bytes, 1, n, f) != n)
			return 1;
		printf("%s: %zu bytes\n", path, n);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "lock") == 0)
		return print(schema_lines());
	if (strcmp(what, "routes") == 0)
		return print(schema_routes());
	if (strcmp(what, "golden") == 0)
		return write_frames();
	fprintf(stderr, "usage: schema lock|routes|golden\n");
	return 64;
}
