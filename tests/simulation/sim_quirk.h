/*
 * sim_quirk: what the simulated Developer Center does in lively worlds beside its duty: it refuses,
 * forgets or is slow to answer logins, expels devices, and sends addresses that nobody asked for or
 * that make no sense.
 */
#ifndef SUBOTA_SIM_QUIRK_H
#define SUBOTA_SIM_QUIRK_H

#include <stdbool.h>
#include <stdint.h>

/* The next registration, login or farewell of a device goes wrong in one of some ways. */
void sim_quirk_login(int device, unsigned how);
void sim_quirk_refuse(int device, unsigned how); /* the same, and it is not provoked */
void sim_quirk_begin(void);                      /* some go wrong from the start */
/* A device is told that it is not logged in, not known, or put offline. */
void sim_quirk_expel(int device, unsigned how);
/* The address of the current plan's package, or the one before it, out of nothing. */
void sim_quirk_push(int device, bool before);
void sim_quirk_push_radio(int device);  /* that of the second of its list */
void sim_quirk_push_before(int device); /* that of the plan that is over */
/* The next address makes no sense; or one that comes now, out of nothing. */
void sim_quirk_malform(int device, bool now);
/* Something was lost: what is said next need not fit what was said. */
void sim_quirk_muddle(void);
void sim_quirk_muddle_one(int device);
void sim_quirk_mute(void); /* cloudd has forgotten: how what is under way ends is told by nobody */
void sim_quirk_end(void);
/* When this status is heard next, cloudd loses the gate for so long. */
void sim_quirk_cut_at(int status, int64_t for_ns);

/* What the platform answers this request with; 0: nothing more. */
int sim_quirk_answer(int device, uint16_t command);
/* Instead of a plan its package's address has been sent; instead of the package that was confirmed
 * another one's. */
bool sim_quirk_pushes(int device);
bool sim_quirk_misfits(int device);
/* A list is to begin with what runs already. */
bool sim_quirk_repeats(void);
void sim_quirk_hears(int status);
/* Takes the order of sim_quirk_malform. */
bool sim_quirk_is_bad(int device);

#endif
