/* reload.h: the configuration read again while the node runs (SIGHUP).
 *
 * A setting that may change at run time is taken (today: log_level). Any other change is logged,
 * with its place, as waiting for a restart; a change that a flag or --set overrides is logged too.
 * Of a node that moved to another storage, section [storage] is held against what its next start
 * needs. A configuration with a mistake changes nothing. A thread of its own reads the files, so
 * that a file on which reading blocks keeps no signal waiting.
 *
 * (O1) No plugin is loaded, and what runs keeps the values it was opened with. */
#ifndef HOST_RELOAD_H
#define HOST_RELOAD_H

#include "services.h"
#include "swap.h"

#include <pthread.h>

struct host_reload {
  const struct host_flags *flags;
  const struct host_config *running;
  struct host_services *services;
  struct host_swap *swap; /* open as long as host_reload_finish may be called */
  int done_fd;            /* an eventfd: readable once host_reload_finish is due */

  struct host_config *fresh; /* the configuration being read; NULL: none is */
  struct host_problems *problems;
  pthread_t thread;
  bool again; /* read once more afterwards */
};

/* Begins to read, and returns at once. If a reading is under way already, one more is noted. */
void host_reload_begin(struct host_reload *reload);

/* Takes over what was read, and logs what changed. */
void host_reload_finish(struct host_reload *reload);

/* Waits a moment for a reading that is under way. False: it still blocks on a file, and goes on
 * using what it was given. */
bool host_reload_end(struct host_reload *reload);

#endif
