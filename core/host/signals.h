/* signals.h: which signals a node takes, and what each is taken for.
 *
 * Every signal that would end the process and that something other than a person at a terminal
 * sends is taken: none ends a node without a word. SIGQUIT and what tells of a fault of the process
 * itself keep their defaults. From the first signal to the end of the process at most
 * HOST_STOP_MAX_S. */
#ifndef HOST_SIGNALS_H
#define HOST_SIGNALS_H

#include <stdbool.h>

#define HOST_STOP_MAX_S 5u
#define HOST_SIGNAL_NAME_MAX 16 /* bytes, the NUL included */

enum host_signal {
  HOST_SIGNAL_STOPS,   /* SIGTERM, SIGINT */
  HOST_SIGNAL_RELOADS, /* SIGHUP */
  HOST_SIGNAL_STRAY,   /* nobody meant it for this process */
};

/* Blocks them all, and gives a descriptor that reads them; -1 with errno. Before the first thread
 * exists, so that every thread inherits it. */
int host_signals_take(void);

/* Waits for the next one; its number. The descriptor is readable. 0: it was not, after all. */
int host_signals_read(int fd);

enum host_signal host_signal_meaning(int number);

/* "SIGUSR1", "SIGRTMIN+2". */
const char *host_signal_name(int number, char out[HOST_SIGNAL_NAME_MAX]);

/* From here on a stop signal ends the process at once, and so does time. */
void host_signals_limit_stop(void);

#endif
