/*
 * sub_flash: see sub_flash.h.
 */
#include "sub_flash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "auto.h"

static const char *const slot_file[2] = {"slot0.bin", "slot1.bin"};

static bool
write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* `swapping` is the hash that slot 0 gets, NULL when no swap is under way. */
static bool
save(const struct sub_flash *f, const uint8_t *swapping)
{
	char text[256];
	AUTO(fd) int fd = openat(f->dir, "state.new", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int n = snprintf(text, sizeof(text),
	    "pending %d\nconfirmed %d\nboots %" PRIu64 "\nreverts %" PRIu64 "\nswapping ",
	    (int)f->pending, f->confirmed, f->boots, f->reverts);

	for (int i = 0; swapping && i < SUB_IMAGE_HASH; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", swapping[i]);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "\n");
	return fd >= 0 && write_all(fd, text, (size_t)n) &&
	       renameat(f->dir, "state.new", f->dir, "state") == 0;
}

void
sub_flash_look(struct sub_flash *f, int slot)
{
	AUTO(fd) int fd = openat(f->dir, slot_file[slot], O_RDONLY | O_CLOEXEC);
	AUTO(mem) uint8_t *data = malloc(SUB_FLASH_SIZE);
	ssize_t n = fd >= 0 && data ? read(fd, data, SUB_FLASH_SIZE) : -1;

	sub_image_read(&f->slot[slot], data, n > 0 ? (size_t)n : 0);
}

/* Exchange the slots; `state` has been set to how it shall be afterwards. */
static bool
swap(struct sub_flash *f)
{
	struct sub_image moved = f->slot[0];

	if (!save(f, f->slot[1].hash) || f->cut_swap == 1 ||
	    renameat2(f->dir, slot_file[0], f->dir, slot_file[1], RENAME_EXCHANGE) != 0)
		return false;
	if (f->cut_swap == 2)
		return false;
	f->slot[0] = f->slot[1];
	f->slot[1] = moved;
	return save(f, NULL);
}

/* A cut came between intent and end. */
static bool
finish_swap(struct sub_flash *f, const char *hash)
{
	char is[2 * SUB_IMAGE_HASH + 1] = "";

	if (strlen(hash) != 2 * SUB_IMAGE_HASH)
		return true;
	f->resumed = true;
	for (int i = 0; i < SUB_IMAGE_HASH; i++)
		snprintf(is + 2 * i, 3, "%02x", f->slot[0].hash[i]);
	return strcmp(is, hash) == 0 ? save(f, NULL) : swap(f);
}

static bool
load(struct sub_flash *f)
{
	char text[256] = "", hash[100] = "";
	int pending = 0, confirmed = 0;
	AUTO(fd) int fd = openat(f->dir, "state", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	if (sscanf(text,
		"pending %d\nconfirmed %d\nboots %" SCNu64 "\nreverts %" SCNu64 "\nswapping %99s",
		&pending, &confirmed, &f->boots, &f->reverts, hash) < 4) {
		errno = EINVAL;
		return false;
	}
	f->pending = (enum sub_flash_pending)pending;
	f->confirmed = confirmed;
	sub_flash_look(f, 0);
	sub_flash_look(f, 1);
	return finish_swap(f, hash);
}

static bool
fill(int dir, const char *name, const char *from)
{
	AUTO(fd) int out = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	AUTO(fd) int in = from ? open(from, O_RDONLY | O_CLOEXEC) : -1;
	AUTO(mem) uint8_t *data = malloc(SUB_FLASH_SIZE);
	ssize_t n = 0;

	if (out < 0 || !data || (from && in < 0))
		return false;
	if (from && (n = read(in, data, SUB_FLASH_SIZE)) < 0)
		return false;
	return write_all(out, data, (size_t)n);
}

bool
sub_flash_open(struct sub_flash *f, const char *dir, const char *slot0)
{
	*f = (struct sub_flash){.dir = -1};
	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return false;
	f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0)
		return false;
	if (faccessat(f->dir, "state", F_OK, 0) == 0)
		return load(f);
	f->confirmed = true;
	if (!fill(f->dir, slot_file[0], slot0) || !fill(f->dir, slot_file[1], NULL))
		return false;
	sub_flash_look(f, 0);
	return save(f, NULL);
}

void
sub_flash_close(struct sub_flash *f)
{
	if (f->dir >= 0)
		close(f->dir);
	f->dir = -1;
}

/* May the bootloader run it? */
static bool
may_run(const struct sub_flash *f, const struct sub_image *i)
{
	return i->sound && !(f->refused && strcmp(i->version, f->refused) == 0);
}

bool
sub_flash_will_swap(const struct sub_flash *f)
{
	return (f->pending != SUB_FLASH_NONE || !f->confirmed) && !f->resumed &&
	       may_run(f, &f->slot[1]);
}

/* A pending image that may not run is left where it is; the old one goes on. */
enum sub_flash_boot
sub_flash_boot(struct sub_flash *f)
{
	enum sub_flash_boot outcome = SUB_FLASH_BOOTED;
	bool moves = sub_flash_will_swap(f), fine = false;

	f->boots++;
	if (moves && f->pending != SUB_FLASH_NONE) {
		outcome = SUB_FLASH_SWAPPED;
		f->confirmed = f->pending == SUB_FLASH_FOR_GOOD;
	} else if (moves) {
		outcome = SUB_FLASH_REVERTED;
		f->confirmed = true;
		f->reverts++;
	}
	f->pending = SUB_FLASH_NONE;
	f->resumed = false;
	fine = moves ? swap(f) : save(f, NULL);
	return fine && may_run(f, &f->slot[0]) ? outcome : SUB_FLASH_DEAD;
}

bool
sub_flash_erase(struct sub_flash *f, int slot)
{
	bool fine = fill(f->dir, slot_file[slot], NULL);

	sub_flash_look(f, slot);
	return fine;
}

bool
sub_flash_write(
    struct sub_flash *f, int slot, uint64_t off, const uint8_t *data, size_t len)
{
	AUTO(fd) int fd = openat(f->dir, slot_file[slot], O_WRONLY | O_CLOEXEC);

	if (fd < 0 || off > SUB_FLASH_SIZE || len > SUB_FLASH_SIZE - off)
		return false;
	return pwrite(fd, data, len, (off_t)off) == (ssize_t)len;
}

uint8_t *
sub_flash_read(const struct sub_flash *f, int slot, size_t *len)
{
	AUTO(fd) int fd = openat(f->dir, slot_file[slot], O_RDONLY | O_CLOEXEC);
	uint8_t *data = malloc(SUB_FLASH_SIZE);
	ssize_t n = fd >= 0 && data ? read(fd, data, SUB_FLASH_SIZE) : -1;

	*len = n > 0 ? (size_t)n : 0;
	return data;
}

bool
sub_flash_mark(struct sub_flash *f, enum sub_flash_pending pending)
{
	f->pending = pending == SUB_FLASH_TEST && f->no_test ? SUB_FLASH_FOR_GOOD : pending;
	return save(f, NULL);
}

bool
sub_flash_confirm(struct sub_flash *f)
{
	f->confirmed = true;
	return save(f, NULL);
}
