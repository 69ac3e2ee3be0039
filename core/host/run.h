/* run.h: runs a node until a signal or a fatal report ends it. */
#ifndef HOST_RUN_H
#define HOST_RUN_H

#include "flags.h"

/* Reads the configuration and runs the node that it describes; the process's exit code
 * (exit_codes.h). Prints `listening addr=HOST:PORT id=N` on stdout when it serves; what is wrong
 * goes to stderr. Before anything else it takes the signals (signals.h), which are obeyed from then
 * on, whatever hangs. */
int host_run(const struct host_flags *flags);

#endif
