/*
 * record_scene: a small schema, and the files of a database, for record*.c.
 */
#ifndef SUBOTA_TESTS_RECORD_SCENE_H
#define SUBOTA_TESTS_RECORD_SCENE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"
#include "record.h"

static const char *const schema[] = {
    "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB);"
    "INSERT INTO thing(id, name) VALUES(1, 'first')",
    "ALTER TABLE thing ADD COLUMN size INT DEFAULT 5;"
    "CREATE TABLE part(thing INT REFERENCES thing(id))",
};

static inline char *
in(const char *dir, const char *name)
{
	char *path = NULL;

	cr_assert_gt(asprintf(&path, "%s/%s", dir, name), 0);
	return path;
}

static inline struct record *
open_at(const char *path, int migrations, bool want_fresh)
{
	struct record *r = NULL;
	bool fresh = !want_fresh;

	cr_assert_eq(record_open(path, schema, migrations, &fresh, &r), ERR_OK);
	cr_expect_eq(fresh, want_fresh);
	return r;
}

static inline int64_t
count(struct record *r)
{
	int64_t n = -1;

	cr_assert_eq(record_get_int(r, &n, "SELECT count(*) FROM thing", ""), ERR_OK);
	return n;
}

static inline enum err
add(struct record *r, int64_t id, const char *name)
{
	return record_run(r, "INSERT INTO thing(id, name) VALUES(?,?)", "it", id, name);
}

static inline void
copy(const char *from, const char *to)
{
	AUTO(fd) int in_fd = open(from, O_RDONLY);
	AUTO(fd) int out_fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char block[4096];
	ssize_t n;

	cr_assert(in_fd >= 0 && out_fd >= 0, "%s", from);
	while ((n = read(in_fd, block, sizeof(block))) > 0)
		cr_assert_eq(write(out_fd, block, (size_t)n), n);
}

/* What would be on the disk if the power went now; the shared memory file is not. */
static inline void
cut_power(const char *dir, const char *name, const char *after)
{
	AUTO(mem) char *db = in(dir, name), *db2 = in(dir, after);
	char wal[300], wal2[300];

	snprintf(wal, sizeof(wal), "%s-wal", db);
	snprintf(wal2, sizeof(wal2), "%s-wal", db2);
	copy(db, db2);
	copy(wal, wal2);
	free(HAND_OVER(db2));
}

static inline bool
there(const char *dir, const char *name)
{
	AUTO(mem) char *path = in(dir, name);
	struct stat st;

	return lstat(path, &st) == 0;
}

#endif
