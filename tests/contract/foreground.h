/* foreground.h: a law in the suite's own process, for a debugger. */
#ifndef CONTRACT_FOREGROUND_H
#define CONTRACT_FOREGROUND_H

#include "run.h"
#include "scratch.h"

/* Tries a law in this process, without its time limit, and leaves its crash to the debugger. Prints
 * on stdout how it ended, and ends the process with `passed` or `broken`. The files in `scratch` go
 * when this process ends, however it does, unless they are kept: another process waits for that. */
_Noreturn void foreground_run(const struct contract *c, const struct contract_law *law,
                              const struct scratch *scratch, int passed, int broken);

#endif
