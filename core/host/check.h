/* check.h: the command check, which starts no node. */
#ifndef HOST_CHECK_H
#define HOST_CHECK_H

#include "flags.h"

#include <stdio.h>

/* `FILE: ok` on `out`, or on `err` everything that is wrong with the configuration; else what a
 * node would find only when it starts. Returns an exit code. May block. */
int host_command_check(const struct host_flags *flags, FILE *out, FILE *err);

#endif
