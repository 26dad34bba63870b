/*
 * ledger_part: what ledger.c and ledger_rollout.c share and nobody else needs.
 */
#ifndef SUBOTA_LEDGER_PART_H
#define SUBOTA_LEDGER_PART_H

#include "ledger.h"

enum err ledger_load_rollouts(struct ledger *l) MUST_CHECK;
/* In the transaction that is open. */
enum err ledger_save_rollouts(struct ledger *l) MUST_CHECK;
/* It was committed. */
void ledger_rollouts_saved(struct ledger *l);
void ledger_free_rollouts(struct ledger *l);

#endif
