/*
 * ctl_decode: `subotactl decode`: every golden frame is told as JSON, every malformed one and every
 * cut-off one is refused with 65 and a reason, and nothing on the command line crashes it.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>

#include "bundle_dir.h"
#include "ctl/decode.h"
#include "dump.h"
#include "kit.h"
#include "msg.h"
#include "tool.h"
#include "vectors.h"

#define ECHO_PACKET "0a00000600004200a16164626869"

/* ERR_OK with a JSON document, or an error without one. */
static enum err
decode(enum decode_kind kind, const void *data, size_t len, cJSON **doc)
{
	char why[WHY_SIZE] = "";
	AUTO(mem) char *json = NULL;
	AUTO(mem) uint8_t *exact = malloc(len + 1); /* a sanitizer sees reading past the end */

	if (len)
		memcpy(exact, data, len);
	enum err e = decode_bytes(kind, exact, len, &json, why);

	cr_assert_eq(e == ERR_OK, json != NULL, "%s: %s", decode_name(kind), err_name(e));
	*doc = json ? cJSON_Parse(json) : NULL;
	cr_assert(!json || *doc, "%s", json);
	return e;
}

static enum err
refusal(enum decode_kind kind, const void *data, size_t len)
{
	AUTO(vectors) cJSON *doc = NULL;

	return decode(kind, data, len, &doc);
}

/* The rows of a list of vectors against what the vectors say of them; how many there were. */
static int
each_vector(const char *list, const char *hex_key, const char *takes_key, enum decode_kind kind)
{
	AUTO(vectors) cJSON *all = vectors_load();
	const cJSON *v = NULL;
	int n = 0;

	cJSON_ArrayForEach(v, cJSON_GetObjectItem(all, list))
	{
		AUTO(mem) struct vectors_bytes *b = vectors_hex(v, hex_key);
		const cJSON *takes = takes_key ? cJSON_GetObjectItem(v, takes_key) : NULL;
		bool good = !takes_key || cJSON_IsTrue(takes) || cJSON_IsArray(takes);
		enum err e = refusal(kind, b->data, b->len);

		cr_expect_eq(
		    e == ERR_OK, good, "%s %s: %s", list, vectors_text(v, "name"), err_name(e));
		n++;
	}
	return n;
}

Test(ctl_decode, tells_every_golden_frame_and_refuses_every_malformed_one)
{
	cr_expect_eq(each_vector("ttlv", "hex", NULL, DECODE_TTLV), 46);
	cr_expect_eq(each_vector("doc_examples_ttlv", "hex", NULL, DECODE_TTLV), 9);
	cr_expect_eq(each_vector("ttlv_malformed", "hex", "sdk", DECODE_TTLV), 16);
	cr_expect_eq(each_vector("dp_frames", "frame", "sdk_accepts", DECODE_DP), 18);
	cr_expect_eq(each_vector("dp_malformed", "hex", "sdk_accepts", DECODE_DP), 8);
	cr_expect_eq(each_vector("ota_messages", "frame", NULL, DECODE_DP), 16);
	cr_expect_eq(each_vector("mqtt_packets", "hex", NULL, DECODE_MQTT), 2);
}

/* --- all that is cut off ---------------------------------------------------------------------- */

static void
expect_cut_refused(enum decode_kind kind, const uint8_t *data, size_t len)
{
	cr_assert_eq(refusal(kind, data, len), ERR_OK, "%s", decode_name(kind));
	for (size_t n = 0; n < len; n++)
		cr_assert_neq(
		    refusal(kind, data, n), ERR_OK, "%s at %zu of %zu", decode_name(kind), n, len);
}

static void
expect_cut_hex_refused(enum decode_kind kind, const char *hex)
{
	uint8_t *data = NULL;
	size_t len = 0;

	cr_assert_eq(decode_unhex(hex, strlen(hex), &data, &len), ERR_OK);
	expect_cut_refused(kind, data, len);
	free(data);
}

Test(ctl_decode, refuses_every_truncation)
{
	expect_cut_hex_refused(DECODE_DP, "aaaa0014c60001011500cb000b5045455253573031413031");
	expect_cut_hex_refused(DECODE_TTLV, "00cb000b5045455253573031413031");
	expect_cut_hex_refused(DECODE_MQTT,
	    "82240001001f712f312f642f71647031313135583836303030303030"
	    "303030303030312f2b01");
	expect_cut_hex_refused(DECODE_SMP, ECHO_PACKET);
}

/* Bytes of an envelope; how many. */
static size_t
pack_hello(uint8_t *out, size_t size, uint32_t proto)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Hello hello = PB__HELLO__INIT;
	size_t len = 0;

	hello.who = (char[]){"cloudd"};
	hello.build = (char[]){"0.1.0"};
	hello.proto_min = hello.proto_max = 1;
	e.proto = proto;
	e.seq = 1;
	e.body_case = PB__ENVELOPE__BODY_HELLO;
	e.hello = &hello;
	cr_assert_eq(msg_pack(&e, out, size, &len), ERR_OK);
	return len;
}

Test(ctl_decode, tells_an_envelope_by_its_kind)
{
	uint8_t bytes[200];
	AUTO(vectors) cJSON *doc = NULL;
	size_t len = pack_hello(bytes, sizeof(bytes), 1);

	cr_assert_eq(decode(DECODE_ENVELOPE, bytes, len, &doc), ERR_OK);
	cr_expect_str_eq(vectors_text(cJSON_GetObjectItem(doc, "hello"), "who"), "cloudd");
	expect_cut_refused(DECODE_ENVELOPE, bytes, len);
}

Test(ctl_decode, tells_the_golden_frame_of_every_kind)
{
	glob_t g;

	cr_assert_eq(glob("tests/data/golden/v*.bin", 0, NULL, &g), 0);
	cr_expect_geq(g.gl_pathc, 18);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct bundle_bytes b = {0};

		cr_assert_eq(
		    bundle_dir_read_file(AT_FDCWD, g.gl_pathv[i], 1 << 16, &b), ERR_OK);
		cr_expect_eq(
		    refusal(DECODE_ENVELOPE, b.data, b.len), ERR_OK, "%s", g.gl_pathv[i]);
		for (size_t n = 0; n < b.len; n++)
			(void)refusal(DECODE_ENVELOPE, b.data, n); /* some cuts are whole fields */
		free(b.data);
	}
	globfree(&g);
}

Test(ctl_decode, refuses_an_envelope_that_no_route_admits)
{
	static const uint8_t bodyless[] = {0x08, 1, 0x10, 1};
	/* a Ping without a nonce would be one; a Hello without a name is none */
	static const uint8_t nameless[] = {0x08, 1, 0x10, 1, 0x52, 4, 0x18, 1, 0x20, 1};
	uint8_t bytes[200];
	size_t len = pack_hello(bytes, sizeof(bytes), 2);

	cr_expect_eq(refusal(DECODE_ENVELOPE, bytes, len), ERR_VERSION);
	cr_expect_eq(refusal(DECODE_ENVELOPE, bodyless, sizeof(bodyless)), ERR_ROUTE);
	cr_expect_eq(refusal(DECODE_ENVELOPE, nameless, sizeof(nameless)), ERR_MESSAGE);
	cr_expect_eq(refusal(DECODE_ENVELOPE, "\xff\xff\xff", 3), ERR_MESSAGE);
}

Test(ctl_decode, tells_a_bundle_and_refuses_it_cut_or_changed)
{
	AUTO(scratch) char *dir = kit_scratch();
	AUTO(kit) struct kit *kit = kit_new(dir);
	struct kit_spec spec = {.version = "3.1.4", .sequence = 5};
	struct bundle_bytes file = kit_bundle(kit, &spec);
	AUTO(vectors) cJSON *doc = NULL;

	cr_assert_eq(decode(DECODE_BUNDLE, file.data, file.len, &doc), ERR_OK);
	const cJSON *m = cJSON_GetObjectItem(doc, "manifest");

	cr_expect_str_eq(vectors_text(m, "version"), "3.1.4");
	cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(doc, "signatures")), 1);
	cr_expect_eq(cJSON_GetArraySize(cJSON_GetObjectItem(doc, "payloads")), 1);
	for (size_t n = 0; n < file.len; n += n % 512 == 511 ? 1 : 73)
		cr_assert_neq(refusal(DECODE_BUNDLE, file.data, n), ERR_OK, "at %zu", n);
	uint8_t *image = memmem(file.data, file.len, "firmware", 8);

	cr_assert(image);
	image[3] ^= 1;
	cr_expect_eq(refusal(DECODE_BUNDLE, file.data, file.len), ERR_DIGEST);
	free(file.data);
}

/* --- the command line ---------------------------------------------------------------------------
 */

Test(ctl_decode, takes_hex_with_blanks_and_colons)
{
	static const char *const same[] = {"aaaa00051700010115", "AA AA 00 05 17 00 01 01 15",
	    "aa:aa:00:05:17:00:01:01:15", "\taaaa 0005\n17 0001 0115 "};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct tool_result r = CTL(".", "decode", "dp", same[i]);

		cr_expect_eq(r.status, 0, "%s: %s", same[i], r.out);
		cr_expect_str_eq(r.out,
		    "{\"package\":1,\"command\":\"0115\",\"name\":\"OTA request\","
		    "\"payload\":\"\"}\n");
	}
}

Test(ctl_decode, answers_65_and_the_reason_for_what_is_refused)
{
	static const struct {
		char kind[10], what[40], word[20];
	} rows[] = {
	    {"dp", "aaaa00051800010115", "FRAME_SUM"},
	    {"dp", "aaaa0005", "TRUNCATED"},
	    {"dp", "", "TRUNCATED"},
	    {"dp", "aaa", "pairs of hex"},
	    {"ttlv", "0046", "MALFORMED"},
	    {"mqtt", "f000", "MALFORMED"},
	    {"envelope", "", "refuse"},
	    {"smp", "00", "TRUNCATED"},
	    {"an3155", "31cf", "FRAME_SUM"},
	    {"bundle", "00", "TRUNCATED"},
	    {"dp", "no-such-file", "NOT_FOUND"},
	    {"dp", "/", "directory"},
	    {"bundle", "/dev/null", "TRUNCATED"},
	    {"ttlv", "/dev/zero", "LIMIT"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tool_result r = CTL(".", "decode", rows[i].kind, rows[i].what);

		cr_expect_eq(r.status, 65, "%s '%s': %d", rows[i].kind, rows[i].what, r.status);
		cr_expect(strncmp(r.out, "decode ", 7) == 0, "%s", r.out);
		if (strcmp(rows[i].word, "refuse") != 0)
			cr_expect(strstr(r.out, rows[i].word), "%s: %s", rows[i].word, r.out);
	}
}

Test(ctl_decode, answers_64_when_it_is_called_wrongly)
{
	cr_expect_eq(CTL(".", "decode").status, 64);
	cr_expect_eq(CTL(".", "decode", "dp").status, 64);
	cr_expect_eq(CTL(".", "decode", "xml", "00").status, 64);
	cr_expect_eq(CTL(".", "decode", "dp", "00", "00").status, 64);
	cr_expect_eq(CTL(".", "decode", "--help").status, 0);
}

Test(ctl_decode, reads_files_as_bytes_and_on_request_as_hex)
{
	static const char text[] = "aa aa 00 05\n17 00 01 01 15\n";
	static const char bytes[] = {'\xaa', '\xaa', 0, 5, 0x17, 0, 1, 1, 0x15};
	AUTO(scratch) char *dir = kit_scratch();

	kit_write(dir, "text", text, sizeof(text) - 1);
	kit_write(dir, "bytes", bytes, sizeof(bytes));
	kit_write(dir, "beef", bytes, sizeof(bytes));
	cr_expect_eq(CTL(dir, "decode", "dp", "bytes").status, 0);
	cr_expect_eq(CTL(dir, "decode", "dp", "text").status, 65);
	cr_expect_eq(CTL(dir, "decode", "dp", "--hex", "text").status, 0);
	cr_expect_eq(CTL(dir, "decode", "dp", "--hex", "bytes").status, 65);
	cr_expect_eq(CTL(dir, "decode", "dp", "beef").status, 65, "hex comes first");
	cr_expect_eq(CTL(dir, "decode", "dp", "./beef").status, 0);
	cr_expect_eq(CTL(dir, "decode", "dp", "-").status, 65, "stdin is empty here");
}

Test(ctl_decode, tells_the_golden_bundle_from_its_file)
{
	struct tool_result r = CTL(".", "decode", "bundle", "tests/data/bundle/fw.bin");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strncmp(r.out, "{\"roots\":[{\"name\":\"root.2\"", 25) == 0, "%s", r.out);
}

Test(ctl_decode, tells_a_console_frame_of_a_device)
{
	struct tool_result r = CTL(
	    ".", "decode", "smp", "06094142414341414147414142434 14b46685a474a6f615842680a");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "\"framing\":\"console\""), "%s", r.out);
	cr_expect(strstr(r.out, "\"d\":\"hi\""), "%s", r.out);
}
