/* crash.h: a law that crashes leaves the operation that ran, and a backtrace.
 *
 * Limits. A stack that was overrun or written over gives a short trace or none; a stack that is
 * full gives one on the law's first thread only, for threads of the plugin's own have no second
 * stack; a crash under a lock of the loader ends without one. Functions that a plugin does not
 * export stand as FILE(+0xOFFSET), for addr2line. A build with a sanitizer keeps the sanitizer's
 * own report. */
#ifndef CONTRACT_CRASH_H
#define CONTRACT_CRASH_H

#include "calls.h"

/* Once, before laws are forked: what a handler may not load itself. */
void crash_prepare(void);

/* In a law's process: notes crashes in `calls`, and writes their backtrace to `fd`, which stays
 * borrowed. */
void crash_watch(struct calls *calls, int fd);

#endif
