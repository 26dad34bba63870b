/*
 * outbox_case: see outbox_case.h.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "kit.h"
#include "outbox_case.h"

static const struct dialect_sub gateway = {"p1115X", "gw"};

void
outbox_case_open(struct outbox_case *b, uint64_t wall_ms)
{
	cr_assert_eq(
	    outbox_open(b->path, &gateway, wall_ms, &b->o, &b->devices, &b->fresh), ERR_OK);
	cr_assert_eq(subdevice_need(&b->devices, "p", "d", &b->device), ERR_OK);
}

void
outbox_case_close(struct outbox_case *b)
{
	outbox_close(&b->o);
	subdevice_free_all(&b->devices);
	b->devices = (struct subdevices){0};
}

struct outbox_case *
outbox_case_new(void)
{
	struct outbox_case *b = calloc(1, sizeof(*b));

	b->dir = kit_scratch();
	snprintf(b->path, sizeof(b->path), "%s/o.db", b->dir);
	outbox_case_open(b, 1000);
	return b;
}

void
outbox_case_free(struct outbox_case *b)
{
	outbox_case_close(b);
	kit_scratch_remove(b->dir);
	free(b);
}

void
outbox_case_reopen(struct outbox_case *b)
{
	outbox_case_close(b);
	outbox_case_open(b, 1000);
}

void
outbox_case_save(struct outbox_case *b)
{
	cr_assert_eq(outbox_save(&b->o, &b->devices, 5), ERR_OK);
}

struct outbox_item *
outbox_case_add(struct outbox_case *b, enum outbox_kind kind, int status, uint64_t upgrade)
{
	struct outbox_item *out = NULL;
	struct outbox_item i = {.kind = kind,
	    .device = b->device,
	    .upgrade = upgrade,
	    .status = status,
	    .component = "app",
	    .version = "1.0.0",
	    .made_at = 1000,
	    .durable = status != DIALECT_DOWNLOADING};

	cr_assert_eq(outbox_add(&b->o, &i, &out), ERR_OK);
	return out;
}
