/* run.h: runs a node until a signal or a fatal report ends it. */
#ifndef HOST_RUN_H
#define HOST_RUN_H

#include "flags.h"

/* Reads the configuration and runs the node that it describes. Returns the process's exit code
 * (exit_codes.h). Prints `listening addr=HOST:PORT id=N` on stdout once the node serves; errors go
 * to stderr. Takes the signals (signals.h) before anything else: they are obeyed from then on,
 * whatever blocks. */
int host_run(const struct host_flags *flags);

#endif
