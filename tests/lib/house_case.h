/*
 * house_case: a house in a test: everything fast, everything asserted. What fails prints the last
 * lines of all logs first.
 *
 *     AUTO(house_case) struct house *h = house_case_open(&(struct house_options){.devices = 2});
 *     house_case_plan(h, &(struct house_pack){0});
 *     house_case_upgraded(h, 0, HOUSE_NEW);
 */
#ifndef SUBOTA_TESTS_HOUSE_CASE_H
#define SUBOTA_TESTS_HOUSE_CASE_H

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

#include "house_pack.h"

enum { HOUSE_CASE_PATIENCE_MS = 40000 };

/* Opened, with hasty settings and a fast line where `o` says nothing, not started. */
struct house *house_case_new(const struct house_options *o);
/* The same, and all runs, all devices are logged in. */
struct house *house_case_open(const struct house_options *o);
/* No process may have died by itself or outlived its parent. */
void house_case_close(struct house *h);
AUTO_DEFINE(house_case, struct house *, house_case_close)

/* The call must return ERR_OK. */
#define HOUSE_MUST(h, call) house_case_must(h, call, #call)
void house_case_must(struct house *h, enum err e, const char *what);

/* Set a fault of the Developer Center. */
void house_case_fault(struct house *h, const char *name, const char *value);
/* Publish and activate. */
void house_case_plan(struct house *h, const struct house_pack *p);

/* Wait until `is` says true; asks every few ms. Fails the test, with `what`, when it never does, or
 * a process has died. */
typedef bool house_case_is(struct house *h, void *arg);
void house_case_until(struct house *h, house_case_is *is, void *arg, const char *what);
/* The same, but dead processes are started again, as a supervisor would. */
void house_case_until_alive(struct house *h, house_case_is *is, void *arg, const char *what);

/* States as the daemons say them, "" when they do not answer: of the newest upgrade of a device. */
void house_case_conversation(struct house *h, int device, char out[32]);
void house_case_image(struct house *h, char out[32], double *done);
void house_case_flash(struct house *h, int device, char out[32], double *done);

/* For house_case_until: the first device's image is well under way, to the gate, to the device. */
bool house_case_is_fetching(struct house *h, void *arg);
bool house_case_is_flashing(struct house *h, void *arg);

/* What the platform says of the device's newest plan: "upgrading", "success", "failed", ... */
void house_case_verdict(struct house *h, int device, char out[32]);
void house_case_until_verdict(struct house *h, int device, const char *verdict);
/* How often the platform recorded this status of the device. */
unsigned house_case_count(struct house *h, int device, int status);

/* Wait until the platform has recorded success of the device's newest plan, the device runs
 * `version`, confirmed, and the platform knows that version; no failure may have been reported. */
void house_case_upgraded(struct house *h, int device, const char *version);
/* Wait until the platform has recorded failure, and the device runs the old version, confirmed. */
void house_case_not_upgraded(struct house *h, int device, const char *version);

/* Requests and bytes of the newest package. */
void house_case_served(struct house *h, double *requests, double *bytes, double *size);

#endif
