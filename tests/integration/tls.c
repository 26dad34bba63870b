/*
 * cloudd's TLS client against servers that an attacker would put in the platform's place: tests 63
 * to 72 of the trust specification, and what surrounds them. A server is refused when its side says
 * so: not one byte of application data has come, and the client has not even finished the handshake
 * where the profile stops it earlier. tls_forged.c has the servers that no library would play.
 */
#include <criterion/criterion.h>
#include <openssl/ssl.h>

#include "tls_case.h"

static const char *const version_names[] = {"TLS 1.3", "TLS 1.2"};

TestSuite(tls, .timeout = 60);

/* Refused, with the handshake unfinished, whichever version the client speaks. */
static void
expect_refusal(struct tls_case *c, const struct tls_server_plan *plan)
{
	for (int tls12 = 0; tls12 < 2; tls12++) {
		struct tls_case_end end = {0};

		c->set.tls12 = tls12;
		tls_case_try(c, plan, &end);
		cr_expect_neq(end.err, ERR_OK, "%s: expected a refusal", version_names[tls12]);
		cr_expect_eq(end.seen.finished, 0, "%s: the handshake was finished: %s",
		    version_names[tls12], end.why);
		cr_expect_eq(end.seen.app_bytes, 0, "%s: %zu bytes", version_names[tls12],
		    end.seen.app_bytes);
	}
}

Test(tls, the_genuine_server_is_accepted_in_either_version)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const struct tls_server_plan plan = {.id = &c->server};

	for (int tls12 = 0; tls12 < 2; tls12++) {
		struct tls_case_end end = {0};

		c->set.tls12 = tls12;
		tls_case_try(c, &plan, &end);
		cr_expect_eq(end.err, ERR_OK, "%s: %s", version_names[tls12], end.why);
		cr_expect_eq(end.seen.finished, 1);
		cr_expect_eq(end.seen.app_bytes, TLS_CASE_MQTT);
		cr_expect_str_eq(end.seen.sni, TLS_CASE_NAME);
	}
}

Test(tls, a_server_known_by_its_address_is_accepted_and_no_name_is_sent)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	struct pki_id id = pki_make(
	    &(struct pki_wish){.subject = "any", .san = "IP:127.0.0.1", .serial = 7}, &c->ca);
	const struct tls_server_plan plan = {.id = &id};
	struct tls_case_end end = {0};

	c->set.server_name = "127.0.0.1";
	tls_case_try(c, &plan, &end);
	cr_expect_eq(end.err, ERR_OK, "%s", end.why);
	cr_expect_str_eq(end.seen.sni, "");
	c->set.server_name = "127.0.0.2";
	expect_refusal(c, &plan);
	pki_free(&id);
}

/* trust: 63 */
Test(tls, a_self_signed_certificate_is_refused)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	struct pki_id id = pki_make(
	    &(struct pki_wish){.subject = TLS_CASE_NAME, .san = TLS_CASE_SAN, .serial = 7}, NULL);

	expect_refusal(c, &(struct tls_server_plan){.id = &id});
	pki_free(&id);
}

/* trust: 64 */
Test(tls, a_certificate_of_another_authority_is_refused)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	struct pki_id ca = pki_make(
	    &(struct pki_wish){.subject = TLS_CASE_CA, .authority = true, .serial = 1}, NULL);
	struct pki_id id = pki_make(
	    &(struct pki_wish){.subject = TLS_CASE_NAME, .san = TLS_CASE_SAN, .serial = 2}, &ca);

	expect_refusal(c, &(struct tls_server_plan){.id = &id});
	pki_free(&ca);
	pki_free(&id);
}

/* trust: 64 */
Test(tls, a_certificate_of_a_server_as_authority_is_refused)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	struct pki_id id = pki_make(
	    &(struct pki_wish){.subject = TLS_CASE_NAME, .san = TLS_CASE_SAN, .serial = 7},
	    &c->server);

	expect_refusal(c, &(struct tls_server_plan){.id = &id, .chain = &c->server});
	pki_free(&id);
}

/* trust: 65 */
Test(tls, a_certificate_for_another_name_is_refused)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const char *const sans[] = {"DNS:evil.example", "DNS:" TLS_CASE_NAME ".evil.example",
	    "DNS:*.cloud.example.org", "DNS:*.org"};

	for (size_t i = 0; i < sizeof(sans) / sizeof(sans[0]); i++) {
		struct pki_id id = pki_make(
		    &(struct pki_wish){.subject = "evil", .san = sans[i], .serial = 7}, &c->ca);

		expect_refusal(c, &(struct tls_server_plan){.id = &id});
		pki_free(&id);
	}
}

Test(tls, after_a_move_a_server_must_bear_the_new_name_and_no_other)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const struct tls_server_plan plan = {.id = &c->server};
	struct tls_case_end end = {0};

	c->set.server_name = "first.example.org";
	c->moved_to = TLS_CASE_NAME;
	tls_case_try(c, &plan, &end);
	cr_expect_eq(end.err, ERR_OK, "%s", end.why);
	cr_expect_str_eq(end.seen.sni, TLS_CASE_NAME);
	c->set.server_name = TLS_CASE_NAME;
	c->moved_to = "second.example.org";
	expect_refusal(c, &plan);
}

Test(tls, a_certificate_that_is_not_of_today_is_refused)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const long spans[][2] = {{-7200, -60}, {3600, 7200}};

	for (size_t i = 0; i < 2; i++) {
		struct pki_id id = pki_make(&(struct pki_wish){.subject = TLS_CASE_NAME,
						.san = TLS_CASE_SAN,
						.serial = 7,
						.from_s = spans[i][0],
						.until_s = spans[i][1]},
		    &c->ca);

		expect_refusal(c, &(struct tls_server_plan){.id = &id});
		pki_free(&id);
	}
}

/* trust: 69 */
Test(tls, a_clone_of_the_authority_with_another_key_is_refused)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	struct pki_id id = pki_clone(&c->ca, TLS_CASE_SAN);

	expect_refusal(c, &(struct tls_server_plan){.id = &id});
	pki_free(&id);
}

/* trust: 66 */
Test(tls, a_server_without_a_certificate_is_refused)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();

	expect_refusal(
	    c, &(struct tls_server_plan){.version = TLS1_2_VERSION, .suites = "aNULL:eNULL"});
	expect_refusal(
	    c, &(struct tls_server_plan){.version = TLS1_2_VERSION, .suites = "ADH-AES128-SHA"});
}

/* trust: 67 */
Test(tls, a_server_that_does_not_encrypt_is_refused)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();

	expect_refusal(
	    c, &(struct tls_server_plan){
		   .id = &c->server, .version = TLS1_2_VERSION, .suites = "ECDHE-ECDSA-NULL-SHA"});
	expect_refusal(
	    c, &(struct tls_server_plan){.id = &c->server, .wolf_suites = "TLS13-SHA256-SHA256"});
	expect_refusal(
	    c, &(struct tls_server_plan){.id = &c->server, .wolf_suites = "TLS13-SHA384-SHA384"});
}

Test(tls, a_server_with_weak_encryption_is_refused)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();

	expect_refusal(c, &(struct tls_server_plan){.id = &c->server,
			      .version = TLS1_2_VERSION,
			      .suites = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"});
}

/* trust: 70 */
Test(tls, a_server_of_an_old_version_is_refused)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};

	for (size_t i = 0; i < 2; i++)
		expect_refusal(
		    c, &(struct tls_server_plan){.id = &c->server, .version = versions[i]});
}

Test(tls, a_client_for_1_3_does_not_go_down_to_1_2_nor_the_other_way)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();

	for (int tls12 = 0; tls12 < 2; tls12++) {
		struct tls_case_end end = {0};

		c->set.tls12 = tls12;
		tls_case_try(c,
		    &(struct tls_server_plan){
			.id = &c->server, .version = tls12 ? TLS1_3_VERSION : TLS1_2_VERSION},
		    &end);
		cr_expect_neq(end.err, ERR_OK);
		cr_expect_eq(end.seen.finished, 0);
		cr_expect_eq(end.seen.app_bytes, 0);
	}
}

/* trust: 71 */
Test(tls, a_revoked_server_is_refused_and_another_is_not)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const struct tls_server_plan plan = {.id = &c->server};
	struct tls_case_end end = {0};

	c->set.crl_file = c->crl_file;
	pki_save_crl(&c->ca, TLS_CASE_SERIAL, 3600, c->crl_file);
	expect_refusal(c, &plan);
	c->set.tls12 = false;
	pki_save_crl(&c->ca, TLS_CASE_SERIAL + 1, 3600, c->crl_file);
	tls_case_try(c, &plan, &end);
	cr_expect_eq(end.err, ERR_OK, "%s", end.why);
}

Test(tls, a_revocation_list_that_has_run_out_or_is_of_another_leaves_nobody_to_talk_to)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	struct tls_context *none = NULL;
	struct pki_id other = pki_make(
	    &(struct pki_wish){.subject = "Other CA", .authority = true, .serial = 1}, NULL);

	c->set.crl_file = c->crl_file;
	pki_save_crl(&c->ca, 0, -60, c->crl_file);
	cr_expect_eq(tls_context_new(&c->set, &none), ERR_CONFIG);
	pki_save_crl(&other, 0, 3600, c->crl_file);
	cr_expect_eq(tls_context_new(&c->set, &none), ERR_CONFIG);
	cr_expect_null(none);
	pki_free(&other);
}

Test(tls, an_authority_without_a_revocation_list_vouches_for_nobody)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	struct pki_id other = pki_make(
	    &(struct pki_wish){.subject = "Other CA", .authority = true, .serial = 1}, NULL);
	struct pki_id id = pki_make(
	    &(struct pki_wish){.subject = TLS_CASE_NAME, .san = TLS_CASE_SAN, .serial = 7}, &other);

	c->set.crl_file = c->crl_file;
	pki_save_crl(&c->ca, 0, 3600, c->crl_file);
	pki_save_cert(&c->ca, c->ca_file);
	pki_append_cert(&other, c->ca_file);
	expect_refusal(c, &(struct tls_server_plan){.id = &id});
	pki_free(&id);
	pki_free(&other);
}

Test(tls, a_revoked_authority_in_between_is_found_in_the_second_of_two_lists)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	struct pki_id between = pki_make(
	    &(struct pki_wish){.subject = "Between", .authority = true, .serial = 5}, &c->ca);
	struct pki_id id = pki_make(
	    &(struct pki_wish){.subject = TLS_CASE_NAME, .san = TLS_CASE_SAN, .serial = 7},
	    &between);
	const struct tls_server_plan plan = {.id = &id, .chain = &between};

	c->set.crl_file = c->crl_file;
	pki_append_cert(&between, c->ca_file);
	for (long revoked = 4; revoked <= 5; revoked++) {
		struct tls_case_end end = {0};

		pki_save_crl(&between, 0, 3600, c->crl_file);
		pki_append_crl(&c->ca, revoked, 3600, c->crl_file);
		c->set.tls12 = false;
		tls_case_try(c, &plan, &end);
		cr_expect_eq(end.err == ERR_OK, revoked == 4, "%s", end.why);
	}
	expect_refusal(c, &plan);
	pki_free(&between);
	pki_free(&id);
}

/* trust: 72 */
Test(tls, a_session_made_under_one_authority_does_not_open_the_door_under_another)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const struct tls_server_plan plan = {.id = &c->server};
	struct pki_id other = pki_make(
	    &(struct pki_wish){.subject = "Other CA", .authority = true, .serial = 1}, NULL);

	for (int tls12 = 0; tls12 < 2; tls12++) {
		struct tls_server *s = tls_server_start(&plan);
		struct tls_case_end first = {0}, second = {0}, third = {0};

		c->set.tls12 = tls12;
		pki_save_cert(&c->ca, c->ca_file);
		tls_case_visit(c, s, 1, &first);
		tls_case_visit(c, s, 2, &second);
		pki_save_cert(&other, c->ca_file);
		tls_case_visit(c, s, 3, &third);
		cr_expect(first.err == ERR_OK && second.err == ERR_OK, "%s", second.why);
		cr_expect_neq(third.err, ERR_OK, "expected a refusal under another authority");
		cr_expect_eq(third.seen.finished, 2);
		cr_expect_eq(third.seen.resumed, 0, "expected full handshakes only");
		cr_expect_eq(third.seen.app_bytes, 2 * TLS_CASE_MQTT);
		tls_server_stop(s);
	}
	pki_free(&other);
}

Test(tls, a_server_with_another_key_than_the_pinned_one_gets_no_byte)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	struct pki_id twin = pki_make(
	    &(struct pki_wish){.subject = TLS_CASE_NAME, .san = TLS_CASE_SAN, .serial = 9}, &c->ca);
	char pin[65];

	pki_pin(&c->server, pin);
	c->set.spki_pin = pin;
	for (int tls12 = 0; tls12 < 2; tls12++) {
		struct tls_case_end own = {0}, other = {0};

		c->set.tls12 = tls12;
		tls_case_try(c, &(struct tls_server_plan){.id = &c->server}, &own);
		tls_case_try(c, &(struct tls_server_plan){.id = &twin}, &other);
		cr_expect_eq(own.err, ERR_OK, "%s", own.why);
		cr_expect_eq(other.err, ERR_TLS);
		cr_expect_not_null(strstr(other.why, "pinned"), "%s", other.why);
		cr_expect_eq(other.seen.app_bytes, 0);
	}
	pki_free(&twin);
}

Test(tls, a_handshake_that_is_cut_anywhere_gets_no_byte)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	struct tls_server_plan plan = {.id = &c->server, .no_tickets = true};

	for (int tls12 = 0; tls12 < 2; tls12++) {
		struct tls_case_end whole = {0};

		c->set.tls12 = tls12;
		plan.cut_after = 0;
		tls_case_try(c, &plan, &whole);
		cr_assert_eq(whole.err, ERR_OK);
		for (size_t at = 1; at < whole.seen.sent; at += 1 + whole.seen.sent / 40) {
			struct tls_case_end end = {0};

			plan.cut_after = at;
			tls_case_try(c, &plan, &end);
			cr_expect_neq(end.err, ERR_OK, "cut after %zu", at);
			cr_expect_eq(end.seen.app_bytes, 0, "cut after %zu", at);
		}
	}
}

Test(tls, a_handshake_that_drips_gets_no_byte)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();

	c->patience_ms = 300;
	expect_refusal(c, &(struct tls_server_plan){.id = &c->server, .drip = true});
}

Test(tls, without_usable_files_there_is_no_context)
{
	AUTO(tls_case) struct tls_case *c = tls_case_open();
	const struct tls_settings good = c->set;
	struct tls_settings bad[] = {good, good, good, good, good, good};
	struct tls_context *none = NULL;

	bad[0].ca_file = NULL;
	bad[1].ca_file = "/nonexistent.pem";
	bad[2].ca_file = c->key_file;
	bad[3].crl_file = "/nonexistent.pem";
	bad[4].server_name = "";
	bad[5].spki_pin = "12";
	pki_save_key(&c->server, c->key_file);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(tls_context_new(&bad[i], &none), ERR_CONFIG, "row %zu", i);
		cr_expect_null(none);
	}
}
