/* trouble.h: why a command did not work, in words. */
#ifndef RKVCTL_TROUBLE_H
#define RKVCTL_TROUBLE_H

#include "follow.h"

/* Prints on stderr why `what` did not work; with --json as an object on stdout. If no node leads,
 * asks the members, and says so if no majority answers. Returns `outcome`, or OUTCOME_NO_ANSWER
 * without a majority. */
enum outcome print_trouble(struct session *session, const char *what, enum outcome outcome,
                           struct follow_answer *answer);

/* Prints that an answer could not be decoded. Returns OUTCOME_REFUSED; for a change
 * OUTCOME_NO_ANSWER, because it may have been carried out. */
enum outcome print_unreadable(struct session *session, const char *what,
                              struct follow_answer *answer);

#endif
