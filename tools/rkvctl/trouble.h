/* trouble.h: why a command did not work, in words. */
#ifndef RKVCTL_TROUBLE_H
#define RKVCTL_TROUBLE_H

#include "follow.h"

/* Says on stderr why `what` did not work; with --json the same as an object on stdout. Where nobody
 * leads it asks the members who is there: without a majority it says so. Returns the outcome:
 * `outcome`, or OUTCOME_NO_ANSWER without a majority. */
enum outcome print_trouble(struct session *session, const char *what, enum outcome outcome,
                           struct follow_answer *answer);

/* For answers that cannot be decoded: says so and gives OUTCOME_REFUSED; of a change nobody knows
 * then whether it was carried out: OUTCOME_NO_ANSWER. */
enum outcome print_unreadable(struct session *session, const char *what,
                              struct follow_answer *answer);

#endif
