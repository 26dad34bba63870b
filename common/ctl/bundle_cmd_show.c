/*
 * bundle_cmd_show: what a bundle or root document says, judging nothing: what a person wants
 * to know before signing.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bundle_cmd.h"
#include "bundle_file.h"
#include "ctl.h"
#include "minisig.h"
#include "opt.h"
#include "root.h"

enum { TIME_SIZE = 32, ID_HEX = 2 * MINISIG_KEY_ID + 1 };

/* clang-format off */
static const struct opt_spec specs[] = {
	/* namevalue must   many   help */
	{NULL, NULL, false, false, NULL},
};
/* clang-format on */

static const struct opt_command command = {
    .usage = "subotactl bundle show FILE",
    .about = "Tell what is in a bundle or a root document. Nothing is verified but the form.",
    .specs = specs,
    .min_args = 1,
    .max_args = 1,
};

static void
hex(const char *label, const uint8_t *data, size_t len)
{
	printf("%s", label);
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
}

static const char *
when(uint64_t ms, char out[TIME_SIZE])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (ms == 0 || !gmtime_r(&s, &tm) || !strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, TIME_SIZE, "-");
	return out;
}

/* --- root documents
 * --------------------------------------------------------------------------------- */

static void
show_role(const Tr__Role *r)
{
	printf("role %s: %u of %zu keys sign for", r->name, r->threshold, r->n_key_id);
	for (size_t i = 0; i < r->n_scope; i++)
		printf(
		    " %s/%s/%s", r->scope[i]->vendor, r->scope[i]->model, r->scope[i]->component);
	printf("%s\n", r->n_scope ? "" : " root documents");
	for (size_t i = 0; i < r->n_key_id; i++) {
		hex("  key ", r->key_id[i].data, r->key_id[i].len);
		printf("%s\n", root_is_test_key(r->key_id[i].data) ? " (public test key)" : "");
	}
}

static void
show_root(const Tr__Root *r)
{
	char created[TIME_SIZE], expires[TIME_SIZE];

	printf("root document %u, created %s, expires %s\n", r->version,
	    when(r->created_ms, created), when(r->expires_ms, expires));
	for (size_t i = 0; i < r->n_role; i++)
		show_role(r->role[i]);
	for (size_t i = 0; i < r->n_revoked_key_id; i++) {
		hex("revoked key ", r->revoked_key_id[i].data, r->revoked_key_id[i].len);
		printf("\n");
	}
	for (size_t i = 0; i < r->n_revoked_manifest; i++) {
		hex("revoked manifest ", r->revoked_manifest[i].data, r->revoked_manifest[i].len);
		printf("\n");
	}
	for (size_t i = 0; i < r->n_floor; i++)
		printf("floor %s/%s/%s: counter %llu, sequence %llu\n", r->floor[i]->vendor,
		    r->floor[i]->model, r->floor[i]->component,
		    (unsigned long long)r->floor[i]->min_security_counter,
		    (unsigned long long)r->floor[i]->min_sequence);
}

/* --- bundles
 * ------------------------------------------------------------------------------------------ */

static void
show_target(const Tr__Target *t)
{
	printf("for              %s/%s", t->vendor, t->model);
	for (size_t i = 0; i < t->n_hw_revision; i++)
		printf("%s %s", i ? "," : " revision", t->hw_revision[i]);
	if (t->hw_range)
		printf(" revision %u..%u", t->hw_range->min, t->hw_range->max);
	printf("\n");
}

static void
show_payload(const Tr__Payload *p)
{
	printf("payload %s       component %s, version %s, %llu bytes, %zu chunks of %u, driver "
	       "%s%s\n",
	    p->file, p->component, p->version, (unsigned long long)p->image_size,
	    manifest_chunks(p), p->chunk_size, p->driver,
	    p->device_verifies ? ", device verifies" : "");
	hex("  sha256         ", p->stored_sha256.data, p->stored_sha256.len);
	printf("\n");
	for (size_t i = 0; i < p->n_driver_hint; i++)
		printf(
		    "  hint           %s=%s\n", p->driver_hint[i]->key, p->driver_hint[i]->value);
}

static void
show_signatures(const struct bundle_signed *s)
{
	for (size_t i = 0; i < s->n_sigs; i++) {
		struct minisig sig;
		char id[ID_HEX];

		if (minisig_parse(s->sigs[i].data, s->sigs[i].len, &sig)) {
			printf("signature %zu      not readable\n", i);
			continue;
		}
		sodium_bin2hex(id, sizeof(id), sig.key_id, sizeof(sig.key_id));
		printf("signature %zu      by key %s (not checked): %s\n", i, id, sig.comment);
	}
}

static void
show_depends(const Tr__Depends *d)
{
	printf("depends on       %s%s%s%s%s, sequence %llu to %llu%s%s\n", d->vendor,
	    d->vendor[0] ? "/" : "", d->model, d->vendor[0] ? " " : "", d->component,
	    (unsigned long long)d->min_sequence, (unsigned long long)d->max_sequence,
	    d->min_version[0] ? ", version from " : "", d->min_version);
}

static void
show_manifest(const struct bundle_file *f)
{
	const Tr__Manifest *m = f->manifest;
	char a[TIME_SIZE], b[TIME_SIZE], c[TIME_SIZE], comment[MANIFEST_COMMENT_SIZE];

	hex("manifest         ", f->head->digest, sizeof(f->head->digest));
	printf("\npublisher        %s, role %s\nrelease          %s, version %s\n", m->publisher,
	    m->role, m->release_id, m->version);
	printf("sequence         %llu, security counter %llu\n", (unsigned long long)m->sequence,
	    (unsigned long long)m->security_counter);
	printf("created          %s, valid from %s, expires %s\n", when(m->created_ms, a),
	    when(m->not_before_ms, b), when(m->expires_ms, c));
	for (size_t i = 0; i < m->n_target; i++)
		show_target(m->target[i]);
	for (size_t i = 0; i < m->n_device_id; i++)
		printf("only device      %s\n", m->device_id[i]);
	for (size_t i = 0; i < m->n_depends; i++)
		show_depends(m->depends[i]);
	for (size_t i = 0; i < m->n_payload; i++)
		show_payload(m->payload[i]);
	for (size_t i = 0; i < f->head->n_roots; i++)
		printf("carries          root.%u with %zu signatures\n", f->head->roots[i].version,
		    f->head->roots[i].text.n_sigs);
	show_signatures(&f->head->manifest);
	manifest_comment(m, comment);
	printf("trusted comment  %s\n", comment);
}

/* ERR_MISMATCH when the file is no root document. */
static enum err
try_root(const char *path, char why[WHY_SIZE])
{
	struct bundle_bytes b = {0};
	AUTO(root) Tr__Root *doc = NULL;
	enum err e = bundle_file_read(path, BUNDLE_ROOT_BYTES, &b, why);

	if (!e && (b.len < 2 || b.data[0] != 0x0a))
		e = ERR_MISMATCH;
	if (!e)
		e = root_parse(b.data, b.len, true, &doc, why);
	free(b.data);
	if (!e)
		show_root(doc);
	return e;
}

int
bundle_cmd_show_run(int argc, char **argv)
{
	struct opt_set o;
	struct bundle_file f;
	char why[WHY_SIZE] = "";
	enum err e = opt_parse(&command, argc, argv, &o);

	if (e)
		return e == ERR_CANCELLED ? CTL_OK : CTL_USAGE;
	if (sodium_init() < 0)
		return ctl_complain("show", ERR_SYSTEM, "libsodium");
	e = try_root(o.args[0], why);
	if (e != ERR_MISMATCH && e != ERR_LIMIT)
		return e ? ctl_complain("show", e, why) : CTL_OK;
	e = bundle_file_open(o.args[0], &f, why);
	if (e)
		return ctl_complain("show", e, why);
	show_manifest(&f);
	bundle_file_close(&f);
	return e ? ctl_complain("show", e, why) : CTL_OK;
}
