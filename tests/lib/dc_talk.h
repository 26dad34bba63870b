/*
 * dc_talk: what a sub-device says to the platform of dc_case, and what it hears, in one call each.
 */
#ifndef SUBOTA_TESTS_DC_TALK_H
#define SUBOTA_TESTS_DC_TALK_H

#include "dc_case.h"

/* A gateway's line with its sub-device logged in; nothing of it was looked at. */
struct dc_line *dc_talk_begin(struct dc_case *c);
/* 0044 with a version. */
void dc_talk_report(struct dc_line *l, const char *version);
/* 0115; `parts` is "component:version;..." or NULL. */
void dc_talk_ask(struct dc_line *l, const char *version, const char *parts);
/* 0114 about a component of a module; `version` (with 11 and 12) may be NULL. */
void dc_talk_say(struct dc_line *l, const char *component, int status, const char *version);
/* The same for component "app", several statuses up to the first 0. */
void dc_talk_all(struct dc_line *l, const char *component, const int *statuses);
/* Commands that the platform sent since the last look, "00c3 0111". */
const char *dc_talk_heard(struct dc_line *l);
/* Time goes by, and the platform has a look at it. */
void dc_talk_pass(struct dc_case *c, uint64_t ms);

#endif
