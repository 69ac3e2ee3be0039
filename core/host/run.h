/* run.h: runs a node until a signal or a fatal report ends it. */
#ifndef HOST_RUN_H
#define HOST_RUN_H

#include "config.h"

/* Runs the node that a checked configuration describes; the process's exit code (exit_codes.h).
 * Prints `listening addr=HOST:PORT id=N` on stdout when it serves; failures go to stderr, one line.
 * Takes every signal of the process that would end it and that no person sends, SIGTERM and SIGINT.
 */
int host_run(const struct host_config *config);

#endif
