/*
 * book: see book.h.
 */
#include <stdio.h>
#include <string.h>

#include "book.h"
#include "clock.h"
#include "log.h"

static const char *const migrations[] = {
    "CREATE TABLE image(id INTEGER PRIMARY KEY, state INT, url TEXT, size INT, md5 BLOB,"
    " sha256 BLOB, digest BLOB, validator TEXT, durable INT, boot_id TEXT, tries INT, dry INT,"
    " from_zero INT, error INT, detail TEXT, used_at INT, good INT);"
    "CREATE TABLE upgrade(id INTEGER PRIMARY KEY, state INT, product_key TEXT, device_key TEXT,"
    " component TEXT, target_version TEXT, image INT, error INT, detail TEXT);"
    "CREATE TABLE report(id INTEGER PRIMARY KEY, upgrade INT, product_key TEXT, device_key TEXT,"
    " phase INT, error INT, detail TEXT);"
    "CREATE TABLE counter(name TEXT PRIMARY KEY, value INT);",
    "ALTER TABLE image ADD COLUMN file INT NOT NULL DEFAULT 0;"
    "CREATE TABLE file(image INT, seq INT, url TEXT, size INT, md5 BLOB,"
    " PRIMARY KEY(image, seq));",
    "ALTER TABLE upgrade ADD COLUMN local INT NOT NULL DEFAULT 0;",
};

enum { MIGRATIONS = sizeof(migrations) / sizeof(migrations[0]) };

/* --- reading ---------------------------------------------------------------------------------- */

static bool
copy_blob(const struct record_row *row, int column, uint8_t *out, size_t size)
{
	size_t len = 0;
	const void *data = record_blob(row, column, &len);

	if (!data || len != size)
		return false;
	memcpy(out, data, size);
	return true;
}

#define COPY_TEXT(to, row, column) snprintf(to, sizeof(to), "%s", record_text(row, column))

static enum err
load_image(void *arg, const struct record_row *row)
{
	struct book *b = arg;
	struct image *i = calloc(1, sizeof(*i));

	if (!i)
		return ERR_NOMEM;
	i->id = (uint64_t)record_int(row, 0);
	i->state = (int)record_int(row, 1);
	i->noted = i->state + 1;
	COPY_TEXT(i->url, row, 2);
	i->size = (uint64_t)record_int(row, 3);
	i->has_md5 = copy_blob(row, 4, i->md5, sizeof(i->md5));
	i->has_sha256 = copy_blob(row, 5, i->sha256, sizeof(i->sha256));
	i->has_digest = copy_blob(row, 6, i->digest, sizeof(i->digest));
	COPY_TEXT(i->validator, row, 7);
	i->durable = (uint64_t)record_int(row, 8);
	COPY_TEXT(i->boot_id, row, 9);
	i->tries = (unsigned)record_int(row, 10);
	i->dry = (unsigned)record_int(row, 11);
	i->from_zero = record_int(row, 12) != 0;
	i->error = (int)record_int(row, 13);
	COPY_TEXT(i->detail, row, 14);
	i->used_at = (uint64_t)record_int(row, 15);
	i->good = record_int(row, 16) != 0;
	i->file = (size_t)record_int(row, 17);
	i->done = i->durable;
	i->next = b->images;
	b->images = i;
	b->n_images++;
	if (i->id > b->last_image)
		b->last_image = i->id;
	return i->state >= 0 && i->state < IMAGE_STATES ? ERR_OK : ERR_CORRUPT;
}

static enum err
load_file(void *arg, const struct record_row *row)
{
	struct image *i = book_image(arg, (uint64_t)record_int(row, 0));

	if (!i || i->n_files >= IMAGE_FILES_MAX)
		return ERR_OK;
	if (!i->files)
		i->files = calloc(IMAGE_FILES_MAX, sizeof(*i->files));
	if (!i->files)
		return ERR_NOMEM;
	struct image_file *f = &i->files[i->n_files++];

	COPY_TEXT(f->url, row, 1);
	f->size = (uint64_t)record_int(row, 2);
	return copy_blob(row, 3, f->md5, sizeof(f->md5)) ? ERR_OK : ERR_CORRUPT;
}

/* A place in the list that the list does not have is the start. */
static void
mend_files(struct book *b)
{
	for (struct image *i = b->images; i; i = i->next)
		if (i->file && i->file >= i->n_files)
			i->file = 0;
}

static enum err
load_upgrade(void *arg, const struct record_row *row)
{
	struct book *b = arg;
	struct upgrade *u = calloc(1, sizeof(*u));

	if (!u)
		return ERR_NOMEM;
	u->id = (uint64_t)record_int(row, 0);
	u->state = (int)record_int(row, 1);
	u->noted = u->state + 1;
	COPY_TEXT(u->product_key, row, 2);
	COPY_TEXT(u->device_key, row, 3);
	COPY_TEXT(u->component, row, 4);
	COPY_TEXT(u->target_version, row, 5);
	u->image = (uint64_t)record_int(row, 6);
	u->error = (int)record_int(row, 7);
	COPY_TEXT(u->detail, row, 8);
	u->local = record_int(row, 9) != 0;
	u->next = b->upgrades;
	b->upgrades = u;
	b->n_upgrades++;
	return u->state >= 0 && u->state < UPGRADE_STATES ? ERR_OK : ERR_CORRUPT;
}

static enum err
load(struct book *b)
{
	enum err e = record_query(b->record, load_image, b,
	    "SELECT id, state, url, size, md5, sha256, digest, validator, durable, boot_id, tries,"
	    " dry, from_zero, error, detail, used_at, good, file FROM image",
	    "");

	if (e == ERR_OK)
		e = record_query(b->record, load_file, b,
		    "SELECT image, url, size, md5 FROM file ORDER BY image, seq", "");
	if (e != ERR_OK)
		return e;
	mend_files(b);
	return record_query(b->record, load_upgrade, b,
	    "SELECT id, state, product_key, device_key, component, target_version, image, error,"
	    " detail, local FROM upgrade ORDER BY rowid",
	    "");
}

static enum err
begin(struct book *b)
{
	/* each time: the process may have died right after making the file */
	enum err e = record_run(b->record,
	    "INSERT OR IGNORE INTO counter(name, value) VALUES('report', ?)", "i",
	    (int64_t)(clock_wall_ms() * 1024));

	if (e == ERR_OK)
		e = passed_load(&b->passed, b->record, "counter");
	return e == ERR_OK ? load(b) : e;
}

static void
drop_lists(struct book *b)
{
	for (struct image *i = b->images, *next; i; i = next) {
		next = i->next;
		image_free(i);
	}
	for (struct upgrade *u = b->upgrades, *next; u; u = next) {
		next = u->next;
		free(u);
	}
	*b = (struct book){.record = b->record};
}

enum err
book_open(const char *path, struct book *b, bool *fresh)
{
	*b = (struct book){0};
	enum err e = record_open(path, migrations, MIGRATIONS, fresh, &b->record);

	if (e == ERR_OK)
		e = begin(b);
	if (e == ERR_CORRUPT && b->record) {
		log_error(NULL, "%s: expected images and upgrades in a state that there is", path);
		drop_lists(b);
		e = record_renew(b->record, migrations, MIGRATIONS, fresh);
		if (e == ERR_OK)
			e = begin(b);
	}
	if (e != ERR_OK)
		book_close(b);
	return e;
}

void
book_close(struct book *b)
{
	drop_lists(b);
	record_close(b->record);
	*b = (struct book){0};
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum err
save_files(struct book *b, const struct image *i)
{
	enum err e = ERR_OK;

	for (size_t k = 0; k < i->n_files && e == ERR_OK; k++) {
		const struct image_file *f = &i->files[k];

		e = record_run(b->record,
		    "INSERT OR REPLACE INTO file(image, seq, url, size, md5) VALUES(?,?,?,?,?)",
		    "iitib", (int64_t)i->id, (int64_t)k, f->url, (int64_t)f->size, f->md5,
		    sizeof(f->md5));
	}
	return e;
}

static enum err
save_image(struct book *b, const struct image *i)
{
	enum err e = save_files(b, i);

	if (e != ERR_OK)
		return e;
	return record_run(b->record,
	    "INSERT OR REPLACE INTO image(id, state, url, size, md5, sha256, digest, validator,"
	    " durable, boot_id, tries, dry, from_zero, error, detail, used_at, good, file)"
	    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	    "iitibbbtitiiiitiii", (int64_t)i->id, (int64_t)i->state, i->url, (int64_t)i->size,
	    i->md5, i->has_md5 ? sizeof(i->md5) : (size_t)0, i->sha256,
	    i->has_sha256 ? sizeof(i->sha256) : (size_t)0, i->digest,
	    i->has_digest ? sizeof(i->digest) : (size_t)0, i->validator, (int64_t)i->durable,
	    i->boot_id, (int64_t)i->tries, (int64_t)i->dry, (int64_t)i->from_zero,
	    (int64_t)i->error, i->detail, (int64_t)i->used_at, (int64_t)i->good, (int64_t)i->file);
}

static enum err
save_upgrade(struct book *b, const struct upgrade *u)
{
	return record_run(b->record,
	    "INSERT INTO upgrade(id, state, product_key, device_key, component, target_version,"
	    " image, error, detail, local) VALUES(?,?,?,?,?,?,?,?,?,?)"
	    " ON CONFLICT(id) DO UPDATE SET state = excluded.state, image = excluded.image,"
	    " error = excluded.error, detail = excluded.detail",
	    "iittttiiti", (int64_t)u->id, (int64_t)u->state, u->product_key, u->device_key,
	    u->component, u->target_version, (int64_t)u->image, (int64_t)u->error, u->detail,
	    (int64_t)u->local);
}

enum err
book_add_image(struct book *b, const struct image *i, struct image **out)
{
	AUTO(mem) struct image *copy = malloc(sizeof(*copy));

	if (!copy)
		return ERR_NOMEM;
	if (b->n_images >= BOOK_IMAGES_MAX)
		return ERR_LIMIT;
	*copy = *i;
	copy->id = b->last_image + 1;
	copy->changed = true;
	copy->next = b->images;
	b->last_image++;
	b->n_images++;
	b->images = *out = HAND_OVER(copy);
	return ERR_OK;
}

enum err
book_add_upgrade(struct book *b, const struct upgrade *u, struct upgrade **out)
{
	AUTO(mem) struct upgrade *copy = malloc(sizeof(*copy));

	if (!copy)
		return ERR_NOMEM;
	if (b->n_upgrades >= BOOK_UPGRADES_MAX)
		return ERR_LIMIT;
	*copy = *u;
	copy->changed = true;
	copy->next = b->upgrades;
	b->n_upgrades++;
	b->upgrades = *out = HAND_OVER(copy);
	return ERR_OK;
}

enum err
book_drop_image(struct book *b, struct image *i)
{
	enum err e = record_run(b->record, "DELETE FROM image WHERE id = ?", "i", (int64_t)i->id);

	if (e == ERR_OK && i->n_files)
		e = record_run(b->record, "DELETE FROM file WHERE image = ?", "i", (int64_t)i->id);

	for (struct image **at = &b->images; e == ERR_OK && *at; at = &(*at)->next) {
		if (*at != i)
			continue;
		*at = i->next;
		b->n_images--;
		image_free(i);
		break;
	}
	return e;
}

struct image *
book_image(const struct book *b, uint64_t id)
{
	for (struct image *i = b->images; i; i = i->next)
		if (i->id == id)
			return i;
	return NULL;
}

struct upgrade *
book_upgrade(const struct book *b, uint64_t id)
{
	for (struct upgrade *u = b->upgrades; u; u = u->next)
		if (u->id == id)
			return u;
	return NULL;
}

unsigned
book_users(const struct book *b, uint64_t image)
{
	unsigned n = 0;

	for (const struct upgrade *u = b->upgrades; u; u = u->next)
		n += u->image == image && u->state != UPGRADE_ENDED;
	return n;
}

/* --- reports ---------------------------------------------------------------------------------- */

/* The list is newest first, so the ones to forget come last. */
static enum err
forget_ended(struct book *b)
{
	size_t ended = 0;
	enum err e = ERR_OK;

	for (struct upgrade *u = b->upgrades; u && e == ERR_OK; u = u->next)
		if (u->state == UPGRADE_ENDED && ++ended > BOOK_ENDED_MAX)
			e = record_run(
			    b->record, "DELETE FROM upgrade WHERE id = ?", "i", (int64_t)u->id);
	return e;
}

/* The same in memory, once the record is safe. */
static void
free_ended(struct book *b)
{
	size_t ended = 0;

	for (struct upgrade **at = &b->upgrades; *at;) {
		struct upgrade *u = *at;

		if (u->state != UPGRADE_ENDED || ++ended <= BOOK_ENDED_MAX) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		b->n_upgrades--;
		free(u);
	}
}

static enum err
add_report(struct book *b, const struct upgrade *u, Pb__Phase phase)
{
	int64_t id = 0;
	bool ends = upgrade_is_end(phase);
	/* not only the next: that was given already, if this record is an old copy */
	enum err e = record_run(b->record,
	    "UPDATE counter SET value = max(value + 1, ?) WHERE name = 'report'", "i",
	    (int64_t)(clock_wall_ms() * 1024));

	if (e == ERR_OK)
		e = record_get_int(
		    b->record, &id, "SELECT value FROM counter WHERE name = 'report'", "");
	/* said before and not yet acknowledged: once is enough */
	if (e == ERR_OK)
		e = record_run(b->record, "DELETE FROM report WHERE upgrade = ? AND phase = ?",
		    "ii", (int64_t)u->id, (int64_t)phase);
	if (e != ERR_OK)
		return e;
	return record_run(b->record,
	    "INSERT INTO report(id, upgrade, product_key, device_key, phase, error, detail)"
	    " VALUES(?,?,?,?,?,?,?)",
	    "iittiit", id, (int64_t)u->id, u->product_key, u->device_key, (int64_t)phase,
	    (int64_t)(ends ? u->error : 0), ends ? u->detail : "");
}

static enum err
add_reports(struct book *b, const struct upgrade *u)
{
	enum err e = ERR_OK;

	if (u->effects & UPGRADE_SAY_FETCHED)
		e = add_report(b, u, PB__PHASE__PHASE_FETCHED);
	if (e == ERR_OK && u->effects & UPGRADE_SAY_VERIFIED)
		e = add_report(b, u, PB__PHASE__PHASE_VERIFIED);
	if (e == ERR_OK && u->effects & UPGRADE_SAY_END)
		e = add_report(b, u, upgrade_end_phase(u->error));
	return e;
}

static enum err
save_all(struct book *b)
{
	enum err e = ERR_OK;

	for (struct image *i = b->images; i && e == ERR_OK; i = i->next)
		if (i->changed)
			e = save_image(b, i);
	for (struct upgrade *u = b->upgrades; u && e == ERR_OK; u = u->next) {
		if (u->changed)
			e = save_upgrade(b, u);
		if (e == ERR_OK)
			e = add_reports(b, u);
	}
	return e == ERR_OK ? forget_ended(b) : e;
}

enum err
book_save(struct book *b)
{
	enum err e = record_begin(b->record);

	if (e != ERR_OK)
		return e;
	e = save_all(b);
	if (e == ERR_OK)
		e = record_commit(b->record);
	if (e != ERR_OK) {
		record_rollback(b->record);
		return e;
	}
	for (struct image *i = b->images; i; i = i->next)
		i->changed = false;
	for (struct upgrade *u = b->upgrades; u; u = u->next) {
		u->changed = false;
		u->effects &= ~(
		    unsigned)(UPGRADE_SAY_FETCHED | UPGRADE_SAY_VERIFIED | UPGRADE_SAY_END);
	}
	free_ended(b);
	return ERR_OK;
}
