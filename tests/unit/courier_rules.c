/*
 * The courier's pure parts: addresses, URLs, answers of the server, pace.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "address.h"
#include "answer.h"
#include "pace.h"
#include "url.h"

/* --- address --------------------------------------------------------------------------------- */

static bool
allowed(const char *text, bool allow_private)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return address_allowed((struct sockaddr *)&in, sizeof(in), allow_private);
	cr_assert_eq(inet_pton(AF_INET6, text, &in6.sin6_addr), 1, "%s", text);
	return address_allowed((struct sockaddr *)&in6, sizeof(in6), allow_private);
}

Test(address, lets_global_addresses_pass)
{
	static const char *const rows[] = {"8.8.8.8", "1.1.1.1", "172.32.0.1", "192.169.0.1",
	    "100.128.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808",
	    "2002:808:808::1"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(allowed(rows[i], false), "%s", rows[i]);
}

/* trust: 60 */
Test(address, refuses_loopback_link_local_and_private_ones_unless_told_otherwise)
{
	static const char *const rows[] = {"127.0.0.1", "127.255.255.254", "10.1.2.3",
	    "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "::1",
	    "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
	    "2002:7f00:1::1", "2002:c0a8:101::1"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect(!allowed(rows[i], false), "%s", rows[i]);
		cr_expect(allowed(rows[i], true), "%s", rows[i]);
	}
}

Test(address, never_lets_multicast_and_nonsense_pass)
{
	static const char *const rows[] = {"0.0.0.0", "224.0.0.1", "255.255.255.255", "::",
	    "ff02::1", "192.0.2.1", "::ffff:0.0.0.0", "2001:db8::1"};
	struct sockaddr_storage unix_one = {.ss_family = AF_UNIX};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect(!allowed(rows[i], true), "%s", rows[i]);
	cr_expect(!address_allowed((struct sockaddr *)&unix_one, sizeof(unix_one), true));
}

/* --- url ------------------------------------------------------------------------------------- */

static enum err
check(const char *text, bool allow_http, char *host)
{
	char *hosts[] = {host};
	struct url_policy p = {allow_http, hosts, host ? 1 : 0};
	AUTO(curlu) CURLU *u = NULL;
	char why[300] = "";
	enum err e = url_check(text, NULL, &p, &u, why, sizeof(why));

	cr_expect_eq(e == ERR_OK, u != NULL);
	cr_expect_eq(e == ERR_OK, why[0] == 0, "%s: %s", text, why);
	return e;
}

Test(url, accepts_https_and_http_only_by_policy)
{
	cr_expect_eq(check("https://example.com/a.bin", false, NULL), ERR_OK);
	cr_expect_eq(check("https://example.com:8443/a?b=c&d=%20", false, NULL), ERR_OK);
	cr_expect_eq(check("http://example.com/a.bin", true, NULL), ERR_OK);
	cr_expect_eq(check("http://example.com/a.bin", false, NULL), ERR_URL);
}

/* trust: 60 */
Test(url, refuses_everything_that_smells)
{
	static const char *const rows[] = {"", "a", "/etc/passwd", "file:///etc/passwd",
	    "ftp://example.com/a", "gopher://example.com/a", "https://", "https:///a",
	    "https://user@example.com/a", "https://user:secret@example.com/a",
	    "https://example.com/a b", "https://example.com/a\nX: y", "https://example.com\\@evil/",
	    "https://example.com/\x7f", "https://example.com/\xc3\xa4", "javascript:alert(1)",
	    "dict://127.0.0.1:11211/stat", "https://example.com:99999/a"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(check(rows[i], true, NULL), ERR_URL, "%s", rows[i]);
}

/* trust: 60 */
Test(url, refuses_a_longer_one_than_the_limit)
{
	char text[URL_MAX + 2] = "https://example.com/";

	memset(text + strlen(text), 'a', URL_MAX - strlen(text));
	cr_expect_eq(check(text, false, NULL), ERR_OK);
	text[URL_MAX] = 'a';
	cr_expect_eq(check(text, false, NULL), ERR_URL);
}

Test(url, holds_the_host_to_the_list)
{
	char host[] = "Packages.example.com";

	cr_expect_eq(check("https://packages.EXAMPLE.com/a", false, host), ERR_OK);
	cr_expect_eq(check("https://packages.example.com.evil.org/a", false, host), ERR_URL);
	cr_expect_eq(check("https://evil.org/packages.example.com", false, host), ERR_URL);
	cr_expect_eq(check("https://evil.org#@packages.example.com/", false, host), ERR_URL);
}

/* --- answer ---------------------------------------------------------------------------------- */

static struct answer
read_answer(const char *const *lines)
{
	struct answer a = {0};

	for (; *lines; lines++)
		cr_assert_eq(answer_line(&a, *lines, strlen(*lines)), ERR_OK);
	return a;
}

#define ANSWER(...) read_answer((const char *const[]){__VA_ARGS__, NULL})

static enum answer_verdict
judge(struct answer a, uint64_t offset, const char *validator, enum err *error)
{
	struct answer_wanted w = {offset, 1000, validator};
	char why[200];
	enum answer_verdict v = answer_judge(&a, &w, error, why, sizeof(why));

	cr_expect_eq(v == ANSWER_APPEND, why[0] == 0, "%s", why);
	return v;
}

Test(answer, takes_a_whole_package_from_the_start)
{
	enum err e = ERR_OK;
	struct answer a = ANSWER("HTTP/1.1 200 OK\r\n", "Content-Length: 1000\r\n",
	    "ETag: \"abc\"\r\n", "Last-Modified: Tue, 24 Nov 2026 09:00:00 GMT\r\n", "\r\n");

	cr_expect_eq(judge(a, 0, "", &e), ANSWER_APPEND);
	cr_expect_str_eq(answer_validator(&a), "\"abc\"");
	cr_expect_eq(judge(ANSWER("HTTP/1.1 200 OK"), 0, "", &e), ANSWER_APPEND);
}

Test(answer, refuses_another_length_than_announced)
{
	enum err e = ERR_OK;

	cr_expect_eq(judge(ANSWER("HTTP/1.1 200 OK", "content-length: 1001"), 0, "", &e),
	    ANSWER_REFUSE);
	cr_expect_eq(e, ERR_ENDLESS);
	cr_expect_eq(judge(ANSWER("HTTP/1.1 200 OK", "content-length: 999"), 0, "", &e),
	    ANSWER_REFUSE);
	cr_expect_eq(e, ERR_SIZE);
}

Test(answer, restarts_on_a_200_to_a_range)
{
	enum err e = ERR_OK;

	cr_expect_eq(judge(ANSWER("HTTP/1.1 200 OK"), 10, "\"abc\"", &e), ANSWER_RESTART);
}

Test(answer, believes_a_206_only_when_it_continues_the_file)
{
	static const struct {
		const char *range;
		enum answer_verdict verdict;
		enum err error;
	} rows[] = {
	    {"Content-Range: bytes 10-999/1000", ANSWER_APPEND, ERR_HTTP},
	    {"Content-Range: bytes 10-99/1000", ANSWER_APPEND, ERR_HTTP},
	    {"content-range:BYTES 10-999/*", ANSWER_APPEND, ERR_HTTP},
	    {"Content-Range: bytes 11-999/1000", ANSWER_REFUSE, ERR_HTTP},
	    {"Content-Range: bytes 0-999/1000", ANSWER_REFUSE, ERR_HTTP},
	    {"Content-Range: bytes 10-1999/2000", ANSWER_ASK_ANEW, ERR_CHANGED},
	    {"Content-Range: bytes 10-1000/*", ANSWER_REFUSE, ERR_ENDLESS},
	    {"Content-Range: bytes 10-9/1000", ANSWER_REFUSE, ERR_HTTP},
	    {"Content-Range: bytes 10-1000/1000", ANSWER_REFUSE, ERR_HTTP},
	    {"Content-Range: bytes */1000", ANSWER_REFUSE, ERR_HTTP},
	    {"Content-Range: bytes 99999999999999999999-1/1", ANSWER_REFUSE, ERR_HTTP},
	    {"Content-Range: items 10-999/1000", ANSWER_REFUSE, ERR_HTTP},
	    {"Content-Range: bytes 10-999/1000x", ANSWER_REFUSE, ERR_HTTP},
	    {"Content-Range:", ANSWER_REFUSE, ERR_HTTP},
	    {"X-Other: 1", ANSWER_REFUSE, ERR_HTTP},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err e = ERR_OK;
		struct answer a = ANSWER("HTTP/1.1 206 Partial Content", rows[i].range);

		cr_expect_eq(judge(a, 10, "\"abc\"", &e), rows[i].verdict, "%s", rows[i].range);
		cr_expect_eq(e, rows[i].error, "%s: %s", rows[i].range, err_name(e));
	}
}

Test(answer, refuses_a_206_nobody_asked_for_and_two_content_ranges)
{
	enum err e = ERR_OK;

	cr_expect_eq(judge(ANSWER("HTTP/1.1 206 P", "Content-Range: bytes 0-999/1000"), 0, "", &e),
	    ANSWER_REFUSE);
	cr_expect_eq(judge(ANSWER("HTTP/1.1 206 P", "Content-Range: bytes 10-999/1000",
			       "Content-Range: bytes 10-999/1000"),
			 10, "", &e),
	    ANSWER_REFUSE);
}

Test(answer, asks_anew_when_the_part_is_of_another_package)
{
	enum err e = ERR_OK;

	cr_expect_eq(judge(ANSWER("HTTP/1.1 206 P", "Content-Range: bytes 10-999/1000",
			       "ETag: \"other\""),
			 10, "\"abc\"", &e),
	    ANSWER_ASK_ANEW);
	cr_expect_eq(e, ERR_CHANGED);
	cr_expect_eq(judge(ANSWER("HTTP/1.1 416 No", "Content-Range: bytes */5"), 10, "", &e),
	    ANSWER_ASK_ANEW);
	cr_expect_eq(judge(ANSWER("HTTP/1.1 416 No"), 0, "", &e), ANSWER_REFUSE);
}

Test(answer, uses_no_weak_etag_as_validator)
{
	struct answer a = ANSWER("HTTP/1.1 200 OK", "ETag: W/\"abc\"",
	    "Last-Modified: Tue, 24 Nov 2026 09:00:00 GMT");

	cr_expect_str_eq(answer_validator(&a), "Tue, 24 Nov 2026 09:00:00 GMT");
	cr_expect(!answer_differs(&a, "\"abc\""));
	cr_expect(answer_differs(&a, "Tue, 24 Nov 2026 09:00:01 GMT"));
	a = ANSWER("HTTP/1.1 200 OK", "ETag: \"a\x01\"");
	cr_expect_str_eq(answer_validator(&a), "");
}

Test(answer, tells_trouble_refusal_and_redirect_apart)
{
	enum err e = ERR_OK;

	cr_expect_eq(judge(ANSWER("HTTP/1.1 503 Later"), 0, "", &e), ANSWER_RETRY);
	cr_expect_eq(judge(ANSWER("HTTP/1.1 429 Later"), 0, "", &e), ANSWER_RETRY);
	cr_expect_eq(judge(ANSWER("HTTP/1.1 404 No"), 0, "", &e), ANSWER_REFUSE);
	cr_expect_eq(judge(ANSWER("HTTP/1.1 302 There", "Location: /x"), 0, "", &e),
	    ANSWER_REDIRECT);
	cr_expect_eq(judge(ANSWER("HTTP/1.1 302 Where"), 0, "", &e), ANSWER_REFUSE);
	cr_expect_eq(judge(ANSWER("HTTP/1.1 200 OK", "Content-Encoding: gzip"), 0, "", &e),
	    ANSWER_REFUSE);
	cr_expect_eq(judge(ANSWER("HTTP/1.1 twohundred"), 0, "", &e), ANSWER_REFUSE);
}

Test(answer, starts_over_after_an_interim_answer)
{
	struct answer a = ANSWER("HTTP/1.1 100 Continue", "ETag: \"early\"", "", "HTTP/1.1 200 OK");

	cr_expect_eq(a.status, 200);
	cr_expect_str_eq(a.etag, "");
}

Test(answer, bounds_the_head)
{
	struct answer a = {0};
	char line[1024];
	enum err e = ERR_OK;
	unsigned n = 0;

	memset(line, 'x', sizeof(line));
	for (; e == ERR_OK && n < 1000; n++)
		e = answer_line(&a, line, sizeof(line));
	cr_expect_eq(e, ERR_LIMIT);
	cr_expect_eq(n, ANSWER_HEAD_MAX / sizeof(line) + 1);
}

/* --- pace ------------------------------------------------------------------------------------ */

Test(pace, calls_a_drip_slow_and_a_stream_fine)
{
	struct pace p;
	struct mono t = {5000};

	pace_init(&p, t, 100, 10, 0);
	pace_begin(&p, t, 3000, 0);
	cr_expect_eq(pace_check(&p, mono_after(t, 12999), 0), PACE_FINE);
	cr_expect_eq(pace_check(&p, mono_after(t, 13000), 1000), PACE_FINE);
	cr_expect_eq(pace_check(&p, mono_after(t, 22999), 1000), PACE_FINE);
	cr_expect_eq(pace_check(&p, mono_after(t, 23000), 1999), PACE_SLOW);
}

Test(pace, ends_at_the_deadline_whatever_arrives)
{
	struct pace p;
	struct mono t = {0};

	pace_init(&p, t, 0, 0, 60);
	pace_begin(&p, t, 0, 0);
	cr_expect_eq(pace_check(&p, mono_after(t, 59999), 0), PACE_FINE);
	cr_expect_eq(pace_check(&p, mono_after(t, 60000), 1 << 30), PACE_OVER);
	pace_init(&p, t, 0, 0, 0);
	cr_expect_eq(pace_check(&p, mono_after(t, INT32_MAX), 0), PACE_FINE);
}
