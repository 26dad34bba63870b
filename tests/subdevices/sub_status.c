/*
 * sub_status: see sub_status.h. A version is digits and dots, so nothing has to be escaped.
 */
#include "sub_status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char *
truth(bool b)
{
	return b ? "true" : "false";
}

static const char *
quoted(const struct sub_image *i, char out[SUB_IMAGE_VERSION + 3])
{
	if (!i->listed)
		return "null";
	snprintf(out, SUB_IMAGE_VERSION + 3, "\"%s\"", i->version);
	return out;
}

static bool
print(int fd, const struct sub_device *d, const struct sub_status *s)
{
	char hash[2 * SUB_IMAGE_HASH + 1] = "", a[SUB_IMAGE_VERSION + 3], b[SUB_IMAGE_VERSION + 3];
	char c[SUB_IMAGE_VERSION + 3];
	const struct sub_flash *second = d->set.second;
	static const struct sub_image none;
	const struct sub_image *running = d->dead ? &none : &d->running;

	for (int i = 0; running->listed && i < SUB_IMAGE_HASH; i++)
		snprintf(hash + 2 * i, 3, "%02x", running->hash[i]);
	return dprintf(fd,
		   "{\"running\":%s,\"running_hash\":\"%s\",\"confirmed\":%s,\"slot1\":%s,"
		   "\"pending\":%s,\"boots\":%" PRIu64 ",\"reverts\":%" PRIu64
		   ",\"upload_bytes\":%" PRIu64 ",\"max_upload\":%" PRIu64 ",\"writes\":%" PRIu64
		   ",\"wire_in\":%" PRIu64 ",\"wire_out\":%" PRIu64
		   ",\"unplugged\":%s,\"bad_frames\":%" PRIu64 ",\"drops\":%" PRIu64
		   ",\"second\":%s,\"second_confirmed\":%s}\n",
		   quoted(running, a), hash, truth(d->flash->confirmed),
		   quoted(&d->flash->slot[1], b), truth(d->flash->pending != SUB_FLASH_NONE),
		   d->flash->boots, d->flash->reverts, d->smp.upload_bytes, d->smp.max_upload,
		   d->smp.writes, s->wire_in, s->wire_out, truth(s->unplugged), d->frame.bad,
		   d->drops, second ? quoted(&second->slot[0], c) : "null",
		   truth(second && second->confirmed)) > 0;
}

bool
sub_status_write(const struct sub_device *d, const struct sub_status *s)
{
	int fd = openat(
	    d->flash->dir, "status.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return false;
	bool fine = print(fd, d, s);
	close(fd);
	return fine && renameat(d->flash->dir, "status.new", d->flash->dir, "status.json") == 0;
}
