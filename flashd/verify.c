/*
 * verify: see verify.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "verify.h"

enum { HEX = 2 * BUNDLE_DIGEST, READ_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };

/* --- opening ---------------------------------------------------------------------------------- */

static int
open_beneath(int store, const char *hex)
{
	char path[HEX + 8];
	struct open_how how = {.flags = READ_FLAGS,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV |
		       RESOLVE_NO_MAGICLINKS};

	snprintf(path, sizeof(path), "%s/bundle", hex);
	return (int)syscall(SYS_openat2, store, path, &how, sizeof(how));
}

/* For kernels and filters without openat2: two steps of which neither can follow a link. */
static int
open_stepwise(int store, const char *hex)
{
	AUTO(fd) int dir = openat(store, hex, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return dir < 0 ? -1 : openat(dir, "bundle", READ_FLAGS);
}

static enum err
check_plain(int fd, uint64_t *size, char why[WHY_SIZE])
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return why_say(why, ERR_SYSTEM, "cannot look at the package: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return why_say(why, ERR_CORRUPT, "expected a plain file in the store, got mode %o",
		    (unsigned)st.st_mode);
	if (st.st_nlink != 1)
		return why_say(why, ERR_CORRUPT, "expected a file with one name, got %lu names",
		    (unsigned long)st.st_nlink);
	*size = (uint64_t)st.st_size;
	return ERR_OK;
}

static enum err
opening_error(int number)
{
	switch (number) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ELOOP:
	case EXDEV:
	case ENXIO:
	case ENOTDIR:
		return ERR_CORRUPT;
	default:
		return ERR_SYSTEM;
	}
}

enum err
verify_open_entry(const char *store_dir, const uint8_t digest[32], bool by_hand, int *fd,
    uint64_t *size, char why[WHY_SIZE])
{
	AUTO(fd) int store = open(store_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char hex[HEX + 1];

	if (store < 0)
		return why_say(why, opening_error(errno), "cannot open the store %.100s: %s",
		    store_dir, strerror(errno));
	sodium_bin2hex(hex, sizeof(hex), digest, BUNDLE_DIGEST);
	AUTO(fd) int file = by_hand ? -1 : open_beneath(store, hex);
	if (by_hand || (file < 0 && (errno == ENOSYS || errno == EPERM)))
		file = open_stepwise(store, hex);
	if (file < 0)
		return why_say(why, opening_error(errno),
		    "expected a package %.16s.. in the store, got: %s", hex, strerror(errno));
	enum err e = check_plain(file, size, why);
	if (e == ERR_OK)
		*fd = hand_over_fd(&file);
	return e;
}

/* --- judging ---------------------------------------------------------------------------------- */

struct case_of {
	const struct verify_context *c;
	const struct verify_target *t;
	struct counters_key key;
	char binding[COUNTERS_BINDING];
};

static enum err
on_depends(void *arg, const Tr__Depends *d, char why[WHY_SIZE])
{
	const struct case_of *k = arg;

	if (!k->c->depends)
		return why_say(why, ERR_DEPENDS, "expected %.64s to be known, got nothing about it",
		    d->component);
	return k->c->depends(k->c->arg, k->t, d, why);
}

/* Is it meant for this device? */
static enum err
check_target(const struct case_of *k, struct verify_image *v, char why[WHY_SIZE])
{
	const struct verify_target *t = k->t;
	char id[2 * MANIFEST_NAME_MAX + 2];
	struct manifest_target target = {.vendor = t->vendor,
	    .model = t->model,
	    .hw_revision = t->hw_revision,
	    .device_id = id,
	    .component = t->component};

	snprintf(id, sizeof(id), "%.64s/%.64s", t->product_key, t->device_key);
	enum err e = manifest_match(v->manifest, &target, &v->payload, why);
	if (e != ERR_OK)
		return e;
	if (strcmp(v->payload->version, t->version) != 0 &&
	    strcmp(v->manifest->version, t->version) != 0)
		return why_say(why, ERR_MISMATCH, "expected version %.64s, got a manifest for %s",
		    t->version, v->payload->version);
	if (strcmp(v->payload->driver, t->driver) != 0)
		return why_say(why, ERR_WRONG_TARGET,
		    "expected an image for driver %.32s, got one for %s", t->driver,
		    v->payload->driver);
	return ERR_OK;
}

/* Is it newer than what is there? */
static enum err
check_order(struct case_of *k, struct verify_image *v, char why[WHY_SIZE])
{
	const struct verify_target *t = k->t;
	struct trust *trust = k->c->trust;
	struct rollback_rules rules = {.max_gap = trust_max_gap(trust, v->manifest->role),
	    .generation = trust_generation(trust, v->manifest->role)};

	trust_floor(
	    trust, t->vendor, t->model, t->component, &rules.floor_counter, &rules.floor_sequence);
	v->generation = rules.generation;
	enum err e = counters_check(k->c->record, &k->key, &rules, v->manifest, v->digest, why);
	v->confirmed = e == ERR_ALREADY;
	if (e != ERR_OK && e != ERR_ALREADY)
		return e;
	why[0] = 0;
	e = manifest_check_depends(v->manifest, on_depends, k, why);
	v->waits = e == ERR_AGAIN;
	return v->waits ? ERR_OK : e;
}

static enum err
check_signed(const struct case_of *k, const struct bundle_head *head, const uint8_t digest[32],
    struct verify_image *v, char why[WHY_SIZE])
{
	struct trust_result res = {0};

	if (memcmp(head->digest, digest, sizeof(head->digest)) != 0)
		return why_say(why, ERR_DIGEST,
		    "expected the manifest that was ordered, got another one in its place");
	enum err e = trust_verify(k->c->trust, head, &k->c->time, &v->manifest, &res);
	if (e != ERR_OK)
		memcpy(why, res.why, WHY_SIZE);
	memcpy(v->digest, digest, sizeof(v->digest));
	return e;
}

/* Where the payload lies in the file. */
static enum err
find_payload(
    struct verify_image *v, const struct bundle_head *head, uint64_t size, char why[WHY_SIZE])
{
	struct bundle_payload at[BUNDLE_PAYLOADS_MAX];
	enum err e = bundle_check_payloads(
	    bundle_read_fd, &v->fd, size, head, v->manifest, at, why);

	for (size_t i = 0; e == ERR_OK && i < v->manifest->n_payload; i++)
		if (v->manifest->payload[i] == v->payload)
			v->offset = at[i].offset;
	return e;
}

static enum err
judge(struct case_of *k, const uint8_t digest[32], struct verify_image *v, char why[WHY_SIZE])
{
	AUTO(bundle_head) struct bundle_head *head = NULL;
	uint64_t size = 0;
	enum err e = verify_open_entry(k->c->store_dir, digest, false, &v->fd, &size, why);

	if (e == ERR_OK)
		e = bundle_read_head(bundle_read_fd, &v->fd, size, &head, why);
	if (e == ERR_OK)
		e = check_signed(k, head, digest, v, why);
	if (e == ERR_OK)
		e = check_target(k, v, why);
	if (e == ERR_OK)
		e = check_order(k, v, why);
	if (e == ERR_OK)
		e = find_payload(v, head, size, why);
	return e == ERR_TRUNCATED ? ERR_FRAME : e;
}

void
verify_image_init(struct verify_image *v)
{
	*v = (struct verify_image){.fd = -1};
}

void
verify_image_fini(struct verify_image *v)
{
	manifest_free(v->manifest);
	if (v->fd >= 0)
		close(v->fd);
	verify_image_init(v);
}

enum err
verify_open(const struct verify_context *c, const uint8_t digest[32], const struct verify_target *t,
    struct verify_image *out, char why[WHY_SIZE])
{
	struct case_of k = {.c = c, .t = t};

	counters_binding(k.binding, t->vendor, t->model, t->hw_revision, t->unit);
	k.key = (struct counters_key){t->product_key, t->device_key, k.binding, t->component};
	verify_image_init(out);
	why[0] = 0;
	enum err e = judge(&k, digest, out, why);
	if (e != ERR_OK)
		verify_image_fini(out);
	return e;
}
