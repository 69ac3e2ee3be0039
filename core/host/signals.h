/* signals.h: which signals a node takes, and what each is taken for.
 *
 * Every signal is taken that would end the process and that not only a person at a terminal sends:
 * no signal ends a node without a line in its log. SIGQUIT, and the signals of a fault in the
 * process itself, keep their defaults. A stop takes at most HOST_STOP_MAX_S from its first
 * signal. */
#ifndef HOST_SIGNALS_H
#define HOST_SIGNALS_H

#include <stdbool.h>

#define HOST_STOP_MAX_S 5u
#define HOST_SIGNAL_NAME_MAX 16 /* bytes, the NUL included */

enum host_signal {
  HOST_SIGNAL_STOPS,   /* SIGTERM, SIGINT */
  HOST_SIGNAL_RELOADS, /* SIGHUP */
  HOST_SIGNAL_STRAY,   /* a node has no use for it */
};

/* Blocks all these signals and returns a descriptor that reads them; -1 with errno. To be called
 * before the first thread is made, so that every thread inherits the mask. */
int host_signals_take(void);

/* Waits for the next signal and returns its number; 0: there was none. The descriptor is
 * readable. */
int host_signals_read(int fd);

enum host_signal host_signal_meaning(int number);

/* "SIGUSR1", "SIGRTMIN+2". */
const char *host_signal_name(int number, char out[HOST_SIGNAL_NAME_MAX]);

/* From now on a stop signal ends the process at once, and so does the end of HOST_STOP_MAX_S. */
void host_signals_limit_stop(void);

#endif
