/*
 * powercut_view: see powercut_view.h.
 */
#include "powercut_view.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"

enum { DEPTH = 6, PATH = 600 };

/* Like FNV-1a, by words: only equality is asked for. */
static uint64_t
sum_of(const char *path, uint64_t *size)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	uint64_t block[8192];
	ssize_t n = 0;

	*size = 0;
	while (fd >= 0 && (n = read(fd, block, sizeof(block))) > 0) {
		*size += (uint64_t)n;
		memset((char *)block + n, 0, (8 - (size_t)n % 8) % 8);
		for (ssize_t i = 0; i < (n + 7) / 8; i++)
			sum = (sum ^ block[i]) * UINT64_C(0x100000001b3) ^ sum >> 29;
	}
	return sum;
}

static bool
is_no_record(const char *name)
{
	size_t n = strlen(name);

	return strstr(name, ".jsonl") || (n > 4 && strcmp(name + n - 4, "-shm") == 0);
}

static void
take(struct powercut_view *v, const char *root, const char *below, int depth)
{
	char path[PATH], name[POWERCUT_VIEW_PATH];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", root, below);
	AUTO(dir) DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.' || is_no_record(e->d_name))
			continue;
		if (snprintf(name, sizeof(name), "%s%s%s", below, below[0] ? "/" : "", e->d_name) >=
			(int)sizeof(name) ||
		    snprintf(path, sizeof(path), "%s/%s", root, name) >= (int)sizeof(path) ||
		    lstat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH)
			take(v, root, name, depth + 1);
		if (!S_ISREG(st.st_mode) || v->n == POWERCUT_VIEW_FILES)
			continue;
		snprintf(v->file[v->n].path, POWERCUT_VIEW_PATH, "%s", name);
		v->file[v->n].sum = sum_of(path, &v->file[v->n].size);
		v->n++;
	}
}

void
powercut_view_take(struct powercut_view *v, const char *root)
{
	v->n = 0;
	take(v, root, "", 0);
}

/* --- comparing -------------------------------------------------------------------------------- */

static int
find(const struct powercut_view *v, const char *path)
{
	for (unsigned i = 0; i < v->n; i++)
		if (strcmp(v->file[i].path, path) == 0)
			return (int)i;
	return -1;
}

void
powercut_view_kind(const char *path, char *out, size_t size)
{
	size_t n = 0;

	while (*path && n + 2 < size) {
		size_t digits = strspn(path, "0123456789abcdef");
		bool is_name = digits >= 16 || (digits && isdigit((unsigned char)*path));

		if (is_name) {
			out[n++] = 'N';
			path += digits;
		} else {
			out[n++] = *path++;
		}
	}
	out[n] = 0;
}

static void
note(struct tally *out, const char *path, const char *what)
{
	char kind[TALLY_NAME - 16], name[TALLY_NAME];

	powercut_view_kind(path, kind, sizeof(kind));
	snprintf(name, sizeof(name), "%s %s", kind, what);
	tally_add(out, name, 1);
}

void
powercut_view_compare(
    const struct powercut_view *before, const struct powercut_view *after, struct tally *out)
{
	for (unsigned i = 0; i < before->n; i++) {
		int k = find(after, before->file[i].path);

		if (k < 0)
			note(out, before->file[i].path, "gone");
		else if (after->file[k].size < before->file[i].size)
			note(out, before->file[i].path, "shorter");
		else if (after->file[k].sum != before->file[i].sum)
			note(out, before->file[i].path, "older");
	}
	for (unsigned i = 0; i < after->n; i++)
		if (find(before, after->file[i].path) < 0)
			note(out, after->file[i].path, "back");
}
