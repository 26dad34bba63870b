/*
 * house_pack: packages of a house: an MCUboot image of any size and version, a signed bundle around
 * it, in the Developer Center's package store.
 */
#ifndef SUBOTA_TESTS_HOUSE_PACK_H
#define SUBOTA_TESTS_HOUSE_PACK_H

#include "house.h"
#include "house_pack_image.h"

enum { HOUSE_PACK_FILES = 6 }; /* one more than the platform takes */

/* What to publish; zero fields get the default named beside them. */
struct house_pack {
	const char *name;         /* "fw"; of the package and, with .bin, of its file */
	const char *version;      /* HOUSE_NEW */
	uint64_t sequence;        /* 5 */
	uint32_t counter;         /* 2; security counter */
	size_t size;              /* 50000; of the image's body */
	const struct kit *signer; /* the house's publisher */
	const char *model;        /* HOUSE_MODEL */
	const char *planned;      /* version; what the platform believes it to be */
	const char *component;    /* "app" */
	const char *kind;         /* "module"; or "mcu" */
	const char *source;       /* version that a delta package starts from */
	unsigned files;           /* 1; cut into so many, at most HOUSE_PACK_FILES */
	size_t cut;               /* bytes of each but the last; 20000 */
	uint64_t expires_ms;      /* 2090-01-01 */
	const Tr__Root *root;     /* none; a newer root document that it carries */
	unsigned release_key;     /* 0; which of the publisher\'s two */
};

/* Make it, sign it, put it into the package store; house_activate plans it. */
enum err house_pack_publish(struct house *h, const struct house_pack *p) MUST_CHECK;

#endif
