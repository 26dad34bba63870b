/*
 * modbus_dev: see modbus_dev.h.
 */
#include "modbus_dev.h"

#include <string.h>

enum {
	UNLOCK = 0,
	COMMAND = 1,
	STATUS = 2,
	OFFSET = 3,
	SIZE = 5,
	SUM = 7,
	OWN_SUM = 9,
	BUSY = 1,
	ERROR = 2,
	LOADER = 4,
	COMMITTED = 8,
	MAGIC = 0xa55a,
	WINDOW = 0x2000,
	CONTROL = 0x1000,
};

static unsigned
word(const uint8_t *p)
{
	return (unsigned)p[0] * 256 + p[1];
}

static uint32_t
wide(const struct modbus_dev *d, int reg)
{
	return (uint32_t)d->reg[reg] << 16 | d->reg[reg + 1];
}

static unsigned
crc16(const uint8_t *p, size_t len)
{
	unsigned crc = 0xffff;

	while (len--) {
		crc ^= *p++;
		for (int i = 8; i > 0; i--)
			crc = (crc >> 1) ^ (crc % 2 ? 0xa001 : 0);
	}
	return crc;
}

static uint32_t
crc32(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0u;

	while (len--) {
		crc ^= *p++;
		for (int i = 8; i > 0; i--)
			crc = (crc >> 1) ^ (crc % 2 ? 0xedb88320u : 0);
	}
	return ~crc;
}

void
modbus_dev_image(uint8_t *out, size_t len, const char *version)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 2654435761u >> 13 ^ i);
	memcpy(out, "MB", 2);
	memcpy(out + 2, version, strlen(version) + 1);
}

void
modbus_dev_init(struct modbus_dev *d, const char *version)
{
	*d = (struct modbus_dev){.unit = 17, .valid = true, .size = 200};
	modbus_dev_image(d->flash, 200, version);
}

void
modbus_dev_power(struct modbus_dev *d)
{
	memset(d->reg, 0, sizeof(d->reg));
	d->in_len = d->out_len = 0;
	d->unlocked = d->off = false;
	d->deaf = d->polls_left = 0;
	d->in_loader = !d->valid;
	d->runs++;
}

const char *
modbus_dev_version(const struct modbus_dev *d)
{
	return d->in_loader || d->flash[0] != 'M' ? NULL : (const char *)d->flash + 2;
}

/* --- commands --------------------------------------------------------------------------------- */

static void
commit(struct modbus_dev *d)
{
	uint32_t size = wide(d, SIZE);

	d->valid = size <= MODBUS_DEV_FLASH && crc32(d->flash, size) == wide(d, SUM);
	d->reg[STATUS] = (uint16_t)(LOADER | (d->valid ? COMMITTED : ERROR));
	d->size = size;
}

/* False: it resets and says nothing. */
static bool
command(struct modbus_dev *d, unsigned what)
{
	if (what == 1) {
		d->in_loader = true;
		d->deaf = d->quirks & MODBUS_DEV_LAUNCHES ? 3 : 0;
		return !(d->quirks & MODBUS_DEV_LAUNCHES);
	}
	if (what == 2 && d->unlocked) {
		memset(d->flash, 0xff, sizeof(d->flash));
		d->valid = false;
		d->erases++;
		d->polls_left = d->erase_polls;
	} else if (what == 3) {
		commit(d);
	} else if (what == 4) {
		bool silent = (d->quirks & MODBUS_DEV_SILENT_RUN) != 0;

		modbus_dev_power(d);
		return !silent;
	}
	return true;
}

static void
store(struct modbus_dev *d, size_t at, const uint8_t *data, size_t len)
{
	d->writes++;
	if (at + len > MODBUS_DEV_FLASH)
		return;
	memcpy(d->flash + at, data, len);
	if (d->quirks & MODBUS_DEV_ROTTEN)
		d->flash[at] &= 0x7f;
	if (d->quirks & MODBUS_DEV_STEPS) {
		uint32_t next = (uint32_t)(at + len);

		d->reg[OFFSET] = (uint16_t)(next >> 16);
		d->reg[OFFSET + 1] = (uint16_t)next;
	}
}

/* --- requests: `q` is function and data; the answer goes to `a`, its length is returned ------- */

static size_t
fail(const uint8_t *q, uint8_t *a, uint8_t code)
{
	a[0] = q[0] | 0x80;
	a[1] = code;
	return 2;
}

static bool
get(struct modbus_dev *d, unsigned at, uint16_t *out)
{
	if (at < 8 && !d->in_loader && d->valid) {
		*out = (uint16_t)word(d->flash + 2 + 2 * at);
		return true;
	}
	if (at < CONTROL || at >= CONTROL + 16)
		return false;
	*out = d->reg[at - CONTROL];
	if (at == CONTROL + STATUS) {
		*out |= d->in_loader ? LOADER : 0;
		*out |= d->polls_left ? BUSY : 0;
		d->polls_left -= d->polls_left > 0;
	} else if (at >= CONTROL + OWN_SUM) {
		uint32_t sum = crc32(d->flash, wide(d, SIZE));

		*out = (uint16_t)(at == CONTROL + OWN_SUM ? sum >> 16 : sum);
	}
	return true;
}

static size_t
read_registers(struct modbus_dev *d, const uint8_t *q, uint8_t *a)
{
	unsigned at = word(q + 1), n = word(q + 3);

	if (n == 0 || n > 125)
		return fail(q, a, 3);
	for (unsigned i = 0; i < n; i++) {
		uint16_t v = 0;

		if (!get(d, at + i, &v))
			return fail(q, a, 2);
		a[2 + 2 * i] = (uint8_t)(v >> 8);
		a[3 + 2 * i] = (uint8_t)v;
	}
	a[0] = q[0];
	a[1] = (uint8_t)(2 * n);
	return 2 + 2 * n;
}

/* One control register; the answer's length, 0 = none. */
static size_t
put(struct modbus_dev *d, const uint8_t *q, uint8_t *a, unsigned at, unsigned v)
{
	if (at < CONTROL || at >= CONTROL + 16)
		return fail(q, a, 2);
	d->reg[at - CONTROL] = (uint16_t)v;
	if (at == CONTROL + UNLOCK && (v != MAGIC || d->quirks & MODBUS_DEV_LOCKED))
		return fail(q, a, 3);
	if (at == CONTROL + UNLOCK)
		d->unlocked = true;
	if (at == CONTROL + COMMAND && !command(d, v))
		return 0;
	memcpy(a, q, 5);
	return 5;
}

static size_t
write_registers(struct modbus_dev *d, const uint8_t *q, uint8_t *a)
{
	unsigned at = word(q + 1), n = word(q + 3);

	if (n == 0 || n > 123 || q[5] != 2 * n)
		return fail(q, a, 3);
	if (at != WINDOW) {
		size_t len = 5;

		for (unsigned i = 0; i < n && len == 5; i++)
			len = put(d, q, a, at + i, word(q + 6 + 2 * i));
		return len;
	}
	if (!d->unlocked)
		return fail(q, a, 4);
	store(d, wide(d, OFFSET), q + 6, 2 * n);
	memcpy(a, q, 5);
	return 5;
}

static size_t
write_file(struct modbus_dev *d, const uint8_t *q, uint8_t *a)
{
	unsigned file = word(q + 3), record = word(q + 5), n = word(q + 7);

	if (q[2] != 6 || file == 0 || record + n > 10000 || q[1] != 7 + 2 * n || n > 122)
		return fail(q, a, 3);
	if (!d->unlocked)
		return fail(q, a, 4);
	store(d, ((size_t)(file - 1) * 10000 + record) * 2, q + 9, 2 * n);
	memcpy(a, q, 2u + q[1]);
	return 2u + q[1];
}

static size_t
answer(struct modbus_dev *d, const uint8_t *q, uint8_t *a)
{
	if (d->busy_every && d->answers % d->busy_every == 0)
		return fail(q, a, 6);
	switch (q[0]) {
	case 3:
		return read_registers(d, q, a);
	case 6:
		return put(d, q, a, word(q + 1), word(q + 3));
	case 16:
		return write_registers(d, q, a);
	case 21:
		return write_file(d, q, a);
	default:
		return fail(q, a, 1);
	}
}

/* --- the line --------------------------------------------------------------------------------- */

static void
say(struct modbus_dev *d, const uint8_t *p, size_t len)
{
	if (d->out_len + len > MODBUS_DEV_OUT)
		return;
	memcpy(d->out + d->out_len, p, len);
	d->out_len += len;
}

static void
say_frame(struct modbus_dev *d, uint8_t unit, const uint8_t *pdu, size_t len)
{
	uint8_t frame[300];

	if (d->tcp) {
		memcpy(frame, d->in, 4);
		frame[4] = (uint8_t)((len + 1) >> 8);
		frame[5] = (uint8_t)(len + 1);
	}
	size_t at = d->tcp ? 6 : 0;
	frame[at] = unit;
	memcpy(frame + at + 1, pdu, len);
	at += 1 + len;
	if (!d->tcp) {
		unsigned crc = crc16(frame, at);

		frame[at++] = (uint8_t)crc;
		frame[at++] = (uint8_t)(crc >> 8);
	}
	if (d->flip_every && d->answers % d->flip_every == 1)
		frame[at / 2] ^= 0x10;
	say(d, frame, at);
}

static void
on_request(struct modbus_dev *d, uint8_t unit, const uint8_t *q)
{
	uint8_t a[300];

	if (unit != d->unit || d->off)
		return;
	if (d->deaf > 0) {
		d->deaf--;
		return;
	}
	d->answers++;
	size_t len = answer(d, q, a);
	if (len == 0 || (d->drop_every && d->answers % d->drop_every == 0))
		return;
	if (d->quirks & MODBUS_DEV_CHATTER)
		say_frame(d, unit + 1, a, len);
	say_frame(d, unit, a, len);
}

/* How long the request that lies in `in` is, 0 = not known yet. */
static size_t
request_len(const struct modbus_dev *d)
{
	const uint8_t *q = d->in + 1;

	if (d->tcp)
		return d->in_len < 6 ? 0 : 6 + word(d->in + 4);
	if (d->in_len < 2)
		return 0;
	if (q[0] == 21)
		return d->in_len < 3 ? 0 : 5u + q[1];
	if (q[0] == 16)
		return d->in_len < 7 ? 0 : 9u + q[5];
	return 8;
}

void
modbus_dev_bytes(struct modbus_dev *d, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len && !d->off; i++) {
		d->in[d->in_len++] = data[i];
		size_t want = request_len(d);

		if (want > sizeof(d->in))
			d->in_len = 0;
		if (want == 0 || d->in_len < want)
			continue;
		size_t at = d->tcp ? 6 : 0;
		const uint8_t *sum = d->in + want - 2;
		if (d->tcp || crc16(d->in, want - 2) == sum[0] + sum[1] * 256u)
			on_request(d, d->in[at], d->in + at + 1);
		d->in_len = 0;
	}
}

void
modbus_dev_quiet(struct modbus_dev *d)
{
	d->in_len = d->tcp ? d->in_len : 0;
}

/* --- its profile ------------------------------------------------------------------------------ */

#define PROFILE(data, before) \
	"unit", "17", "version", "0 8 text", "data", data, "loader", "wait 0x1002 4 4 100", \
	    "launch", "set 0x1001 1", "unlock", "set 0x1000 0xA55A", "erase", \
	    "set 0x1001 2 wait 0x1002 3 0 60000 unless 2 2", "before", before, "verify", \
	    "write 0x1005 {size} {crc32} expect 0x1009 {crc32}", "commit", \
	    "set 0x1001 3 wait 0x1002 8 8 5000 unless 2 2", "run", "set 0x1001 4", NULL

const char *const *
modbus_dev_options(bool file)
{
	static const char *const by_window[] = {
	    PROFILE("window 0x2000 123", "write 0x1003 {offset}")};
	static const char *const by_file[] = {PROFILE("file 1 122", "")};

	return file ? by_file : by_window;
}
