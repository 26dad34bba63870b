/*
 * outbox_case: an outbox in a scratch directory with one device, p/d. Whatever goes wrong in here
 * fails the test.
 */
#ifndef SUBOTA_TESTS_OUTBOX_CASE_H
#define SUBOTA_TESTS_OUTBOX_CASE_H

#include "outbox.h"

struct outbox_case {
	char *dir;
	char path[300];
	struct outbox o;
	struct subdevices devices;
	struct subdevice *device;
	bool fresh;
};

/* A new database; wall clock 1000. */
struct outbox_case *outbox_case_new(void);
void outbox_case_free(struct outbox_case *b);
AUTO_DEFINE(outbox_case, struct outbox_case *, outbox_case_free)

void outbox_case_open(struct outbox_case *b, uint64_t wall_ms);
void outbox_case_close(struct outbox_case *b);
/* What a restart finds: everything that was not saved is gone. */
void outbox_case_reopen(struct outbox_case *b);
void outbox_case_save(struct outbox_case *b);
/* An item of the device, durable unless it is a status 5. */
struct outbox_item *outbox_case_add(
    struct outbox_case *b, enum outbox_kind kind, int status, uint64_t upgrade);

#endif
