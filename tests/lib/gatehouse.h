/*
 * gatehouse: a real gate with a real nursery and couriers, a package server that misbehaves on
 * request (httpd.h), and cloudd and flashd played by the test on real links.
 *
 * As root the gate and its couriers run as two users of their own; otherwise all are us.
 */
#ifndef SUBOTA_TESTS_GATEHOUSE_H
#define SUBOTA_TESTS_GATEHOUSE_H

#include "bus.h"
#include "httpd.h"
#include "kit.h"

enum { GATEHOUSE_INBOX = 4096, GATEHOUSE_PATIENCE_MS = 20000 };

struct gatehouse_mail {
	Pb__Envelope *inbox[GATEHOUSE_INBOX];
	size_t n;
	bool greeted; /* by the gate that runs; a link may look up when the one before it died */
};

struct gatehouse {
	char *dir;
	char extra[400]; /* lines added to [fetchd]; set before gatehouse_start */
	struct kit *kit;
	struct kit_spec spec; /* of the next gatehouse_pack */
	uint8_t *payload;
	struct bundle_bytes package;
	uint8_t digest[32]; /* of its manifest */
	uint8_t md5[16], sha256[32];
	struct httpd *server;
	int fetchd;   /* pid */
	int guardian; /* pipe to the one who tidies up when the test dies */
	struct loop *loop, *cloud_loop;
	bool cloud_hung; /* its loop does not turn */
	struct bus *cloud_bus, *flash_bus;
	struct bus_link *cloud, *flash; /* our ends */
	struct gatehouse_mail at_cloud, at_flash;
};

/* Directory, keys, both neighbours; no package yet. */
void gatehouse_open(struct gatehouse *h);
void gatehouse_close(struct gatehouse *h);
void gatehouse_start(struct gatehouse *h);
void gatehouse_kill(struct gatehouse *h);
/* SIGTERM; the exit status. */
int gatehouse_stop(struct gatehouse *h);

/* Sign `spec` around a payload of `size` bytes and serve it. */
void gatehouse_pack(struct gatehouse *h, size_t size);
/* Serve these bytes (owned from now on) as the package instead. */
void gatehouse_serve(struct gatehouse *h, struct bundle_bytes bytes);

/* Our neighbours go away and come back. */
void gatehouse_cloud_away(struct gatehouse *h);
void gatehouse_cloud_back(struct gatehouse *h);
void gatehouse_flash_away(struct gatehouse *h);
void gatehouse_flash_back(struct gatehouse *h);

/* A FetchOrder for the served package, as its size and digests are; and as changed by the caller:
 * gatehouse_fetch_order fills, gatehouse_send sends. The device is p1/meter-ID, component app. */
struct gatehouse_order {
	Pb__Envelope e;
	Pb__FetchOrder o;
	Pb__Device d;
	char device[32];
	char url[300];
};
void gatehouse_fetch_order(struct gatehouse *h, struct gatehouse_order *order, uint64_t id);
void gatehouse_order(struct gatehouse *h, uint64_t id);
void gatehouse_cancel(struct gatehouse *h, uint64_t id);
/* Waits for the link to the gate that runs. */
void gatehouse_send(struct gatehouse *h, struct bus_link *link, Pb__Envelope *e);
/* flashd reports on an upgrade. */
void gatehouse_flash_says(struct gatehouse *h, uint64_t id, Pb__Phase phase, enum err error);
void gatehouse_ack(struct gatehouse *h, const char *source, uint64_t report);

/* Until the gate has heard everything that was said to it as cloudd. */
void gatehouse_heard(struct gatehouse *h);

void gatehouse_turn(struct gatehouse *h);
/* Let the links turn until `condition`; fails the test after 20 s. */
#define GATEHOUSE_WAIT(h, condition) \
	do { \
		int64_t end_ = clock_now().ms + GATEHOUSE_PATIENCE_MS; \
		bool seen_ = false; \
		while (!(seen_ = (condition)) && clock_now().ms < end_) \
			gatehouse_turn(h); \
		cr_assert(seen_, "waited in vain for %s", #condition); \
	} while (0)

/* Wait for a report on an upgrade at cloudd (by the gate or passed on); borrowed. Its error is
 * expected to be `error`. */
const Pb__Report *gatehouse_report(
    struct gatehouse *h, uint64_t id, Pb__Phase phase, enum err error);
/* Wait for the order at flashd; borrowed. */
const Pb__FlashOrder *gatehouse_flash_order(struct gatehouse *h, uint64_t id);
unsigned gatehouse_count(const struct gatehouse_mail *m, int kind, uint64_t id);
void gatehouse_forget(struct gatehouse_mail *m);
/* Ask its control socket; NULL when it does not answer. Caller frees. And: is `needle` in there? */
char *gatehouse_ask(struct gatehouse *h, const char *what);
bool gatehouse_says(struct gatehouse *h, const char *what, const char *needle);
/* A descendant of the gate; 0 = none. */
int gatehouse_child(struct gatehouse *h, const char *program);

#endif
