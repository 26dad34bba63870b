/*
 * smp_msg: SMP requests to bytes and answers to structs (Zephyr smp_protocol.rst, MCUmgr groups OS
 * and image). Pure.
 *
 * A packet is 8 bytes of header (operation and protocol version, flags, length, group, sequence,
 * command), then one CBOR map. Success is a map without `rc` and `err`, or with rc 0; trouble is
 * {"rc"} (protocol 1 and the server itself) or {"err": {"group", "rc"}} (protocol 2); both are
 * taken from anyone, whatever version the header says. Unknown keys are stepped over, known ones
 * with a wrong type or a second time make the packet ERR_MALFORMED.
 */
#ifndef SUBOTA_SMP_MSG_H
#define SUBOTA_SMP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	SMP_MSG_HEADER = 8,
	SMP_MSG_IMAGES = 8, /* entries of a state list that are kept; more are refused */
	SMP_MSG_ROOMS = 4,  /* slots of one image in a slot list; more are refused */
	SMP_MSG_HASH = 32,
	SMP_MSG_VALUE = 64, /* longest value of a setting that is kept */
	/* header and CBOR around the data of an upload: first request and every other one */
	SMP_MSG_FIRST = 76,
	SMP_MSG_NEXT = 26,
};

enum smp_group { SMP_OS = 0, SMP_IMAGE = 1, SMP_SETTINGS = 3 };

enum smp_op { SMP_READ = 0, SMP_READ_ANSWER = 1, SMP_WRITE = 2, SMP_WRITE_ANSWER = 3 };

enum smp_command {
	SMP_ECHO = 0,
	SMP_RESET = 5,
	SMP_PARAMS = 6,
	SMP_STATE = 0, /* image group */
	SMP_UPLOAD = 1,
	SMP_ERASE = 5,
	SMP_SLOTS = 6,
	SMP_SETTING = 0, /* settings group: read */
};

/* Return codes of the server itself (zephyr mgmt_defines.h). */
enum smp_rc {
	SMP_RC_OK = 0,
	SMP_RC_UNKNOWN = 1,
	SMP_RC_NOMEM = 2,
	SMP_RC_INVALID = 3,
	SMP_RC_TIMEOUT = 4,
	SMP_RC_NOENT = 5,
	SMP_RC_BADSTATE = 6,
	SMP_RC_MSGSIZE = 7,
	SMP_RC_NOTSUP = 8,
	SMP_RC_BUSY = 10,
	SMP_RC_TOO_OLD = 12,
	SMP_RC_TOO_NEW = 13,
};

struct smp_header {
	uint8_t op;
	uint8_t version; /* 0 or 1 in the header: protocol 1 or 2 */
	uint8_t flags;
	uint16_t len;
	uint16_t group;
	uint8_t seq;
	uint8_t command;
};

/* What a slot list says of one slot of an image. */
struct smp_room {
	uint32_t slot;
	uint64_t size;      /* bytes, 0 = not said */
	uint32_t upload_id; /* the image number that an upload into it names ... */
	bool has_upload_id; /* ... where it can be uploaded to */
};

/* One entry of a state list, or of a slot list (the last three members, and the image). The version
 * is printable ASCII, whatever the device sent. */
struct smp_slot {
	uint32_t image;
	uint32_t slot;
	char version[65];
	uint8_t hash[SMP_MSG_HASH];
	bool has_hash;  /* false also for a hash of another length */
	bool has_flags; /* at least one flag key was there; a frugal server leaves false ones out */
	bool bootable, pending, confirmed, active, permanent;
	uint64_t longest; /* image that it can take, 0 = not said */
	unsigned n_rooms;
	struct smp_room rooms[SMP_MSG_ROOMS];
};

struct smp_answer {
	struct smp_header header;
	uint32_t rc;   /* 0 = fine; of `group` when in_group */
	bool in_group; /* {"err"} form */
	uint32_t rc_group;
	bool has_off;
	uint64_t off;
	bool has_match;
	bool match;
	uint32_t buf_size; /* 0 = not said */
	uint32_t buf_count;
	size_t value_len; /* of a setting; 0 = not said, or too long */
	uint8_t value[SMP_MSG_VALUE];
	bool has_images;
	unsigned n_images;
	struct smp_slot images[SMP_MSG_IMAGES];
};

/* ERR_TRUNCATED, or ERR_MALFORMED when flags, operation or version are not of this protocol. */
enum err smp_msg_header(const uint8_t *packet, size_t len, struct smp_header *out) MUST_CHECK;

/* Parse an answer. Errors as in smp_cbor.h; ERR_MALFORMED also when the length in the header is not
 * that of the packet, or it is no answer. */
enum err smp_msg_parse(const uint8_t *packet, size_t len, struct smp_answer *out) MUST_CHECK;

/* Is the trouble this code of the server itself, or that one of the image group? */
bool smp_msg_failed_with(const struct smp_answer *a, unsigned rc, unsigned image_rc);

/* Text for a code, "code 77" style for unknown ones. */
void smp_msg_trouble(const struct smp_answer *a, char *out, size_t size);

/* "image upload", NULL when unknown. */
const char *smp_msg_name(unsigned group, unsigned command);

/* --- requests: each writes a whole packet into `out` and returns its length, 0 if it does not fit
 */
struct smp_to {
	uint8_t version; /* for the header */
	uint8_t seq;
	uint8_t *out;
	size_t size;
};

size_t smp_msg_echo(const struct smp_to *to, size_t letters);
size_t smp_msg_params(const struct smp_to *to);
size_t smp_msg_reset(const struct smp_to *to);
/* Reset into the boot loader (Zephyr's boot_mode 1). */
size_t smp_msg_reset_to_loader(const struct smp_to *to);
size_t smp_msg_state(const struct smp_to *to);
size_t smp_msg_slots(const struct smp_to *to);
/* Zephyr's settings group. */
size_t smp_msg_setting(const struct smp_to *to, const char *name);
size_t smp_msg_erase(const struct smp_to *to, uint32_t slot);
/* Mark the image with this hash for one test boot. */
size_t smp_msg_test(const struct smp_to *to, const uint8_t hash[SMP_MSG_HASH]);
/* Keep what runs (without a hash: `hash: null` is refused by real servers). */
/* Keep the image with this hash; without one, whatever the processor that answers runs: of a
 * device with several images the first. */
size_t smp_msg_confirm(const struct smp_to *to, const uint8_t *hash);

struct smp_chunk {
	uint32_t image;        /* sent only at offset 0 and when not 0 */
	uint64_t size;         /* of the whole file; offset 0 only */
	const uint8_t *sha256; /* of the whole file; offset 0 only */
	uint64_t off;
	size_t len;
};

/* An upload request; *data is where the caller puts the chunk's bytes. */
size_t smp_msg_upload(const struct smp_to *to, const struct smp_chunk *c, uint8_t **data);

#endif
