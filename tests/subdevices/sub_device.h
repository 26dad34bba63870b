/*
 * sub_device: a sub-device with its power, its timeline and its buffers; no clock, no descriptor of
 * a line. Bytes and times go in, text comes out by a callback that says when it will have left.
 *
 *     off -> starting (the bootloader has acted, nothing answers) -> up -> reset -> starting ...
 *
 * The pool is shared by requests and answers, as on a stock server: a packet takes a buffer with
 * its first line, its answer takes a second one, both are given back when the answer has left.
 * Without a free buffer the packet is dropped in silence. One request is worked on at a time. For
 * RESET_DELAY after the answer to a reset the old image still answers.
 */
#ifndef SUB_DEVICE_H
#define SUB_DEVICE_H

#include "sub_frame.h"
#include "sub_loader.h"
#include "sub_raw.h"
#include "sub_smp.h"

#define SUB_DEVICE_NEVER INT64_MAX

enum { SUB_DEVICE_BUFFERS = 16 };

/* How packets travel: console lines, as they are on a UART, as datagrams. */
enum sub_device_framing { SUB_DEVICE_CONSOLE, SUB_DEVICE_RAW, SUB_DEVICE_DATAGRAM };

/* Ways into serial recovery, beside nothing to run. */
enum sub_device_recovery {
	SUB_DEVICE_HAS_RECOVERY = 1, /* no other way than nothing to run */
	SUB_DEVICE_BOOT_MODE = 2,    /* a reset that asks for it */
	SUB_DEVICE_PIN = 4,          /* sub_device_pins */
	SUB_DEVICE_WINDOW = 8,       /* a moment after each start, for whoever asks */
};

struct sub_device_settings {
	enum sub_device_framing framing;
	enum sub_loader_kind loader; /* instead of an SMP server */
	unsigned quirks;             /* sub_quirk.h */
	unsigned recovery;           /* enum sub_device_recovery bits; 0: it has none */
	int64_t window_ns;           /* SUB_DEVICE_WINDOW */
	uint32_t align;              /* of what recovery writes */
	bool no_hash;                /* in recovery's list */
	unsigned lose_acks;          /* it loses so many answers to the end of a transfer */
	int64_t raw_idle_ns; /* silence that ends a torn packet */
	uint32_t buf_size, buf_count; /* at most SUB_FRAME_BODY, SUB_DEVICE_BUFFERS */
	uint32_t slot_size;           /* as it says, 0: all that there is */
	int64_t reset_ns, swap_ns;    /* a start, and what a swap adds to it */
	int64_t noise_ns;             /* between log lines on the console, 0 = none */
	const char *sick;             /* this version never answers ... */
	int64_t sick_ns;              /* ... and a watchdog resets it after so long */
	uint64_t deaf_after;          /* image bytes after which it is deaf for good, 0 = never */
	bool deny_confirm;
	struct sub_flash *second; /* borrowed, open: image 1; NULL = none */
};

enum sub_device_state { SUB_DEVICE_OFF, SUB_DEVICE_STARTING, SUB_DEVICE_UP };

struct sub_device_request {
	size_t len;
	uint8_t data[SUB_FRAME_BODY];
};

/* Put text on the line; returns when its last byte will have left. */
typedef int64_t (*sub_device_send)(void *arg, int64_t now, const char *text, size_t len);

struct sub_device {
	struct sub_device_settings set;
	struct sub_flash *flash;
	struct sub_smp smp;
	struct sub_loader loader;
	struct sub_frame frame;
	sub_device_send send;
	void *arg;
	enum sub_device_state state;
	bool dead; /* nothing bootable: starts for ever */
	bool to_loader, boot_pin, in_reset;
	int64_t window_end; /* nobody asked until then: the application starts */
	int64_t up_at, reset_at, noise_at, busy_until;
	bool working, sending, receiving;
	bool begging; /* the packet that comes in has no buffer, and is told so */
	struct sub_smp_answer answer;
	size_t at; /* in the request that is worked on */
	unsigned used, queued;
	struct sub_device_request queue[SUB_DEVICE_BUFFERS];
	int64_t heard_at;         /* last byte */
	uint64_t random;          /* of its babble */
	uint64_t drops;           /* for want of a buffer */
	struct sub_image running; /* listed = false: nothing ever ran */
	bool changed;             /* something that a person would want to see */
};

/* `flash` is borrowed, open. The device is off. */
void sub_device_init(struct sub_device *d, const struct sub_device_settings *set,
    struct sub_flash *flash, sub_device_send send, void *arg);

void sub_device_fini(struct sub_device *d);

void sub_device_power(struct sub_device *d, bool on, int64_t now);
/* Pins beside the line: the boot pin, and reset. */
void sub_device_pins(struct sub_device *d, bool boot, bool reset, int64_t now);
void sub_device_byte(struct sub_device *d, uint8_t b, int64_t now);
/* The same for SUB_DEVICE_DATAGRAM. Without a buffer the answer is rc 2. */
void sub_device_datagram(struct sub_device *d, const void *data, size_t len, int64_t now);
/* Do what is due; then nothing is due before sub_device_due(). */
void sub_device_step(struct sub_device *d, int64_t now);
int64_t sub_device_due(const struct sub_device *d);

#endif
