/* role.h: the role of running something, which one thread at a time takes; a leaf.
 *
 * Whoever has work for the runner puts it where the runner looks and kicks. If nobody runs, the
 * kicking thread does; if another thread does, that thread looks again before it leaves.
 * What a thread made visible before it kicked is seen by a run that begins after the kick.
 *
 * (K1) `run` is inside one thread at a time. */
#ifndef NODE_ROLE_H
#define NODE_ROLE_H

#include <stdatomic.h>
#include <stdbool.h>

enum role_state { ROLE_IDLE, ROLE_RUNNING, ROLE_AGAIN };

struct role {
  atomic_int state;       /* an enum role_state */
  void (*run)(void *ctx); /* works until nothing is left that it sees */
  void *ctx;
};

void role_init(struct role *role, void (*run)(void *ctx), void *ctx);
/* Runs on this thread, unless another one does: that one is told to look again. Any thread. */
void role_kick(struct role *role);
/* Nobody is inside. Any thread; true for good once nobody kicks any more. */
bool role_is_idle(const struct role *role);

#endif
