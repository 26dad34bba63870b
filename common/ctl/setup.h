/*
 * setup: the answers of which `subotactl setup` makes a first configuration: from options, else by
 * asking a person. Each is held against the very key of the daemons' tables, so what is wrong is
 * said at once and in the daemons' words.
 */
#ifndef SUBOTA_SETUP_H
#define SUBOTA_SETUP_H

#include "opt.h"
#include "secrets.h"

enum { SETUP_ANSWER = 300, SETUP_DEVICES = 64, SETUP_FIELDS = 7 };

/* Keys of [flashd.device], in the order of --device; the first is the section's name. */
extern const char *const setup_device_keys[SETUP_FIELDS];

struct setup {
	const struct opt_set *o;
	const char *dir;
	bool asks; /* there is a person at a terminal */
	char host[SETUP_ANSWER], port[SETUP_ANSWER], ca[SETUP_ANSWER], product_key[SETUP_ANSWER],
	    device_key[SETUP_ANSWER];
	char root[SETUP_ANSWER];
	size_t n_devices;
	char devices[SETUP_DEVICES][SETUP_FIELDS][SETUP_ANSWER];
	size_t n_secrets;
	struct secrets_product secrets[SECRETS_MAX];
};

/* Fill in everything that `o` (options of setup_cmd.c), or the person, says. ERR_INVALID: an answer
 * is wrong or missing and nobody can be asked; ERR_CANCELLED: the person has left. Each complaint
 * is on stderr. */
enum err setup_take(struct setup *s) MUST_CHECK;

#endif
