/* probe.h: what is asked of a plugin before its laws, in a process like theirs. */
#ifndef CONTRACT_PROBE_H
#define CONTRACT_PROBE_H

#include "contract.h"

/* A probe that fails in this stage does so for want of commands. One that fails before is of a
 * plugin that is broken, which its laws say better. */
enum { PROBE_ASKS = 1 };

/* Fails if the suite knows no command that the machine takes, or --commands FILE makes no sense, to
 * the suite or to the machine. */
void sm_probe_commands(struct contract *c);

#endif
