/*
 * bundle_cmd_root: make a root document, from nothing or from the one before it, and sign it.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle_cmd.h"
#include "bundle_file.h"
#include "ctl.h"
#include "manifest_make.h"
#include "minikey.h"
#include "opt.h"
#include "root.h"
#include "root_make.h"

#define YEAR_MS (UINT64_C(365) * 24 * 3600 * 1000)

enum { PATH_SIZE = 4096 };

/* clang-format off */
static const struct opt_spec specs[] = {
	/* name             value          must   many   help */
	{"out",             "FILE",        false, false, "default root.N"},
	{"from",            "FILE",        false, false, "the document before, to take over"},
	{"role",            "ROLE",        false, true,  "see above"},
	{"until",           "NAME=TIME",   false, true,  "the role may sign until then"},
	{"max-gap",         "NAME=N",      false, true,  "longest jump of the sequence"},
	{"revoke-key",      "FILE.pub|ID", false, true,  "a key that counts no more"},
	{"revoke-manifest", "HEX",         false, true,  "a manifest that is refused"},
	{"floor",           "V/M/C:N:S",   false, true,  "lowest counter N and sequence S"},
	{"clear-floors",    NULL,          false, false, "forget the floors of --from first"},
	{"created",         "TIME",        false, false, "else SOURCE_DATE_EPOCH or now"},
	{"expires",         "TIME",        false, false, "+90d works; else one year"},
	{"key",             "FILE",        false, true,  "secret key to sign with: FILE.sigN"},
	{NULL,              NULL,          false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl bundle root [OPTION]...",
    .about = "Make root.1, or with --from root.N the document root.N+1 after it.\n"
	     "ROLE is NAME:THRESHOLD:KEY.pub[,KEY.pub]...[:VENDOR/MODEL/COMPONENT[,...]]; the role "
	     "`root`\n"
	     "signs root documents and has no scope. A star may end a name. root.N+1 needs the "
	     "signatures\n"
	     "of both thresholds, that of root.N and its own; `bundle sign` adds some later.",
    .specs = specs,
};

/* NAME=VALUE to the role; NULL after a complaint. */
static Tr__Role *
role_of(Tr__Root *doc, const char *text, const char **value, char why[WHY_SIZE], enum err *e)
{
	const char *eq = strchr(text, '=');

	for (size_t i = 0; eq && i < doc->n_role; i++) {
		Tr__Role *r = doc->role[i];

		if (strlen(r->name) == (size_t)(eq - text) &&
		    memcmp(r->name, text, (size_t)(eq - text)) == 0) {
			*value = eq + 1;
			return r;
		}
	}
	*e = why_say(
	    why, ERR_INVALID, "expected NAME=VALUE with the name of a role, got '%s'", text);
	return NULL;
}

static enum err
set_limits(Tr__Root *doc, const struct opt_set *o, char why[WHY_SIZE])
{
	enum err e = ERR_OK;
	const char *value = NULL;

	for (size_t i = 0; !e && i < opt_count(o, "until"); i++) {
		Tr__Role *r = role_of(doc, opt_nth(o, "until", i), &value, why, &e);

		if (r && !opt_read_time(value, doc->created_ms, &r->valid_until_ms))
			e = why_say(why, ERR_INVALID, "--until: expected a time, got '%s'", value);
	}
	for (size_t i = 0; !e && i < opt_count(o, "max-gap"); i++) {
		Tr__Role *r = role_of(doc, opt_nth(o, "max-gap", i), &value, why, &e);

		if (r && !opt_read_number(value, INT64_MAX, &r->max_sequence_gap))
			e = why_say(
			    why, ERR_INVALID, "--max-gap: expected a number, got '%s'", value);
	}
	return e;
}

static enum err
revoke_key(Tr__Root *doc, const char *text, char why[WHY_SIZE])
{
	struct minikey k;
	size_t got = 0;

	if (strlen(text) == 2 * MINISIG_KEY_ID &&
	    sodium_hex2bin(k.id, sizeof(k.id), text, strlen(text), NULL, &got, NULL) == 0 &&
	    got == sizeof(k.id))
		return root_make_revoke_key(doc, k.id);
	enum err e = minikey_load_public(text, &k, why);

	return e ? e : root_make_revoke_key(doc, k.id);
}

static enum err
revoke_manifest(Tr__Root *doc, const char *text, char why[WHY_SIZE])
{
	uint8_t digest[BUNDLE_DIGEST];
	size_t got = 0;

	if (sodium_hex2bin(digest, sizeof(digest), text, strlen(text), NULL, &got, NULL) != 0 ||
	    got != sizeof(digest) || strlen(text) != 2 * sizeof(digest))
		return why_say(
		    why, ERR_INVALID, "--revoke-manifest: expected 64 hex digits, got '%s'", text);
	return root_make_revoke_manifest(doc, digest);
}

/* Everything the options say, onto what --from said. */
static enum err
build(Tr__Root *doc, const struct opt_set *o, char why[WHY_SIZE])
{
	enum err e = opt_time(o, "created", opt_now_ms(), 0, &doc->created_ms);

	if (!e)
		e = opt_time(
		    o, "expires", doc->created_ms + YEAR_MS, doc->created_ms, &doc->expires_ms);
	if (opt_count(o, "clear-floors"))
		root_make_clear_floors(doc);
	for (size_t i = 0; !e && i < opt_count(o, "role"); i++)
		e = root_make_role(doc, opt_nth(o, "role", i), why);
	if (!e)
		e = set_limits(doc, o, why);
	for (size_t i = 0; !e && i < opt_count(o, "revoke-key"); i++)
		e = revoke_key(doc, opt_nth(o, "revoke-key", i), why);
	for (size_t i = 0; !e && i < opt_count(o, "revoke-manifest"); i++)
		e = revoke_manifest(doc, opt_nth(o, "revoke-manifest", i), why);
	for (size_t i = 0; !e && i < opt_count(o, "floor"); i++)
		e = root_make_floor(doc, opt_nth(o, "floor", i), why);
	if (e)
		return e;
	root_make_drop_unused_keys(doc);
	return root_check(doc, true, why);
}

static enum err
start(const struct opt_set *o, Tr__Root **out, char why[WHY_SIZE])
{
	struct bundle_bytes b = {0};
	const char *from = opt_nth(o, "from", 0);

	if (!from)
		return root_make_new(out);
	enum err e = bundle_file_read(from, BUNDLE_ROOT_BYTES, &b, why);

	if (!e)
		e = root_parse(b.data, b.len, true, out, why);
	free(b.data);
	if (!e)
		(*out)->version++;
	return e;
}

static enum err
save(const Tr__Root *doc, const struct opt_set *o, char why[WHY_SIZE])
{
	char name[32], comment[64], path[PATH_SIZE];
	struct bundle_signed s = {0};
	enum err e = manifest_make_pack(&doc->base, &s.doc);

	snprintf(name, sizeof(name), "root.%u", doc->version);
	snprintf(comment, sizeof(comment), "subota root version %u", doc->version);
	const char *out = opt_text(o, "out", name);

	for (size_t i = 0; !e && i < opt_count(o, "key"); i++) {
		struct minikey k;

		e = minikey_load_secret(opt_nth(o, "key", i), false, &k, why);
		if (!e)
			e = minikey_sign(&k, comment, &s);
		minikey_wipe(&k);
	}
	if (!e)
		e = bundle_file_create(out, s.doc.data, s.doc.len, why);
	for (size_t i = 0; !e && i < s.n_sigs; i++) {
		snprintf(path, sizeof(path), "%s.sig%zu", out, i);
		e = bundle_file_create(path, s.sigs[i].data, s.sigs[i].len, why);
	}
	bundle_signed_fini(&s);
	if (!e)
		printf("%s\n", out);
	return e;
}

int
bundle_cmd_root_run(int argc, char **argv)
{
	struct opt_set o;
	char why[WHY_SIZE] = "";
	AUTO(root) Tr__Root *doc = NULL;
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	if (sodium_init() < 0)
		return ctl_complain("root", ERR_SYSTEM, "libsodium");
	e = start(&o, &doc, why);
	if (!e)
		e = build(doc, &o, why);
	if (!e)
		e = save(doc, &o, why);
	return e ? ctl_complain("root", e, why) : CTL_OK;
}
