/*
 * sub_smp_part: one request under way, between sub_smp.c and sub_smp_list.c.
 */
#ifndef SUB_SMP_PART_H
#define SUB_SMP_PART_H

#include "sub_cbor.h"
#include "sub_smp.h"

struct call {
	struct sub_smp *s;
	struct sub_smp_answer *a;
	struct sub_cbor_out out;
	unsigned version, op, group, command;
	const uint8_t *map;
	size_t map_len;
	bool refused;
};

static inline bool
has(const struct call *c, unsigned quirk)
{
	return c->s && c->s->quirks & quirk;
}

static inline void
say_number(struct call *c, const char *key, uint64_t n)
{
	sub_cbor_key(&c->out, key);
	sub_cbor_uint(&c->out, n);
}

/* All slots, as this server lists them. */
void sub_smp_say_list(struct call *c);
/* How large they are. */
void sub_smp_say_slots(struct call *c);

#endif
