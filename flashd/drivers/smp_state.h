/*
 * smp_state: the state of the SMP driver, shared by its two halves and by nobody else: smp.c
 * (bytes, time, one exchange with the device) and smp_verb.c (which exchange is next, what it
 * means).
 */
#ifndef SUBOTA_SMP_STATE_H
#define SUBOTA_SMP_STATE_H

#include "driver.h"
#include "mcuboot.h"
#include "smp_frame.h"
#include "smp_msg.h"
#include "smp_upload.h"

/* What the driver is at. All but QUIET and UPLOAD are one request and its answer. */
enum smp_step {
	SMP_IDLE,
	SMP_STEP_PARAMS,
	SMP_STEP_LIST, /* first look at the slots */
	SMP_STEP_UNIT, /* its serial number */
	SMP_STEP_ROOM, /* how long may an image be? */
	SMP_STEP_SIZE, /* echo as long as the longest message: does it get through? */
	SMP_STEP_UPLOAD,
	SMP_STEP_ERASE,
	SMP_STEP_MARK,
	SMP_STEP_KEEP,
	SMP_STEP_CHECK, /* list again: did it work? */
	SMP_STEP_RESET,
	SMP_STEP_QUIET, /* the old image may still answer: listen to nothing */
	SMP_STEP_POLL,  /* list, until somebody answers */
	SMP_STEP_ENTER, /* reset into the boot loader */
	SMP_STEP_HOLD,  /* pins are on: let the device see them */
	SMP_STEP_KNOCK, /* list, often: the boot loader waits only for a moment */
	SMP_STEPS,
};

enum smp_framing_choice { SMP_FRAMING_AUTO, SMP_FRAMING_CONSOLE, SMP_FRAMING_RAW };

enum { SMP_SETTING_NAME = 65 };

struct smp_config {
	int version; /* -1 = find out */
	int framing; /* enum smp_framing_choice */
	uint32_t max_message;
	uint32_t message_unsaid;
	uint32_t window;
	uint32_t line_gap_us;
	uint32_t reply_ms;
	uint32_t first_reply_ms;
	uint32_t retries;
	uint32_t image;
	uint32_t reset_wait_ms;
	uint32_t raw_quiet_ms;
	char serial[SMP_SETTING_NAME]; /* setting with its serial number; "" = none */
};

/* How an application is left for its boot loader's recovery. */
enum smp_enter { SMP_ENTER_BOOT_MODE, SMP_ENTER_PIN, SMP_ENTER_WINDOW };

/* Of a driver of recovery (smp_recovery.c); not for others. */
struct smp_recovery {
	bool on;
	enum smp_enter enter;
	uint32_t enter_ms; /* longest way into it */
	uint32_t pulse_ms; /* pins */
	uint32_t window_ms;
	uint8_t pins;      /* that are on now */
	bool entered;      /* by this verb */
	struct mono until; /* knock so long */
};

/* The request that waits for an answer; a repeated one may be answered under any of its numbers. */
struct smp_exchange {
	bool open;
	bool to_send;
	uint8_t first_seq;
	uint8_t last_seq;
	uint32_t tries;
	struct mono due;
};

struct smp {
	struct smp_config config;
	struct smp_recovery recovery;
	const struct smp_framing *framing;
	struct smp_tx tx;
	struct smp_rx rx;
	int64_t next_line_us;
	struct mono last_out; /* when bytes were last given away */
	bool hushed;          /* nothing is sent until the wire has been quiet (raw framing) */
	bool up;

	uint8_t seq;
	uint8_t version;
	bool version_known;
	uint32_t buf_size, buf_count; /* 0 = not said */
	bool params_known;
	uint32_t message;  /* longest that gets through, 0 = not found out */
	uint64_t nonsense; /* packets that were no answer of ours */

	struct driver_job job;
	bool busy;
	bool heard;
	struct mono end;
	struct driver_result result;
	struct driver_facts facts;

	enum smp_step step;
	struct smp_exchange ask;
	uint8_t poke_seq;   /* echo during the first, long wait of an upload */
	uint8_t poke_piece; /* the piece it followed */
	bool poke_open;
	bool poke_wanted;
	struct mono poke_due;

	struct mcuboot image;
	struct smp_upload upload;
	struct smp_answer list;   /* last state list */
	struct smp_answer before; /* REBOOT, REVERT: the list before the reset */
	struct smp_answer answer; /* the one being looked at */
	char trouble[80];         /* what the device said to MARK or KEEP */
	uint32_t try_message;
	unsigned resets;
	bool reset_acked;
	bool erased;
	bool room_asked; /* in this verb */
	bool maybe_done; /* the last piece was sent, the device says 0: finished or lost? */
	struct mono reset_at;
};

/* --- smp_options.c */

/* What both drivers can be told; their tables begin with it, in this order. */
enum { SMP_OPTIONS = 13 };
extern const struct driver_option smp_options[];
extern const struct driver_option smp_recovery_options[];
enum err smp_recovery_init(void *state, const char *const *values, char *why, size_t why_size);
enum err smp_options_init(void *state, const char *const *values, char *why, size_t why_size);
/* Take the framing for the job's link; false, the verb being over, when they do not fit. */
bool smp_options_fit(struct smp *s);

/* --- smp.c: for smp_verb.c */

/* Send the request of `step` and wait for its answer. */
void smp_ask(struct smp *s, enum smp_step step, struct mono now);
/* The verb is over. `format` may be "". */
void smp_finish(struct smp *s, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The device refused `what` with s->answer: the verb is over, ERR_DEVICE_REJECTED. */
void smp_rejected(struct smp *s, const char *what);

/* --- smp_slots.c: lists of slots, for the image number that is configured */

/* What runs; a frugal server without any flags runs slot 0. NULL when nothing does. */
const struct smp_slot *smp_slots_active(const struct smp *s, const struct smp_answer *list);
const struct smp_slot *smp_slots_other(const struct smp *s, const struct smp_answer *list);
bool smp_slots_hold(const struct smp_slot *slot, const uint8_t hash[SMP_MSG_HASH]);
bool smp_slots_wanted(const struct smp *s, const struct smp_slot *slot);
/* Runs, not confirmed, and the server does tell. */
bool smp_slots_on_trial(const struct smp_slot *active);
bool smp_slots_same(const struct smp_slot *a, const struct smp_slot *b);
/* s->answer is the newest list: keep it, fill the facts. */
void smp_slots_take(struct smp *s);
/* No hashes in the list, but the version of the job's image. */
bool smp_slots_version_only(const struct smp *s);

/* --- smp_write.c: the image and its way into a slot */

/* Read what the image says about itself; false when that ends the verb. */
bool smp_write_read_image(struct smp *s);
/* May it be written at all? false when that ends the verb. */
bool smp_write_check_image(struct smp *s);
/* Ask whether there is room, find out the message size, then upload. */
void smp_write_begin(struct smp *s, struct mono now);
size_t smp_write_format_room(struct smp *s, const struct smp_to *to);
void smp_write_on_room(struct smp *s, struct mono now);
void smp_write_room_silent(struct smp *s, struct mono now);
size_t smp_write_format_size(struct smp *s, const struct smp_to *to);
void smp_write_on_size(struct smp *s, struct mono now);
void smp_write_size_silent(struct smp *s, struct mono now);
size_t smp_write_format_erase(struct smp *s, const struct smp_to *to);
void smp_write_on_erase(struct smp *s, struct mono now);
/* Back to sending pieces. */
void smp_write_go_on(struct smp *s, struct mono now);
/* s->answer is an answer to an upload request. */
void smp_write_on_answer(struct smp *s, struct mono now);

/* --- smp_recovery.c: for the others, where s->recovery.on */

/* A list, the first one of the verb or after entering: what next? */
void smp_recovery_on_list(struct smp *s, struct mono now);
/* A list after a reset: done, or not yet. */
void smp_recovery_on_poll(struct smp *s, struct mono now);
/* Nobody answered the first question: true when something can still be done. */
bool smp_recovery_on_silence(struct smp *s, struct mono now);
/* Does the newest list show the job's image whole? */
bool smp_recovery_written(const struct smp *s);
size_t smp_recovery_format_enter(struct smp *s, const struct smp_to *to);
void smp_recovery_on_enter(struct smp *s, struct mono now);
void smp_recovery_held(struct smp *s, struct mono now);
void smp_recovery_on_knock(struct smp *s, struct mono now);
void smp_recovery_knock_again(struct smp *s, struct mono now);

/* --- smp_verb.c: for smp.c */

/* Reset, and remember the list as the one before. */
void smp_verb_reset(struct smp *s, struct mono now);

void smp_verb_start(struct smp *s, struct mono now);
/* Write the request of the current step; 0 when it cannot be made. */
size_t smp_verb_format(struct smp *s, const struct smp_to *to);
/* Is this the answer to the current step's request (sequence number aside)? */
bool smp_verb_fits(const struct smp *s, const struct smp_header *h);
/* s->answer is the answer to the current step. */
void smp_verb_answer(struct smp *s, struct mono now);
/* The current step's request was never answered. */
void smp_verb_silent(struct smp *s, struct mono now);
/* How often this step's request may be sent before the silence is final. */
uint32_t smp_verb_tries(const struct smp *s);
/* Waiting time for the current step's answer. */
uint32_t smp_verb_patience(const struct smp *s);

/* smp_unit.c: which unit is it? An IDENTIFY ends with that, where the setting is configured; a
 * device that does not answer or has no such setting is of no known unit. */
void smp_unit_ask(struct smp *s, struct mono now);
size_t smp_unit_format(struct smp *s, const struct smp_to *to);
void smp_unit_on_answer(struct smp *s, struct mono now);
void smp_unit_silent(struct smp *s, struct mono now);

#endif
