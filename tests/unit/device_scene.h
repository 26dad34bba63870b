/*
 * device_scene: one upgrade, a clock and a session's report in the hands of device*.c.
 */
#ifndef SUBOTA_TESTS_DEVICE_SCENE_H
#define SUBOTA_TESTS_DEVICE_SCENE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "golden.h"

#define VERB(v) PB__VERB__VERB_##v

static const uint8_t new_hash[32] = {1, 2, 3};
static const uint8_t old_hash[32] = {9, 9, 9};

struct scene {
	struct device_upgrade u;
	struct mono now;
	Pb__SessionReport r;
};

/* An upgrade in `state` whose image is known by hash. */
static inline void
open_scene(struct scene *s, int state)
{
	Pb__Device d = PB__DEVICE__INIT;

	d.product_key = golden_text("p1");
	d.device_key = golden_text("meter-1");
	s->now = (struct mono){1000000};
	device_init(&s->u, 7, &d, "app", "2.0.0", s->now);
	s->u.state = s->u.furthest = state;
	snprintf(s->u.image_version, sizeof(s->u.image_version), "2.0.0");
	memcpy(s->u.image_hash, new_hash, 32);
	s->u.has_image_hash = true;
	s->u.changed = false;
	pb__session_report__init(&s->r);
}

static inline enum err
step(struct scene *s, int event)
{
	struct device_news n = {.now = s->now, .error = ERR_OK, .detail = "why"};

	return device_step(&s->u, event, &n);
}

static inline enum err
trouble(struct scene *s, enum err e)
{
	struct device_news n = {.now = s->now, .error = e, .detail = "expected this, got that"};

	return device_step(&s->u, DEVICE_TROUBLE, &n);
}

static inline ProtobufCBinaryData
hash(const uint8_t h[32])
{
	return (ProtobufCBinaryData){32, (uint8_t *)(uintptr_t)h};
}

/* The running verb ends as `s->r` says. */
static inline void
end_verb(struct scene *s)
{
	s->u.running = true;
	s->r.verb = (Pb__Verb)s->u.verb;
	s->r.final = true;
	cr_assert_eq(device_on_final(&s->u, &s->r, s->now), ERR_OK);
	cr_expect_not(s->u.running);
}

/* ... as an answer to IDENTIFY. */
static inline void
answer(struct scene *s, const char *version, const uint8_t *active, const uint8_t *staged)
{
	cr_expect_eq(s->u.verb, VERB(IDENTIFY));
	s->r.version = golden_text(version);
	s->r.active_hash = active ? hash(active) : (ProtobufCBinaryData){0, NULL};
	s->r.staged_hash = staged ? hash(staged) : (ProtobufCBinaryData){0, NULL};
	end_verb(s);
}

static inline void
expect(const struct scene *s, int state, int verb)
{
	cr_expect_eq(s->u.state, state, "expected %s, got %s", device_table.states[state],
	    device_table.states[s->u.state]);
	cr_expect_eq(s->u.verb, verb, "expected verb %d, got %d", verb, s->u.verb);
}

#endif
