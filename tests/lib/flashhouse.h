/*
 * flashhouse: a real flashd with real sessions between a gate that the test plays and a scripted
 * SMP device on a pseudo-terminal (smp_tty.h).
 *
 * As root flashd runs as nobody and its sessions as another one; otherwise all are us. Bundles are
 * made and signed on the spot (kit.h) around one of the golden MCUboot images and put into the
 * store as the gate would.
 */
#ifndef SUBOTA_TESTS_FLASHHOUSE_H
#define SUBOTA_TESTS_FLASHHOUSE_H

#include "bus.h"
#include "keeper.h"
#include "kit.h"
#include "smp_tty.h"

enum { FLASHHOUSE_INBOX = 1024 };

#define FLASHHOUSE_VERSION "1.1.0.2"
#define FLASHHOUSE_SESSION_UID "65533" /* of sessions and flasher programs, for root */

struct flashhouse {
	char *dir;
	char extra[300];     /* lines added to [flashd]; set before flashhouse_start */
	const char *devices; /* sections in place of those of the SMP device; borrowed */
	struct kit *kit;
	struct kit_spec spec; /* of the next flashhouse_publish */
	uint8_t *image;
	size_t image_len;
	uint8_t digest[32]; /* of the last one published */
	char bundle[400];   /* its path */
	struct smp_tty *device;
	int flashd;           /* pid */
	struct keeper keeper; /* should the test die */
	struct loop *loop;
	struct bus *bus;
	struct bus_link *gate; /* our end */
	/* By the flashd that runs; the link may look up when the one before it died. */
	bool greeted;
	Pb__Envelope *inbox[FLASHHOUSE_INBOX];
	size_t n;
};

/* Directory, keys, device on 1.0.0, link as the gate. */
void flashhouse_open(struct flashhouse *h);
void flashhouse_close(struct flashhouse *h);

void flashhouse_start(struct flashhouse *h);
/* The gate goes away and comes back. */
void flashhouse_reconnect(struct flashhouse *h);
void flashhouse_kill(struct flashhouse *h);
/* SIGTERM; the exit status. */
int flashhouse_stop(struct flashhouse *h);

/* Sign `spec` and put it into the store. */
void flashhouse_publish(struct flashhouse *h);
/* Put any bytes there under `h->digest`. */
void flashhouse_put(struct flashhouse *h, const void *data, size_t len);

/* As the gate; wait for the link to the flashd that runs. The device is p1/meter-1, component app.
 */
void flashhouse_offer(struct flashhouse *h, uint64_t id);
void flashhouse_order(struct flashhouse *h, uint64_t id);
void flashhouse_send(struct flashhouse *h, Pb__Envelope *e);
void flashhouse_cancel(struct flashhouse *h, uint64_t id);
void flashhouse_ack_all(struct flashhouse *h);

/* Wait (20 s) for what flashd says; NULL if it does not. Borrowed. */
const Pb__PlanVerdict *flashhouse_verdict(struct flashhouse *h, uint64_t id);
const Pb__Report *flashhouse_report(struct flashhouse *h, uint64_t id, Pb__Phase phase);
/* The report that ends an upgrade. */
const Pb__Report *flashhouse_end(struct flashhouse *h, uint64_t id);
/* Of meter-1. */
const Pb__DeviceReport *flashhouse_device(
    struct flashhouse *h, Pb__DeviceState state, const char *version);
/* Run the loop until so many bytes of an upload have reached the device; false after 20 s. */
bool flashhouse_until_written(struct flashhouse *h, size_t bytes);
void flashhouse_forget(struct flashhouse *h);
unsigned flashhouse_count(const struct flashhouse *h, int kind);

/* Offer until it is accepted (a device that has just been started is asked first), then order. */
void flashhouse_begin(struct flashhouse *h, uint64_t id);

#endif
