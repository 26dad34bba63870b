/*
 * fuzz: the first line as a script, the rest as what a device says to it; each newline the script's
 * own bytes are taken and time passes.
 */
#include "expect.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct expect_values values = {"40200000", "1.2.3", 4096, 0x1234};
	const uint8_t *end = memchr(data, '\n', len);
	size_t script_len = end ? (size_t)(end - data) : len;
	char text[1024] = "", why[200];
	uint8_t out[100];
	struct mono now = {1000};
	struct expect_script s;
	struct expect e = {0};

	memcpy(text, data, script_len < sizeof(text) ? script_len : sizeof(text) - 1);
	if (expect_parse(text, &s, why, sizeof(why)))
		return 0;
	expect_start(&e, &s, &values, now);
	for (size_t i = script_len; i < len; i++) {
		expect_bytes(&e, data + i, 1, now);
		if (data[i] != '\n')
			continue;
		expect_output(&e, out, sizeof(out), now);
		expect_time(&e, now);
		now.ms += 100;
	}
	/* whatever came: it ends by its deadlines */
	for (size_t i = 0; i < 4 * EXPECT_STEPS && e.state == EXPECT_RUNNING; i++) {
		while (expect_output(&e, out, sizeof(out), now) > 0)
			;
		if (expect_deadline(&e).ms < INT64_MAX)
			now = expect_deadline(&e);
		expect_time(&e, now);
	}
	if (e.state == EXPECT_RUNNING || strlen(e.version) >= EXPECT_VERSION)
		abort();
	expect_complain(&e, why, sizeof(why));
	return 0;
}
