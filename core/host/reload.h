/* reload.h: the configuration read again while the node runs (SIGHUP).
 *
 * What may change at run time is taken (today: log_level); what else changed is named, with its
 * place, as waiting for a restart; what a flag or --set beats is named too. A configuration with a
 * mistake changes nothing. Files are read by a thread of their own: a file that hangs keeps no
 * signal waiting.
 *
 * (O1) No plugin is loaded, and what runs keeps the values it was opened with. */
#ifndef HOST_RELOAD_H
#define HOST_RELOAD_H

#include "services.h"

#include <pthread.h>

struct host_reload {
  const struct host_flags *flags;
  const struct host_config *running;
  struct host_services *services;
  int done_fd; /* an eventfd: readable once host_reload_finish is due */

  struct host_config *fresh; /* NULL: nothing is being read */
  struct host_problems *problems;
  pthread_t thread;
  bool again; /* asked for once more meanwhile */
};

/* Begins to read; returns at once. While it reads, one more reading is noted. */
void host_reload_begin(struct host_reload *reload);

/* Takes what was read, and says in the log what it came to. */
void host_reload_finish(struct host_reload *reload);

/* False: a file still hangs, and what the reload was given is in use. */
bool host_reload_end(struct host_reload *reload);

#endif
