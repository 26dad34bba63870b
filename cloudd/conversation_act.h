/*
 * conversation_act: the few verbs that the actions of conversation_table.c are made of.
 */
#ifndef SUBOTA_CONVERSATION_ACT_H
#define SUBOTA_CONVERSATION_ACT_H

#include "conversation.h"

/* Queue a status for the platform. */
void conversation_act_say(struct conversation *c, int status);
/* Set the timer; what led here is a sign of life. */
void conversation_act_wait(struct conversation *c, const struct conversation_news *n, uint64_t ms);
/* As an action: an upgrade that has not begun lives. */
void conversation_act_wait_on(void *ctx, const void *data);
/* Remember why; without `detail` the error's own text. */
void conversation_act_note(struct conversation *c, int error, const char *detail);
/* Take over the version of a report, if it names one. */
void conversation_act_learn(struct conversation *c, const struct conversation_news *n);
/* Have the upgrade cancelled on the right. */
void conversation_act_cancel(struct conversation *c);
/* Nothing is under way any more; the plan stays for whoever wants to look at it. With the rest of
 * its list, or without. */
void conversation_act_pass(struct conversation *c);
void conversation_act_end(struct conversation *c);
/* Where in the list of a 0111 the plan of this conversation stands, from 1; 0 = not in it. */
size_t conversation_act_where(const struct conversation *c, const struct conversation_news *n);
/* What comes after that place (from 0) is the rest. */
void conversation_act_keep_rest(
    struct conversation *c, const struct conversation_news *n, size_t after);
/* Action: the platform repeats the plan before it was answered. */
void conversation_act_repeat(void *ctx, const void *data);
/* Action: the turn of the next component. Guard: is there one? */
void conversation_act_next(void *ctx, const void *data);
bool conversation_act_has_rest(void *ctx, const void *data);
/* Guard: it runs the target already, and others come after it. Action: then nothing but its version
 * is said. */
bool conversation_act_is_needless(void *ctx, const void *data);
void conversation_act_skip(void *ctx, const void *data);
/* Guard: the address of a further component comes before its confirmation, because the platform
 * takes the list as confirmed. */
bool conversation_act_is_early(void *ctx, const void *data);
/* A new upgrade, with the id n->fresh: offer it. */
void conversation_act_begin(struct conversation *c, const struct conversation_news *n);
/* Action: a person was asked; flashd says what came of it, so wait a little longer than it does. */
void conversation_act_hold(void *ctx, const void *data);
/* Guard: the address that was awaited when it failed, which the platform had sent by then. */
bool conversation_act_is_crossed(void *ctx, const void *data);
/* As a guard: the platform, which has not heard yet how it ended, sends the address for a
 * confirmation that only now reached it. As an action: then the address is not kept. */
bool conversation_act_is_untold(void *ctx, const void *data);
void conversation_act_drop(void *ctx, const void *data);

#endif
