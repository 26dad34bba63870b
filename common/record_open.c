/*
 * record_open: the part of record that opens; declared in record.h.
 *
 * The order matters. The file is made by us, so that its mode is 0600 (SQLite gives its mode to the
 * -wal and -shm files) and it is no link. synchronous = FULL comes before WAL is switched on, so
 * that the first page is on the disk before the log: a log beside an empty database would be
 * deleted. The directory is synced last: SQLite does it for its logs, but neither for a new
 * database nor for our renames.
 *
 * A database from before there were sums in its pages (record_sum.h) is rewritten with them. Its
 * application id is then a number of its own, by which its log is known (record_log.c): one that
 * has the number and no sums is damaged.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "record_part.h"
#include "record_sum.h"
#include "remedy.h"

enum {
	BUSY_MS = 2000,
	CORRUPT_MAX = 8,
	VALUE_MAX = 1 << 24,
	PAGE = 1024,    /* of a new database: small, as most transactions change little */
	HEADER = 100,   /* bytes of a database's header */
	AT_NUMBER = 68, /* in it: the application id, big endian */
};

/* Pragmas of every connection; the database's own state comes after the check. */
static const char settings[] = "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
			       " PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;"
			       " PRAGMA cache_size = -256; PRAGMA mmap_size = 0;"
			       " PRAGMA page_size = 1024; PRAGMA temp_store = MEMORY;"
			       " PRAGMA wal_autocheckpoint = 0;" /* record_log.c */
			       " PRAGMA journal_size_limit = 1048576";

/* --- files ------------------------------------------------------------------------------------ */

/* Nothing that is there is removed by us: whatever it is, a person put it there. */
static enum err
refuse_file(const char *path, int why)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		log_error(
		    NULL, "%s: expected a database or room for one, got: %s%s", path, strerror(why),
		    remedy(why));
	else
		log_error(NULL,
		    "%s: expected a plain file that uid %u may read and write, got mode %06o of "
		    "uid %u: %s%s",
		    path, (unsigned)geteuid(), (unsigned)st.st_mode, (unsigned)st.st_uid,
		    strerror(why),
		    *remedy(why) ? remedy(why) : "; give it back, or move it away to begin anew");
	return why == ENOSPC || why == EDQUOT ? ERR_FULL : ERR_SYSTEM;
}

static enum err
make_file(const char *path)
{
	AUTO(fd)
	int fd = open(
	    path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return refuse_file(path, errno);
	return S_ISREG(st.st_mode) ? ERR_OK : refuse_file(path, EINVAL);
}

static enum err
sync_directory(const char *path)
{
	char dir[RECORD_PATH];
	const char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(dir, sizeof(dir), ".");
	else
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	AUTO(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fsync(fd) == 0)
		return ERR_OK;
	log_error(
	    NULL, "%s: expected to make the directory durable, got: %s", dir, strerror(errno));
	return ERR_SYSTEM;
}

/* The database and its logs go together: SQLite reads NAME-wal beside NAME. */
static enum err
put_aside_as(const char *path, int n)
{
	static const char *const parts[] = {"-wal", "-shm", ""};
	char from[RECORD_PATH + 8], to[RECORD_PATH + 32];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(from, sizeof(from), "%s%s", path, parts[i]);
		snprintf(to, sizeof(to), "%s.corrupt-%d%s", path, n, parts[i]);
		if (rename(from, to) == 0)
			continue;
		if (errno != ENOENT) {
			log_error(NULL, "%s: expected to rename it to %s, got: %s", from, to,
			    strerror(errno));
			return ERR_SYSTEM;
		}
		unlink(to); /* of an older generation that had one */
	}
	log_error(NULL, "%s: damaged, kept as %s.corrupt-%d; a new one is made", path, path, n);
	return ERR_OK;
}

static enum err
put_aside(const char *path)
{
	char name[RECORD_PATH + 32];
	struct stat st;
	int n = 1;

	for (; n < CORRUPT_MAX; n++) {
		snprintf(name, sizeof(name), "%s.corrupt-%d", path, n);
		if (lstat(name, &st) != 0)
			break;
	}
	return put_aside_as(path, n);
}

/* --- the database ----------------------------------------------------------------------------- */

static void
harden(sqlite3 *db)
{
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, BUSY_MS);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
}

static enum err
is_text(void *arg, const struct record_row *row)
{
	const char *const *want = arg;
	const char *got = record_text(row, 0);

	if (strcmp(got, *want) == 0)
		return ERR_OK;
	log_error(NULL, "database: expected \"%s\", got \"%.200s\"", *want, got);
	return ERR_CORRUPT;
}

/* The header as it is in the file, without the log. One without a whole page was a database once,
 * or was to become one when the power went: the first page is there before the log is. */
static enum err
check_file(struct record *r, uint32_t *number)
{
	uint8_t header[HEADER] = {0};
	sqlite3_file *file = NULL;
	sqlite3_int64 size = 0;

	*number = 0;
	if (sqlite3_file_control(r->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    file->pMethods->xFileSize(file, &size) != SQLITE_OK)
		return ERR_SYSTEM;
	if (size >= HEADER && file->pMethods->xRead(file, header, HEADER, 0) == SQLITE_OK)
		memcpy(number, header + AT_NUMBER, sizeof(*number));
	*number = be32toh(*number);
	if (size >= PAGE)
		return ERR_OK; /* what is wrong otherwise is found soon */
	log_error(
	    NULL, "%s: expected a database, got a file of %lld bytes", r->path, (long long)size);
	return ERR_CORRUPT;
}

/* `number` is the one in the file. */
static enum err
check_number(struct record *r, uint32_t number)
{
	int64_t id = 0;
	enum err e = record_get_int(r, &id, "PRAGMA application_id", "");

	if (e != ERR_OK)
		return e;
	if (id != 0 && !record_sum_on(r->db)) {
		log_error(NULL, "%s: expected pages with sums, got a header without", r->path);
		return ERR_CORRUPT;
	}
	if (record_log_fits(number, (uint32_t)id))
		return ERR_OK;
	log_error(NULL, "%s: expected the log of database %u, got that of %u", r->path, number,
	    (uint32_t)id);
	return ERR_CORRUPT;
}

static enum err
check(struct record *r, bool was_there)
{
	const char *ok = "ok", *wal = "wal";
	int reserve = RECORD_SUM_BYTES; /* of a database that is made, or rewritten */
	uint32_t number = 0;
	enum err e = was_there ? check_file(r, &number) : ERR_OK;

	if (e == ERR_OK)
		e = record_part_exec(r, settings);
	sqlite3_file_control(r->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
	if (e == ERR_OK)
		e = check_number(r, number);
	if (e == ERR_OK)
		e = record_log_check(r);
	if (e == ERR_OK)
		e = record_query(r, is_text, &ok, "PRAGMA quick_check(1)", "");
	if (e != ERR_OK)
		return e;
	e = record_query(r, is_text, &wal, "PRAGMA journal_mode = WAL", "");
	return e == ERR_CORRUPT ? ERR_SYSTEM : e; /* a file system that cannot do it */
}

/* Rewrite a database from before there were sums. Where there is no room for that now, it has to
 * do without until the next start. */
static void
add_sums(struct record *r)
{
	static const char also[] = "PRAGMA wal_checkpoint(TRUNCATE)";

	log_info(NULL, "%s: rewritten, with sums in its pages", r->path);
	sqlite3_limit(r->db, SQLITE_LIMIT_ATTACHED, 1); /* it works in a second, nameless one */
	if (record_part_exec(r, "VACUUM") != ERR_OK || record_part_exec(r, also) != ERR_OK ||
	    !record_sum_on(r->db))
		log_warn(NULL, "%s: cannot be given sums now", r->path);
	sqlite3_limit(r->db, SQLITE_LIMIT_ATTACHED, 0);
}

/* A number of its own for a database that has sums and none yet. */
static enum err
give_number(struct record *r)
{
	int64_t id = 0;
	int32_t number = 0;
	char set[64];
	enum err e = record_get_int(r, &id, "PRAGMA application_id", "");

	if (e != ERR_OK || id != 0 || !record_sum_on(r->db))
		return e;
	sqlite3_randomness(sizeof(number), &number);
	snprintf(set, sizeof(set), "PRAGMA application_id = %d", number ? number : 1);
	return record_part_exec(r, set);
}

static enum err
migrate_one(struct record *r, const char *migration, int version)
{
	char set[64];
	enum err e = record_begin(r);

	if (e != ERR_OK)
		return e;
	snprintf(set, sizeof(set), "PRAGMA user_version = %d", version);
	e = record_part_exec(r, migration);
	if (e == ERR_OK)
		e = record_part_exec(r, set);
	if (e == ERR_OK)
		e = give_number(r);
	if (e == ERR_OK)
		e = record_commit(r);
	if (e == ERR_OK)
		return ERR_OK;
	record_rollback(r);
	log_error(
	    NULL, "%s: expected to migrate to version %d, got %s", r->path, version, err_name(e));
	return e == ERR_EXISTS ? ERR_SYSTEM : e;
}

/* A predecessor that was killed while it synced has left what can be read, but would not survive a
 * power cut: nobody may act on it before its log is put away. */
static enum err
migrate(struct record *r, const char *const *migrations, int n, bool *fresh)
{
	int64_t version = 0;
	enum err e = record_get_int(r, &version, "PRAGMA user_version", "");

	*fresh = version == 0;
	if (e == ERR_OK && (version < 0 || version > n)) {
		log_error(NULL,
		    "%s: expected a schema of version 0 to %d, got %lld: a newer program made it, "
		    "or another one; install that, or move the file away to begin anew",
		    r->path, n, (long long)version);
		return ERR_UNSUPPORTED;
	}
	if (e == ERR_OK)
		e = record_schema_check(r, migrations, (int)version);
	if (e == ERR_OK && version > 0) {
		record_log_put_away(r);
		if (!record_sum_on(r->db))
			add_sums(r);
	}
	for (int i = (int)version; i < n && e == ERR_OK; i++)
		e = migrate_one(r, migrations[i], i + 1);
	if (e == ERR_OK)
		e = give_number(r);
	if (e == ERR_OK && version < n)
		record_log_put_away(r);
	record_log_watch(r);
	return e;
}

static enum err
open_once(struct record *r, const char *const *migrations, int n, bool *fresh)
{
	struct stat st;
	bool was_there = lstat(r->path, &st) == 0;
	enum err e = make_file(r->path);

	if (e != ERR_OK)
		return e;
	int code = sqlite3_open_v2(
	    r->path, &r->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, RECORD_SUM_VFS);
	if (!r->db)
		return ERR_NOMEM;
	e = record_part_fail(r, code, "open");
	if (e != ERR_OK)
		return e;
	harden(r->db);
	e = check(r, was_there);
	if (e == ERR_CORRUPT && record_sum_unreadable(r->db)) {
		log_error(NULL, "%s: cannot be read, so nothing is known of what is in it%s",
		    r->path, remedy(EIO));
		return ERR_SYSTEM;
	}
	if (e == ERR_OK)
		e = migrate(r, migrations, n, fresh);
	return e == ERR_OK ? sync_directory(r->path) : e;
}

static void
forget(struct record *r)
{
	record_rollback(r);
	record_part_drop_cache(r);
	sqlite3_close(r->db);
	r->db = NULL;
	r->log_is_new = false;
	r->log_pages = 0;
}

/* A database that is closed cleans up its logs; one that is damaged shall keep them for whoever
 * looks at it, so its files are renamed while it is still open. */
enum err
record_renew(struct record *r, const char *const *migrations, int n, bool *fresh)
{
	enum err e = put_aside(r->path);

	r->was_damaged = true;
	forget(r);
	return e == ERR_OK ? open_once(r, migrations, n, fresh) : e;
}

static enum err
open_or_mend(struct record *r, const char *const *migrations, int n, bool *fresh)
{
	enum err e = open_once(r, migrations, n, fresh);

	return e == ERR_CORRUPT ? record_renew(r, migrations, n, fresh) : e;
}

enum err
record_open(
    const char *path, const char *const *migrations, int n, bool *fresh, struct record **out)
{
	struct record *r = calloc(1, sizeof(*r));

	*fresh = false;
	if (!r || !record_sum_register()) {
		free(r);
		return ERR_NOMEM;
	}
	if (snprintf(r->path, sizeof(r->path), "%s", path) >= (int)sizeof(r->path)) {
		log_error(NULL, "expected a path of at most %d characters, got %zu",
		    RECORD_PATH - 1, strlen(path));
		free(r);
		return ERR_LIMIT;
	}
	enum err e = open_or_mend(r, migrations, n, fresh);
	if (e == ERR_OK) {
		*out = r;
		return ERR_OK;
	}
	forget(r);
	free(r);
	return e;
}

bool
record_was_damaged(const struct record *r)
{
	return r->was_damaged;
}

unsigned
record_set_aside(const struct record *r)
{
	char name[RECORD_PATH + 32];
	struct stat st;
	unsigned found = 0;

	for (int n = 1; n <= CORRUPT_MAX; n++) {
		snprintf(name, sizeof(name), "%s.corrupt-%d", r->path, n);
		found += lstat(name, &st) == 0 ? 1 : 0;
	}
	return found;
}
