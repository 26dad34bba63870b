/*
 * sim_device_part: a board, for sim_device.c (what it does) and sim_mischief.c (what it does
 * wrongly); nobody else includes it.
 */
#ifndef SUBOTA_SIM_DEVICE_PART_H
#define SUBOTA_SIM_DEVICE_PART_H

#include "sim.h"
#include "sub_device.h"
#include "sub_wire.h"

enum { KEPT_MAX = 256, STARTED_MAX = 16, CLAIMS_MAX = 16 };

struct kept {
	char version[SUB_IMAGE_VERSION];
	int64_t at;
};

struct chip {
	struct sub_flash flash;
	uint64_t floor; /* sequence of what was kept last */
	struct kept kept[KEPT_MAX];
	unsigned n_kept;
	bool touched; /* another tool than ours had it try an image; until one is kept */
	struct kept started[STARTED_MAX]; /* on trial */
	unsigned n_started;
};

/* What it says of slot 0 is not so. */
enum lie { LIE_NONE, LIE_VERSION, LIE_HASH, LIE_MISFIT };

struct board {
	bool plugged;
	struct chip chip[2];
	bool has_second;
	bool bare; /* no second slot: the image that runs is written over, from the boot loader */
	char unkept[SUB_IMAGE_VERSION]; /* this version is never confirmed on it */
	char serial[16];
	struct sub_device device;
	struct sub_wire in, out;
	char sick[SUB_IMAGE_VERSION]; /* of the first */
	char unwell[SUB_IMAGE_VERSION];

	/* sim_mischief.c */
	enum lie lie;
	char says[SUB_IMAGE_VERSION]; /* instead of the version */
	uint8_t says_hash[SUB_IMAGE_HASH];
	char claims[CLAIMS_MAX][SUB_IMAGE_VERSION]; /* versions that it never ran, and said */
	unsigned n_claims, units;
	int64_t unit_since; /* this unit has been in the device's place; 0: from the start */
	int64_t lies_until, deaf_until, denies_until;
	int64_t forgets_until; /* says "written" and does not write */
};

struct board *sim_device_board(int number);
/* This version was kept from now on. */
void sim_device_note_kept(struct chip *c, const char *version);

#endif
