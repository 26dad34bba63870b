/*
 * processes: see processes.h. The executable's name is the kernel's word; a process's own name, of
 * which 15 bytes are kept, stands in where the link may not be read.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "processes.h"

enum { NAME_KEPT = 15 };

/* The value behind "Key:" in a file of /proc/PID. */
static void
find_value(const char *pid, const char *file, const char *key, char out[64])
{
	char path[300], line[256];
	size_t n = strlen(key);

	out[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
	AUTO(file) FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *value = line + n + 1;

		if (strncmp(line, key, n) != 0 || line[n] != ':')
			continue;
		value += strspn(value, " \t");
		snprintf(out, 64, "%.*s", (int)strcspn(value, "\t\n"), value);
		return;
	}
}

void
processes_status(const char *pid, const char *key, char out[64])
{
	find_value(pid, "status", key, out);
}

static bool
runs(const char *pid, const char *program)
{
	char path[300], link[300] = "";

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	if (n > 0) {
		const char *slash = strrchr(link, '/');
		return slash && strcmp(slash + 1, program) == 0;
	}
	processes_status(pid, "Name", link);
	return link[0] && strncmp(link, program, NAME_KEPT) == 0;
}

/* The name of a nursery's promise, from its command line: for whom it is, and whether flasher
 * programs are among what it may start (nursery.h). */
static void
nursery_promise(const char *pid, char out[64])
{
	char path[300], words[2048] = "";

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	AUTO(file) FILE *f = fopen(path, "re");
	size_t n = f ? fread(words, 1, sizeof(words) - 1, f) : 0;
	size_t first = strlen(words) + 1;
	bool exec = memmem(words, n, "\0$exec", 6) != NULL; /* it cuts its places apart */

	snprintf(out, 64, "%.30s-nursery%s", first < n ? words + first : "", exec ? "+exec" : "");
}

static bool
keeps(const char *pid, const struct sandbox_promise *p)
{
	char name[64];

	if (!runs(pid, p->program))
		return false;
	if (strcmp(p->program, "subota-nursery") != 0)
		return true;
	nursery_promise(pid, name);
	return strcmp(name, p->name) == 0;
}

void
processes_each(const struct sandbox_promise *p, void (*fn)(void *arg, const char *pid), void *arg)
{
	AUTO(dir) DIR *dir = opendir("/proc");

	for (const struct dirent *d = NULL; dir && (d = readdir(dir));)
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9' && keeps(d->d_name, p))
			fn(arg, d->d_name);
}

uint64_t
processes_memory(const char *pid)
{
	char text[64];

	find_value(pid, "smaps_rollup", "Pss", text);
	if (!text[0])
		processes_status(pid, "VmRSS", text);
	return strtoull(text, NULL, 10) * 1024;
}

uint64_t
processes_cpu_ms(const char *pid)
{
	char path[300], text[1024] = "";
	uint64_t user = 0, system = 0;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	AUTO(file) FILE *f = fopen(path, "re");
	/* the name before may hold blanks and brackets; fields 14 and 15 are wanted */
	const char *at = f && fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;

	for (int field = 2; at && field < 13; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%" SCNu64 " %" SCNu64, &user, &system) != 2)
		return 0;
	return (user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}
