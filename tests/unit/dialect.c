/*
 * dialect: what a plan, a firmware or a reply must have to be believed.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dialect.h"

static const struct profile *
p1(void)
{
	return profile_find("p1");
}

/* --- plans ------------------------------------------------------------------------------------ */

struct payload {
	uint8_t data[8192];
	struct ttlv_writer w;
	size_t len;
};

static struct payload *
begin(void)
{
	static struct payload p;

	p.w = TTLV_WRITER(p.data);
	return &p;
}

static void
put_plan(struct ttlv_writer *w, const char *component, const char *target, int type)
{
	ttlv_put_text(w, 4, component);
	ttlv_put_text(w, 6, target);
	ttlv_put_int(w, 7, type);
}

static struct dialect_notice notice;
static char why[WHY_SIZE];

static enum err
parse_notice(struct payload *p)
{
	cr_assert_eq(ttlv_put_end(&p->w, &p->len), ERR_OK);
	return dialect_parse_notice(p1(), p->data, p->len, &notice, why);
}

Test(dialect, reads_all_of_a_plan)
{
	struct payload *p = begin();
	struct dialect_plan *plan = &notice.plans[0];

	put_plan(&p->w, "app", "1.1.0", 0);
	ttlv_put_text(&p->w, 5, "1.0.0");
	ttlv_put_int(&p->w, 8, 30);
	ttlv_put_int(&p->w, 9, 5000);
	ttlv_put_int(&p->w, 10, -110);
	cr_assert_eq(parse_notice(p), ERR_OK, "%s", why);
	cr_expect_eq(notice.n, 1);
	cr_expect_str_eq(plan->component, "app");
	cr_expect_str_eq(plan->source, "1.0.0");
	cr_expect_str_eq(plan->target, "1.1.0");
	cr_expect_eq(plan->type, 0);
	cr_expect_eq(plan->min_battery_percent, 30);
	cr_expect_eq(plan->space_bytes, 5000);
	cr_expect_eq(plan->min_signal_dbm, -110);
	cr_expect_str_eq(notice.sub.product_key, "");
}

Test(dialect, names_the_id_that_a_plan_lacks)
{
	static const char *const wants[] = {"id 4:", "id 6:", "id 7:"};

	for (int missing = 0; missing < 3; missing++) {
		struct payload *p = begin();

		if (missing != 0)
			ttlv_put_text(&p->w, 4, "app");
		if (missing != 1)
			ttlv_put_text(&p->w, 6, "1.1.0");
		if (missing != 2)
			ttlv_put_int(&p->w, 7, 0);
		cr_expect_eq(parse_notice(p), ERR_NOT_FOUND);
		cr_expect(strstr(why, wants[missing]), "%s", why);
	}
}

Test(dialect, holds_a_plan_to_its_lengths_and_its_alphabet)
{
	char component[34], version[66];

	memset(component, 'c', sizeof(component));
	memset(version, '9', sizeof(version));
	component[32] = version[64] = '\0';
	struct payload *p = begin();
	put_plan(&p->w, component, version, 1);
	cr_expect_eq(parse_notice(p), ERR_OK, "%s", why);
	component[32] = 'c', component[33] = '\0';
	p = begin(), put_plan(&p->w, component, "1", 0);
	cr_expect_eq(parse_notice(p), ERR_LIMIT);
	version[64] = '9', version[65] = '\0';
	p = begin(), put_plan(&p->w, "app", version, 0);
	cr_expect_eq(parse_notice(p), ERR_LIMIT);
	p = begin(), put_plan(&p->w, "app", "1;2", 0);
	cr_expect_eq(parse_notice(p), ERR_MALFORMED);
	p = begin(), put_plan(&p->w, "a\nb", "1", 0);
	cr_expect_eq(parse_notice(p), ERR_MALFORMED);
	p = begin(), put_plan(&p->w, "", "1", 0);
	cr_expect_eq(parse_notice(p), ERR_NOT_FOUND, "empty is missing");
	p = begin(), put_plan(&p->w, "app", "1", 2);
	cr_expect_eq(parse_notice(p), ERR_LIMIT);
	p = begin(), put_plan(&p->w, "app", "1", 0), ttlv_put_int(&p->w, 8, 101);
	cr_expect_eq(parse_notice(p), ERR_LIMIT);
	p = begin(), put_plan(&p->w, "app", "1", 0), ttlv_put_int(&p->w, 10, 5);
	cr_expect_eq(parse_notice(p), ERR_LIMIT);
	p = begin(), put_plan(&p->w, "app", "1", 0), ttlv_put_int(&p->w, 9, -1);
	cr_expect_eq(parse_notice(p), ERR_LIMIT);
	cr_expect_neq(dialect_parse_notice(p1(), p->data, 0, &notice, why), ERR_OK);
}

static void
put_tasks(struct payload *p, uint16_t n)
{
	ttlv_put_struct(&p->w, 28, n);
	for (unsigned i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%u", i);
		ttlv_put_struct(&p->w, 0, 3);
		put_plan(&p->w, name, "1", 0);
	}
}

/* rule: plan-several-20 */
Test(dialect, takes_no_component_twice)
{
	struct payload *p = begin();

	ttlv_put_struct(&p->w, 28, 3);
	for (unsigned i = 0; i < 3; i++) {
		ttlv_put_struct(&p->w, 0, 3);
		put_plan(&p->w, i == 1 ? "radio" : "app", i ? "2" : "1", 0);
	}
	cr_expect_eq(parse_notice(p), ERR_MALFORMED);
	cr_expect_str_eq(why, "id 28: expected each component once, got app twice");
}

/* rule: plan-several-20 */
Test(dialect, reads_up_to_twenty_components)
{
	struct payload *p = begin();

	put_tasks(p, 20);
	cr_expect_eq(parse_notice(p), ERR_OK, "%s", why);
	cr_expect_eq(notice.n, 20);
	p = begin(), put_tasks(p, 21);
	cr_expect_eq(parse_notice(p), ERR_LIMIT);
	p = begin(), put_tasks(p, 0);
	cr_expect_eq(parse_notice(p), ERR_LIMIT);
	p = begin(), ttlv_put_struct(&p->w, 28, 1), ttlv_put_text(&p->w, 0, "x");
	cr_expect_eq(parse_notice(p), ERR_MALFORMED);
}

Test(dialect, finds_the_subdevice_in_the_payload_only_where_the_profile_says_so)
{
	const struct profile *p2 = profile_find("p2");
	struct dialect_sub sub = {"p11abc", "METER01"}, bad = {"p11abc", "ME/ER"};
	struct payload *p = begin();

	put_plan(&p->w, "app", "1", 0);
	dialect_put_sub(&p->w, p2, &sub);
	cr_assert_eq(parse_notice(p), ERR_OK);
	cr_expect_str_eq(notice.sub.product_key, "");
	cr_assert_eq(dialect_parse_notice(p2, p->data, p->len, &notice, why), ERR_OK, "%s", why);
	cr_expect_str_eq(notice.sub.product_key, "p11abc");
	cr_expect_str_eq(notice.sub.device_key, "METER01");
	p = begin(), put_plan(&p->w, "app", "1", 0), dialect_put_sub(&p->w, p2, &bad);
	cr_assert_eq(parse_notice(p), ERR_OK);
	cr_expect_eq(dialect_parse_notice(p2, p->data, p->len, &notice, why), ERR_MALFORMED);
	p = begin(), put_plan(&p->w, "app", "1", 0), dialect_put_sub(&p->w, p1(), &sub);
	cr_assert_eq(parse_notice(p), ERR_OK, "with P1 nothing is added");
}

/* --- firmware --------------------------------------------------------------------------------- */

static struct dialect_firmware firmware;

/* A good 0113, but `id` has this text (or is left out when it is NULL). */
static enum err
firmware_with(uint16_t id, const char *text)
{
	static const struct {
		uint16_t id;
		const char *text;
	} good[] = {
	    {1, "https://oss.example/fw.bin"},
	    {3, "33d9712cc5eb0bf18a41ed54a908e412"},
	    {4, "app"},
	    {6, "1.1.0"},
	    {15, "9b71c"},
	    {16, "34398b85297bf7d9dfb59b8d511d8bbb44ab23e891570e4395e7871475fc8afb"},
	};
	struct payload *p = begin();

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *t = good[i].id == id ? text : good[i].text;

		if (t)
			ttlv_put_text(&p->w, good[i].id, t);
	}
	if (id != 2)
		ttlv_put_int(&p->w, 2, 5000);
	if (id != 7)
		ttlv_put_int(&p->w, 7, 0);
	cr_assert_eq(ttlv_put_end(&p->w, &p->len), ERR_OK);
	return dialect_parse_firmware(p1(), p->data, p->len, &firmware, why);
}

Test(dialect, reads_all_of_a_firmware)
{
	cr_assert_eq(firmware_with(0, NULL), ERR_OK, "%s", why);
	cr_expect_str_eq(firmware.file.url, "https://oss.example/fw.bin");
	cr_expect_eq(firmware.file.size, 5000);
	cr_expect_eq(firmware.file.md5[0], 0x33);
	cr_expect_eq(firmware.file.md5[15], 0x12);
	cr_expect_str_eq(firmware.component, "app");
	cr_expect_str_eq(firmware.target, "1.1.0");
	cr_expect_eq(firmware.crc, 0x9b71c);
	cr_assert(firmware.has_sha256);
	cr_expect_eq(firmware.sha256[31], 0xfb);
}

Test(dialect, wants_everything_of_a_firmware)
{
	static const uint16_t must[] = {1, 2, 3, 4, 6, 7, 15};
	char id[16];

	for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++) {
		cr_expect_eq(firmware_with(must[i], NULL), ERR_NOT_FOUND, "id %u", must[i]);
		snprintf(id, sizeof(id), "id %u:", must[i]);
		cr_expect(strstr(why, id), "%s", why);
	}
	cr_expect_eq(firmware_with(16, NULL), ERR_OK);
	cr_expect_not(firmware.has_sha256);
}

Test(dialect, refuses_a_firmware_whose_fields_are_wrong)
{
	static const struct {
		uint16_t id;
		const char *text;
	} bad[] = {
	    {3, "33d9712cc5eb0bf18a41ed54a908e41"},   /* an MD5 of 31 digits */
	    {3, "33d9712cc5eb0bf18a41ed54a908e4123"}, /* of 33 */
	    {3, "33d9712cc5eb0bf18a41ed54a908e41g"},
	    {1, "ftp://oss.example/fw.bin"},
	    {1, "https://oss.example/fw .bin"},
	    {1, "file:///etc/passwd"},
	    {15, "123456789"},
	    {15, "0x12"},
	    {16, "34398b85"},
	    {4, "a b"},
	    {6, "1/2"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_neq(firmware_with(bad[i].id, bad[i].text), ERR_OK, "%s", bad[i].text);
		cr_expect(strstr(why, "expected"), "%s", why);
	}
}

Test(dialect, bounds_the_address)
{
	char url[DIALECT_URL_MAX + 2];

	memset(url, 'a', sizeof(url));
	memcpy(url, "http://", 7);
	url[DIALECT_URL_MAX] = '\0';
	cr_expect_eq(firmware_with(1, url), ERR_OK, "%s", why);
	url[DIALECT_URL_MAX] = 'a', url[DIALECT_URL_MAX + 1] = '\0';
	cr_expect_eq(firmware_with(1, url), ERR_LIMIT);
}

/* A file of a list. */
static void
put_file(struct payload *p, int index, const char *url, int size)
{
	ttlv_put_struct(&p->w, 0, 4);
	ttlv_put_int(&p->w, 30, index);
	ttlv_put_text(&p->w, 1, url);
	ttlv_put_int(&p->w, 2, size);
	ttlv_put_text(&p->w, 3, "33d9712cc5eb0bf18a41ed54a908e412");
}

static enum err
parse_list(struct payload *p)
{
	cr_assert_eq(ttlv_put_end(&p->w, &p->len), ERR_OK);
	dialect_firmware_fini(&firmware);
	return dialect_parse_firmware(p1(), p->data, p->len, &firmware, why);
}

/* rule: url-files */
Test(dialect, reads_the_files_of_a_list_in_the_order_of_their_indices)
{
	struct payload *p = begin();

	put_plan(&p->w, "app", "1.1.0", 0);
	ttlv_put_struct(&p->w, 20, 3);
	put_file(p, 7, "https://h/c", 30);
	put_file(p, 0, "https://h/a", 10);
	put_file(p, 3, "https://h/b", 20);
	cr_assert_eq(parse_list(p), ERR_OK, "%s", why);
	cr_expect(firmware.listed);
	cr_assert_eq(firmware.n_more, 2);
	cr_expect_str_eq(firmware.file.url, "https://h/a");
	cr_expect_str_eq(firmware.more[0].url, "https://h/b");
	cr_expect_str_eq(firmware.more[1].url, "https://h/c");
	cr_expect_eq(dialect_firmware_size(&firmware), 60);
	cr_expect_eq(firmware.more[1].md5[0], 0x33);
	dialect_firmware_fini(&firmware);
}

/* rule: url-files */
Test(dialect, refuses_a_list_that_is_none)
{
	static const struct {
		uint16_t files, twice, kind;
		enum err e;
	} rows[] = {{5, 0, 0, ERR_OK}, {6, 0, 0, ERR_LIMIT}, {0, 0, 0, ERR_LIMIT},
	    {2, 1, 0, ERR_MALFORMED}, {2, 0, 1, ERR_UNSUPPORTED}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct payload *p = begin();

		put_plan(&p->w, "app", "1", rows[i].kind);
		ttlv_put_struct(&p->w, 20, rows[i].files);
		for (int k = 0; k < rows[i].files; k++)
			put_file(p, rows[i].twice ? 4 : k, "https://h/a", 1);
		cr_expect_eq(parse_list(p), rows[i].e, "row %zu: %s", i, why);
	}
	struct payload *p = begin();
	put_plan(&p->w, "app", "1", 0);
	ttlv_put_struct(&p->w, 20, 1);
	ttlv_put_struct(&p->w, 0, 1);
	ttlv_put_int(&p->w, 30, 0);
	cr_expect_eq(parse_list(p), ERR_NOT_FOUND, "a file without address");
	p = begin();
	put_plan(&p->w, "app", "1", 0);
	ttlv_put_struct(&p->w, 20, 1);
	ttlv_put_int(&p->w, 0, 1);
	cr_expect_eq(parse_list(p), ERR_MALFORMED);
	dialect_firmware_fini(&firmware);
}

/* rule: url-files */
Test(dialect, a_list_beside_a_file_counts_as_nothing)
{
	struct payload *p = begin();

	put_plan(&p->w, "app", "1", 0);
	ttlv_put_text(&p->w, 1, "https://h/x");
	ttlv_put_struct(&p->w, 20, 1);
	put_file(p, 0, "https://h/a", 1);
	cr_expect_eq(parse_list(p), ERR_NOT_FOUND, "a size is missing: %s", why);
	cr_expect(!firmware.listed);
}

/* --- the link --------------------------------------------------------------------------------- */

Test(dialect, reads_replies_about_subdevices)
{
	struct payload *p = begin();
	struct dialect_sub sub = {"p11abc", "METER01"};
	struct dialect_reply r;

	ttlv_put_int(&p->w, 1, 10200);
	dialect_put_logout(&p->w, p1(), &sub);
	ttlv_put_text(&p->w, 5, "2iKcFleFzN2uzW2f");
	ttlv_put_bytes(&p->w, 6, "0123456789abcdef", 16);
	cr_assert_eq(ttlv_put_end(&p->w, &p->len), ERR_OK);
	cr_assert_eq(dialect_parse_reply(p1(), p->data, p->len, &r, why), ERR_OK, "%s", why);
	cr_expect_eq(r.code, DIALECT_CODE_OK);
	cr_expect_str_eq(r.sub.device_key, "METER01");
	cr_expect_str_eq(r.device_secret, "2iKcFleFzN2uzW2f");
	cr_expect_eq(r.session_key_len, 16);
	p = begin(), ttlv_put_int(&p->w, 1, 10200);
	cr_assert_eq(ttlv_put_end(&p->w, &p->len), ERR_OK);
	cr_expect_eq(dialect_parse_reply(p1(), p->data, p->len, &r, why), ERR_NOT_FOUND);
	p = begin(), dialect_put_logout(&p->w, p1(), &sub), ttlv_put_bytes(&p->w, 6, why, 33);
	cr_assert_eq(ttlv_put_end(&p->w, &p->len), ERR_OK);
	cr_expect_eq(dialect_parse_reply(p1(), p->data, p->len, &r, why), ERR_MALFORMED);
}

Test(dialect, reads_what_the_platform_configures_and_never_prints_a_secret)
{
	struct payload *p = begin();
	struct dialect_configure c;

	ttlv_put_text(&p->w, 5, "2c8e8a105e5c4c0fa3787deb7e96ede7");
	ttlv_put_bytes(&p->w, 6, "ABCDEFGHIJKLMNOP", 16);
	ttlv_put_bool(&p->w, 9, true);
	cr_assert_eq(ttlv_put_end(&p->w, &p->len), ERR_OK);
	cr_assert_eq(dialect_parse_configure(p->data, p->len, &c, why), ERR_OK, "%s", why);
	cr_expect_str_eq(c.device_secret, "2c8e8a105e5c4c0fa3787deb7e96ede7");
	cr_expect(c.has_session_key && c.authenticate_again && !c.has_server && !c.has_product);
	p = begin(), ttlv_put_text(&p->w, 5, "2c8e8a105e5c4c0fa3787deb7e96ede7Z");
	cr_assert_eq(ttlv_put_end(&p->w, &p->len), ERR_OK);
	cr_expect_eq(dialect_parse_configure(p->data, p->len, &c, why), ERR_LIMIT);
	cr_expect_null(strstr(why, "2c8e"), "%s", why);
	p = begin(), ttlv_put_bytes(&p->w, 6, "ABCDEFGHIJKLMNO", 15);
	cr_assert_eq(ttlv_put_end(&p->w, &p->len), ERR_OK);
	cr_expect_eq(dialect_parse_configure(p->data, p->len, &c, why), ERR_MALFORMED);
}

Test(dialect, knows_which_codes_end_the_gateways_own_session)
{
	cr_expect(dialect_is_auth_code(10425));
	cr_expect(dialect_is_auth_code(10422));
	cr_expect_not(dialect_is_auth_code(10428));
	cr_expect_not(dialect_is_auth_code(10429));
	cr_expect_not(dialect_is_auth_code(10442));
	cr_expect_not(dialect_is_auth_code(5));
	cr_expect_not(dialect_is_auth_code(10450));
}

Test(dialect, has_no_text_for_a_status_that_does_not_exist)
{
	static const bool exists[] = {0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 0};

	for (int s = 0; s < 14; s++)
		cr_expect_eq(dialect_status_text(s) != NULL, exists[s], "%d", s);
	struct payload *p = begin();
	dialect_put_report(&p->w, &(struct dialect_report){.status = 7, .component = "app"});
	cr_expect_eq(ttlv_put_end(&p->w, &p->len), ERR_INVALID);
}

Test(dialect, lays_every_id_of_the_profile_into_configuration)
{
	struct profile read = {0};

	cr_expect_null(profile_find("p3"));
	for (size_t i = 0; i < PROFILE_KEYS; i++) {
		cr_expect_not_null(profile_keys[i].fallback, "%s", profile_keys[i].name);
		cr_expect_lt(profile_keys[i].offset, sizeof(read));
	}
}
