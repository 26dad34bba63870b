/*
 * ctl_replay: `subotactl replay` shows nothing that the schema marks, neither of what the capture
 * has nor of what the daemon answers: no tap has seen that before.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "../../common/ctl/capture.h"
#include "dump.h"
#include "gatehouse.h"
#include "tool.h"

TestSuite(ctl_replay, .timeout = 60);

#define SECRET "0sEcReT9"

enum { SIZE = 100000, REPORTED = 7, FETCHED = 8, REFUSED = 9 };

static void
write_message(struct pcapng_writer *w, const Pb__Envelope *e)
{
	AUTO(out_json) cJSON *line = cJSON_CreateObject();
	AUTO(mem) char *json = NULL;
	char why[WHY_SIZE] = "";

	cr_assert_eq(dump_json(&e->base, &json), ERR_OK);
	cJSON_AddNumberToObject(line, "at", 1764000000123.0);
	cJSON_AddStringToObject(line, "daemon", "fetchd");
	cJSON_AddStringToObject(line, "from", "cloudd");
	cJSON_AddStringToObject(line, "to", "fetchd");
	cJSON_AddStringToObject(line, "verdict", "OK");
	cJSON_AddItemToObject(line, "message", cJSON_Parse(json));
	cr_assert_eq(capture_add(w, line, why), ERR_OK, "%s", why);
}

/* An order for the package, at an address that an object store has signed, and one to a place that
 * is refused by name. */
static void
write_capture(struct gatehouse *h)
{
	struct gatehouse_order order;
	struct pcapng_writer w;
	char path[300];

	snprintf(path, sizeof(path), "%s/x.pcapng", h->dir);
	AUTO(file) FILE *f = fopen(path, "we");
	cr_assert(f && capture_begin(&w, f) == ERR_OK);
	gatehouse_fetch_order(h, &order, FETCHED);
	snprintf(order.url, sizeof(order.url), "%s?sign=" SECRET, httpd_url(h->server));
	write_message(&w, &order.e);
	gatehouse_fetch_order(h, &order, REFUSED);
	snprintf(order.url, sizeof(order.url), "ftp://" SECRET "@h/fw.bin?sign=" SECRET);
	write_message(&w, &order.e);
	cr_assert_eq(fclose(HAND_OVER(f)), 0);
}

/* flashd reports with a sentence that has an address in it; cloudd is not there to hear it. */
static void
report_in_words(struct gatehouse *h)
{
	Pb__Envelope e = PB__ENVELOPE__INIT;
	Pb__Report r = PB__REPORT__INIT;
	Pb__Device d = PB__DEVICE__INIT;

	gatehouse_order(h, REPORTED);
	gatehouse_flash_order(h, REPORTED);
	gatehouse_cloud_away(h);
	d.product_key = (char *)(uintptr_t) "p1";
	d.device_key = (char *)(uintptr_t) "meter-7";
	r.id = 700;
	r.source = (char *)(uintptr_t) "flashd";
	r.device = &d;
	r.phase = PB__PHASE__PHASE_FAILED;
	r.error = ERR_TIMEOUT;
	r.detail = (char *)(uintptr_t) "see https://h/help?sign=" SECRET;
	e.upgrade = REPORTED;
	e.body_case = PB__ENVELOPE__BODY_REPORT;
	e.report = &r;
	gatehouse_send(h, h->flash, &e);
}

Test(ctl_replay, shows_no_secret_of_what_it_says_and_of_what_is_answered)
{
	struct gatehouse h;

	gatehouse_open(&h);
	gatehouse_pack(&h, SIZE);
	gatehouse_start(&h);
	report_in_words(&h);
	GATEHOUSE_WAIT(&h, gatehouse_says(&h, "upgrades", "ENDED"));
	write_capture(&h);
	struct tool_result r = CTL(h.dir, "replay", "--to", "fetchd", "--config", "subota.conf",
	    "--timeout", "1000", "x.pcapng");

	cr_expect_eq(r.status, 0, "%s", r.out);
	cr_expect(strstr(r.out, "cloudd  fetchd  FetchOrder  "), "%s", r.out);
	cr_expect(strstr(r.out, "package.bin?"), "its address is shown: %s", r.out);
	cr_expect(strstr(r.out, "fetchd  cloudd  Report  "), "%s", r.out);
	cr_expect(strstr(r.out, "see https://h/help?"), "and the sentence: %s", r.out);
	cr_expect_null(strstr(r.out, SECRET), "%s", r.out);
	gatehouse_close(&h);
}
