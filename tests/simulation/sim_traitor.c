/*
 * sim_traitor: see sim_traitor.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "house_pack_image.h"
#include "kit.h"
#include "sim_dirs.h"
#include "sim_house.h"
#include "sim_traitor.h"
#include "store.h"

enum { BY_ANOTHER, OF_ANOTHER, OTHER_MODEL, OTHER_BYTES, WAYS, SIZE = 2000 };

struct traitor {
	bool ready;
	unsigned how;
	uint8_t digest[STORE_DIGEST];
	char dir[SIM_PATH + 160]; /* of the last one in the store; "" = none */
};

static struct traitor *
traitor(void)
{
	static struct traitor t;

	return &t;
}

void
sim_traitor_strike(unsigned how)
{
	traitor()->ready = true;
	traitor()->how = how % WAYS;
}

/* A manifest that nobody signed, under the signatures of another. */
static void
lend_signatures(struct bundle_head *to, const struct kit *k, struct kit_spec spec)
{
	spec.version = "0.0.1";
	struct bundle_head *from = kit_head(k, &spec);
	struct bundle_signed mine = to->manifest;

	memcpy(to->manifest.sigs, from->manifest.sigs, sizeof(mine.sigs));
	memcpy(from->manifest.sigs, mine.sigs, sizeof(mine.sigs));
	to->manifest.n_sigs = from->manifest.n_sigs;
	from->manifest.n_sigs = mine.n_sigs;
	bundle_head_free(from);
}

static struct bundle_bytes
forge(struct traitor *t, const Pb__FlashOrder *o)
{
	const struct sim_house *h = sim()->house;
	struct bundle_bytes image = house_pack_image(o->target_version, 1, SIZE);
	struct kit_spec spec = {.version = o->target_version,
	    .component = o->component,
	    .model = t->how == OTHER_MODEL ? "sensor-7" : NULL,
	    .sequence = SIM_PACKAGES_MAX + 10,
	    .security_counter = 1,
	    .driver = h->bare ? "mcuboot" : NULL,
	    .payload = image.data,
	    .payload_len = image.len};
	struct bundle_head *head = kit_head(t->how == BY_ANOTHER ? h->others_kit : h->kit, &spec);

	if (t->how == OF_ANOTHER)
		lend_signatures(head, h->kit, spec);
	if (t->how == OTHER_BYTES)
		image.data[SIZE / 2] ^= 1;
	struct bundle_bytes file = kit_file_of(head, &spec);
	memcpy(t->digest, head->digest, sizeof(t->digest));
	bundle_head_free(head);
	free(image.data);
	return file;
}

static void
remove_last(struct traitor *t)
{
	char path[sizeof(t->dir) + 8];

	if (!t->dir[0])
		return;
	snprintf(path, sizeof(path), "%s/bundle", t->dir);
	unlink(path);
	rmdir(t->dir);
	t->dir[0] = 0;
}

/* It is durable at once, and so is what happened before: the same name may have gone just now, and
 * must not come back where this one stands. */
static void
plant(struct traitor *t, const struct bundle_bytes *file)
{
	char name[STORE_HEX + 1];

	remove_last(t);
	sim_dirs_all_synced();
	store_hex(t->digest, name);
	snprintf(t->dir, sizeof(t->dir), "%s/%s", sim_house_store(), name);
	if (mkdir(t->dir, 0750) != 0)
		abort();
	kit_write(t->dir, "bundle", file->data, file->len);
}

bool
sim_traitor_order(Pb__FlashOrder *o)
{
	static const char *const ways[WAYS] = {"that somebody else signed",
	    "under the signatures of another", "for another model", "with other bytes"};
	struct traitor *t = traitor();

	if (!t->ready)
		return false;
	t->ready = false;
	struct sim_proc *runs = sim()->current;
	sim()->current = NULL; /* what it holds is nobody's */
	struct bundle_bytes file = forge(t, o);
	plant(t, &file);
	free(file.data);
	sim()->current = runs;
	o->manifest_digest.data = t->digest;
	sim_say("fetchd", "orders a package %s", ways[t->how]);
	return true;
}

uint64_t
sim_traitor_bytes(void)
{
	char path[sizeof(traitor()->dir) + 8];
	struct stat st;

	snprintf(path, sizeof(path), "%s/bundle", traitor()->dir);
	return traitor()->dir[0] && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void
sim_traitor_end(void)
{
	traitor()->ready = false;
	remove_last(traitor());
}
