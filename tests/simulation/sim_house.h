/*
 * sim_house: one gateway and what is around it: settings of the three processes, keys, a store of
 * packages good and bad, and how a process is started.
 */
#ifndef SUBOTA_SIM_HOUSE_H
#define SUBOTA_SIM_HOUSE_H

#include "bundle.h"
#include "cloud.h"
#include "flash_settings.h"
#include "kit.h"
#include "settings.h"
#include "sim.h"

enum { SIM_PACKAGES_MAX = 64, SIM_PRODUCTS = 8, SIM_PIECES_MAX = 5, SIM_RADIOS = 7 };

enum sim_variant {
	SIM_GOOD,
	SIM_SICK,        /* signed, but does not work on the device */
	SIM_OLD,         /* signed, below what the device has */
	SIM_FORGED,      /* by somebody else */
	SIM_OTHER_MODEL, /* signed for another device */
	SIM_DAMAGED,     /* not the bytes that were signed */
	SIM_MISLABELLED, /* not the version that the platform says */
	SIM_VARIANTS
};
const char *sim_variant_name(int variant);

struct sim_package {
	int variant;
	int illness;                  /* SIM_SICK: enum sim_illness */
	char version[32], target[32]; /* of the image, of the plan */
	uint64_t sequence;
	struct bundle_bytes image, file;
	uint8_t hash[32]; /* MCUboot's */
	uint8_t md5[16], sha256[32];
	/* All other devices run this one first, or (`own`) the other processor does; NULL =
	 * nothing. */
	const struct sim_package *needs;
	bool own;
	unsigned n_pieces; /* it is cut into so many files; 0 = it is whole */
	struct sim_piece {
		size_t at, len;
		uint8_t md5[16];
	} piece[SIM_PIECES_MAX];
};

struct sim_house {
	int devices;
	char trust[SIM_PATH + 32], store[SIM_PATH + 32];
	struct settings gate;
	struct flash_settings flash;
	struct cloud_identity identity;
	struct profile profile;
	struct secrets secrets;
	struct sim_package package[SIM_PACKAGES_MAX];
	int n_packages; /* number 0 is what the devices run at first */
	/* Each board has a second processor, component "radio". Its packages, good ones only, come
	 * after the others; the first of them is what it runs at first. */
	bool radio;
	bool forgets; /* flashd's database may be lost: with it the floors that came with images */
	bool in_step; /* plans come to all devices at the same time */
	bool checks;  /* a program of the operator's has a say in what is kept */
	bool bare;    /* boards without a second slot, in lively worlds */
	int products; /* device n is of product n % products */
	/* sim_kind.h: */
	bool loader;         /* bare, and its boot loader takes XMODEM */
	bool runs_by_itself; /* and starts what it has got without being told */
	bool no_test;        /* two slots, but what boots next does so for good */
	bool serials;        /* boards have a serial number, and flashd asks for it */
	bool sources;        /* plans are for the version that runs */
	int group;           /* so many of them go together (sim_group.h) */
	int joins;           /* or will, from when each has kept something (sim_rare.h) */
	int n_all;
	struct kit *kit, *others_kit; /* the publisher's, and one's that nobody trusts */
};

void sim_house_new(int devices, int packages);
/* Start a process, or try: one that cannot start is tried again. */
void sim_house_start(struct sim_proc *p);

const char *sim_house_store(void);
const struct sim_package *sim_house_package(const char *url);
/* Of which it is this file; a whole one is piece 0. */
struct sim_piece sim_house_piece(const struct sim_package *p, const char *url);
const struct sim_package *sim_house_image(const uint8_t hash[32]);
/* The image that begins with this; NULL = unknown, or it is too short to tell. */
const struct sim_package *sim_house_head(const uint8_t *data, size_t len);
/* Did a publisher sign these bytes, at this place in an image, for these devices? */
bool sim_house_is_signed(uint64_t off, const uint8_t *data, size_t len);

/* Lively worlds: boards before the packages are made, then settings; sim_world.c. */
void sim_world_boards(struct sim_house *h);
void sim_world(struct sim_house *h);
void sim_world_is_gentle(struct sim_house *h);
/* By the gateway's clock a maintenance window is open, or there are none. */
bool sim_world_is_open(void);

/* cloudd's process; sim_uplink.c. */
void sim_cloudd_start(struct sim_proc *p, enum err *e);

#endif
