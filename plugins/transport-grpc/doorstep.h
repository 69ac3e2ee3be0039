/* doorstep.h: connections that were taken and have not said a word.
 *
 * A client of HTTP/2 speaks first, and its first words are the same for all (RFC 9113 section 3.4).
 * The core, which tells nobody of connections that it ends, gets those that begin so; who says
 * something else, or nothing for DOORSTEP_WAIT_NS, is ended here, where it can be counted and told.
 * Leaves: no thread, no time of their own. */
#ifndef TRANSPORT_DOORSTEP_H
#define TRANSPORT_DOORSTEP_H

#include <stdint.h>

#define DOORSTEP_MAX 256 /* connections; what is more is the core's at once */
#define DOORSTEP_WAIT_NS UINT64_C(10000000000)

struct doorstep_guest {
  int fd, listener;
  uint64_t until_ns;
};

enum doorstep_state {
  DOORSTEP_WAITS,   /* it has said nothing yet */
  DOORSTEP_BEGUN,   /* its first bytes are those of HTTP/2 */
  DOORSTEP_STRANGE, /* they are not */
  DOORSTEP_SILENT,  /* it said nothing for too long */
  DOORSTEP_GONE     /* it hung up */
};

/* Never waits, and takes nothing of what the connection said. */
enum doorstep_state doorstep_look(const struct doorstep_guest *guest, uint64_t now_ns);

/* For poll(): how long the first of `count` has left; -1: there is none. */
int doorstep_patience_ms(const struct doorstep_guest *guests, unsigned count, uint64_t now_ns);

#endif
