/*
 * outbox_part: what the files of the outbox share among themselves.
 */
#ifndef SUBOTA_OUTBOX_PART_H
#define SUBOTA_OUTBOX_PART_H

#include "outbox.h"

struct outbox_report {
	char source[OUTBOX_SOURCE_SIZE];
	uint64_t id;
	uint64_t item;
	struct outbox_report *next;
};

/* The gateway's secrets; within a transaction or by itself. */
enum err outbox_part_save_gateway(struct outbox *o) MUST_CHECK;
/* outbox_move.c */
enum err outbox_move_load(struct outbox *o) MUST_CHECK;
enum err outbox_move_save(struct outbox *o) MUST_CHECK;
enum err outbox_move_save_secrets(struct outbox *o) MUST_CHECK;

/* A new one at the end of `list`. */
enum err outbox_part_push(
    struct outbox_report **list, const char *source, uint64_t id, uint64_t item) MUST_CHECK;
void outbox_part_free(struct outbox_report **list);

#endif
