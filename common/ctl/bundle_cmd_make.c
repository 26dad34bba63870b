/*
 * bundle_cmd_make: `make` and `wrap`: options to a manifest, images to payloads, both to a file.
 * The same options give the same bytes on every machine: --created (or SOURCE_DATE_EPOCH) is the
 * only time in it, and Ed25519 signatures have no chance in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle_cmd.h"
#include "bundle_file.h"
#include "ctl.h"
#include "manifest_make.h"
#include "minikey.h"
#include "opt.h"

#define YEAR_MS (UINT64_C(365) * 24 * 3600 * 1000)

/* clang-format off */
static const struct opt_spec specs[] = {
	/* name              value            must   many   help */
	{"out",              "FILE",          true,  false, "the bundle to write"},
	{"publisher",        "NAME",          true,  false, "who vouches for it"},
	{"vendor",           "NAME",          true,  false, "vendor of the devices"},
	{"model",            "NAME",          true,  true,  "model of the devices"},
	{"hw-rev",           "REV",           false, true,  "only this, or MIN..MAX; else all"},
	{"device-id",        "PK/DK",         false, true,  "only this device; else all"},
	{"component",        "NAME",          false, true,  "of that payload; else app"},
	{"payload",          "FILE",          false, true,  "the image; several = one release"},
	{"image-version",    "VERSION",       false, true,  "as the device says; else --version"},
	{"version",          "VERSION",       true,  false, "for people and platform"},
	{"release-id",       "ID",            false, false, "else the version"},
	{"sequence",         "N",             true,  false, "orders the releases, must rise"},
	{"security-counter", "N",             false, false, "never falls on a device; else 0"},
	{"created",          "TIME",          false, false, "else SOURCE_DATE_EPOCH or now"},
	{"not-before",       "TIME",          false, false, "else at once"},
	{"expires",          "TIME",          false, false, "+90d works; else one year"},
	{"depends",          "[V/M/]C[:MIN[:MAX]][@VERSION]", false, true,
	    "component C, of the device or of every V/M device of its gateway, must run this sequence "
	    "or more, or this version"},
	{"driver",           "NAME",          false, false, "how it is flashed; else smp"},
	{"hint",             "KEY=VALUE",     false, true,  "for the driver: slot, address, ..."},
	{"device-verifies",  NULL,            false, false, "its bootloader checks, too"},
	{"chunk-size",       "BYTES",         false, false, "a multiple of 256; else by size"},
	{"min-gateway",      "A.B.C",         false, false, "oldest gateway that may use it"},
	{"role",             "NAME",          false, false, "else release (wrap: operator)"},
	{"root",             "FILE",          false, true,  "newer root.N, with its root.N.sigM"},
	{"key",              "FILE",          false, true,  "secret key to sign with"},
	{NULL,               NULL,            false, false, NULL},
};
/* clang-format on */

static const struct opt_command make_command = {
    .usage = "subotactl bundle make [OPTION]...",
    .about =
	"Make a bundle. Without --key it is unsigned: `bundle show` prints the trusted comment,\n"
	"`bundle sign` adds signatures made here or elsewhere.",
    .specs = specs,
};
static const struct opt_command wrap_command = {
    .usage = "subotactl bundle wrap [OPTION]... FILE",
    .about = "Make a bundle of a vendor's unsigned file, signed by the operator, whose role the\n"
	     "root document limits to certain vendors and models.",
    .specs = specs,
    .min_args = 1,
    .max_args = 1,
};

struct images {
	int fds[BUNDLE_PAYLOADS_MAX];
	struct bundle_source sources[BUNDLE_PAYLOADS_MAX];
	size_t n;
};

static void
close_images(struct images *im)
{
	for (size_t i = 0; i < im->n; i++)
		close(im->fds[i]);
}

static enum err
open_image(const char *path, struct images *im, char why[WHY_SIZE])
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (im->n == BUNDLE_PAYLOADS_MAX || fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return why_say(why, ERR_INVALID, "payload %s: %s", path,
		    fd < 0 ? strerror(errno) : "not a regular file, or too many");
	}
	im->fds[im->n] = fd;
	im->sources[im->n] = (struct bundle_source){
	    bundle_read_fd, &im->fds[im->n], (uint64_t)st.st_size};
	im->n++;
	return ERR_OK;
}

/* Small enough for little to be lost when one is damaged, large enough for the list of their
 * digests to stay below half the manifest. */
static uint32_t
chunk_size_for(uint64_t size)
{
	uint32_t chunk = 4096;

	while (chunk < MANIFEST_CHUNK_MAX && size / chunk > 8192)
		chunk *= 2;
	return chunk;
}

static enum err
add_hint(Tr__Payload *p, const char *text, char why[WHY_SIZE])
{
	char key[64];
	const char *eq = strchr(text, '=');

	if (!eq || (size_t)(eq - text) >= sizeof(key))
		return why_say(why, ERR_INVALID, "--hint: expected KEY=VALUE, got '%s'", text);
	memcpy(key, text, (size_t)(eq - text));
	key[eq - text] = 0;
	return manifest_make_hint(p, key, eq + 1);
}

static enum err
add_payload(
    Tr__Manifest *m, const struct opt_set *o, struct images *im, size_t i, char why[WHY_SIZE])
{
	uint64_t chunk = 0;
	Tr__Payload *p = NULL;
	const char *component = opt_nth(o, "component", i),
		   *version = opt_nth(o, "image-version", i);

	if (!component && im->n > 1)
		return why_say(why, ERR_INVALID, "expected one --component for each --payload");
	if (im->sources[i].size < 1)
		return why_say(why, ERR_INVALID, "expected an image, got an empty file");
	enum err e = opt_number(
	    o, "chunk-size", chunk_size_for(im->sources[i].size), MANIFEST_CHUNK_MAX, &chunk);

	if (!e)
		e = manifest_make_payload(
		    m, component ? component : "app", &im->sources[i], (uint32_t)chunk, &p);
	if (!e)
		e = manifest_make_text(&p->driver, opt_text(o, "driver", "smp"));
	if (!e)
		e = manifest_make_text(&p->version, version ? version : opt_text(o, "version", ""));
	if (e)
		return why_say(why, e, "payload %zu with chunks of %llu bytes: %s", i,
		    (unsigned long long)chunk, err_text(e));
	p->device_verifies = opt_count(o, "device-verifies") > 0;
	for (size_t k = 0; !e && k < opt_count(o, "hint"); k++)
		e = add_hint(p, opt_nth(o, "hint", k), why);
	return e;
}

static enum err
add_revision(Tr__Target *t, const char *text, char why[WHY_SIZE])
{
	char low[16];
	uint64_t min = 0, max = 0;
	const char *dots = strstr(text, "..");

	if (!dots)
		return manifest_make_add_text(&t->hw_revision, &t->n_hw_revision, text);
	if ((size_t)(dots - text) >= sizeof(low) || t->hw_range)
		return why_say(why, ERR_INVALID, "--hw-rev: expected one MIN..MAX, got '%s'", text);
	memcpy(low, text, (size_t)(dots - text));
	low[dots - text] = 0;
	if (!opt_read_number(low, UINT32_MAX, &min) || !opt_read_number(dots + 2, UINT32_MAX, &max))
		return why_say(why, ERR_INVALID, "--hw-rev: expected MIN..MAX, got '%s'", text);
	t->hw_range = malloc(sizeof(*t->hw_range));
	if (!t->hw_range)
		return ERR_NOMEM;
	tr__hw_range__init(t->hw_range);
	t->hw_range->min = (uint32_t)min;
	t->hw_range->max = (uint32_t)max;
	return ERR_OK;
}

static enum err
add_targets(Tr__Manifest *m, const struct opt_set *o, char why[WHY_SIZE])
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < opt_count(o, "model"); i++) {
		Tr__Target *t = NULL;

		e = manifest_make_target(m, opt_text(o, "vendor", ""), opt_nth(o, "model", i), &t);
		for (size_t k = 0; !e && k < opt_count(o, "hw-rev"); k++)
			e = add_revision(t, opt_nth(o, "hw-rev", k), why);
	}
	for (size_t i = 0; !e && i < opt_count(o, "device-id"); i++)
		e = manifest_make_add_text(
		    &m->device_id, &m->n_device_id, opt_nth(o, "device-id", i));
	return e;
}

/* VENDOR/MODEL/ in front of a component. */
static enum err
add_depends_model(Tr__Depends *d, char **text)
{
	char *save = NULL, *slash = strrchr(*text, '/');

	if (!slash)
		return ERR_OK;
	*slash = 0;
	const char *vendor = strtok_r(*text, "/", &save), *model = strtok_r(NULL, "", &save);
	enum err e = manifest_make_text(&d->vendor, vendor ? vendor : "");

	*text = slash + 1;
	return e ? e : manifest_make_text(&d->model, model ? model : "");
}

/* [V/M/]C[:MIN[:MAX]][@VERSION] */
static enum err
add_depends(Tr__Manifest *m, const char *text, char why[WHY_SIZE])
{
	char copy[300], *at = copy, *save = NULL;
	Tr__Depends *d = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	char *version = strchr(copy, '@');
	if (version)
		*version++ = 0;
	enum err e = manifest_make_depends(m, "", &d);
	if (!e)
		e = add_depends_model(d, &at);
	const char *component = strtok_r(at, ":", &save);
	const char *min = strtok_r(NULL, ":", &save), *max = strtok_r(NULL, ":", &save);
	if (!e)
		e = manifest_make_text(&d->component, component ? component : "");
	if (!e)
		e = manifest_make_text(&d->min_version, version ? version : "");
	if (e)
		return e;
	if ((min && !opt_read_number(min, INT64_MAX, &d->min_sequence)) ||
	    (max && !opt_read_number(max, INT64_MAX, &d->max_sequence)))
		return why_say(why, ERR_INVALID,
		    "--depends: expected [V/M/]C[:MIN[:MAX]][@VERSION], got '%s'", text);
	return ERR_OK;
}

static enum err
set_texts(Tr__Manifest *m, const struct opt_set *o, const char *role)
{
	const char *version = opt_text(o, "version", "");
	enum err e = manifest_make_text(&m->publisher, opt_text(o, "publisher", ""));

	if (!e)
		e = manifest_make_text(&m->version, version);
	if (!e)
		e = manifest_make_text(&m->release_id, opt_text(o, "release-id", version));
	if (!e)
		e = manifest_make_text(&m->role, opt_text(o, "role", role));
	return e ? e : manifest_make_text(&m->min_gateway, opt_text(o, "min-gateway", ""));
}

static enum err
set_numbers(Tr__Manifest *m, const struct opt_set *o)
{
	enum err e = opt_number(o, "sequence", 0, INT64_MAX, &m->sequence);

	if (!e)
		e = opt_number(o, "security-counter", 0, INT64_MAX, &m->security_counter);
	if (!e)
		e = opt_time(o, "created", opt_now_ms(), 0, &m->created_ms);
	if (!e)
		e = opt_time(o, "not-before", 0, m->created_ms, &m->not_before_ms);
	return e ? e
		 : opt_time(o, "expires", m->created_ms + YEAR_MS, m->created_ms, &m->expires_ms);
}

static enum err
build(const struct opt_set *o, const char *role, struct images *im, Tr__Manifest *m,
    char why[WHY_SIZE])
{
	enum err e = set_texts(m, o, role);

	if (!e)
		e = set_numbers(m, o);
	if (!e)
		e = add_targets(m, o, why);
	for (size_t i = 0; !e && i < opt_count(o, "depends"); i++)
		e = add_depends(m, opt_nth(o, "depends", i), why);
	for (size_t i = 0; !e && i < im->n; i++)
		e = add_payload(m, o, im, i, why);
	return e ? e : manifest_check(m, why);
}

/* N of .../root.N */
static uint32_t
version_of(const char *path)
{
	const char *dot = strrchr(path, '.');
	uint64_t n = 0;

	return dot && opt_read_number(dot + 1, UINT32_MAX, &n) ? (uint32_t)n : 0;
}

static enum err
add_root(struct bundle_head *h, const char *path, char why[WHY_SIZE])
{
	uint32_t version = version_of(path);

	if (version < 2 || (h->n_roots > 0 && version <= h->roots[h->n_roots - 1].version))
		return why_say(why, ERR_INVALID,
		    "--root: expected root.2 and up in ascending order, "
		    "got %s",
		    path);
	if (h->n_roots == BUNDLE_ROOTS_MAX)
		return why_say(why, ERR_LIMIT, "--root: at most %d", BUNDLE_ROOTS_MAX);
	h->roots[h->n_roots].version = version;
	return bundle_file_read_signed(path, &h->roots[h->n_roots++].text, why);
}

static enum err
sign_all(struct bundle_head *h, const Tr__Manifest *m, const struct opt_set *o, char why[WHY_SIZE])
{
	char comment[MANIFEST_COMMENT_SIZE];
	enum err e = ERR_OK;

	manifest_comment(m, comment);
	for (size_t i = 0; !e && i < opt_count(o, "key"); i++) {
		struct minikey k;

		e = minikey_load_secret(opt_nth(o, "key", i), false, &k, why);
		if (!e)
			e = minikey_sign(&k, comment, &h->manifest);
		minikey_wipe(&k);
	}
	return e;
}

static enum err
produce(const struct opt_set *o, const char *role, struct images *im, char why[WHY_SIZE])
{
	AUTO(manifest) Tr__Manifest *m = NULL;
	AUTO(bundle_head) struct bundle_head *h = NULL;
	enum err e = manifest_make_new(&m);

	if (!e)
		e = build(o, role, im, m, why);
	if (!e)
		e = bundle_head_new(&h);
	for (size_t i = 0; !e && i < opt_count(o, "root"); i++)
		e = add_root(h, opt_nth(o, "root", i), why);
	if (!e)
		e = manifest_make_pack(&m->base, &h->manifest.doc);
	if (!e && h->manifest.doc.len > BUNDLE_MANIFEST_BYTES)
		e = why_say(why, ERR_LIMIT,
		    "expected a manifest of at most %d bytes, got %zu: take "
		    "larger chunks",
		    BUNDLE_MANIFEST_BYTES, h->manifest.doc.len);
	if (!e)
		e = sign_all(h, m, o, why);
	return e ? e : bundle_file_save(opt_text(o, "out", ""), h, im->sources, im->n, why);
}

static int
run(const struct opt_command *c, const char *role, int argc, char **argv)
{
	struct opt_set o;
	struct images im = {.n = 0};
	char why[WHY_SIZE] = "";
	enum err e = opt_parse(c, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	for (size_t i = 0; !e && i < opt_count(&o, "payload"); i++)
		e = open_image(opt_nth(&o, "payload", i), &im, why);
	if (!e && o.n_args > 0)
		e = open_image(o.args[0], &im, why);
	if (!e && im.n == 0)
		e = why_say(why, ERR_INVALID, "expected a --payload");
	if (!e)
		e = produce(&o, role, &im, why);
	close_images(&im);
	return e ? ctl_complain(argv[0], e, why) : CTL_OK;
}

int
bundle_cmd_make_run(int argc, char **argv)
{
	return run(&make_command, "release", argc, argv);
}

int
bundle_cmd_make_wrap(int argc, char **argv)
{
	return run(&wrap_command, "operator", argc, argv);
}
