/*
 * an3155_state: what an3155.c (options, bytes and time) and an3155_verb.c (what follows what)
 * share.
 */
#ifndef SUBOTA_AN3155_STATE_H
#define SUBOTA_AN3155_STATE_H

#include "an3155_write.h"
#include "expect.h"

enum an3155_script { AN3155_IDENTIFY, AN3155_LAUNCH, AN3155_ENTER, AN3155_LEAVE, AN3155_SCRIPTS };

enum an3155_step {
	AN3155_TALKING, /* a script runs */
	AN3155_SYNCING,
	AN3155_ASKING, /* a command is out */
	AN3155_QUIET,  /* until nothing comes any more; then SYNCING */
	AN3155_RESTING
};

struct an3155 {
	/* options */
	struct expect_script scripts[AN3155_SCRIPTS];
	uint32_t address, version_at, unit_at;
	bool numbers; /* version_at: three bytes, not a text */
	bool crc, even, vectors;
	struct an3155_chip any; /* the chip that `page_size` describes */
	uint32_t reply_ms, sync_ms, write_ms, retries, rounds, tries, run_wait_ms;

	struct driver_job job;
	bool busy, up, heard;
	enum an3155_step step;
	struct mono end, rest;
	struct mono quiet_end; /* QUIET: whatever still comes, it is over then */
	/* scripts */
	enum an3155_script script;
	unsigned tried;
	struct expect talk;
	struct expect_values values;
	/* the boot loader */
	struct an3155_talk rom;
	struct an3155_command command;
	bool attached;   /* in step once; GET and ID may still be to come */
	bool whole;      /* all that may be done to get in step was done */
	bool left;       /* it was told to start the application */
	unsigned faults; /* of the command that is out */
	bool has_ext, has_erase, has_crc;
	const struct an3155_chip *chip;
	struct an3155_write write;
	bool writing;

	struct driver_facts facts;
	struct driver_result result; /* also while the device is left */
	bool decided;                /* it holds */
};

/* The verb ends with this. */
void an3155_finish(struct an3155 *x, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void an3155_verb_start(struct an3155 *x, struct mono now);
/* The machine in charge came to an end; decides what is next. */
void an3155_verb_script(struct an3155 *x, bool met, struct mono now);
void an3155_verb_synced(struct an3155 *x, bool done, struct mono now);
void an3155_verb_command(struct an3155 *x, struct mono now);
void an3155_verb_rested(struct an3155 *x, struct mono now);

/* Name of a script's option. */
const char *an3155_script_name(enum an3155_script s);

#endif
