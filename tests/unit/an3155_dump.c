/*
 * an3155_dump: both directions of a line as JSON, and what is refused.
 */
#include "an3155_dump.h"

#include <criterion/criterion.h>
#include <string.h>

#include "auto.h"

static void
expect_json(const char *bytes, size_t len, const char *want)
{
	char *out = NULL;

	cr_assert_eq(an3155_dump_json((const uint8_t *)bytes, len, &out), ERR_OK, "%s", want);
	cr_expect_str_eq(out, want);
	free(out);
}

static void
expect_refused(const char *bytes, size_t len, enum err want)
{
	char *out = NULL;
	enum err got = an3155_dump_json((const uint8_t *)bytes, len, &out);

	cr_expect_eq(got, want, "expected %s, got %s", err_name(want), err_name(got));
	free(out);
}

#define JSON(bytes, want) expect_json(bytes, sizeof(bytes) - 1, want)
#define REFUSED(bytes, want) expect_refused(bytes, sizeof(bytes) - 1, want)

Test(an3155_dump, shows_each_command)
{
	JSON("\x7f\x00\xff\x01\xfe\x02\xfd", "{\"commands\":[{\"name\":\"get\"},{\"name\":\"get "
					     "version\"},{\"name\":\"get id\"}]}");
	JSON("\x11\xee\x08\x00\x01\x00\x09\x07\xf8",
	    "{\"commands\":[{\"name\":\"read\",\"address\":\"08000100\",\"bytes\":8}]}");
	JSON("\x31\xce\x08\x00\x00\x00\x08\x03\x01\x02\x03\x04\x07",
	    "{\"commands\":[{\"name\":\"write\",\"address\":\"08000000\",\"bytes\":4,\"data\":"
	    "\"01020304\"}]}");
	JSON("\x43\xbc\x01\x02\x03\x00", "{\"commands\":[{\"name\":\"erase\",\"pages\":[2,3]}]}");
	JSON("\x44\xbb\x00\x00\x01\x02\x03",
	    "{\"commands\":[{\"name\":\"erase pages\",\"pages\":[258]}]}");
	JSON("\x21\xde\x08\x00\x00\x00\x08",
	    "{\"commands\":[{\"name\":\"go\",\"address\":\"08000000\"}]}");
	JSON("\xa1\x5e\x08\x00\x00\x00\x08\x00\x00\x01\x00\x01",
	    "{\"commands\":[{\"name\":\"checksum\",\"address\":\"08000000\",\"bytes\":256}]}");
}

Test(an3155_dump, shows_a_command_that_ends_behind_one_of_its_turns)
{
	JSON("\x31\xce", "{\"commands\":[{\"name\":\"write\",\"partial\":true}]}");
	JSON("\x31\xce\x08\x00\x00\x00\x08",
	    "{\"commands\":[{\"name\":\"write\",\"address\":\"08000000\",\"partial\":true}]}");
}

Test(an3155_dump, shows_answers_and_what_they_bring)
{
	JSON("\x79\x01\x04\x10\x79", "{\"answers\":[\"ack\"],\"data\":\"01041079\"}");
	JSON("\x76\x76\x1f", "{\"answers\":[\"busy\",\"busy\",\"nack\"],\"data\":\"\"}");
}

Test(an3155_dump, refuses_what_a_boot_loader_would_refuse)
{
	REFUSED("", ERR_TRUNCATED);
	REFUSED("\x31", ERR_TRUNCATED);
	REFUSED("\x31\xcf", ERR_FRAME_SUM);
	REFUSED("\x63\x9c", ERR_UNSUPPORTED);
	REFUSED("\x31\xce\x08\x00\x00\x00", ERR_TRUNCATED);
	REFUSED("\x31\xce\x08\x00\x00\x00\x09", ERR_FRAME_SUM);
	REFUSED("\x31\xce\x08\x00\x00\x00\x08\x03\x01\x02\x03\x04", ERR_TRUNCATED);
	REFUSED("\x31\xce\x08\x00\x00\x00\x08\x03\x01\x02\x03\x04\x08", ERR_FRAME_SUM);
	REFUSED("\x11\xee\x08\x00\x01\x00\x09\x07\xf9", ERR_FRAME_SUM);
	REFUSED("\x44\xbb\xff\xff\x00", ERR_TRUNCATED);
	REFUSED("\x44\xbb\x00", ERR_TRUNCATED);
}
