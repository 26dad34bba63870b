/*
 * sim_mischief: boards that lie, forget, fall deaf, deny, restart at the wrong moment, or are
 * exchanged for another unit; of seeds from SIM_HOSTILE on.
 *
 * A board that lies says a version or a hash of slot 0 that is not so, never both at once: who says
 * both of an image that it does not run cannot be told from one that runs it.
 */
#ifndef SUBOTA_SIM_MISCHIEF_H
#define SUBOTA_SIM_MISCHIEF_H

#include <stdbool.h>

#include "sub_flash.h"

/* One of the kinds from SIM_FAULT_REPLACED on (sim_fault.h); `a` and `b` are any numbers. */
void sim_mischief_strike(int kind, unsigned a, unsigned b);
/* It says of whatever runs that its version is another one. */
void sim_mischief_misfit(int number, unsigned n);
/* All boards are honest again, and hear. */
void sim_mischief_end(void);

/* The quirks of a board, harmless ones: a server of another make. */
unsigned sim_mischief_quirks(int number);
/* The power went in the middle of a swap, and has come back. */
enum sub_flash_boot sim_mischief_swap_was_cut(struct sub_flash *f);
/* Did this board say that it runs this version, when it did not? */
bool sim_mischief_claimed(int number, const char *version);

#endif
