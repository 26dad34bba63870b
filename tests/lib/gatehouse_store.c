/*
 * gatehouse_store: see gatehouse_store.h.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#include "gatehouse_store.h"

bool
gatehouse_store_fetched(struct gatehouse *h, uint64_t bytes)
{
	char path[600];
	struct stat st;
	uint64_t sum = 0;

	snprintf(path, sizeof(path), "%s/store/incoming", h->dir);
	AUTO(dir) DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/store/incoming/%s", h->dir, e->d_name);
		sum += e->d_name[0] != '.' && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
	}
	return sum >= bytes;
}

static void
entry_path(const struct gatehouse *h, const uint8_t digest[32], char path[400])
{
	char hex[65];

	sodium_bin2hex(hex, sizeof(hex), digest, 32);
	snprintf(path, 400, "%s/store/%s/bundle", h->dir, hex);
}

int64_t
gatehouse_store_entry(struct gatehouse *h, const uint8_t digest[32])
{
	char path[400];
	struct stat st;

	entry_path(h, digest, path);
	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

void
gatehouse_store_spoil(struct gatehouse *h, const uint8_t digest[32], int64_t length)
{
	char path[400];

	entry_path(h, digest, path);
	cr_assert_eq(chmod(path, 0644), 0);
	cr_assert_eq(length ? truncate(path, length) : unlink(path), 0);
}

void
gatehouse_store_unsign(struct gatehouse *h, const uint8_t digest[32])
{
	static const char mark[] = "\ntrusted comment: ";
	const uint8_t *at = memmem(h->package.data, h->package.len, mark, sizeof(mark) - 1);
	char path[400];

	cr_assert_not_null(at);
	entry_path(h, digest, path);
	cr_assert_eq(chmod(path, 0644), 0);
	AUTO(fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert_eq(
	    pwrite(fd, "~", 1, (off_t)(at - h->package.data) + (off_t)sizeof(mark)), 1);
}
