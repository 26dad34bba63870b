/*
 * golden: see golden.h. What is here is version 1 for ever; a later version of the protocol gets
 * messages and files of its own beside these.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "route.h"

char *
golden_text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static ProtobufCBinaryData
digest(struct golden *g, size_t len)
{
	return (ProtobufCBinaryData){len, g->digest};
}

static ProtobufCBinaryData
md5(struct golden *g)
{
	return (ProtobufCBinaryData){sizeof(g->md5), g->md5};
}

static void
hello(struct golden *g)
{
	Pb__Hello *b = g->e.hello = &g->body.hello;

	pb__hello__init(b);
	b->who = golden_text("fetchd");
	b->build = golden_text("0.1.0");
	b->proto_min = 1;
	b->proto_max = 1;
}

static void
ping(struct golden *g)
{
	Pb__Ping *b = g->e.ping = &g->body.ping;

	pb__ping__init(b);
	b->nonce = UINT64_C(0x0123456789abcdef);
	b->answer = true;
}

static void
device_report(struct golden *g)
{
	Pb__DeviceReport *b = g->e.device_report = &g->body.device_report;

	pb__device_report__init(b);
	b->device = &g->device;
	b->component = golden_text("app");
	b->version = golden_text("1.0.0+7");
	b->state = PB__DEVICE_STATE__DEVICE_STATE_PRESENT;
	b->battery_percent = 101;
	b->signal_dbm = -71;
}

static void
plan_offer(struct golden *g)
{
	Pb__PlanOffer *b = g->e.plan_offer = &g->body.plan_offer;

	pb__plan_offer__init(b);
	b->device = &g->device;
	b->component = golden_text("app");
	b->source_version = golden_text("1.0.0");
	b->target_version = golden_text("1.1.0_rc-2");
	b->min_battery_percent = 30;
	b->min_signal_dbm = -100;
	b->space_bytes = 1 << 20;
}

static void
plan_verdict(struct golden *g)
{
	Pb__PlanVerdict *b = g->e.plan_verdict = &g->body.plan_verdict;

	pb__plan_verdict__init(b);
	b->verdict = PB__VERDICT__VERDICT_DEFER;
	b->reason = ERR_BATTERY;
	b->detail = golden_text("expected a battery of 30 % or more, got 12 %");
	b->until = UINT64_C(1764000060000);
}

static void
fetch_order(struct golden *g)
{
	Pb__FetchOrder *b = g->e.fetch_order = &g->body.fetch_order;

	pb__fetch_order__init(b);
	b->device = &g->device;
	b->component = golden_text("app");
	b->target_version = golden_text("1.1.0");
	b->url = golden_text("https://packages.example/fw.bin?sign=a%2Fb");
	b->size = 123456;
	b->md5 = md5(g);
	b->sha256 = digest(g, 32);
	b->crc = 0xdeadbeef;
	b->has_crc = true;
}

static void
flash_order(struct golden *g)
{
	Pb__FlashOrder *b = g->e.flash_order = &g->body.flash_order;

	pb__flash_order__init(b);
	b->device = &g->device;
	b->component = golden_text("app");
	b->target_version = golden_text("1.1.0");
	b->manifest_digest = digest(g, 32);
}

static void
progress(struct golden *g)
{
	Pb__Progress *b = g->e.progress = &g->body.progress;

	pb__progress__init(b);
	b->device = &g->device;
	b->phase = PB__PHASE__PHASE_FLASHING;
	b->done_bytes = 4096;
	b->total_bytes = 123456;
	b->bytes_per_second = 11520;
}

static void
report(struct golden *g)
{
	Pb__Report *b = g->e.report = &g->body.report;

	pb__report__init(b);
	b->id = 41;
	b->source = golden_text("flashd");
	b->device = &g->device;
	b->phase = PB__PHASE__PHASE_REVERTED;
	b->error = ERR_REVERTED;
	b->detail = golden_text("expected version 1.1.0 to stay, got 1.0.0 \xc3\xa0 nouveau");
	b->version = golden_text("1.0.0");
}

static void
report_ack(struct golden *g)
{
	Pb__ReportAck *b = g->e.report_ack = &g->body.report_ack;

	pb__report_ack__init(b);
	b->id = 41;
	b->source = golden_text("fetchd");
}

static void
cancel(struct golden *g)
{
	Pb__Cancel *b = g->e.cancel = &g->body.cancel;

	pb__cancel__init(b);
	b->reason = golden_text("the platform's side has given up");
}

static void
link_state(struct golden *g)
{
	Pb__LinkState *b = g->e.link_state = &g->body.link_state;

	pb__link_state__init(b);
	b->online = true;
}

static void
courier_order(struct golden *g)
{
	Pb__CourierOrder *b = g->e.courier_order = &g->body.courier_order;

	pb__courier_order__init(b);
	b->url = golden_text("https://packages.example/fw.bin");
	b->size = 123456;
	b->offset = 65536;
	b->etag = golden_text("\"v7\"");
	b->md5 = md5(g);
	b->sha256 = digest(g, 32);
	b->allow_http = true;
	b->redirect_hosts = g->redirects;
	b->n_redirect_hosts = 1;
	b->ca_file = golden_text("/etc/ssl/certs/ca-certificates.crt");
	b->connect_timeout_ms = 10000;
	b->low_speed_bytes = 1024;
	b->low_speed_seconds = 30;
	b->total_seconds = 86400;
	b->mark_bytes = 8 << 20;
	b->allow_private_hosts = true;
	b->hosts = g->hosts;
	b->n_hosts = 2;
}

static void
courier_report(struct golden *g)
{
	Pb__CourierReport *b = g->e.courier_report = &g->body.courier_report;

	pb__courier_report__init(b);
	b->final = true;
	b->error = ERR_HTTP;
	b->detail = golden_text("expected 200 or 206, got 404");
	b->done_bytes = 65536;
	b->durable_bytes = 32768;
	b->received_bytes = 70000;
	b->etag = golden_text("\"v7\"");
	b->http_status = 404;
	b->md5 = md5(g);
	b->sha256 = digest(g, 32);
}

static void
session_order(struct golden *g)
{
	Pb__SessionOrder *b = g->e.session_order = &g->body.session_order;

	pb__session_order__init(b);
	b->verb = PB__VERB__VERB_WRITE;
	b->driver = golden_text("smp");
	b->options = g->options;
	b->n_options = 1;
	b->image_size = 8000;
	b->image_sha256 = digest(g, 32);
	b->chunk_size = 4096;
	b->chunk_digests = digest(g, 64);
	b->target_version = golden_text("1.1.0.2");
	b->resume_hint = 4096;
	b->timeout_ms = 60000;
	b->device = &g->device;
	b->image_offset = 1024;
}

static void
session_report(struct golden *g)
{
	Pb__SessionReport *b = g->e.session_report = &g->body.session_report;

	pb__session_report__init(b);
	b->verb = PB__VERB__VERB_WRITE;
	b->final = true;
	b->error = ERR_LINK;
	b->detail = golden_text("expected the link to stay, got: end of file");
	b->done_bytes = 4096;
	b->total_bytes = 8000;
	b->version = golden_text("1.0.0");
	b->active_hash = digest(g, 32);
	b->staged_hash = digest(g, 32);
	b->active_confirmed = true;
	b->staged_pending = true;
	b->rewinds = 3;
	b->wire_bytes = 6000;
	b->image_version = golden_text("1.1.0.2");
	b->image_hash = digest(g, 32);
	b->destructive = true;
}

static void
query(struct golden *g)
{
	Pb__Query *b = g->e.query = &g->body.query;

	pb__query__init(b);
	b->what = golden_text("upgrades");
	b->argument = golden_text("7");
}

static void
answer(struct golden *g)
{
	Pb__Answer *b = g->e.answer = &g->body.answer;

	pb__answer__init(b);
	b->error = ERR_NOT_FOUND;
	b->json = golden_text("{\"upgrades\":[]}");
	b->more = true;
}

static void
act(struct golden *g)
{
	Pb__Act *b = g->e.act = &g->body.act;

	pb__act__init(b);
	b->what = golden_text("confirm");
	b->argument = golden_text("7");
}

void
golden_make(int kind, struct golden *g)
{
	static void (*const makers[GOLDEN_KINDS])(struct golden * g) = {hello, ping, device_report,
	    plan_offer, plan_verdict, fetch_order, flash_order, progress, report, report_ack,
	    cancel, link_state, courier_order, courier_report, session_order, session_report, query,
	    answer, act};

	assert(kind >= GOLDEN_FIRST && kind < GOLDEN_FIRST + GOLDEN_KINDS);
	memset(g, 0, sizeof(*g));
	pb__envelope__init(&g->e);
	pb__device__init(&g->device);
	pb__option__init(&g->option);
	g->device.product_key = golden_text("p1115X");
	g->device.device_key = golden_text("meter-1");
	g->option.key = golden_text("reply_ms");
	g->option.value = golden_text("300");
	g->options[0] = &g->option;
	g->hosts[0] = golden_text("packages.example");
	g->hosts[1] = golden_text("mirror.example");
	g->redirects[0] = golden_text("cdn.example");
	for (size_t i = 0; i < sizeof(g->digest); i++)
		g->digest[i] = (uint8_t)(i + 1);
	memcpy(g->md5, g->digest, sizeof(g->md5));
	g->e.proto = GOLDEN_PROTO;
	g->e.seq = 3;
	g->e.upgrade = 7;
	g->e.sent_at = UINT64_C(1764000000123);
	g->e.body_case = (Pb__Envelope__BodyCase)kind;
	makers[kind - GOLDEN_FIRST](g);
}

void
golden_path(int kind, char out[100])
{
	snprintf(out, 100, "tests/data/golden/v%d-%s.bin", GOLDEN_PROTO, route_kind_name(kind));
}
