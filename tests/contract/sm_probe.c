/* sm_probe.c: whether the suite has any command for a state machine, asked before its laws. */
#include "sm.h"

#include "probe.h"

void sm_probe_commands(struct contract *c) {
  struct machine m;
  struct commands k;
  machine_open(&m, c, "probe");
  atomic_store(&c->shared->stage, PROBE_ASKS);
  commands_find(&k, &m);
  atomic_store(&c->shared->stage, 0);
  commands_free(&k);
  machine_close(&m);
}
